"""What a ring shows: its members, the links between them, and who might belong to it.

Five queries for a page of rings, however many rings and members there are.
"""

from collections import defaultdict

from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from cases import rules
from cases.models import Account, Link, Ring, RingOverride, User

LINKS_SHOWN = 2_000
OFFERS_SHOWN = 200


def fill(rings: list[Ring], user: User) -> None:
    """Put `shown_members`, `shown_links`, `shown_offers` and `shown_overrides` to each ring.

    The strongest links come first; of a very large ring the weakest are left out.
    """
    ids = [ring.pk for ring in rings]
    members = _members(ids, user)
    links = _links(ids, user)
    overrides = _overrides(ids, user)
    offers = _offers(ids, user)
    for ring in rings:
        ring.shown_members = members[ring.pk]
        ring.shown_links = links[ring.pk]
        ring.shown_offers = offers[ring.pk]
        ring.shown_overrides = overrides[ring.pk]


def _members(ids: list[int], user: User) -> dict[int, list[str]]:
    found = defaultdict(list)
    rows = Account.objects.visible_to(user).filter(ring__in=ids).order_by("ref")
    for ring, ref in rows.values_list("ring_id", "ref"):
        found[ring].append(ref)
    return found


def _links(ids: list[int], user: User) -> dict[int, list[dict]]:
    rank = Window(RowNumber(), partition_by=F("a__ring"), order_by=["-strength", "a_id", "b_id"])
    rows = (
        Link.objects.visible_to(user)
        .filter(a__ring__in=ids, b__ring=F("a__ring"))
        .annotate(rank=rank)
        .filter(rank__lte=LINKS_SHOWN)
        .order_by("rank")
        .values("a__ring", "a__ref", "b__ref", "strength")
    )
    found = defaultdict(list)
    for row in rows:
        found[row["a__ring"]].append(
            {"a": row["a__ref"], "b": row["b__ref"], "strength": row["strength"]}
        )
    return found


def _overrides(ids: list[int], user: User) -> dict[int, list[RingOverride]]:
    """The live overrides by ring: those that name a member, and cuts of who was a member."""
    anchors = {row["pk"]: row["ring_id"] for row in _rings_of_anchors(ids, user)}
    rows = (
        RingOverride.objects.visible_to(user)
        .filter(undone_at=None)
        .filter(Q(account__ring__in=ids) | Q(other__ring__in=ids) | Q(kind="cut"))
        .select_related("account", "other", "made_by")
        .order_by("id")
    )
    found = defaultdict(list)
    for row in rows:
        rings = {row.account.ring_id, row.other.ring_id if row.other else None}
        rings |= {anchors.get(pk) for pk in row.anchors}
        for ring in rings & set(ids):
            found[ring].append(row)
    return found


def _rings_of_anchors(ids: list[int], user: User) -> QuerySet:
    return Account.objects.visible_to(user).filter(ring__in=ids).values("pk", "ring_id")


def overrides_of(ring: Ring, user: User) -> dict[int, RingOverride]:
    """The live overrides that shape this ring, by number."""
    return {row.pk: row for row in _overrides([ring.pk], user)[ring.pk]}


def _offers(ids: list[int], user: User) -> dict[int, list[dict]]:
    """Links too weak to join and strong enough to show, from a member to somebody outside."""
    numbers = rules.links()
    declined = RingOverride.objects.visible_to(user).filter(undone_at=None, kind="decline")
    refused = {frozenset(pair) for pair in declined.values_list("account_id", "other_id")}
    rows = (
        Link.objects.visible_to(user)
        .filter(strength__gte=numbers.offer, strength__lt=numbers.join)
        .filter(Q(a__ring__in=ids) | Q(b__ring__in=ids))
        .exclude(a__ring=F("b__ring"))
        .order_by("-strength", "a_id", "b_id")
        .values_list("a_id", "b_id", "a__ref", "b__ref", "a__ring", "b__ring", "strength")
    )
    found: dict[int, list[dict]] = defaultdict(list)
    for a, b, a_ref, b_ref, a_ring, b_ring, strength in rows:
        if frozenset((a, b)) in refused:
            continue
        for ring, member, other in ((a_ring, a_ref, b_ref), (b_ring, b_ref, a_ref)):
            if ring in ids and len(found[ring]) < OFFERS_SHOWN:
                found[ring].append({"member": member, "account": other, "strength": strength})
    return found
