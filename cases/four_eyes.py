"""Who may be the second person. Each answer is a sentence, or nothing when they may.

The database asks the same again (`four_eyes` triggers): this module is for people, those are
for whoever comes past it.
"""

from django.db.models import Q

from cases.models import Case, CaseSkip, CaseWorker, Decision, User, VerificationAttempt

COMPLY = "cases.comply_case"


def why_not_approve(decision: Decision, user: User) -> str:
    """Why `user` may not be the second person on `decision`.

    Not the proposer, nobody who ever held a case of this account or recorded one of its
    verifications: reopening, reassigning or a later case gives no way around it.
    """
    case = decision.case
    if decision.state != Decision.State.PROPOSED:
        return f"This proposal is {decision.get_state_display().lower()} already."
    if decision.proposed_by_id == user.pk:
        return "You proposed this; a second person must approve it."
    if case.assignee_id == user.pk or worked_on(case, user):
        return "You worked on a case of this account; somebody who did not must approve."
    if recorded_verification(case, user):
        return "You recorded a verification of this account; somebody else must approve."
    if in_conflict(case, user):
        return "You declared a conflict of interest on this case."
    if decision.needs_officer and not user.has_perm(COMPLY):
        return "Under this typology a compliance officer must approve an off-boarding."
    return ""


def why_not_reject(decision: Decision, user: User) -> str:
    """Why `user` may not reject `decision`."""
    if decision.state != Decision.State.PROPOSED:
        return f"This proposal is {decision.get_state_display().lower()} already."
    if decision.proposed_by_id == user.pk:
        return "You proposed this; withdraw it instead."
    if in_conflict(decision.case, user):
        return "You declared a conflict of interest on this case."
    return ""


def why_not_withdraw(decision: Decision, user: User) -> str:
    """Why `user` may not withdraw `decision`."""
    if decision.state != Decision.State.PROPOSED:
        return f"This proposal is {decision.get_state_display().lower()} already."
    if decision.proposed_by_id != user.pk:
        return f"Only {decision.proposed_by}, who proposed it, may withdraw it."
    return ""


def why_not_overturn(case: Case, user: User) -> str:
    """Why `user` may not overturn the decision that stands on `case`."""
    decision = standing(case)
    if decision is None:
        return "There is no decision to overturn."
    if user.pk in (decision.proposed_by_id, decision.approved_by_id):
        return "You decided this; somebody else must look at it again."
    return ""


def standing(case: Case) -> Decision | None:
    """The decision that is in force: the latest approved one."""
    approved = case.decisions.filter(state=Decision.State.APPROVED)
    return approved.order_by("-approved_at", "-id").first()


def worked_on(case: Case, user: User) -> bool:
    """Whether `user` ever held this case or an earlier one of the same account."""
    return CaseWorker.objects.filter(case__account_id=case.account_id, user=user).exists()


def recorded_verification(case: Case, user: User) -> bool:
    """Whether `user` performed or recorded a verification of this account."""
    attempts = VerificationAttempt.objects.filter(verification__account_id=case.account_id)
    return attempts.filter(Q(recorded_by=user) | Q(performed_by=user)).exists()


def in_conflict(case: Case, user: User) -> bool:
    """Whether `user` said not to be impartial on a case of this account."""
    skips = CaseSkip.objects.filter(case__account_id=case.account_id, user=user)
    return skips.filter(conflict=True).exists()
