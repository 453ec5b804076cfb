"""What a page says about a ring: members, and the traits that hold it together. Four queries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from cases import wall
from cases.models import Account, Case, Ring, Trait, User

MOST_MEMBERS = 500
MOST_TRAITS = 200

# Traits that two members or more have, with how many members and how many accounts in all.
_SHARED = """
SELECT t.id, t.kind, t.value, t.sharers, t.infrastructure, count(*) AS here,
       (array_agg(s.account_id ORDER BY s.account_id))[1:500] AS members
FROM cases_sighting s
JOIN cases_account a ON a.id = s.account_id
JOIN cases_trait t ON t.id = s.trait_id
WHERE a.ring_id = %s
GROUP BY t.id
HAVING count(*) > 1
ORDER BY (t.infrastructure <> ''), count(*) DESC, t.sharers, t.id
LIMIT %s
"""


@dataclass
class Shared:
    """A trait of the ring and how many share it, inside and in all."""

    pk: int
    kind: str
    value: str
    sharers: int
    infrastructure: str
    here: int
    members: list[int]
    refs: list[str] = field(default_factory=list)


@dataclass
class Overview:
    ring: Ring
    members: list[Account]
    traits: list[Shared]
    more: int = 0

    @property
    def cases(self) -> int:
        return sum(1 for member in self.members if member.case is not None)


def overview(ring: Ring, user: User) -> Overview:
    """The ring as a list: each member with its own case and the traits it shares with others."""
    members = list(
        Account.objects.visible_to(user)
        .filter(ring=ring)
        .order_by("-score", "ref")[: MOST_MEMBERS + 1]
    )
    more = max(0, ring.size - MOST_MEMBERS) if len(members) > MOST_MEMBERS else 0
    members = members[:MOST_MEMBERS]
    cases = newest_cases(user, [member.pk for member in members])
    traits = shared_traits(ring)
    by_pk: dict[int, Any] = {member.pk: member for member in members}
    for member in members:
        member.case = cases.get(member.pk)
        member.shares = []
    for trait in traits:
        for pk in trait.members:
            if pk in by_pk:
                trait.refs.append(by_pk[pk].ref)
                by_pk[pk].shares.append(trait)
    return Overview(ring, members, traits, more)


def newest_cases(user: User, accounts: list[int]) -> dict[int, Case]:
    """For each account its open case, else the one that was opened last."""
    rows = (
        Case.objects.visible_to(user)
        .filter(account__in=accounts)
        .select_related("assignee")
        .order_by("account_id", "closed_at", "opened_at")
    )
    found: dict[int, Case] = {}
    for row in wall.veil(rows, user):
        kept = found.get(row.account_id)
        if kept is None or kept.state == Case.State.CLOSED:
            found[row.account_id] = row
    return found


def shared_traits(ring: Ring) -> list[Shared]:
    with connection.cursor() as cursor:
        cursor.execute(_SHARED, [ring.pk, MOST_TRAITS])
        return [Shared(*row) for row in cursor.fetchall()]


def traits_of(account: Account, user: User) -> list[Any]:
    """What the account uses, the rarest shared first, with first and last sighting."""
    rows = account.sightings.visible_to(user).select_related("trait")
    return list(rows.order_by("trait__infrastructure", "-trait__sharers", "-last_at")[:200])


def trait_kinds() -> list[tuple[str, str]]:
    return list(Trait.Kind.choices)
