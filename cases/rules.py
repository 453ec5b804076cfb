"""The numbers in force, read from the active policies in the form that the steps need."""

import json
from dataclasses import dataclass
from decimal import Decimal

from cases.models import Policy

NEAR_PARTS, NEAR_PART_BITS = 4, 16
# Four parts, each looked up with at most one bit changed, find every hash up to this distance.
NEAR_REACH = 2 * NEAR_PARTS - 1


class NoPolicy(Exception):
    """No policy is active: typologies must be loaded first."""


@dataclass(frozen=True)
class LinkRules:
    """How shared traits make links. `kinds` are the rows that the SQL joins with."""

    policy_id: int
    kinds: str
    infrastructure: Decimal
    declared: Decimal
    relation_factors: str
    keep: Decimal
    join: Decimal
    offer: Decimal
    near: dict[str, int]
    caps: dict[str, int]

    def params(self) -> dict:
        return {
            "kinds": self.kinds,
            "infrastructure": self.infrastructure,
            "declared": self.declared,
            "factors": self.relation_factors,
            "keep": self.keep,
        }


def active() -> list[Policy]:
    """The policies in force, the oldest typology first."""
    return sorted(Policy.objects.filter(active=True), key=lambda row: (row.pk, row.typology_code))


def links() -> LinkRules:
    """The link numbers in force.

    Links do not belong to a typology: with several active, those of the first that was loaded
    and has any count.
    """
    first = Policy.objects.order_by("id").values_list("typology_code", flat=True)
    order = list(dict.fromkeys(first))
    policies = [row for row in active() if "links" in row.data]
    if not policies:
        raise NoPolicy("no active policy has link numbers: run load_typologies")
    return link_rules(min(policies, key=lambda row: order.index(row.typology_code)))


def links_or_none() -> LinkRules | None:
    """The link numbers in force, None when no policy has any."""
    try:
        return links()
    except NoPolicy:
        return None


def link_rules(policy: Policy) -> LinkRules:
    data = policy.data["links"]
    near = {kind: min(row["max_distance"], NEAR_REACH) for kind, row in data["near"].items()}
    kinds = [
        {
            "kind": kind,
            "weight": str(row["weight"]),
            "soft": row["rarity_soft"],
            "hard": row["rarity_hard"],
            "at_most": str(row["at_most"]) if "at_most" in row else None,
            "near": kind in near,
        }
        for kind, row in sorted(data["kinds"].items())
    ]
    return LinkRules(
        policy_id=policy.pk,
        kinds=json.dumps(kinds),
        infrastructure=Decimal(str(data["infrastructure_factor"])),
        declared=Decimal(str(data["declared_relation_factor"])),
        relation_factors=json.dumps(
            {kind: str(value) for kind, value in data.get("relation_factors", {}).items()}
        ),
        keep=Decimal(str(data.get("keep", 1))),
        join=Decimal(str(data["join"])),
        offer=Decimal(str(data["offer"])),
        near=near,
        caps={kind: row["rarity_hard"] for kind, row in data["kinds"].items()},
    )
