"""The steps of an approved decision: one after the other, each acknowledged before the next.

Everything here happens under the lock of the case, so that two workers, a result that is told
twice and a person who retries cannot run a step twice or two at once. The message to the platform
carries the step's own id, which never changes: it can pass over what it has done.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cases import audit, evidence, permissions, transitions, webhooks
from cases.models import Action, Case, Decision, EvidenceSnapshot, User, WebhookDelivery
from cases.offboarding.plan import TITLES, UNDO, Step
from cases.states import Verb
from cases.transitions import NotAllowed

A = Action.State
DONE = (A.ACKNOWLEDGED, A.SKIPPED, A.UNDONE)
_UNDOING = frozenset(UNDO.values()) | {"notify_reversal"}


def start(decision: Decision, steps: list[Step]) -> list[Action]:
    """Make the rows of an approved decision and begin with the first. The caller holds the case.

    Safe to call twice: the rows are made once.
    """
    if not decision.actions.exists():
        rows = [
            Action(
                decision=decision,
                position=position,
                kind=step.kind,
                payload=step.payload,
                reversible=step.reversible,
                undo_of_id=step.payload.get("undoes"),
            )
            for position, step in enumerate(steps, start=1)
        ]
        Action.objects.bulk_create(rows)
    advance(decision)
    return list(decision.actions.order_by("position"))


def advance(decision: Decision) -> None:
    """Begin the next step if nothing is under way, and close the case when none is left."""
    actions = list(decision.actions.order_by("position"))
    for action in actions:
        if action.state in DONE:
            continue
        if action.state == A.PLANNED:
            if _stopped(decision):
                return
            _begin(action, decision)
            if action.state in DONE:
                continue
        return
    _close(decision)


def _stopped(decision: Decision) -> bool:
    """Whether an authority asked, after the approval, to keep the account open.

    The steps that are left wait until a person lifts it, also when its date has passed.
    """
    flag = decision.case.flags.get("keep_open")
    if not flag or decision.outcome != Case.Outcome.OFFBOARDED or decision.approved_at is None:
        return False
    return datetime.fromisoformat(flag["at"]) > decision.approved_at


def on_action_result(delivery: WebhookDelivery, state: str) -> None:
    """What became of a step's message. Told twice, or late, it changes nothing more."""
    decision_id = (
        Action.objects.filter(pk=delivery.subject_id).values_list("decision_id", flat=True).first()
    )
    if decision_id is None:
        return
    with transaction.atomic():
        decision = _locked(decision_id)
        action = decision.actions.get(pk=delivery.subject_id)
        if action.state in DONE:
            return
        if state == WebhookDelivery.State.ACKNOWLEDGED:
            _acknowledged(action, decision, delivery.platform_reference)
            advance(decision)
        elif state in (WebhookDelivery.State.REFUSED, WebhookDelivery.State.DEAD):
            if not _is_latest(delivery):
                return
            action.state, action.last_error = A.FAILED, delivery.last_error or state
            action.save(update_fields=["state", "last_error"])
            _record("action.failed", None, action, decision, note=action.last_error)


def retry(action: Action, *, actor: User, note: str = "") -> Action:
    """Send a step again that failed or that the platform did not answer."""
    with transaction.atomic():
        decision = _locked(action.decision_id)
        action.refresh_from_db()
        waited = action.state == A.SENT and action.due_at and action.due_at <= timezone.now()
        if action.state != A.FAILED and not waited:
            raise NotAllowed(f"“{TITLES[action.kind]}” is {action.get_state_display()}.")
        transitions.apply(
            decision.case,
            Verb.CARRY_OUT,
            actor=actor,
            note=note,
            data={"retry": action.kind, "position": action.position},
        )
        _send(action, decision)
    return action


def skip(action: Action, *, actor: User, reason: str) -> Action:
    """Go on without a step that cannot be carried out. An officer's doing, with a reason."""
    if not permissions.is_officer(actor):
        permissions.refuse(actor, "action.skip", obj=action.decision.case,
                           because="Only a compliance officer may skip a step.")  # fmt: skip
    if not reason.strip():
        raise NotAllowed("Say why the step is skipped.")
    with transaction.atomic():
        decision = _locked(action.decision_id)
        action.refresh_from_db()
        if action.state not in (A.FAILED, A.SENT):
            raise NotAllowed(f"“{TITLES[action.kind]}” is {action.get_state_display()}.")
        if action.kind == "preserve_evidence":
            raise NotAllowed("Nothing is carried out before the evidence is preserved.")
        transitions.apply(
            decision.case,
            Verb.CARRY_OUT,
            actor=actor,
            note=reason,
            data={"skip": action.kind, "position": action.position},
        )
        action.state, action.skipped_by, action.skipped_because = A.SKIPPED, actor, reason
        action.due_at = None
        action.save(update_fields=["state", "skipped_by", "skipped_because", "due_at"])
        advance(decision)
    return action


def late():
    """Steps that were sent and not acknowledged in time, and those that failed: they shout."""
    waiting = Action.objects.filter(state=A.SENT, due_at__lte=timezone.now())
    return (waiting | Action.objects.filter(state=A.FAILED)).order_by("due_at", "id")


def sweep(limit: int = 200) -> int:
    """Go on with decisions whose next step nobody began, as after a crash. Safe at any time."""
    stuck = (
        Case.objects.filter(state=Case.State.EXECUTING)
        .exclude(decisions__actions__state__in=[A.SENT, A.FAILED])
        .order_by("state_since")
        .values_list("pk", flat=True)[:limit]
    )
    moved = 0
    for pk in stuck:
        with transaction.atomic():
            case = Case.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=pk)
            row = case.first()
            if row is None or row.state != Case.State.EXECUTING:
                continue
            decision = row.decisions.filter(state="approved").order_by("-approved_at").first()
            if decision is None:
                continue
            decision.case = row
            before = row.version, decision.actions.filter(state=A.SENT).count()
            advance(decision)
            moved += before != (row.version, decision.actions.filter(state=A.SENT).count())
    return moved


def _locked(decision_id: int) -> Decision:
    """The decision with its case, under the case's lock."""
    decision = Decision.objects.select_related("case", "case__account").get(pk=decision_id)
    transitions.lock(decision.case)
    decision.refresh_from_db(fields=["state"])
    return decision


def _begin(action: Action, decision: Decision) -> None:
    if action.kind == "preserve_evidence":
        snapshot = _preserve(decision)
        _acknowledged(action, decision, f"sha256:{snapshot.sha256}")
    else:
        _send(action, decision)


def _send(action: Action, decision: Decision) -> None:
    now = timezone.now()
    prefix = "undo" if action.kind in _UNDOING else "action"
    account = decision.case.account.ref
    webhooks.enqueue(
        f"{prefix}.{action.kind}",
        {
            **action.payload,
            "action": f"act_{action.pk}",
            "case": decision.case.ref,
            "decision": decision.pk,
            "position": action.position,
        },
        order_key=account,
        subject=action,
    )
    action.state, action.sent_at, action.last_error = A.SENT, now, ""
    action.attempts += 1
    action.due_at = now + settings.ACTION_ACKNOWLEDGE_WITHIN
    action.save(update_fields=["state", "sent_at", "attempts", "due_at", "last_error"])
    _record("action.sent", None, action, decision)


def _acknowledged(action: Action, decision: Decision, reference: str) -> None:
    action.state, action.acknowledged_at = A.ACKNOWLEDGED, timezone.now()
    action.platform_reference, action.last_error, action.due_at = reference[:200], "", None
    action.save(
        update_fields=[
            "state", "acknowledged_at", "platform_reference", "last_error", "due_at"
        ]
    )  # fmt: skip
    if action.undo_of_id:
        Action.objects.filter(pk=action.undo_of_id).update(state=A.UNDONE)
    _record("action.acknowledged", None, action, decision, note=reference)


def _preserve(decision: Decision) -> EvidenceSnapshot:
    """Keep what the decision rests on, the findings' own evidence among it, under its hash."""
    content: dict[str, Any] = {
        "decision": decision.pk,
        "digest": decision.digest,
        "evidence": decision.evidence,
        "findings": list(
            decision.case.account.findings.order_by("id").values(
                "id", "code", "detector", "detector_version", "fingerprint", "evidence", "times"
            )
        ),
        "notes": list(decision.case.notes.order_by("id").values("id", "author_id", "text")),
    }
    snapshot, _ = EvidenceSnapshot.objects.get_or_create(
        decision=decision, defaults={"content": content, "sha256": evidence.digest(content)}
    )
    return snapshot


def _close(decision: Decision) -> None:
    case = decision.case
    if case.state != Case.State.EXECUTING:
        return
    transitions.apply(
        case,
        Verb.CLOSE,
        actor=None,
        data={"outcome": decision.outcome, "decision": decision.pk},
        outcome=decision.outcome,
        cleared_families=judged_families(case),
    )


def judged_families(case: Case) -> dict[str, str]:
    """The families that were on the table, each with its highest weight."""
    judged: dict[str, Any] = {}
    rows = case.account.findings.filter(shadow=False, withdrawn=False)
    for family, weight in rows.values_list("family", "weight"):
        judged[family] = max(weight, judged.get(family, weight))
    return {family: float(weight) for family, weight in sorted(judged.items())}


def _is_latest(delivery: WebhookDelivery) -> bool:
    later = WebhookDelivery.objects.filter(
        subject_type="action", subject_id=delivery.subject_id, pk__gt=delivery.pk
    )
    return not later.filter(endpoint_id=delivery.endpoint_id).exists()


def _record(verb: str, actor: User | None, action: Action, decision: Decision, note="") -> None:
    audit.record(
        verb,
        actor=actor,
        case=decision.case,
        obj=action,
        note=note,
        wall=decision.wall,
        kind=action.kind,
        position=action.position,
        decision=decision.pk,
    )
