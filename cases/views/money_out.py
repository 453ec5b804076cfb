"""Can money leave tonight? The answer in a sentence, and where it would go."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cases.models import Account, Contract, Hold, PayoutMethod, User
from cases.views.rail import shown_level

HELD = ("soft_hold", "compliance_hold", "blocked_property")
MOST = 4


@dataclass
class MoneyOut:
    """`tone` and `words` answer the question; the rest is what a reader would ask next."""

    tone: str
    words: str
    methods: list[PayoutMethod]
    more: int
    contracts: int
    worth: Decimal
    others: list[str]


def of(account: Account, user: User, *, hold: Hold | None) -> MoneyOut:
    """What is known of the account's ways out; four queries at most, however many there are."""
    methods = list(
        PayoutMethod.objects.visible_to(user)
        .filter(account=account, removed_at=None)
        .select_related("trait")
        .order_by("-added_at")[:50]
    )
    role, other = ("client", "freelancer") if account.kind == "client" else ("freelancer", "client")
    contracts = list(
        Contract.objects.visible_to(user)
        .filter(closed_at=None, **{role: account})
        .select_related(other)
        .order_by("-opened_at")[:200]
    )
    refs = {getattr(row, other).ref for row in contracts if getattr(row, other)}
    tone, words = answer(hold, shown_level(hold.level, user) if hold else "")
    return MoneyOut(
        tone=tone,
        words=words,
        methods=methods[:MOST],
        more=max(0, len(methods) - MOST),
        contracts=len(contracts),
        worth=sum((row.amount_usd or Decimal(0) for row in contracts), Decimal(0)),
        others=sorted(refs)[:6],
    )


def answer(hold: Hold | None, level: str) -> tuple[str, str]:
    """(tone, sentence). A hold counts as one only once the platform said that it holds. `level`
    is how far the reader may know it."""
    if hold is None:
        return "warn", "Yes. Nothing is held: payouts go out as usual."
    if level == "returned_to_client":
        return "muted", "What was held went back to the client. New payouts go out."
    if level not in HELD:
        return "warn", "Yes. Payouts go out."
    if hold.acknowledged_at:
        return "ok", "No. Payouts are held, and the platform confirmed it."
    return "danger", "Perhaps. The hold is not confirmed by the platform."
