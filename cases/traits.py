"""What accounts use: traits, sightings, payout methods, and what is declared about them."""

from cases.rules import LinkRules

# Reads work_account, work_use. Fills work_new, work_dirty, work_hash.
USE = """
CREATE TEMP TABLE IF NOT EXISTS work_sighting (
    account_id bigint, trait_id bigint, kind text, value text,
    first_at timestamptz, last_at timestamptz, times int, made boolean DEFAULT false
) ON COMMIT DELETE ROWS;
DELETE FROM work_sighting;
"""
RESOLVE = """
INSERT INTO work_sighting (account_id, trait_id, kind, value, first_at, last_at, times)
SELECT a.id, t.id, u.kind, u.value, min(u.first_at), max(u.last_at), sum(u.times)
FROM work_use u JOIN work_account a ON a.ref = u.ref
LEFT JOIN cases_trait t ON t.kind = u.kind AND t.value = u.value
GROUP BY a.id, t.id, u.kind, u.value
"""
# A new trait is written with its sharers, once. One that a single account uses changes no link; of
# hashes it is told all the same, for they have neighbours.
NEW_TRAITS = """
WITH fresh AS (
    SELECT kind, value, count(*)::int AS sharers FROM work_sighting
    WHERE trait_id IS NULL GROUP BY kind, value
), made AS (
    INSERT INTO cases_trait (kind, value, infrastructure, sharers)
    SELECT f.kind, f.value, coalesce(i.kind, ''), f.sharers
    FROM fresh f
    LEFT JOIN cases_infrastructure i
        ON i.trait_kind = f.kind AND i.value = f.value AND i.active
    ORDER BY 1, 2
    RETURNING id, kind, value, sharers
), known AS (
    UPDATE work_sighting s SET trait_id = m.id, made = true FROM made m
    WHERE s.trait_id IS NULL AND s.kind = m.kind AND s.value = m.value
), dirty AS (
    INSERT INTO work_dirty (trait_id, kind, before, after)
    SELECT id, kind, 0, sharers FROM made WHERE sharers > 1 OR kind = ANY(%(near)s)
)
INSERT INTO work_hash (trait_id, kind, value) SELECT id, kind, value FROM made
WHERE kind = ANY(%(near)s) AND value ~ '^[0-9a-f]{16}$'
"""
SIGHT = """
WITH seen AS (
    INSERT INTO cases_sighting AS s (trait_id, account_id, first_at, last_at, times)
    SELECT trait_id, account_id, first_at, last_at, times FROM work_sighting
    ORDER BY trait_id, account_id
    ON CONFLICT (trait_id, account_id) DO UPDATE
    SET first_at = least(s.first_at, excluded.first_at),
        last_at = greatest(s.last_at, excluded.last_at),
        times = s.times + excluded.times
    RETURNING s.trait_id, s.account_id, s.xmax = 0 AS new
)
INSERT INTO work_new (trait_id, account_id) SELECT trait_id, account_id FROM seen WHERE new
"""
COUNT = """
WITH grown AS (
    SELECT n.trait_id, count(*) AS more FROM work_new n
    WHERE NOT EXISTS (SELECT FROM work_sighting w WHERE w.trait_id = n.trait_id AND w.made)
    GROUP BY n.trait_id
), counted AS (
    UPDATE cases_trait t SET sharers = t.sharers + g.more FROM grown g WHERE t.id = g.trait_id
    RETURNING t.id, t.kind, t.sharers - g.more AS before, t.sharers AS after
)
INSERT INTO work_dirty (trait_id, kind, before, after)
SELECT id, kind, before, after FROM counted
"""

# The newest word on a payout method decides; an added method that was removed later stays as one.
PAYOUT = """
WITH said AS (
    SELECT a.id AS account_id, t.id AS trait_id, f.type, f.at, f.event_id, f.data
    FROM work_fact f
    JOIN work_account a ON a.ref = f.ref
    CROSS JOIN LATERAL ({key}) k
    JOIN cases_trait t ON t.kind = k.kind AND t.value = k.value
    WHERE f.type IN ('payout_method.added', 'payout_method.removed') AND f.subject_kind = 'account'
), told AS (
    SELECT DISTINCT ON (account_id, trait_id) account_id, trait_id, data
    FROM said ORDER BY account_id, trait_id, type, at DESC, event_id DESC
), times AS (
    SELECT account_id, trait_id, max(at) FILTER (WHERE type = 'payout_method.added') AS added,
           max(at) FILTER (WHERE type = 'payout_method.removed') AS removed
    FROM said GROUP BY account_id, trait_id
)
INSERT INTO cases_payoutmethod AS p
    (account_id, trait_id, type, holder_name, country, added_at, removed_at)
SELECT account_id, trait_id, left(coalesce(data ->> 'type', ''), 10),
       left(coalesce(data ->> 'holder_name', ''), 200), left(coalesce(data ->> 'country', ''), 2),
       added, CASE WHEN added IS NULL OR removed >= added THEN removed END
FROM told JOIN times USING (account_id, trait_id)
ON CONFLICT (account_id, trait_id) DO UPDATE SET
    type = CASE WHEN p.added_at IS NULL OR excluded.added_at >= p.added_at
                THEN excluded.type ELSE p.type END,
    holder_name = CASE WHEN p.added_at IS NULL OR excluded.added_at >= p.added_at
                       THEN excluded.holder_name ELSE p.holder_name END,
    country = CASE WHEN p.added_at IS NULL OR excluded.added_at >= p.added_at
                   THEN excluded.country ELSE p.country END,
    added_at = greatest(p.added_at, excluded.added_at),
    removed_at = CASE
        WHEN greatest(p.removed_at, excluded.removed_at)
             >= coalesce(greatest(p.added_at, excluded.added_at), '-infinity')
        THEN greatest(p.removed_at, excluded.removed_at) END
"""
# One trait per method: a wallet by its address, everything else by the hash of the instrument.
PAYOUT_KEY = """
SELECT CASE WHEN f.data ->> 'type' = 'crypto' AND f.data ->> 'address' <> ''
            THEN 'wallet' ELSE 'payout' END AS kind,
       left(CASE WHEN f.data ->> 'type' = 'crypto' AND f.data ->> 'address' <> ''
            THEN CASE WHEN f.data ->> 'address' ~* '^0x[0-9a-f]{40}$'
                      THEN lower(f.data ->> 'address') ELSE btrim(f.data ->> 'address') END
            ELSE lower(btrim(f.data ->> 'instrument_hash')) END, 200) AS value
"""

INFRASTRUCTURE = """
WITH said AS (
    SELECT DISTINCT ON (trait_kind, value) * FROM (
        SELECT CASE
                   WHEN f.data ->> 'trait' IN ('device', 'ip', 'payout', 'wallet', 'text',
                                               'ship_to', 'phone', 'email') THEN f.data ->> 'trait'
                   WHEN v.value ~ '^[0-9]{1,3}(\\.[0-9]{1,3}){3}$'
                        OR v.value ~ '^[0-9a-f]*:[0-9a-f:.]*$'
                   THEN 'ip'
                   WHEN f.data ->> 'kind' ~ 'template|letter' THEN 'text'
                   WHEN f.data ->> 'kind' ~ 'address|hub|locker' THEN 'ship_to'
                   ELSE 'device' END AS trait_kind,
               v.value, left(coalesce(f.data ->> 'kind', 'unspecified'), 40) AS kind,
               left(coalesce(f.data ->> 'label', ''), 200) AS label,
               f.type = 'infrastructure.declared' AS active, f.at, f.event_id
        FROM work_fact f
        CROSS JOIN LATERAL (
            SELECT left(btrim(coalesce(f.data ->> 'value', f.ref)), 200) AS value
        ) v
        WHERE f.type IN ('infrastructure.declared', 'infrastructure.withdrawn')
    ) each ORDER BY trait_kind, value, at DESC, event_id DESC
)
INSERT INTO cases_infrastructure AS i
    (trait_kind, value, kind, label, active, changed_at, changed_event, reason)
SELECT trait_kind, value, kind, label, active, at, event_id, '' FROM said
ON CONFLICT (trait_kind, value) DO UPDATE SET
    kind = CASE WHEN excluded.active THEN excluded.kind ELSE i.kind END,
    label = CASE WHEN excluded.label <> '' THEN excluded.label ELSE i.label END,
    active = excluded.active, changed_at = excluded.changed_at,
    changed_event = excluded.changed_event, declared_by_id = NULL, reason = ''
WHERE (i.changed_at, i.changed_event) < (excluded.changed_at, excluded.changed_event)
RETURNING trait_kind, value
"""
RESTATE = """
WITH said AS (
    SELECT i.trait_kind, i.value, CASE WHEN i.active THEN i.kind ELSE '' END AS infrastructure
    FROM unnest(%s::text[], %s::text[]) w(trait_kind, value)
    JOIN cases_infrastructure i ON i.trait_kind = w.trait_kind AND i.value = w.value
), restated AS (
    UPDATE cases_trait t SET infrastructure = s.infrastructure FROM said s
    WHERE t.kind = s.trait_kind AND t.value = s.value
      AND t.infrastructure <> s.infrastructure
    RETURNING t.id, t.kind, t.sharers
)
INSERT INTO work_dirty (trait_id, kind, before, after, restated)
SELECT id, kind, sharers, sharers, true FROM restated
ON CONFLICT (trait_id) DO UPDATE SET restated = true
"""


def take_uses(cursor, rules: LinkRules) -> int:
    """Bring the round's uses in: traits, sightings, counts. Says how many pairs are new."""
    cursor.execute(USE)
    cursor.execute(RESOLVE)
    cursor.execute("SELECT 1 FROM work_sighting WHERE trait_id IS NULL LIMIT 1")
    if cursor.fetchone():
        cursor.execute(NEW_TRAITS, {"near": list(rules.near)})
    cursor.execute(SIGHT)
    new = cursor.rowcount
    if new:
        cursor.execute(COUNT)
    return new


def take_payout_methods(cursor) -> None:
    cursor.execute(PAYOUT.format(key=PAYOUT_KEY))


def take_infrastructure(cursor) -> None:
    """Bring what the round declares or withdraws as infrastructure in; the newest word wins."""
    cursor.execute(INFRASTRUCTURE)
    said = cursor.fetchall()
    if said:
        restate(cursor, said)


def restate(cursor, said: list[tuple[str, str]]) -> None:
    """Carry what `cases_infrastructure` says of these (kind, value) over to the traits."""
    cursor.execute(RESTATE, [[kind for kind, _ in said], [value for _, value in said]])
