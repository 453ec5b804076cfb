"""What people find about a case that no list and no score can: whose interest, whose identity.

Each is a person's finding with a reason, and each may be found otherwise later; the trail keeps
all of them. Neither moves the case, and neither is evidence: what follows from them is decided.
"""

from django.db import transaction

from cases import audit, four_eyes, permissions, transitions
from cases.models import Account, Case, User
from cases.transitions import NotAllowed

INTERESTS = ("undetermined", "yes", "no")
MAY_NAME_IDENTITY = (permissions.REVIEW, permissions.APPROVE, permissions.COMPLY)


def find_interest(
    case: Case, interest: str, *, actor: User, reason: str, seen: str | None = None
) -> Case:
    """An officer finds whether somebody sanctioned has an interest in the account's property.

    Independent of any hit on a list. Behind the wall, as is its event. `seen` is what the officer
    was shown: when another found otherwise meanwhile, they look again first.
    """
    why_not = why_not_interest(case, actor)
    if why_not:
        permissions.refuse(actor, "blockable_interest", obj=case, because=why_not)
    if interest not in INTERESTS:
        raise NotAllowed(f"{interest!r} is no finding: yes, no or undetermined.")
    _needs_reason(reason)
    with transaction.atomic():
        transitions.lock(case)
        before = case.blockable_interest
        _unless_moved(before, interest, seen)
        case.blockable_interest = interest
        case.save(update_fields=["blockable_interest"])
        audit.record(
            "blockable_interest", actor=actor, case=case, note=reason, wall=True,
            before=before, after=interest,
        )  # fmt: skip
    return case


def why_not_interest(case: Case, user: User) -> str:
    """Why `user` may not find on the interest; empty when they may."""
    if not permissions.is_officer(user):
        return "Only a compliance officer determines a blockable interest."
    return _conflict(case, user)


def find_identity(
    account: Account, identity: str, *, actor: User, reason: str, case: Case | None = None,
    seen: str | None = None,
) -> Account:  # fmt: skip
    """Say whose identity the account carries: own, rented, stolen, invented, undetermined.

    From here on pages say whom the name belongs to: who was robbed of it is not the suspect.
    """
    why_not = why_not_identity(account, actor, case)
    if why_not:
        permissions.refuse(actor, "identity", obj=case or account, because=why_not)
    if identity not in Account.Identity.values:
        raise NotAllowed(f"{identity!r} is no answer to whose identity it is.")
    _needs_reason(reason)
    with transaction.atomic():
        account.refresh_from_db(from_queryset=Account.objects.select_for_update(no_key=True))
        before = account.identity
        _unless_moved(before, identity, seen)
        account.identity = identity
        account.save(update_fields=["identity"])
        audit.record(
            "identity", actor=actor, case=case, account=account, note=reason,
            wall=case is not None and case.queue == Case.Queue.COMPLIANCE,
            before=before, after=identity,
        )  # fmt: skip
    return account


def why_not_identity(account: Account, user: User, case: Case | None = None) -> str:
    """Why `user` may not say whose identity it is; empty when they may."""
    if not any(permissions.allows(user, right) for right in MAY_NAME_IDENTITY):
        return "Only who reviews or decides cases says whose identity it is."
    behind = case is not None and case.queue == Case.Queue.COMPLIANCE
    if behind and not permissions.is_officer(user):
        return "The case is with compliance; an officer says whose identity it is."
    return _conflict(case, user) if case is not None else ""


def _conflict(case: Case, user: User) -> str:
    said = four_eyes.in_conflict(case, user)
    return "You declared a conflict of interest on this case." if said else ""


def _needs_reason(reason: str) -> None:
    if not reason.strip():
        raise NotAllowed("Say what you found it from.")


def _unless_moved(before: str, wanted: str, seen: str | None) -> None:
    if seen is not None and seen != before:
        raise NotAllowed(f"Somebody found otherwise meanwhile: {before}. Look again first.")
    if wanted == before:
        raise NotAllowed(f"It is {before} already.")
