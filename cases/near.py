"""Near-duplicate images and texts: which hashes lie within the policy's distance of each other.

A 64-bit hash is kept in four parts of 16 bits. Two hashes at distance 7 or less agree in at least
one part but for one bit, so looking each part up with its 17 spellings finds all of them; up to
distance 3 one part agrees wholly. That is exactly what a scan over all hashes would find, at the
price of a few to a few hundred comparisons.

Sharers of a hash are the accounts that used it or a hash next to it. Nothing is chained: of a row
of ever less similar texts each counts only its own neighbourhood, so the order of arrival cannot
matter. Past the policy's hard cap a hash is crowded: a public cover letter with thousands of
variants is neither searched through nor stored pair by pair. Two hashes that one and the same
account alone used tell nothing about two accounts and are not stored either, so somebody with a
thousand wordings of his own letter costs nothing; should another account use one of them, its
neighbours are searched then.
"""

from cases.rules import NEAR_PARTS, LinkRules

CHUNK = 256
_BITS = "('x' || value)::bit(64)"
ADD = f"""
INSERT INTO cases_nearhash (trait_id, kind, hash, p0, p1, p2, p3, owner)
SELECT trait_id, kind, {_BITS}::bigint,
       {", ".join(f"substring({_BITS} from {16 * n + 1} for 16)::int" for n in range(NEAR_PARTS))},
       (SELECT CASE WHEN count(*) = 1 THEN min(s.account_id) END
        FROM cases_sighting s WHERE s.trait_id = h.trait_id)
FROM work_hash h WHERE trait_id = ANY(%s)
"""  # noqa: S608
# Hashes that one account alone had used, and now a second one: they are searched like new ones.
SHARED_NOW = """
UPDATE cases_nearhash h SET owner = NULL FROM work_new n
WHERE n.trait_id = h.trait_id AND h.kind = %(kind)s AND h.owner <> n.account_id
RETURNING h.trait_id
"""
_CLOSE = "bit_count((n.hash # h.hash)::bit(64)) <= %(distance)s"


def _probe(crowded: str, distance: int) -> str:
    """Every hash that agrees with `n` in a part: wholly up to distance 3, else but for one bit."""
    flips = [1 << bit for bit in range(16)] if distance >= NEAR_PARTS else []

    def spellings(part: int) -> str:
        return ", ".join([f"n.p{part}", *(f"n.p{part} # {flip}" for flip in flips)])

    return " UNION ".join(
        f"""SELECT h.trait_id, bit_count((n.hash # h.hash)::bit(64))::int AS distance
        FROM cases_nearhash h
        WHERE h.kind = n.kind AND h.crowded = {crowded}
          AND h.p{part} = ANY(ARRAY[{spellings(part)}])
          AND {_CLOSE} AND h.trait_id <> n.trait_id
          AND (n.owner IS NULL OR h.owner IS NULL OR h.owner <> n.owner)"""  # noqa: S608
        for part in range(NEAR_PARTS)
    )


# Neighbours that are not crowded are all kept. Each brings at most the cap before it is crowded
# itself, so their number is bounded by the number of hashes.
NEIGHBOURS = """
INSERT INTO cases_traitnear (a_id, b_id, distance)
SELECT DISTINCT least(n.trait_id, h.trait_id), greatest(n.trait_id, h.trait_id), h.distance
FROM cases_nearhash n CROSS JOIN LATERAL ({probe}) h
WHERE n.trait_id = ANY(%(ids)s) AND n.kind = %(kind)s
ON CONFLICT DO NOTHING
"""
# Of crowded neighbours only as many as it takes to know that this one is crowded, too; otherwise
# they are all there are, and are kept.
CROWDED_NEIGHBOURS = """
WITH met AS (
    SELECT n.trait_id AS new_id, h.trait_id, h.distance
    FROM cases_nearhash n CROSS JOIN LATERAL (
        SELECT * FROM ({probe}) every LIMIT 4 * (%(cap)s + 1)
    ) h
    WHERE n.trait_id = ANY(%(ids)s) AND n.kind = %(kind)s
)
INSERT INTO cases_traitnear (a_id, b_id, distance)
SELECT DISTINCT least(new_id, trait_id), greatest(new_id, trait_id), distance FROM met
ON CONFLICT DO NOTHING
"""
ANY_CROWDED = "SELECT 1 FROM cases_nearhash WHERE kind = %s AND crowded LIMIT 1"
# Hashes whose neighbourhood may have grown: those with a new account, and those next to them. One
# that stands alone has been counted already, unless it is a crowd by itself.
TOUCHED = """
SELECT DISTINCT h.trait_id FROM cases_nearhash h WHERE NOT h.crowded AND h.trait_id IN (
    SELECT d.trait_id FROM work_dirty d WHERE d.kind = %(kind)s AND (
        d.after > %(cap)s
        OR EXISTS (SELECT FROM cases_traitnear e WHERE e.a_id = d.trait_id)
        OR EXISTS (SELECT FROM cases_traitnear e WHERE e.b_id = d.trait_id))
    UNION SELECT e.b_id FROM work_dirty d JOIN cases_traitnear e ON e.a_id = d.trait_id
          WHERE d.kind = %(kind)s
    UNION SELECT e.a_id FROM work_dirty d JOIN cases_traitnear e ON e.b_id = d.trait_id
          WHERE d.kind = %(kind)s
)
"""
RECOUNT = """
WITH around AS (
    SELECT t AS trait_id, t AS near_id FROM unnest(%(ids)s::bigint[]) t
    UNION ALL SELECT t, e.b_id FROM unnest(%(ids)s::bigint[]) t JOIN cases_traitnear e ON e.a_id = t
    UNION ALL SELECT t, e.a_id FROM unnest(%(ids)s::bigint[]) t JOIN cases_traitnear e ON e.b_id = t
), counted AS (
    SELECT r.trait_id, least(count(DISTINCT s.account_id), %(cap)s + 1)::int AS sharers
    FROM around r JOIN cases_sighting s ON s.trait_id = r.near_id GROUP BY r.trait_id
), old AS (
    SELECT t.id, t.kind, coalesce(d.before, t.sharers) AS before
    FROM cases_trait t LEFT JOIN work_dirty d ON d.trait_id = t.id WHERE t.id = ANY(%(ids)s)
), written AS (
    UPDATE cases_trait t SET sharers = c.sharers FROM counted c
    WHERE t.id = c.trait_id AND t.sharers <> c.sharers
), crowd AS (
    UPDATE cases_nearhash h SET crowded = true FROM counted c
    WHERE h.trait_id = c.trait_id AND c.sharers > %(cap)s
)
INSERT INTO work_dirty AS d (trait_id, kind, before, after)
SELECT o.id, o.kind, o.before, c.sharers FROM old o JOIN counted c ON c.trait_id = o.id
WHERE c.sharers <> o.before OR o.id IN (SELECT trait_id FROM work_dirty)
ON CONFLICT (trait_id) DO UPDATE SET after = excluded.after
"""
# A crowded hash that was used again: its count stands, whatever was added to it.
HOLD = """
WITH held AS (
    UPDATE cases_trait t SET sharers = %(cap)s + 1 FROM cases_nearhash h, work_dirty d
    WHERE d.trait_id = t.id AND h.trait_id = t.id AND h.crowded AND t.kind = %(kind)s
      AND t.sharers <> %(cap)s + 1
    RETURNING t.id
)
UPDATE work_dirty d SET after = %(cap)s + 1 FROM held WHERE held.id = d.trait_id
"""


def take_hashes(cursor, rules: LinkRules) -> None:
    """Index the round's new hashes, find their neighbours, count sharers of all they touch.

    Reads work_hash and work_dirty, completes work_dirty.
    """
    for kind, distance in rules.near.items():
        params = {"kind": kind, "distance": distance, "cap": rules.caps[kind]}
        cursor.execute("SELECT trait_id FROM work_hash WHERE kind = %s ORDER BY trait_id", [kind])
        fresh = [row[0] for row in cursor.fetchall()]
        new = set(fresh)
        cursor.execute(SHARED_NOW, params)
        ids = [*fresh, *sorted({row[0] for row in cursor.fetchall()})]
        told = 0
        for start in range(0, len(ids), CHUNK):
            some = ids[start : start + CHUNK]
            cursor.execute(ADD, [[each for each in some if each in new]])
            if start >= 2 * told:
                told = _keep_statistics(cursor, start + CHUNK)
            cursor.execute(
                NEIGHBOURS.format(probe=_probe("false", distance)), {**params, "ids": some}
            )
            met = cursor.rowcount
            cursor.execute(ANY_CROWDED, [kind])
            if cursor.fetchone():
                cursor.execute(
                    CROWDED_NEIGHBOURS.format(probe=_probe("true", distance)),
                    {**params, "ids": some},
                )
                met += cursor.rowcount
            if met:
                _recount(cursor, params, some)
        cursor.execute("SELECT 1 FROM work_dirty WHERE kind = %s LIMIT 1", [kind])
        if cursor.fetchone():
            _recount(cursor, params, [])
            cursor.execute(HOLD, params)


def _keep_statistics(cursor, added: int) -> int:
    """Let the planner know the index of hashes when this round has more than doubled it; how many
    of the round's it knows now. Without that it would walk through all of a kind for each part."""
    cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'cases_nearhash'::regclass")
    if added > cursor.fetchone()[0]:
        cursor.execute("ANALYZE cases_nearhash")
    return added


def _recount(cursor, params: dict, only: list[int]) -> None:
    cursor.execute(TOUCHED, params)
    ids = [row[0] for row in cursor.fetchall()]
    if only:
        near = set(only)
        cursor.execute(
            "SELECT a_id, b_id FROM cases_traitnear WHERE a_id = ANY(%s) OR b_id = ANY(%s)",
            [only, only],
        )
        for a, b in cursor.fetchall():
            near |= {a, b}
        ids = [each for each in ids if each in near]
    if ids:
        cursor.execute(RECOUNT, {**params, "ids": ids})
