"""What of a case each person sees. Compliance's part stays with compliance, legal and auditors.

Analysts keep reading what they wrote themselves and what the case looked like when they had it;
of the rest they see the reference and that it is with compliance.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from cases.models import (
    AuditEvent,
    Case,
    Decision,
    Hold,
    Note,
    ScreeningHit,
    User,
)
from cases.models.sight import sees_compliance
from cases.states import State

# How far compliance has come: outside of it, such a case is with compliance and nothing more.
PROGRESS = (State.PENDING_APPROVAL, State.EXECUTING)


@dataclass(frozen=True)
class View:
    """Which panels of a case are shown, and what stands on them. The querysets are filtered."""

    case: Case
    user: User
    compliance: bool
    behind_wall: bool
    state_label: str
    state_since_shown: bool
    holder_shown: bool
    hold_label: str
    hold_details: bool
    screening: bool
    proposals: bool

    @property
    def notes(self) -> QuerySet[Note]:
        rows = self.case.notes.order_by("id")
        return rows if self.compliance else rows.filter(wall=False)

    @property
    def decisions(self) -> QuerySet[Decision]:
        rows = self.case.decisions.order_by("-id")
        return rows if self.compliance else rows.filter(wall=False)

    @property
    def events(self) -> QuerySet[AuditEvent]:
        rows = self.case.events.order_by("id")
        return rows if self.compliance else rows.filter(wall=False)

    @property
    def hits(self) -> QuerySet[ScreeningHit]:
        """Without standing behind the wall, once the case is there: none of them."""
        rows = self.case.account.screening_hits.order_by("-score", "id")
        return rows if self.screening else rows.none()


def view_of(case: Case, user: User) -> View:
    """What `user` sees of `case`. Not whether: that is `visible_to`."""
    compliance = bool(user.is_active and user.sees_compliance)
    behind = case.queue == Case.Queue.COMPLIANCE
    hidden = behind and not compliance
    hold = case.account.holds.filter(live=True).first()
    return View(
        case=case,
        user=user,
        compliance=compliance,
        behind_wall=behind,
        state_label=state_label(case, compliance),
        state_since_shown=not hidden,
        holder_shown=not hidden,
        hold_label=hold_label(hold, compliance),
        hold_details=compliance or (hold is not None and hold.level == Hold.Level.SOFT),
        screening=not hidden,
        proposals=not hidden,
    )


def state_label(case: Case, compliance: bool) -> str:
    """The state in words. Whether compliance proposes something is compliance's own matter."""
    if case.queue == Case.Queue.COMPLIANCE and not compliance and case.state != State.CLOSED:
        return "with compliance"
    return State(case.state).label


def shown_state(case: Case, compliance: bool) -> str:
    """The state for programs: as `state_label`, in the words of the state table."""
    if case.queue == Case.Queue.COMPLIANCE and not compliance and case.state in PROGRESS:
        return State.IN_COMPLIANCE
    return case.state


def in_shown_states(rows: QuerySet[Case], states: list[str], user: User) -> QuerySet[Case]:
    """The cases that `user` sees in one of `states`: a filter tells no more than the row does."""
    if sees_compliance(user):
        return rows.filter(state__in=states)
    progress = Q(queue=Case.Queue.COMPLIANCE, state__in=PROGRESS)
    wanted = Q(state__in=states) & ~progress
    return rows.filter(wanted | progress if State.IN_COMPLIANCE in states else wanted)


def with_details(rows: QuerySet[Case], user: User) -> QuerySet[Case]:
    """The cases of which `user` sees holder and deadline: only those may be asked for by them."""
    return rows if sees_compliance(user) else rows.exclude(queue=Case.Queue.COMPLIANCE)


def veiled(case: Case, user: User) -> Case:
    """`case` as `user` may see it, for showing only: what is hidden is taken off this object."""
    if case.queue == Case.Queue.COMPLIANCE and not sees_compliance(user):
        case.state = shown_state(case, compliance=False)
        case.assignee = case.claimed_until = case.snoozed_until = case.due_at = None
        case.snooze = {}
    return case


def veil(cases: Iterable[Case], user: User) -> list[Case]:
    """All of `cases` as `user` may see them."""
    return [veiled(case, user) for case in cases]


def hold_label(hold: Hold | None, compliance: bool) -> str:
    """How the money stands, in words. Outside of compliance a hold is a hold."""
    if hold is None or hold.level in (Hold.Level.NORMAL, Hold.Level.RELEASED):
        return "payouts run"
    if hold.level == Hold.Level.RETURNED:
        return "payouts returned to the client" if compliance else "payouts on hold"
    return hold.get_level_display().lower() if compliance else "payouts on hold"
