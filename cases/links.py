"""Links: how strongly two accounts hang together, and by what.

strength = sum over shared traits of weight × rarity × infrastructure × declared, each line rounded
to three digits. Rarity is 1 up to the kind's soft cap and soft ÷ sharers beyond; a trait with more
sharers than the hard cap makes no pair. Of near-duplicates (images, texts) the best match of each
kind counts, with the sharers of the more common side. Some kinds are capped per pair, so that
addresses alone never join. `docs/correlation.md` shows how the numbers were found.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from cases import rules, working
from cases.rules import LinkRules

LINES = """
WITH pair AS ({pairs}),
kind AS (
    SELECT * FROM jsonb_to_recordset(%(kinds)s)
        AS k(kind text, weight numeric, soft int, hard int, at_most numeric, near boolean)
), declared AS (
    SELECT p.a, p.b, min(coalesce((%(factors)s::jsonb ->> r.kind)::numeric, %(declared)s)) AS factor
    FROM pair p
    JOIN cases_relationmember x ON x.account_id = p.a
    JOIN cases_relationmember y ON y.account_id = p.b AND y.relation_id = x.relation_id
    JOIN cases_relation r ON r.id = x.relation_id AND r.active
    GROUP BY p.a, p.b
), same AS (
    SELECT p.a, p.b, x.trait_id, x.trait_id AS other_id FROM pair p
    JOIN cases_sighting x ON x.account_id = p.a
    JOIN cases_sighting y ON y.trait_id = x.trait_id AND y.account_id = p.b
), close AS (
    SELECT p.a, p.b, e.a_id AS trait_id, e.b_id AS other_id, e.distance FROM pair p
    JOIN cases_sighting x ON x.account_id = p.a
    JOIN cases_traitnear e ON e.a_id = x.trait_id
    JOIN cases_sighting y ON y.trait_id = e.b_id AND y.account_id = p.b
    UNION ALL
    SELECT p.a, p.b, e.b_id, e.a_id, e.distance FROM pair p
    JOIN cases_sighting x ON x.account_id = p.a
    JOIN cases_traitnear e ON e.b_id = x.trait_id
    JOIN cases_sighting y ON y.trait_id = e.a_id AND y.account_id = p.b
), shared AS (
    SELECT s.a, s.b, t.kind, t.value, t.value AS other_value, t.infrastructure, t.sharers,
           0 AS distance, k.weight, k.soft, k.at_most, k.near
    FROM same s JOIN cases_trait t ON t.id = s.trait_id JOIN kind k ON k.kind = t.kind
    WHERE t.sharers BETWEEN 2 AND k.hard
    UNION ALL
    SELECT c.a, c.b, t.kind, t.value, o.value,
           CASE WHEN t.infrastructure <> '' THEN t.infrastructure ELSE o.infrastructure END,
           greatest(t.sharers, o.sharers), c.distance, k.weight, k.soft, k.at_most, k.near
    FROM close c JOIN cases_trait t ON t.id = c.trait_id JOIN cases_trait o ON o.id = c.other_id
    JOIN kind k ON k.kind = t.kind AND k.near
    WHERE greatest(t.sharers, o.sharers) BETWEEN 2 AND k.hard
), weighed AS (
    SELECT *, least(1, round(soft::numeric / sharers, 4)) AS rarity,
           CASE WHEN infrastructure <> '' THEN %(infrastructure)s ELSE 1 END AS place
    FROM shared
), ranked AS (
    SELECT *, round(weight * rarity * place, 3) AS full_points,
           row_number() OVER (
               PARTITION BY a, b, kind
               ORDER BY weight * rarity * place DESC, distance,
                        least(value, other_value), greatest(value, other_value), value
           ) AS rank
    FROM weighed
), summed AS (
    SELECT *, coalesce(sum(full_points) OVER (
        PARTITION BY a, b, kind ORDER BY rank ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ), 0) AS earlier
    FROM ranked WHERE rank = 1 OR NOT near
), capped AS (
    SELECT *, CASE WHEN at_most IS NULL THEN full_points
                   ELSE least(full_points, greatest(at_most - earlier, 0)) END AS capped_points
    FROM summed
)
SELECT c.a, c.b, c.kind, c.value, c.other_value, c.sharers, c.weight, c.rarity, c.infrastructure,
       c.place, coalesce(d.factor, 1) AS declared, c.distance, c.full_points, c.capped_points,
       round(c.capped_points * coalesce(d.factor, 1), 3) AS points
FROM capped c LEFT JOIN declared d ON d.a = c.a AND d.b = c.b
"""
FROM_WORK = "SELECT a, b FROM work_pair"
FROM_LISTS = "SELECT a, b FROM unnest(%(a)s::bigint[], %(b)s::bigint[]) AS p(a, b)"

# Reads work_dirty, work_new. Fills work_pair.
KIND = """
SELECT * FROM jsonb_to_recordset(%(kinds)s) AS k(kind text, soft int, hard int, near boolean)
"""
PAIRS = f"""
WITH kind AS ({KIND}), dirty AS (
    SELECT d.*, k.hard, k.near, d.after <= k.soft AND NOT d.restated AS calm,
           d.after BETWEEN 2 AND k.hard AS makes, d.before BETWEEN 2 AND k.hard AS made
    FROM work_dirty d JOIN kind k ON k.kind = d.kind
), pair AS (
    -- one more sharer, all still below the soft cap: only the new one's pairs
    SELECT n.account_id AS x, s.account_id AS y
    FROM dirty d JOIN work_new n ON n.trait_id = d.trait_id
    JOIN cases_sighting s ON s.trait_id = d.trait_id
    WHERE d.makes AND d.calm AND NOT d.near
    UNION
    -- rarity or standing changed: all pairs
    SELECT s.account_id, o.account_id
    FROM dirty d JOIN cases_sighting s ON s.trait_id = d.trait_id
    JOIN cases_sighting o ON o.trait_id = d.trait_id AND o.account_id > s.account_id
    WHERE d.makes AND NOT d.calm AND NOT d.near
    UNION
    -- just over the hard cap: the pairs that it used to make
    SELECT s.account_id, o.account_id
    FROM dirty d JOIN cases_sighting s ON s.trait_id = d.trait_id
    JOIN cases_sighting o ON o.trait_id = d.trait_id AND o.account_id > s.account_id
    WHERE d.made AND NOT d.makes AND NOT d.near
      AND NOT EXISTS (SELECT FROM work_new n
                      WHERE n.trait_id = d.trait_id AND n.account_id = s.account_id)
      AND NOT EXISTS (SELECT FROM work_new n
                      WHERE n.trait_id = d.trait_id AND n.account_id = o.account_id)
    UNION
    -- hashes: accounts of this one with those around it
    SELECT s.account_id, o.account_id
    FROM dirty d JOIN cases_sighting s ON s.trait_id = d.trait_id
    CROSS JOIN LATERAL (
        SELECT d.trait_id AS near_id
        UNION ALL SELECT e.b_id FROM cases_traitnear e WHERE e.a_id = d.trait_id
        UNION ALL SELECT e.a_id FROM cases_traitnear e WHERE e.b_id = d.trait_id
    ) around
    JOIN cases_sighting o ON o.trait_id = around.near_id
    WHERE d.near AND (d.makes OR d.made)
      AND (d.makes OR NOT EXISTS (SELECT FROM work_new n
                                  WHERE n.trait_id = d.trait_id AND n.account_id = s.account_id))
      AND (d.makes OR NOT EXISTS (SELECT FROM work_new n WHERE n.trait_id = around.near_id
                                  AND n.account_id = o.account_id))
)
INSERT INTO work_pair (a, b)
SELECT DISTINCT least(x, y), greatest(x, y) FROM pair WHERE x <> y
"""  # noqa: S608
# Reads work_pair. Writes the links that changed, fills work_link.
REFRESH = f"""
WITH line AS ({LINES.format(pairs=FROM_WORK)}), total AS (
    SELECT a, b, sum(points) AS strength, sum(capped_points) AS bare FROM line GROUP BY a, b
), now AS (
    SELECT p.a, p.b, t.strength, l.strength AS before, coalesce(t.bare, 0) >= %(keep)s AS kept
    FROM work_pair p LEFT JOIN total t ON t.a = p.a AND t.b = p.b
    LEFT JOIN cases_link l ON l.a_id = p.a AND l.b_id = p.b
), gone AS (
    DELETE FROM cases_link l USING now n
    WHERE NOT n.kept AND n.before IS NOT NULL AND l.a_id = n.a AND l.b_id = n.b
), put AS (
    INSERT INTO cases_link (a_id, b_id, strength)
    SELECT a, b, strength FROM now WHERE kept AND strength IS DISTINCT FROM before ORDER BY a, b
    ON CONFLICT (a_id, b_id) DO UPDATE SET strength = excluded.strength
)
INSERT INTO work_link (a, b, before, after)
SELECT a, b, coalesce(before, 0), CASE WHEN kept THEN strength ELSE 0 END FROM now
WHERE coalesce(before, 0) IS DISTINCT FROM CASE WHEN kept THEN strength ELSE 0 END
"""  # noqa: S608


@dataclass(frozen=True)
class Line:
    """One shared trait of a pair, and what it adds to the link. `points` of a pair sum to it."""

    kind: str
    value: str
    other_value: str
    sharers: int
    weight: Decimal
    rarity: Decimal
    infrastructure: str
    place: Decimal
    declared: Decimal
    distance: int
    full_points: Decimal
    capped: bool
    points: Decimal


def refresh(cursor, link_rules: LinkRules) -> int:
    """Compute the pairs of work_pair again; how many links changed (work_link has them)."""
    cursor.execute("SELECT count(*) FROM work_pair")
    count = cursor.fetchone()[0]
    if not count:
        return 0
    working.analyze(cursor, "work_pair", count)
    cursor.execute(REFRESH, link_rules.params())
    return cursor.rowcount


def take_changes(cursor, link_rules: LinkRules, *, related: Iterable[Iterable[int]] = ()) -> int:
    """Refresh the links that the changed traits touch, and those inside the `related` groups,
    whose declared relation changed. How many links are different now."""
    cursor.execute("SELECT count(*) FROM work_dirty")
    working.analyze(cursor, "work_dirty", cursor.fetchone()[0])
    cursor.execute(PAIRS, link_rules.params())
    for members in related:
        ids = sorted(members)
        cursor.execute(
            "INSERT INTO work_pair (a, b) SELECT a_id, b_id FROM cases_link l"
            " WHERE a_id = ANY(%s) AND b_id = ANY(%s)"
            " AND NOT EXISTS (SELECT FROM work_pair p WHERE p.a = l.a_id AND p.b = l.b_id)",
            [ids, ids],
        )
    return refresh(cursor, link_rules)


def explain(a: int, b: int) -> list[Line]:
    """What ties two accounts, strongest first; the points sum exactly to the link's strength."""
    low, high = sorted((a, b))
    return explain_many([(low, high)])[low, high]


def explain_many(pairs: Iterable[tuple[int, int]]) -> dict[tuple[int, int], list[Line]]:
    """The same for many pairs (low id first) in one query."""
    wanted = sorted({(min(pair), max(pair)) for pair in pairs})
    found: dict[tuple[int, int], list[Line]] = defaultdict(list)
    if not wanted:
        return found
    params = {
        **rules.links().params(),
        "a": [pair[0] for pair in wanted],
        "b": [pair[1] for pair in wanted],
    }
    with connection.cursor() as cursor:
        cursor.execute(
            LINES.format(pairs=FROM_LISTS) + " ORDER BY c.a, c.b, points DESC, c.kind, c.value",
            params,
        )
        for a, b, *row in cursor.fetchall():
            found[a, b].append(_line(row))
    return found


def _line(row: list) -> Line:
    (kind, value, other, sharers, weight, rarity, infrastructure, place, declared, distance,
     full, capped, points) = row  # fmt: skip
    return Line(
        kind, value, other, sharers, weight, rarity, infrastructure, Decimal(place),
        Decimal(declared), distance, full, capped < full, points,
    )  # fmt: skip


def of_ring(ring_id: int) -> list[tuple[int, int, Decimal, list[Line]]]:
    """All links inside a ring with what makes them, strongest first. Two queries at any size."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.a_id, l.b_id, l.strength FROM cases_link l"
            " JOIN cases_account x ON x.id = l.a_id AND x.ring_id = %s"
            " JOIN cases_account y ON y.id = l.b_id AND y.ring_id = x.ring_id"
            " ORDER BY l.strength DESC, l.a_id, l.b_id",
            [ring_id],
        )
        rows = cursor.fetchall()
    lines = explain_many((a, b) for a, b, _ in rows)
    return [(a, b, strength, lines[a, b]) for a, b, strength in rows]


def around(account_id: int, *, at_least: Decimal = Decimal(0)) -> list[tuple[int, Decimal]]:
    """The accounts linked to this one and how strongly, strongest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b_id, strength FROM cases_link WHERE a_id = %(id)s AND strength >= %(floor)s"
            " UNION ALL"
            " SELECT a_id, strength FROM cases_link WHERE b_id = %(id)s AND strength >= %(floor)s"
            " ORDER BY 2 DESC, 1",
            {"id": account_id, "floor": at_least},
        )
        return cursor.fetchall()
