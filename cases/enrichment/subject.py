"""An account as analyzers see it, read for many accounts with a fixed number of queries."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from cases.models import Account, PayoutMethod, Sighting
from cases.screening import engine

# A trait of an account over this many is cut: an analyzer is about a person, not a proxy farm.
MOST_TRAITS = 2_000


@dataclass(frozen=True, slots=True)
class Used:
    """A trait that the account uses."""

    trait: int
    kind: str
    value: str
    sharers: int
    infrastructure: str


@dataclass(slots=True)
class Subject:
    account: Account
    lists: str = ""
    traits: list[Used] = field(default_factory=list)
    holders: list[tuple[str, str]] = field(default_factory=list)

    def used(self, *kinds: str) -> list[Used]:
        return [trait for trait in self.traits if trait.kind in kinds]


def load(account_ids: Collection[int]) -> dict[int, Subject]:
    """Subjects by account id, with the lists in force. Four queries, however many accounts."""
    lists = engine.signature()
    found = {a.pk: Subject(a, lists) for a in Account.objects.filter(pk__in=account_ids)}
    holders: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for account, name, country in PayoutMethod.objects.filter(account__in=found).values_list(
        "account_id", "holder_name", "country"
    ):
        if name.strip():
            holders[account].add((name.strip(), country))
    rows = Sighting.objects.filter(account__in=found).values_list(
        "account_id", "trait_id", "trait__kind", "trait__value", "trait__sharers",
        "trait__infrastructure",
    )  # fmt: skip
    for account, *rest in rows.order_by("trait_id").iterator():
        subject = found[account]
        if len(subject.traits) < MOST_TRAITS:
            subject.traits.append(Used(*rest))
    for pk, subject in found.items():
        subject.holders = sorted(holders[pk])
    return found


def digest(*parts: object) -> str:
    """A short name for inputs: the same inputs are the same work."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]
