"""Two people: one proposes an outcome, another approves it, both over the same evidence."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from cases import audit, evidence, four_eyes, offboarding, permissions, playbook, transitions
from cases.models import Account, Case, Decision, User
from cases.models.decisions import ADVERSE
from cases.states import Verb
from cases.transitions import NotAllowed
from cases.verification_rules import may_restrict_for_refusals, only_refusals

D = Decision.State
OUTCOMES = tuple(Case.Outcome.values)


class EvidenceChanged(NotAllowed):
    """What the proposer saw is not what is there now (409). The proposal is void."""

    kept = True  # what was written before it was raised stays

    def __init__(self, decision: Decision, changes: list[str]):
        self.decision, self.changes = decision, changes
        super().__init__(
            "The evidence changed after the proposal, which is void now: " + "; ".join(changes)
        )


def propose(
    case: Case,
    outcome: str,
    *,
    actor: User,
    reason_code: str,
    reason: str,
    notice: str = "",
    version: int | None = None,
    fence: int | None = None,
) -> Decision:
    """Suggest `outcome`, bound to the evidence as it is now.

    Waits for a second person if the outcome is adverse or the score high; otherwise the case
    closes at once. Returns the decision in the state that it is in then.
    """
    with transaction.atomic():
        _lock(case)
        _check(case, outcome, reason_code, reason, notice, actor)
        decision = _draft(case, outcome, actor, reason_code, reason, notice)
        _in_time(case, Verb.PROPOSE, actor, version, fence, reason)
        if decision.needs_second:
            decision.save()
            transitions.apply(
                case,
                Verb.PROPOSE,
                actor=actor,
                version=version,
                fence=fence,
                note=reason,
                data={"decision": decision.pk, "outcome": outcome, "reason_code": reason_code},
            )
            return decision
        decision.state, decision.approved_by, decision.approved_at = D.APPROVED, actor, _now()
        decision.save()
        transitions.apply(
            case,
            Verb.CLOSE,
            actor=actor,
            version=version,
            fence=fence,
            note=reason,
            data={"decision": decision.pk, "outcome": outcome, "reason_code": reason_code},
            wall=decision.wall or None,
            outcome=outcome,
            cleared_families=offboarding.judged_families(case),
        )
    return decision


def preview(case: Case, outcome: str, notice: str = "") -> list[offboarding.Step]:
    """The steps that `outcome` would mean, as they would be stored with a proposal now."""
    return offboarding.plan(case, outcome, notice)


def approve(decision: Decision, *, actor: User, version: int | None = None) -> Decision:
    """Sign as the second person, and have the decision carried out.

    The evidence is gathered again under the lock. If it changed, the proposal is void, the case
    goes back and `EvidenceChanged` says what is different; that much is kept.
    """
    with transaction.atomic():
        case = _lock(Case.objects.select_related("account").get(pk=decision.case_id))
        decision.refresh_from_db()
        decision.case = case
        why_not = four_eyes.why_not_approve(decision, actor)
        if not why_not:
            why_not = _blocked(case, decision.outcome, actor)
        changes = [] if why_not else _changes(case, decision)
        if changes:
            _end(decision, D.VOID, actor, "; ".join(changes))
            transitions.apply(
                case,
                Verb.VOID,
                actor=None,
                note="The evidence changed: " + "; ".join(changes),
                data={"decision": decision.pk, "tried_by": actor.pk},
                **_back(decision),
            )
        elif not why_not:
            _check_rights(case, Verb.APPROVE, actor)
            decision.state, decision.approved_by = D.APPROVED, actor
            decision.approved_at = decision.ended_at = _now()
            decision.save(update_fields=["state", "approved_by", "approved_at", "ended_at"])
            transitions.apply(
                case,
                Verb.APPROVE,
                actor=actor,
                version=version,
                data={"decision": decision.pk, "outcome": decision.outcome},
                flags={name: flag for name, flag in case.flags.items() if name != "stood"},
            )
            offboarding.start(decision, [_step(row) for row in decision.plan])
    if changes:
        raise EvidenceChanged(decision, changes)
    if why_not:
        _refuse(decision, actor, "approve", why_not)
    return decision


def reject(decision: Decision, *, actor: User, reason: str, version: int | None = None) -> Decision:
    """Say no as the second person. The case goes back to who proposed it."""
    return _turn_down(decision, Verb.REJECT, D.REJECTED, actor, reason, version)


def withdraw(
    decision: Decision, *, actor: User, reason: str = "", version: int | None = None
) -> Decision:
    """Take one's own proposal back."""
    return _turn_down(decision, Verb.WITHDRAW, D.WITHDRAWN, actor, reason, version)


def overturn(
    decision: Decision,
    *,
    actor: User,
    outcome: str = "cleared",
    reason_code: str,
    reason: str,
    notice: str = "",
    version: int | None = None,
) -> Decision:
    """Propose another outcome in place of the one that stands. Needs a second person, always.

    Once approved, what can be undone is undone on the platform; money stays where it is until
    people release it.
    """
    with transaction.atomic():
        case = _lock(Case.objects.select_related("account").get(pk=decision.case_id))
        decision.refresh_from_db()
        decision.case = case
        why_not = four_eyes.why_not_overturn(case, actor)
        if not why_not:
            if four_eyes.standing(case) != decision:
                raise NotAllowed("A later decision stands; overturn that one.")
            if outcome == decision.outcome:
                raise NotAllowed(f"The case is {outcome} already.")
            _check(case, outcome, reason_code, reason, notice, actor)
            fresh = _draft(case, outcome, actor, reason_code, reason, notice)
            fresh.replaces, fresh.needs_second = decision, True
            fresh.wall = decision.wall
            steps = offboarding.undo_plan(decision, outcome, notice)
            fresh.plan = [step.row() for step in steps]
            _in_time(case, Verb.OVERTURN, actor, version, None, reason)
            fresh.save()
            transitions.apply(
                case,
                Verb.OVERTURN,
                actor=actor,
                version=version,
                note=reason,
                data={"decision": fresh.pk, "replaces": decision.pk, "outcome": outcome},
                assignee=actor,
                flags={**case.flags, "stood": _stood(case)},
            )
            return fresh
    _refuse(decision, actor, "overturn", why_not)
    return decision


def reopen(case: Case, *, actor: User, reason: str, version: int | None = None):
    """Put a closed case back into the queue that it was closed in. Its history goes along."""
    with transaction.atomic():
        _lock(case)
        inside = case.queue == "compliance"
        target = "escalated" if inside else "open"
        return transitions.apply(
            case,
            Verb.REOPEN,
            actor=actor,
            version=version,
            note=reason,
            to=target,
            data={"outcome": case.outcome},
            wall=inside or None,
            # Why compliance looks again stands in its own history, not on the page of the case.
            reopened_because="Compliance looks at it again." if inside else reason[:300],
            assignee=None,
        )


def escalate(
    case: Case,
    *,
    actor: User | None,
    reason: str,
    version: int | None = None,
    fence: int | None = None,
):
    """Hand the case to compliance. From here on it lies behind the wall."""
    return transitions.apply(
        case, Verb.ESCALATE, actor=actor, note=reason, version=version, fence=fence
    )


def void(case: Case, *, because: str) -> Decision | None:
    """End the live proposal on `case` since the evidence changed; the portal's own act.

    Runs under the case's lock, which the caller has. None when nothing is proposed.
    """
    decision = case.decisions.filter(state=D.PROPOSED).first()
    if decision is None:
        return None
    decision.case = case
    _end(decision, D.VOID, None, because)
    transitions.apply(
        case, Verb.VOID, actor=None, note=f"The evidence changed: {because}",
        data={"decision": decision.pk}, **_back(decision),
    )  # fmt: skip
    return decision


def keep_open(case: Case, *, actor: User, until: datetime, reference: str) -> None:
    """Note that an authority asks to keep the account open until a date. Legal confirms it.

    It blocks the off-boarding and nothing else: holds stay what they are. Said again, the later
    word counts. All of it lies behind the wall.
    """
    permissions.require(actor, permissions.LEGAL, obj=case)
    if not reference.strip():
        raise NotAllowed("Give the authority's written reference.")
    if until <= _now():
        raise NotAllowed("The date lies in the past.")
    with transaction.atomic():
        transitions.lock(case)
        flag = {
            "until": until.isoformat(),
            "reference": reference.strip()[:200],
            "by": actor.pk,
            "name": str(actor),
            "at": _now().isoformat(),
        }
        case.flags = {**case.flags, "keep_open": flag}
        case.save(update_fields=["flags"])
        said = {"until": flag["until"], "reference": flag["reference"]}
        audit.record("keep_open", actor=actor, case=case, note=reference, wall=True, **said)


def lift_keep_open(case: Case, *, actor: User, reason: str) -> None:
    """The authority no longer asks to keep the account open: off-boarding is possible again."""
    permissions.require(actor, permissions.LEGAL, obj=case)
    if not reason.strip():
        raise NotAllowed("Say what the authority wrote.")
    with transaction.atomic():
        transitions.lock(case)
        if kept_open(case) is None:
            raise NotAllowed("Nobody asks to keep this account open.")
        flag = case.flags["keep_open"]
        case.flags = {name: value for name, value in case.flags.items() if name != "keep_open"}
        case.save(update_fields=["flags"])
        said = {"until": flag["until"], "reference": flag["reference"]}
        audit.record("keep_open.lifted", actor=actor, case=case, note=reason, wall=True, **said)


def kept_open(case: Case) -> dict[str, Any] | None:
    """The authority's request while it is in force: until, reference, who noted it and when."""
    flag = case.flags.get("keep_open")
    return flag if flag and datetime.fromisoformat(flag["until"]) > _now() else None


def _turn_down(decision, verb, state, actor, reason, version) -> Decision:
    why_not_of = {Verb.REJECT: four_eyes.why_not_reject, Verb.WITHDRAW: four_eyes.why_not_withdraw}
    with transaction.atomic():
        case = _lock(Case.objects.select_related("account").get(pk=decision.case_id))
        decision.refresh_from_db()
        decision.case = case
        why_not = why_not_of[verb](decision, actor)
        if not why_not:
            _check_rights(case, verb, actor)
            _end(decision, state, actor, reason)
            transitions.apply(
                case,
                verb,
                actor=actor,
                version=version,
                note=reason,
                data={"decision": decision.pk},
                **_back(decision),
            )
            return decision
    _refuse(decision, actor, verb.value, why_not)
    return decision


def _lock(case: Case) -> Case:
    """The account first, then the case, as everybody does who takes both.

    With the account's lock the score and what it is made of stand still.
    """
    Account.objects.select_for_update(no_key=True).get(pk=case.account_id)
    return transitions.lock(case)


def _check(
    case: Case, outcome: str, reason_code: str, reason: str, notice: str, actor: User
) -> None:
    if outcome not in OUTCOMES:
        raise NotAllowed(f"{outcome!r} is not an outcome.")
    if not reason.strip():
        raise NotAllowed("Say why, in your own words.")
    book = playbook.of(case.typology_code)
    known = book.reasons(outcome)
    if reason_code not in known:
        given = ", ".join(known) or "none are written down for this typology"
        raise NotAllowed(f"{reason_code!r} is no reason for {outcome}; there are: {given}.")
    check_notice(case, notice)
    if outcome in ADVERSE and not (notice.strip() or book.notice(outcome)):
        raise NotAllowed("Write the notice that the person gets.")
    if known[reason_code].get("needs") == "refusals_and_strong_finding":
        why_not = may_restrict_for_refusals(case)
        if why_not:
            raise NotAllowed(why_not)
    if outcome == "offboarded" and only_refusals(case, book):
        raise NotAllowed("A refused verification alone is no ground for off-boarding.")
    blocked = _blocked(case, outcome, actor)
    if blocked:
        raise NotAllowed(blocked)


def check_notice(case: Case, text: str) -> None:
    """Refuse a text for the person that says what it must not."""
    words = playbook.of(case.typology_code).untellable(text)
    if words:
        said = ", ".join(f"“{word}”" for word in words)
        raise NotAllowed(f"The notice must not say {said}. Write what the person may know.")


def _blocked(case: Case, outcome: str, actor: User) -> str:
    """Why an off-boarding must wait for an authority; which one, only behind the wall."""
    flag = kept_open(case) if outcome == "offboarded" else None
    if flag is None:
        return ""
    if not actor.sees_compliance:
        return f"Compliance keeps the account open until {flag['until'][:10]}; holds are free."
    return (
        f"An authority asked to keep the account open until {flag['until'][:10]} "
        f"({flag['reference']}). Holds are not affected."
    )


def _draft(case, outcome, actor, reason_code, reason, notice) -> Decision:
    book = playbook.of(case.typology_code)
    gathered = evidence.gather(case)
    score = max(case.account.score, case.score_at_opening)
    high = score >= book.decision_number("clear_second_person_score")
    return Decision(
        case=case,
        outcome=outcome,
        reason_code=reason_code,
        reason=reason,
        notice=notice.strip() or book.notice(outcome),
        plan=[step.row() for step in offboarding.plan(case, outcome, notice)],
        digest=evidence.digest(gathered),
        evidence=gathered,
        score=Decimal(score),
        policy=book.policy,
        needs_second=outcome in ADVERSE or high,
        needs_officer=book.sanctions and outcome == "offboarded",
        wall=case.queue == Case.Queue.COMPLIANCE,
        proposed_by=actor,
        proposed_at=_now(),
    )


def _changes(case: Case, decision: Decision) -> list[str]:
    now = evidence.gather(case)
    if evidence.digest(now) != decision.digest:
        return evidence.changes(decision.evidence, now) or ["the evidence"]
    if decision.replaces:
        steps = offboarding.undo_plan(decision.replaces, decision.outcome, decision.notice)
    else:
        steps = offboarding.plan(case, decision.outcome, decision.notice)
    if [step.row() for step in steps] != decision.plan:
        return ["the steps that would carry it out (contracts or texts changed)"]
    return []


def _back(decision: Decision) -> dict:
    """A proposal that ends goes back to who works on it; an overturn leaves things as they were."""
    if not decision.replaces_id:
        return transitions.back_to(decision.case)
    flags = dict(decision.case.flags)
    stood = flags.pop("stood", {})
    closed_at = stood.get("closed_at")
    return {
        "to": "closed",
        "outcome": decision.replaces.outcome,
        "closed_at": datetime.fromisoformat(closed_at) if closed_at else None,
        "assignee_id": stood.get("assignee"),
        "flags": flags,
    }


def _stood(case: Case) -> dict:
    """What a closed case loses while its decision is looked at again, and gets back after."""
    return {
        "closed_at": case.closed_at.isoformat() if case.closed_at else None,
        "assignee": case.assignee_id,
    }


def _end(decision: Decision, state: str, actor: User | None, because: str) -> None:
    decision.state, decision.ended_by, decision.ended_at = state, actor, _now()
    decision.ended_because = because
    decision.save(update_fields=["state", "ended_by", "ended_at", "ended_because"])


def _step(row: dict) -> offboarding.Step:
    return offboarding.Step(row["kind"], row["payload"], row["reversible"])


def _in_time(case: Case, verb: Verb, actor: User, version, fence, reason: str) -> None:
    """Let the table refuse before the row is written, or its constraints would, in their words."""
    if transitions.why_not(case, verb, actor, fence):
        transitions.apply(
            case, verb, actor=actor, version=version, fence=fence, note=reason
        )  # which says why


def _check_rights(case: Case, verb: Verb, actor: User) -> None:
    """Before anything is written, so that a refusal is recorded as one and not rolled back."""
    why_not = transitions.why_not(case, verb, actor)
    if why_not:
        permissions.refuse(actor, verb.value, obj=case, because=why_not)


def _refuse(decision: Decision, actor: User, what: str, why_not: str) -> None:
    """Too late is a conflict; not being the second person is a refusal that is recorded."""
    late = decision.state != D.PROPOSED and what != "overturn"
    if late or why_not == _blocked(decision.case, decision.outcome, actor):
        raise NotAllowed(why_not)
    permissions.refuse(actor, what, obj=decision.case, because=why_not)


def _now():
    return timezone.now()
