"""Which accounts make a ring: components over strong links, as analysts' hands left them.

Strong links and pins join, the strongest first and those of accounts that were cut out last; a
join that would bring such an account together with those it was cut from is left out. That order
makes the outcome the same however it came about, and lets a cut survive whatever grows around it.
Only what hangs together with a change is looked at.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from django.utils import timezone

from cases.rules import LinkRules

CHANGED = """
SELECT a, b, before, after FROM work_link
WHERE (before >= %(join)s) <> (after >= %(join)s)
   OR (%(strict)s AND before >= %(join)s AND after >= %(join)s)
"""
STRONG = """
SELECT a_id, b_id, strength FROM cases_link WHERE a_id = ANY(%(ids)s) AND strength >= %(join)s
UNION
SELECT a_id, b_id, strength FROM cases_link WHERE b_id = ANY(%(ids)s) AND strength >= %(join)s
"""
HANDS = """
SELECT kind, account_id, other_id, anchors FROM cases_ringoverride
WHERE undone_at IS NULL AND kind IN ('pin', 'cut')
  AND (account_id = ANY(%(ids)s) OR other_id = ANY(%(ids)s)) ORDER BY id
"""
WITH_THEIR_RINGS = """
SELECT m.id FROM cases_account m
WHERE m.ring_id IN (SELECT ring_id FROM cases_account
                    WHERE id = ANY(%(ids)s) AND ring_id IS NOT NULL)
"""


@dataclass
class Hands:
    """What analysts said about a set of accounts."""

    pins: set[tuple[int, int]] = field(default_factory=set)
    cuts: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    cut_links: set[tuple[int, int]] = field(default_factory=set)

    def forbid(self, one: set[int], other: set[int]) -> bool:
        """Whether joining the two would bring a cut account to those it was cut from."""
        for mine, theirs in ((one, other), (other, one)):
            for account in self.cuts.keys() & mine:
                if self.cuts[account] & theirs:
                    return True
        return False


def take_links(cursor, rules: LinkRules) -> set[int]:
    """Bring rings in line with the links that changed (work_link). The accounts that moved."""
    cursor.execute("SELECT EXISTS (SELECT FROM cases_ringoverride WHERE undone_at IS NULL)")
    strict = cursor.fetchone()[0]
    cursor.execute(CHANGED, {"join": rules.join, "strict": strict})
    changed = cursor.fetchall()
    if not changed:
        return set()
    grown = [(a, b) for a, b, before, after in changed if after >= rules.join]
    if not strict and len(grown) == len(changed):
        return _grow(cursor, grown)
    return recompute(cursor, {each for a, b, *_ in changed for each in (a, b)}, rules)


def recompute(cursor, seeds: Iterable[int], rules: LinkRules) -> set[int]:
    """Bring the rings of these accounts, and all that hang together with them, in line."""
    region, links, hands = _region(cursor, set(seeds), rules)
    groups = components(region, links, hands, _refs(cursor, region))
    return _write(cursor, region, [group for group in groups if len(group) > 1])


def components(
    accounts: Iterable[int],
    links: dict[tuple[int, int], Decimal],
    hands: Hands,
    refs: dict[int, str],
) -> list[set[int]]:
    """The groups that strong links and pins make, kept apart where they were cut."""
    group_of: dict[int, set[int]] = {account: {account} for account in accounts}

    def join(a: int, b: int) -> None:
        one, other = group_of[a], group_of[b]
        if one is other or (hands.cuts and hands.forbid(one, other)):
            return
        if len(one) < len(other):
            one, other = other, one
        one |= other
        for account in other:
            group_of[account] = one

    def order(item: tuple[tuple[int, int], Decimal]) -> tuple:
        (a, b), strength = item
        return (a in hands.cuts or b in hands.cuts, -strength, *sorted((refs[a], refs[b])))

    for a, b in sorted(hands.pins, key=lambda pair: sorted((refs[pair[0]], refs[pair[1]]))):
        join(a, b)
    ordered = sorted(links.items(), key=order) if hands.cuts else links.items()
    for (a, b), _ in ordered:
        if (a, b) not in hands.cut_links:
            join(a, b)
    return list({id(group): group for group in group_of.values()}.values())


def _region(
    cursor, seeds: set[int], rules: LinkRules
) -> tuple[set[int], dict[tuple[int, int], Decimal], Hands]:
    """Everything reachable from the seeds over strong links, pins and present rings."""
    region: set[int] = set()
    links: dict[tuple[int, int], Decimal] = {}
    hands = Hands()
    edge = set(seeds)
    while edge:
        ids = list(edge)
        cursor.execute(WITH_THEIR_RINGS, {"ids": ids})
        edge |= {row[0] for row in cursor.fetchall()} - region
        region |= edge
        params = {"ids": list(edge), "join": rules.join}
        cursor.execute(STRONG, params)
        reached: set[int] = set()
        for a, b, strength in cursor.fetchall():
            links[a, b] = strength
            reached |= {a, b}
        cursor.execute(HANDS, params)
        for kind, account, other, anchors in cursor.fetchall():
            if kind == "pin":
                hands.pins.add((min(account, other), max(account, other)))
                reached |= {account, other}
            elif other is not None:
                hands.cut_links.add((min(account, other), max(account, other)))
            else:
                hands.cuts[account] |= set(json.loads(anchors))
        edge = reached - region
    return region, links, hands


def _refs(cursor, ids: set[int]) -> dict[int, str]:
    cursor.execute("SELECT id, ref FROM cases_account WHERE id = ANY(%s)", [list(ids)])
    return dict(cursor.fetchall())


def _grow(cursor, pairs: list[tuple[int, int]]) -> set[int]:
    """Only new joins, and no analyst's hand anywhere: rings and lone accounts are united.

    Costs what the change costs, not what the ring does.
    """
    ids = list({each for pair in pairs for each in pair})
    cursor.execute(
        "SELECT a.id, a.ring_id, r.size FROM cases_account a"
        " LEFT JOIN cases_ring r ON r.id = a.ring_id WHERE a.id = ANY(%s)",
        [ids],
    )
    ring_of, size_of = {}, {}
    for account, ring, size in cursor.fetchall():
        ring_of[account] = ring
        size_of[ring] = size
    node = {each: ("ring", ring_of[each]) if ring_of[each] else ("account", each) for each in ids}
    group_of = {each: {each} for each in node.values()}
    for a, b in pairs:
        one, other = group_of[node[a]], group_of[node[b]]
        if one is not other:
            one |= other
            for each in other:
                group_of[each] = one
    moved: set[int] = set()
    for group in {id(group): group for group in group_of.values()}.values():
        if len(group) > 1:
            moved |= _unite(cursor, group, size_of)
    return moved


def _unite(cursor, group: set[tuple[str, int]], size_of: dict) -> set[int]:
    rings = sorted(
        (key for kind, key in group if kind == "ring"), key=lambda ring: (-size_of[ring], ring)
    )
    lone = [key for kind, key in group if kind == "account"]
    keep = rings[0] if rings else _new_rings(cursor, 1)[0]
    cursor.execute(
        "UPDATE cases_account SET ring_id = %s, ring_since = %s"
        " WHERE id = ANY(%s) OR ring_id = ANY(%s) RETURNING id",
        [keep, timezone.now(), lone, rings[1:]],
    )
    moved = {row[0] for row in cursor.fetchall()}
    _resize(cursor, {keep, *rings})
    return moved


def _write(cursor, region: set[int], groups: list[set[int]]) -> set[int]:
    """Give each group its ring. A ring's number stays with most of its members."""
    cursor.execute(
        "SELECT id, ring_id FROM cases_account WHERE id = ANY(%s) AND ring_id IS NOT NULL",
        [list(region)],
    )
    old = dict(cursor.fetchall())
    claims = []
    for index, group in enumerate(groups):
        counts: dict[int, int] = defaultdict(int)
        for account in group:
            if account in old:
                counts[old[account]] += 1
        claims += [(-count, ring, min(group), index) for ring, count in counts.items()]
    ring_of: dict[int, int] = {}
    for _, ring, _, index in sorted(claims):
        if index not in ring_of and ring not in ring_of.values():
            ring_of[index] = ring
    fresh = [index for index in range(len(groups)) if index not in ring_of]
    for index, ring in zip(fresh, _new_rings(cursor, len(fresh)), strict=True):
        ring_of[index] = ring
    wanted = {account: ring_of[index] for index, group in enumerate(groups) for account in group}
    moves = {each: wanted.get(each) for each in region if old.get(each) != wanted.get(each)}
    if moves:
        cursor.execute(
            "UPDATE cases_account a SET ring_id = m.ring,"
            " ring_since = CASE WHEN m.ring IS NOT NULL THEN %s::timestamptz END"
            " FROM unnest(%s::bigint[], %s::bigint[]) m(id, ring) WHERE a.id = m.id",
            [timezone.now(), list(moves), list(moves.values())],
        )
        _resize(cursor, {*old.values(), *ring_of.values()})
    return set(moves)


def _new_rings(cursor, count: int) -> list[int]:
    if not count:
        return []
    cursor.execute(
        "INSERT INTO cases_ring (created_at, changed_at, size)"
        " SELECT now(), now(), 0 FROM generate_series(1, %s) RETURNING id",
        [count],
    )
    return sorted(row[0] for row in cursor.fetchall())


def _resize(cursor, rings: set[int]) -> None:
    cursor.execute(
        "UPDATE cases_ring r SET size = c.members, changed_at = now(),"
        " dissolved_at = CASE WHEN c.members = 0 THEN coalesce(r.dissolved_at, now()) END"
        " FROM (SELECT k AS id, (SELECT count(*) FROM cases_account WHERE ring_id = k) AS members"
        "       FROM unnest(%s::bigint[]) k) c"
        " WHERE r.id = c.id",
        [list(rings)],
    )
