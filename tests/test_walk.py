"""One signal through the real doors, from a detector's post to an approved off-boarding.

The flow of the whole product, told once. When the flow changes, change this first.
"""

import json

import pytest
from django.test import Client
from django.utils import timezone

from cases import receivers, signatures, sweeps, webhooks
from cases.auth import tokens
from cases.demo_platform import Platform
from cases.enrichment import jobs
from cases.models import Account, AuditEvent, Case, EnrichmentJob, Hold, WebhookDelivery
from signals import detectors, keys, typology_store
from signals.correlation import correlator

pytestmark = pytest.mark.django_db

OUR_ACCOUNT, TWIN, CLIENT = "fl-walk-1", "fl-walk-2", "cl-walk"


@pytest.fixture
def platform(settings):
    """The platform's end of the webhooks: verifies, acknowledges, remembers."""
    receiver = Platform(lambda: receiver.keys).start()
    receiver.keys = [signatures.new_secret()]
    settings.EGRESS_ALLOW_PRIVATE = [f"127.0.0.1:{receiver.port}"]
    yield receiver
    receiver.stop()


@pytest.fixture
def doors(platform):
    """A detector, a platform, and the receiver that hears what is decided."""
    typology_store.load(typology_store.SHIPPED / "dprk_itw")
    receivers.add("platform", platform.url, actor=None, secret=platform.keys[0])
    detector = detectors.register("/detectors/walk", actor=None)
    shop = detectors.register("/platform/walk", actor=None, kind="platform")
    return keys.make(detector, actor=None).text, keys.make(shop, actor=None).text


def post(kind: str, key: str, events: list[dict]) -> dict:
    answer = Client().post(
        f"/api/v1/{kind}/",
        json.dumps(events),
        content_type="application/cloudevents-batch+json",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert answer.status_code == 202, answer.content
    return answer.json()


class Person:
    """Somebody at the API with a personal token."""

    def __init__(self, user):
        self.user = user
        _, text = tokens.make(user, "walk", signs=True)
        self.headers = {"Authorization": f"Bearer {text}"}

    def get(self, path: str) -> dict:
        answer = Client().get(f"/api/v1/{path}", headers=self.headers)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def do(self, path: str, *, expect: int = 200, **body) -> dict:
        answer = Client().post(
            f"/api/v1/{path}",
            json.dumps(body),
            content_type="application/json",
            headers=self.headers,
        )
        assert answer.status_code == expect, (path, answer.status_code, answer.content)
        return answer.json() if answer.content else {}


def event(source: str, number: str, type_: str, subject: str, **data) -> dict:
    return {
        "specversion": "1.0", "id": number, "source": source, "type": type_, "subject": subject,
        "time": timezone.now().isoformat(), "data": data,
    }  # fmt: skip


def facts() -> list[dict]:
    now = timezone.now().isoformat()
    rows = []
    for number, ref in enumerate((OUR_ACCOUNT, TWIN, CLIENT)):
        kind = "client" if ref == CLIENT else "freelancer"
        rows.append(
            event(
                "/platform/walk", f"A{number}", "account.registered", f"account/{ref}",
                kind=kind, display_name=f"Walker {number}", email=f"{ref}@example.com",
                claimed_country="PT", created_at=now,
            )
        )  # fmt: skip
        if kind == "freelancer":
            rows.append(
                event(
                    "/platform/walk", f"D{number}", "document.submitted", f"account/{ref}",
                    doc_type="passport", number_hash="ab" * 8, image_phash="ed6acb7bb3102e7a",
                )
            )  # fmt: skip
    rows.append(
        event(
            "/platform/walk", "C1", "contract.opened", "contract/K1",
            client_id=CLIENT, freelancer_id=OUR_ACCOUNT, amount_usd=900,
        )
    )  # fmt: skip
    return rows


def finding() -> dict:
    return event(
        "/detectors/walk", "S1", "document.number_reused", f"account/{OUR_ACCOUNT}",
        confidence=0.97, fingerprint="walk-1", typology="dprk_itw",
        evidence={"number_hash": "ab" * 8, "other_account_id": TWIN},
    )  # fmt: skip


def carry() -> None:
    """What workers and the schedule would do now: deliveries, steps, results."""
    for _ in range(12):
        waiting = WebhookDelivery.objects.filter(state="waiting")
        waiting.update(due_at=timezone.now())
        for pk in list(waiting.order_by("id").values_list("pk", flat=True)):
            webhooks.deliver(pk)
        sweeps.sweep_cases()


def test_a_signal_becomes_an_approved_off_boarding(doors, platform, rita, ana, sam, kim):
    detector_key, platform_key = doors

    # Door. Twice the same: accepted once.
    assert post("activity", platform_key, facts())["accepted"] == 6
    found = finding()
    answer = post("signals", detector_key, [found, found])
    assert [item["outcome"] for item in answer["results"]] == ["accepted", "duplicate"]

    # Correlate: the account scores, the twin is linked and in the ring, both have a case.
    correlator.correlate()
    account = Account.objects.get(ref=OUR_ACCOUNT)
    assert account.score > 8
    assert set(account.ring.members.values_list("ref", flat=True)) == {OUR_ACCOUNT, TWIN}
    assert Case.objects.filter(account__ref__in=[OUR_ACCOUNT, TWIN]).count() == 2
    case = Case.objects.get(account=account)

    # Enrichment was asked for in the same transaction.
    assert EnrichmentJob.objects.filter(account=account).exists()
    for job in EnrichmentJob.objects.filter(account=account):
        jobs.run(job.pk)
    assert not EnrichmentJob.objects.filter(account=account, state="waiting").exists()

    # The queue gives the most urgent case, and the API explains its score to the last digit.
    analyst, senior, officer, second = Person(rita), Person(ana), Person(sam), Person(kim)
    claimed = analyst.do("cases/claim-next/")
    assert claimed["ref"] == case.ref
    read = analyst.get(f"accounts/{OUR_ACCOUNT}/")
    assert sum(float(line["points"]) for line in read["score_lines"]) == pytest.approx(
        float(read["score"])
    )

    # The mandated video authentication: refused, refused again after an alternative.
    (video,) = [
        row
        for row in analyst.get(f"verifications/?account={OUR_ACCOUNT}")["results"]
        if row["step"] == "video_authentication"
    ]
    assert video["mandated"]
    for _ in range(2):
        analyst.do(
            f"verifications/{video['id']}/attempts/", expect=201,
            outcome="refused", excuse="The camera is broken.",
        )  # fmt: skip
    account.refresh_from_db()
    assert account.findings.filter(code="interview.refused_video").exists()

    # Escalated: the analyst lets go, an officer takes it.
    case.refresh_from_db()
    analyst.do(f"cases/{case.ref}/escalate/", version=case.version, note="Two passports, one scan.")
    officer.do(f"cases/{case.ref}/claim/")
    officer.do(
        f"accounts/{OUR_ACCOUNT}/hold/", level="compliance_hold", reason="Reused number.",
        case=case.ref,
    )  # fmt: skip

    # Proposed by one officer. The proposer may not sign; for others it lies behind the wall.
    case.refresh_from_db()
    decision = officer.do(
        f"cases/{case.ref}/propose/", expect=201, outcome="offboarded",
        reason_code="false_identity",
        reason="The document belongs to somebody else.", version=case.version,
    )  # fmt: skip
    path = f"decisions/{decision['id']}/approve/"
    officer.do(path, expect=403, digest=decision["digest"])
    analyst.do(path, expect=404, digest=decision["digest"])
    senior.do(path, expect=404, digest=decision["digest"])
    second.do(path, digest=decision["digest"])

    # Carried out step by step, each acknowledged by the platform; then the case closes.
    carry()
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("closed", "offboarded")
    heard = [call["type"] for call in platform.heard if call["type"].startswith("action.")]
    assert heard.index("action.warn_client") < heard.index("action.close_contract")
    assert "action.suspend_account" in heard
    assert all(call["verified"] for call in platform.heard)

    # Money stays where the officer put it: nothing released it, no step, no sweep.
    assert Hold.objects.get(account=account, live=True).level == "compliance_hold"

    # The twin has its own case, untouched: nobody is guilty by association.
    assert Case.objects.get(account__ref=TWIN).state == "open"

    # And the record tells it in order.
    verbs = list(
        AuditEvent.objects.filter(case=case)
        .exclude(verb="read")
        .order_by("pk")
        .values_list("verb", flat=True)
    )
    told = ["claim", "escalate", "claim", "propose", "approve", "close"]
    assert [verb for verb in verbs if verb in told] == told
