"""Which steps an outcome means for an account, in order. Computed before approval and shown."""

from dataclasses import asdict, dataclass, field
from typing import Any

from cases import playbook
from cases.models import Action, Case, Contract, Decision

TITLES = {
    "preserve_evidence": "Preserve the evidence",
    "warn_client": "Warn the client",
    "suspend_payouts": "Suspend payouts",
    "close_contract": "Close the contract",
    "stop_new_contracts": "Stop bids and new contracts",
    "suspend_account": "Suspend the account",
    "notify_user": "Tell the person",
    "resume_payouts": "Resume payouts",
    "allow_new_contracts": "Allow bids and new contracts again",
    "unsuspend_account": "Open the account again",
    "notify_reversal": "Tell the person that the decision was reversed",
}
# What takes a step back. Payouts are not among them: money moves by a person's hand alone
# (`cases.holds`), never because a decision was overturned.
UNDO = {"suspend_account": "unsuspend_account", "stop_new_contracts": "allow_new_contracts"}


@dataclass(frozen=True)
class Step:
    """One step as it is previewed, and later sent."""

    kind: str
    payload: dict[str, Any] = field(default_factory=dict)
    reversible: bool = False

    @property
    def title(self) -> str:
        return TITLES[self.kind]

    def row(self) -> dict[str, Any]:
        return {**asdict(self), "title": self.title}


def plan(case: Case, outcome: str, notice: str = "") -> list[Step]:
    """The steps that carry `outcome` out on the account of `case`, in their order.

    Clients are warned before anything else reaches the platform: who is found out may turn on
    them. Each client is told once, whatever the number of contracts.
    """
    if outcome not in ("restricted", "offboarded"):
        return []
    book = playbook.of(case.typology_code)
    account = {"account": case.account.ref}
    steps = [Step("preserve_evidence", account)]
    contracts = open_contracts(case)
    if outcome == "offboarded":
        for client in dict.fromkeys(row.client.ref for row in contracts if row.client):
            told = book.notice("client_warned")
            steps.append(Step("warn_client", {**account, "client": client, "text": told}))
        steps.append(Step("suspend_payouts", account))
        steps += [Step("close_contract", {**account, "contract": row.ref}) for row in contracts]
        steps.append(Step("suspend_account", account, reversible=True))
    else:
        steps.append(Step("suspend_payouts", account))
        steps.append(Step("stop_new_contracts", account, reversible=True))
    text = notice.strip() or book.notice(outcome)
    steps.append(Step("notify_user", {**account, "text": text}))
    return steps


def undo_plan(decision: Decision, outcome: str, notice: str = "") -> list[Step]:
    """The steps that take `decision` back, the last one first, then those of the new outcome."""
    done = decision.actions.filter(
        state=Action.State.ACKNOWLEDGED, reversible=True, undo_of=None
    ).order_by("-position")
    account = {"account": decision.case.account.ref}
    steps = [
        Step(UNDO[row.kind], {**account, "undoes": row.pk}) for row in done if row.kind in UNDO
    ]
    if outcome in ("restricted", "offboarded"):
        return [*steps, *plan(decision.case, outcome, notice)]
    book = playbook.of(decision.case.typology_code)
    text = notice.strip() or book.notice("overturned")
    return [*steps, Step("notify_reversal", {**account, "text": text})]


def open_contracts(case: Case) -> list[Contract]:
    """The account's contracts that are open, as freelancer or as client, oldest first."""
    account = case.account
    rows = account.contracts_taken.filter(closed_at=None) | account.contracts_given.filter(
        closed_at=None
    )
    return list(rows.select_related("client").order_by("opened_at", "id"))
