"""A small threat of our own for tests of the life of a case: no code knows a real one."""

from datetime import timedelta
from decimal import Decimal

from django.utils import timezone

from cases.models import Finding, Indicator, Policy, Typology, WebhookDelivery

CODE = "dprk_itw"  # what `make_case` gives a case; the texts below are made up

TEXTS = {
    "protocol": {
        "video": {
            "title": "Video",
            "performed_by": ["analyst", "senior", "vendor"],
            "channel": "video",
            "due_business_days": 5,
            "challenges": [{"code": "wave", "text": "Wave."}, {"code": "turn", "text": "Turn."}],
            "challenges_per_attempt": 2,
            "alternatives": ["a phone", "a notary"],
            "refusal_indicator": "talk.refused",
            "no_show_indicator": "talk.absent",
            "told": "Please choose a time.",
        },
        "papers": {
            "title": "Papers",
            "performed_by": ["senior"],
            "due_business_days": 2,
            "told": "Please send your papers again.",
        },
        "client_call": {
            "title": "Client's call",
            "performed_by": ["client"],
            "due_business_days": 5,
            "told": "Please meet your client once.",
        },
    },
    "observations": [
        {"code": "puppet", "text": "Strings seen.", "indicator": "talk.puppet", "steps": ["video"]},
        {"code": "dog", "text": "A dog.", "steps": ["video"]},
    ],
    "face_mismatch_indicator": "talk.other_face",
    "wall_words": ["atlantis"],
    "reasons": {
        "cleared": [{"code": "innocent", "text": "Innocent."}],
        "monitor": [{"code": "unclear", "text": "Unclear."}],
        "restricted": [
            {"code": "unconfirmed", "text": "Unconfirmed."},
            {"code": "refused", "text": "Refused.", "needs": "refusals_and_strong_finding"},
        ],
        "offboarded": [{"code": "false_identity", "text": "False."}],
    },
    "notices": {
        "restricted": "We have limited your account.",
        "offboarded": "We have closed your account.",
        "overturned": "Your account is open again.",
        "client_warned": "Please withdraw access.",
    },
}
NUMBERS = {
    "calendar": "US_FEDERAL",
    "decisions": {
        "clear_second_person_score": 7,
        "restrict_refusals": 2,
        "restrict_strong_flag_weight": 7,
    },
    "deadlines": {"blocking_report_business_days": 10, "soft_hold_rejustify_hours": 24},
    "mandates": [
        {
            "step": "video",
            "trigger": "new_account",
            "when": {
                "account_kind": "freelancer",
                "account_age_days_max": 30,
                "case_opened": True,
            },
            "due_business_days": 5,
        },
        {"step": "papers", "trigger": "papers", "when": {"family": "papers", "weight_min": 7}},
    ],
    "refusals": {"offers_before_refused": 2},
}
WEIGHTS = {
    "talk.refused": 6,
    "talk.absent": 4,
    "talk.puppet": 8,
    "talk.other_face": 9,
    "papers.forged": 9,
    "shop.odd": 3,
}


def load() -> Typology:
    """Make the typology, its indicators and its policy active."""
    typology = Typology.objects.create(
        code=CODE,
        version=1,
        title="Test",
        content_hash="t",
        texts=TEXTS,
        sanctions=True,
        active=True,
    )
    Indicator.objects.bulk_create(
        Indicator(
            typology=typology,
            code=code,
            family=code.split(".")[0],
            subject="account",
            title=code,
            description=code,
            weight=weight,
            rationale="r",
            innocent="i",
        )
        for code, weight in WEIGHTS.items()
    )
    Policy.objects.create(
        typology_code=CODE,
        version=1,
        data=NUMBERS,
        content_hash="p",
        active=True,
        activated_at=timezone.now(),
    )
    return typology


def find(account, code: str, *, score: float | None = None, **fields) -> Finding:
    """Put a finding on an account, and a score if given."""
    now = timezone.now()
    weight = Decimal(WEIGHTS[code])
    finding = Finding.objects.create(
        account=account,
        indicator=Indicator.objects.get(code=code),
        typology_code=CODE,
        code=code,
        family=code.split(".")[0],
        **{
            "detector": "/test",
            "fingerprint": f"{code}-{Finding.objects.count()}",
            "weight": weight,
            "confidence": 1,
            "points": weight,
            "best_event": "e",
            "first_at": now,
            "last_at": now,
            **fields,
        },
    )
    if score is not None:
        account.score = score
        account.save(update_fields=["score"])
    return finding


def answer(row, state: str = "acknowledged", **fields) -> WebhookDelivery:
    """Let the platform answer the last message about `row`, as `cases.webhooks.tell` does."""
    from cases import webhooks

    delivery = WebhookDelivery.objects.filter(
        subject_type=row._meta.model_name, subject_id=row.pk
    ).latest("id")
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=state,
        acknowledged_at=timezone.now() if state == "acknowledged" else None,
        platform_reference="plat-1",
        **fields,
    )
    webhooks.tell(delivery.pk)
    return WebhookDelivery.objects.get(pk=delivery.pk)


SOON = timedelta(minutes=15)
