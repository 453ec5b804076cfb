"""The life of a case as one table: which verb leads from where to where, and for whom.

Nothing here acts. `cases.transitions.apply` is the only reader that changes a case by it, and
`docs/states.md` is printed from it.
"""

from dataclasses import dataclass, field

from django.db.models import TextChoices

REVIEW = "cases.review_case"
APPROVE = "cases.approve_case"
COMPLY = "cases.comply_case"
LEGAL = "cases.legal_case"


class State(TextChoices):
    OPEN = "open", "open"
    IN_REVIEW = "in_review", "in review"
    AWAITING_VERIFICATION = "awaiting_verification", "awaiting verification"
    ESCALATED = "escalated", "escalated"
    IN_COMPLIANCE = "in_compliance", "in compliance"
    PENDING_APPROVAL = "pending_approval", "pending approval"
    EXECUTING = "executing", "executing"
    CLOSED = "closed", "closed"


class Queue(TextChoices):
    REVIEW = "review", "review"
    COMPLIANCE = "compliance", "compliance"


class Verb(TextChoices):
    CLAIM = "claim", "claim"
    RENEW = "renew", "renew the claim"
    RELEASE = "release", "release"
    ASSIGN = "assign", "assign"
    SNOOZE = "snooze", "snooze"
    WAKE = "wake", "wake"
    NOTE = "note", "write a note"
    ATTACH = "attach", "attach a file"
    REQUEST_VERIFICATION = "request_verification", "request a verification"
    RECORD_VERIFICATION = "record_verification", "record a verification"
    ESCALATE = "escalate", "escalate"
    RETURN = "return", "return to review"
    HOLD = "hold", "change the hold on payouts"
    PROPOSE = "propose", "propose an outcome"
    APPROVE = "approve", "approve"
    REJECT = "reject", "reject"
    WITHDRAW = "withdraw", "withdraw the proposal"
    VOID = "void", "void the proposal"
    CARRY_OUT = "carry_out", "carry out"
    CLOSE = "close", "close"
    REOPEN = "reopen", "reopen"
    OVERTURN = "overturn", "overturn the decision"
    LEASE_EXPIRED = "lease_expired", "let the claim run out"


WAITING = {Queue.REVIEW: State.OPEN, Queue.COMPLIANCE: State.ESCALATED}
WORKING = {Queue.REVIEW: State.IN_REVIEW, Queue.COMPLIANCE: State.IN_COMPLIANCE}
QUEUE_OF = {
    State.OPEN: Queue.REVIEW,
    State.IN_REVIEW: Queue.REVIEW,
    State.ESCALATED: Queue.COMPLIANCE,
    State.IN_COMPLIANCE: Queue.COMPLIANCE,
}


@dataclass(frozen=True)
class Move:
    """From `source` to one of `targets`, by somebody with any of `permissions`.

    No permissions: the portal alone. `holder`: only who holds the case, while the lease runs.
    """

    source: State
    targets: tuple[State, ...]
    permissions: tuple[str, ...] = ()
    holder: bool = False


@dataclass(frozen=True)
class Rule:
    """What one verb may do. `needs_note`: it says why. `counts`: the case's version grows.

    In the compliance queue the rights of analysts and seniors count for nothing, unless the verb
    `crosses_wall`: it only adds to the case.
    """

    verb: Verb
    moves: dict[State, Move] = field(hash=False)
    note: str = ""
    needs_note: bool = False
    counts: bool = True
    crosses_wall: bool = False

    @property
    def sources(self) -> tuple[State, ...]:
        return tuple(self.moves)

    @property
    def targets(self) -> tuple[State, ...]:
        return tuple(dict.fromkeys(to for move in self.moves.values() for to in move.targets))

    @property
    def permissions(self) -> tuple[str, ...]:
        named = (right for move in self.moves.values() for right in move.permissions)
        return tuple(dict.fromkeys(named))

    @property
    def holder_only(self) -> bool:
        return all(move.holder for move in self.moves.values())


S = State
EVERYWHERE = tuple(State)
UNDER_WAY = tuple(state for state in State if state != State.CLOSED)
# Where a case goes that comes back from a second person or a verification: to its holder under
# a new lease if there is one, else to its queue; after an overturn that failed, closed as it was.
BACK = (S.IN_REVIEW, S.OPEN, S.IN_COMPLIANCE, S.ESCALATED)


def _move(source, to, *permissions, holder=False) -> Move:
    targets = to if isinstance(to, tuple) else (to,)
    return Move(source, targets, permissions, holder)


def _stay(*permissions, states=EVERYWHERE) -> list[Move]:
    return [_move(state, state, *permissions) for state in states]


def _rule(verb, *moves, **traits) -> tuple[Verb, Rule]:
    return verb, Rule(verb, {move.source: move for move in moves}, **traits)


RULES: dict[Verb, Rule] = dict(
    [
        _rule(
            Verb.CLAIM,
            _move(S.OPEN, S.IN_REVIEW, REVIEW),
            _move(S.ESCALATED, S.IN_COMPLIANCE, COMPLY),
            note="Under a lease; the fence grows.",
        ),
        _rule(
            Verb.RENEW,
            _move(S.IN_REVIEW, S.IN_REVIEW, REVIEW, holder=True),
            _move(S.IN_COMPLIANCE, S.IN_COMPLIANCE, COMPLY, holder=True),
            note="Activity on the case renews the lease.",
            counts=False,
        ),
        _rule(
            Verb.RELEASE,
            _move(S.IN_REVIEW, S.OPEN, REVIEW, holder=True),
            _move(S.IN_COMPLIANCE, S.ESCALATED, COMPLY, holder=True),
        ),
        _rule(
            Verb.ASSIGN,
            _move(S.OPEN, S.IN_REVIEW, APPROVE),
            _move(S.IN_REVIEW, S.IN_REVIEW, APPROVE),
            _move(S.ESCALATED, S.IN_COMPLIANCE, COMPLY),
            _move(S.IN_COMPLIANCE, S.IN_COMPLIANCE, COMPLY),
            note="To somebody who may work in that queue; both count as having worked on it.",
        ),
        _rule(
            Verb.SNOOZE,
            _move(S.IN_REVIEW, S.OPEN, REVIEW, holder=True),
            _move(S.IN_COMPLIANCE, S.ESCALATED, COMPLY, holder=True),
            note="Until a time, a new signal or a score.",
            needs_note=True,
        ),
        _rule(
            Verb.WAKE,
            _move(S.OPEN, S.OPEN, REVIEW),
            _move(S.ESCALATED, S.ESCALATED, COMPLY),
            note="By the portal when what it waited for came, or by a person; it says why.",
            needs_note=True,
        ),
        _rule(
            Verb.NOTE,
            *_stay(REVIEW, APPROVE, COMPLY, LEGAL),
            note="Kept for compliance when written behind the wall.",
            counts=False,
            crosses_wall=True,
        ),
        _rule(
            Verb.ATTACH,
            *_stay(REVIEW, APPROVE, COMPLY, LEGAL),
            note="With its hash.",
            counts=False,
            crosses_wall=True,
        ),
        _rule(
            Verb.REQUEST_VERIFICATION,
            _move(S.IN_REVIEW, S.AWAITING_VERIFICATION, REVIEW, holder=True),
            _move(S.IN_COMPLIANCE, S.AWAITING_VERIFICATION, COMPLY, holder=True),
            note="The asking person stays its assignee.",
        ),
        _rule(
            Verb.RECORD_VERIFICATION,
            _move(
                S.AWAITING_VERIFICATION,
                (*BACK, S.AWAITING_VERIFICATION),
                REVIEW,
                APPROVE,
                COMPLY,
            ),
            *_stay(
                *(REVIEW, APPROVE, COMPLY),
                states=tuple(state for state in State if state != S.AWAITING_VERIFICATION),
            ),
            note="By result, or by the portal when the deadline passes.",
            crosses_wall=True,
        ),
        _rule(
            Verb.ESCALATE,
            _move(S.IN_REVIEW, S.ESCALATED, REVIEW, holder=True),
            _move(S.OPEN, S.ESCALATED),
            _move(S.AWAITING_VERIFICATION, S.ESCALATED),
            note="The escalating person loses the assignment.",
            needs_note=True,
        ),
        _rule(
            Verb.RETURN,
            _move(S.IN_COMPLIANCE, S.OPEN, COMPLY, holder=True),
            _move(S.ESCALATED, S.OPEN, COMPLY),
            needs_note=True,
        ),
        _rule(
            Verb.HOLD,
            *_stay(REVIEW, APPROVE, COMPLY, LEGAL),
            note="Which level by whom: `cases.holds`.",
            needs_note=True,
            crosses_wall=True,
        ),
        _rule(
            Verb.PROPOSE,
            _move(S.IN_REVIEW, S.PENDING_APPROVAL, REVIEW, holder=True),
            _move(S.IN_COMPLIANCE, S.PENDING_APPROVAL, COMPLY, holder=True),
            needs_note=True,
        ),
        _rule(
            Verb.APPROVE,
            _move(S.PENDING_APPROVAL, S.EXECUTING, APPROVE, COMPLY),
            note="By a second person, bound to the evidence that the first one saw.",
        ),
        _rule(
            Verb.REJECT,
            _move(S.PENDING_APPROVAL, (*BACK, S.CLOSED), APPROVE, COMPLY),
            needs_note=True,
        ),
        _rule(
            Verb.WITHDRAW,
            _move(S.PENDING_APPROVAL, (*BACK, S.CLOSED), REVIEW, APPROVE, COMPLY, LEGAL),
            note="By who proposed it.",
        ),
        _rule(
            Verb.VOID,
            _move(S.PENDING_APPROVAL, (*BACK, S.CLOSED)),
            note="The evidence changed after the proposal.",
            needs_note=True,
        ),
        _rule(
            Verb.CARRY_OUT,
            _move(S.EXECUTING, S.EXECUTING, APPROVE, COMPLY),
            note="Retry or skip a step; the portal does the rest.",
        ),
        _rule(
            Verb.CLOSE,
            _move(S.IN_REVIEW, S.CLOSED, REVIEW, holder=True),
            _move(S.IN_COMPLIANCE, S.CLOSED, COMPLY, holder=True),
            _move(S.EXECUTING, S.CLOSED),
            note="People close by proposing an outcome that needs no second person.",
        ),
        _rule(
            Verb.REOPEN,
            _move(S.CLOSED, (S.OPEN, S.ESCALATED), APPROVE, COMPLY),
            note="History, workers and decisions stay.",
            needs_note=True,
        ),
        _rule(
            Verb.OVERTURN,
            _move(S.CLOSED, S.PENDING_APPROVAL, APPROVE, COMPLY, LEGAL),
            note="By somebody who did not decide; a new decision replaces the old one.",
            needs_note=True,
        ),
        _rule(
            Verb.LEASE_EXPIRED,
            _move(S.IN_REVIEW, S.OPEN),
            _move(S.IN_COMPLIANCE, S.ESCALATED),
        ),
    ]
)
