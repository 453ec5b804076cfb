"""The one function that changes a case's state, and the reasons why it would not."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from cases import audit, four_eyes, permissions
from cases.models import AuditEvent, Case, CaseWorker, User
from cases.states import APPROVE, QUEUE_OF, REVIEW, RULES, WAITING, WORKING, Move, State, Verb

_NAMES = {
    REVIEW: "an analyst",
    APPROVE: "a senior analyst",
    permissions.COMPLY: "a compliance officer",
    permissions.LEGAL: "legal",
}


class NotAllowed(Exception):
    """The case cannot do this now (409). The sentence says why, for the person who asked."""


@dataclass(frozen=True)
class Change:
    """Something that happened since a page was made."""

    verb: str
    who: str
    at: datetime
    note: str


class Stale(NotAllowed):
    """The page that the person acted on is older than the case (409)."""

    def __init__(self, case: Case, changes: list[Change]):
        self.case, self.changes = case, changes
        what = "; ".join(f"{change.who}: {change.verb.replace('_', ' ')}" for change in changes)
        super().__init__(
            f"{case.ref} has changed since you opened it ({what or 'by somebody else'}). "
            "Look at it again; nothing of what you typed is lost."
        )


class Lost(NotAllowed):
    """The person's claim on the case ended before they wrote (409)."""


@dataclass(frozen=True)
class _Refusal:
    sentence: str
    permission: str = ""  # set: a person without the right asked, which is recorded as such


def apply(
    case: Case,
    verb: str,
    *,
    actor: User | None,
    version: int | None = None,
    fence: int | None = None,
    note: str = "",
    to: str | None = None,
    data: dict[str, Any] | None = None,
    wall: bool | None = None,
    **changes: Any,
) -> AuditEvent:
    """Carry out `verb` on `case` and return the event that records it; all of it or nothing.

    `case` is read again under a row lock first, so it is never acted on while stale. `actor`
    None is the portal itself. `version` is what the page showed (`Stale` when it is older),
    `fence` the claim that the actor believes to hold (`Lost` when another came after). `to`
    picks one of the move's targets, else it is the first. `changes` are further fields of the
    case for the same UPDATE, `data` goes into the event only.
    """
    verb = Verb(verb)
    refusal: _Refusal | None
    with transaction.atomic():
        lock(case)
        refusal = _refusal(case, verb, actor, fence)
        if refusal is None:
            _check_version(case, verb, version, actor)
            return _carry_out(case, verb, actor, note.strip(), to, data or {}, wall, changes)
    if refusal.permission:
        permissions.refuse(
            actor, f"{verb} ({refusal.permission})", obj=case, because=refusal.sentence
        )
    raise (Lost if _lost(case, verb, actor, fence) else NotAllowed)(refusal.sentence)


def lock(case: Case) -> Case:
    """Take the row lock that every change of a case happens under, and read the row again."""
    case.refresh_from_db(from_queryset=Case.objects.select_for_update(no_key=True))
    return case


def available(case: Case, user: User) -> list[tuple[Verb, bool, str]]:
    """Every verb for people, whether `user` may do it now, and if not, why in words."""
    decision = case.decisions.filter(state="proposed").first()
    found = []
    for verb, rule in RULES.items():
        if not rule.permissions:
            continue
        refusal = _refusal(case, verb, user, None)
        reason = refusal.sentence if refusal else ""
        if not reason and decision is not None:
            if verb == Verb.APPROVE:
                reason = four_eyes.why_not_approve(decision, user)
            elif verb == Verb.REJECT:
                reason = four_eyes.why_not_reject(decision, user)
            elif verb == Verb.WITHDRAW:
                reason = four_eyes.why_not_withdraw(decision, user)
        if not reason and verb == Verb.OVERTURN:
            reason = four_eyes.why_not_overturn(case, user)
        found.append((verb, not reason, reason))
    return found


def why_not(case: Case, verb: str, actor: User | None, fence: int | None = None) -> str:
    """Why `actor` may not do `verb` now, in a sentence; empty when they may."""
    refusal = _refusal(case, Verb(verb), actor, fence)
    return refusal.sentence if refusal else ""


def since(case: Case, version: int, user: User | None) -> list[Change]:
    """What happened to `case` after `version`, as far as `user` may know."""
    events = case.events.filter(data__version__gt=version).order_by("id")
    if user is not None:
        events = events & AuditEvent.objects.visible_to(user)
    return [Change(e.verb, e.actor_name or "The portal", e.at, e.note) for e in events[:20]]


def back_to(case: Case) -> dict[str, Any]:
    """Where a case goes that comes back: to its assignee under a lease, else to its queue.

    The arguments for `apply`. Who left, or lost the role, does not get it back.
    """
    right = REVIEW if case.queue == "review" else permissions.COMPLY
    holder = case.assignee
    if holder is not None and permissions.allows(holder, right):
        until = timezone.now() + settings.RETURN_LEASE
        return {"to": WORKING[case.queue], "assignee": holder, "claimed_until": until}
    return {"to": WAITING[case.queue]}


def _refusal(case: Case, verb: Verb, actor: User | None, fence: int | None) -> _Refusal | None:
    rule = RULES[verb]
    if actor is not None and not actor.is_active:
        return _Refusal("Your account is no longer active.", "active")
    if actor is not None and not permissions.allows(actor, permissions.VIEW):
        return _Refusal("Your role does not work on cases.", permissions.VIEW)
    if actor is not None and _hidden(case, rule, actor):
        ask = any(move.source in _INSIDE and not move.holder for move in rule.moves.values())
        return _Refusal(
            f"Only a compliance officer may {verb.label} here.", permissions.COMPLY if ask else ""
        )
    move = rule.moves.get(case.state)
    if move is None:
        return _Refusal(f"{_verb_phrase(verb)} a case that is {_state(case)}.")
    if actor is None:
        return _Refusal("Somebody else holds the case now.") if _old(case, fence) else None
    if not move.permissions:
        if any(permissions.allows(actor, right) for right in rule.permissions):
            return _Refusal(f"{_verb_phrase(verb)} a case that is {_state(case)}; claim it first.")
        return _Refusal("Only the portal itself does this.", "portal")
    rights = _rights(rule, move, case)
    if not any(permissions.allows(actor, right) for right in rights):
        who = " or ".join(_NAMES[right] for right in rights) or "compliance"
        return _Refusal(f"Only {who} may {verb.label} here.", (rights or move.permissions)[0])
    if case.skips.filter(user=actor, conflict=True).exists() and verb not in _WITH_CONFLICT:
        return _Refusal("You declared a conflict of interest on this case.")
    if move.holder and case.assignee_id != actor.pk:
        if case.assignee_id is None:
            return _Refusal(f"Claim {case.ref} first.")
        return _Refusal(f"{case.assignee} holds {case.ref}.")
    if move.holder and (_old(case, fence) or not _lease_runs(case)):
        return _Refusal("Your claim on the case ran out. Claim it again; your text is kept.")
    return None


_INSIDE = {State.ESCALATED, State.IN_COMPLIANCE, State.PENDING_APPROVAL, State.EXECUTING}
_WITH_CONFLICT = {Verb.RELEASE, Verb.RENEW}


def _rights(rule, move: Move, case: Case) -> tuple[str, ...]:
    if case.queue != "compliance" or rule.crosses_wall:
        return move.permissions
    return tuple(right for right in move.permissions if right not in (REVIEW, APPROVE))


def _hidden(case: Case, rule, actor: User) -> bool:
    """Before the wall the same is said whatever compliance is at: a refusal tells no more."""
    inside = case.queue == Case.Queue.COMPLIANCE and case.state != State.CLOSED
    return inside and not rule.crosses_wall and not actor.sees_compliance


def _old(case: Case, fence: int | None) -> bool:
    return fence is not None and fence != case.fence


def _lease_runs(case: Case) -> bool:
    return case.claimed_until is not None and case.claimed_until > timezone.now()


def _lost(case: Case, verb: Verb, actor: User | None, fence: int | None) -> bool:
    move = RULES[verb].moves.get(case.state)
    mine = actor is None or case.assignee_id == actor.pk
    if fence is not None and (fence != case.fence or not mine):
        return True
    return move is not None and move.holder and mine and not _lease_runs(case)


def _check_version(case: Case, verb: Verb, version: int | None, actor: User | None) -> None:
    if version is not None and version != case.version and RULES[verb].counts:
        raise Stale(case, since(case, version, actor))


def _carry_out(case, verb, actor, note, to, data, wall, changes) -> AuditEvent:
    rule = RULES[verb]
    target = State(to or rule.moves[case.state].targets[0])
    if target not in rule.moves[case.state].targets:
        raise NotAllowed(f"{_verb_phrase(verb)} a case from {case.state} to {target}.")
    if rule.needs_note and actor is not None and not note:
        raise NotAllowed(f"Say why you {verb.label}.")

    before, queue_before, held_before = case.state, case.queue, case.assignee_id
    behind = wall if wall is not None else _behind_wall(verb, queue_before)
    if verb == Verb.ESCALATE:
        changes.setdefault("escalated_by", actor)
    _settle(case, target, changes)
    if rule.counts:
        case.version += 1
    fields = {"state", "state_since", "queue", "assignee", "claimed_until", "fence", "version"}
    fields |= {"closed_at", "outcome", *changes}
    try:
        with transaction.atomic():
            case.save(update_fields=sorted(fields))
    except IntegrityError as exc:
        raise NotAllowed(_in_words(exc, case)) from exc
    if case.assignee_id and case.assignee_id != held_before:
        CaseWorker.objects.get_or_create(case=case, user_id=case.assignee_id)
    return audit.record(
        verb,
        actor=actor,
        case=case,
        note=note,
        wall=behind,
        before=before,
        after=case.state,
        version=case.version,
        **({"fence": case.fence} if case.state in WORKING.values() else {}),
        **data,
    )


def _settle(case: Case, target: State, changes: dict[str, Any]) -> None:
    """Set the fields that follow from the move, so that no caller can forget one."""
    now = timezone.now()
    held_by = case.assignee_id if case.state in WORKING.values() else None
    if case.state != target:
        case.state_since = now
    if case.state == State.CLOSED and target != State.CLOSED:
        case.closed_at, case.outcome = None, ""
    for name, value in changes.items():
        setattr(case, name, value)
    case.state, case.queue = target, QUEUE_OF.get(target, case.queue)
    if target in WORKING.values():
        if case.assignee_id != held_by:
            case.fence += 1
    else:
        case.claimed_until = None
    if target in WAITING.values():
        case.assignee = None
    if target == State.CLOSED:
        case.closed_at = case.closed_at or now


def _behind_wall(verb: Verb, queue: str) -> bool:
    """What compliance does stays with compliance; that a case came and went does not."""
    return queue == "compliance" and verb not in (Verb.RETURN, Verb.REOPEN, Verb.CLOSE)


def _verb_phrase(verb: Verb) -> str:
    """To be followed by "a case that is …": `Nobody can propose an outcome on`."""
    if verb == Verb.RETURN:
        return "Nobody can return"
    if verb in (Verb.APPROVE, Verb.REJECT):
        return f"Nobody can {verb.label} a proposal on"
    return f"Nobody can {verb.label}" + (" on" if " " in verb.label else "")


def _state(case: Case) -> str:
    return State(case.state).label


def _in_words(exc: IntegrityError, case: Case) -> str:
    cause = getattr(exc.__cause__, "diag", None)
    name = getattr(cause, "constraint_name", "") or ""
    if name == "one_open_case_per_account":
        return f"Another case is open for the account of {case.ref}; go on there."
    return f"The database refused: {name.replace('_', ' ') or exc}."
