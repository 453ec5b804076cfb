"""What refusals may lead to, and what they never do alone."""

from cases import playbook
from cases.models import Case, Finding, VerificationAttempt
from cases.playbook import Playbook


def refusals(account) -> int:
    """How often the person refused a step on this account; an accommodation is no refusal."""
    attempts = VerificationAttempt.objects.filter(
        verification__account=account, verification__accommodation=False, outcome="refused"
    )
    return attempts.count()


def may_restrict_for_refusals(case: Case) -> str:
    """Why restricting for refusals may not be proposed yet; empty when it may.

    Two refusals and one strong finding that does not come from refusing.
    """
    book = playbook.of(case.typology_code)
    wanted = int(book.decision_number("restrict_refusals"))
    had = refusals(case.account)
    if had < wanted:
        return f"{had} of {wanted} refusals are recorded; ask again and offer an alternative."
    strong = book.decision_number("restrict_strong_flag_weight")
    independent = _scored(case).filter(weight__gte=strong).exclude(code__in=refusal_codes(book))
    if not independent.exists():
        return f"Refusals alone do not restrict: a finding of weight {strong} or more must join."
    return ""


def only_refusals(case: Case, book: Playbook) -> bool:
    """Whether all that is scored against the account is that it refused or did not come."""
    scored = _scored(case)
    return scored.exists() and not scored.exclude(code__in=refusal_codes(book)).exists()


def refusal_codes(book: Playbook) -> set[str]:
    """The indicators that a refusal or a missed appointment makes, by the typology's data."""
    named = ("refusal_indicator", "no_show_indicator")
    return {step[name] for step in book.steps.values() for name in named if step.get(name)}


def _scored(case: Case):
    return Finding.objects.filter(
        account=case.account, shadow=False, withdrawn=False, accommodation=False
    )
