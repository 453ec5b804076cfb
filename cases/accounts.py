"""Accounts and what the platform says of them: the newest fact wins, field by field."""

# Reads work_ref. Fills work_account.
MAKE = """
INSERT INTO work_account (ref, id)
SELECT DISTINCT r.ref, a.id FROM work_ref r JOIN cases_account a ON a.ref = r.ref
"""
MISSING = """
WITH missing AS (
    SELECT r.ref, min(r.at) AS first_at, max(r.at) AS last_at FROM work_ref r
    WHERE r.ref <> '' AND NOT EXISTS (SELECT FROM cases_account a WHERE a.ref = r.ref)
    GROUP BY r.ref ORDER BY r.ref
)
INSERT INTO cases_account (ref, first_seen_at, last_seen_at)
SELECT left(ref, 128), first_at, last_at FROM missing
ON CONFLICT (ref) DO NOTHING
"""
SEEN = """
UPDATE cases_account a
SET first_seen_at = least(a.first_seen_at, s.first_at),
    last_seen_at = greatest(a.last_seen_at, s.last_at)
FROM (
    SELECT w.id, min(r.at) AS first_at, max(r.at) AS last_at
    FROM work_ref r JOIN work_account w ON w.ref = r.ref GROUP BY w.id
) s
WHERE a.id = s.id
  AND (a.first_seen_at IS NULL OR s.first_at < a.first_seen_at OR s.last_at > a.last_seen_at)
"""

# Reads work_fact. The newest value of each field, by time and then by the event's name, is kept
# in `facts` with both, so that the order of arrival does not matter.
MERGE = """
WITH fresh AS (
    SELECT DISTINCT ON (f.ref, k.key) f.ref, k.key, k.value, f.at, f.event_id
    FROM work_fact f CROSS JOIN LATERAL jsonb_each(f.data) k
    WHERE f.type = ANY(%(types)s) AND k.key = ANY(%(fields)s) AND k.value <> 'null'
    ORDER BY f.ref, k.key, f.at DESC, f.event_id DESC
), winning AS (
    SELECT n.ref, jsonb_object_agg(n.key, jsonb_build_array(n.at, n.event_id, n.value)) AS facts
    FROM fresh n JOIN {table} o ON o.ref = n.ref
    WHERE o.facts -> n.key IS NULL
       OR ((o.facts -> n.key ->> 0)::timestamptz, o.facts -> n.key ->> 1) < (n.at, n.event_id)
    GROUP BY n.ref
)
UPDATE {table} o SET facts = o.facts || w.facts FROM winning w WHERE o.ref = w.ref RETURNING o.id
"""
ACCOUNT_TYPES = ["account.registered", "account.updated"]
ACCOUNT_FIELDS = [
    "kind", "display_name", "email", "phone", "claimed_country", "created_at", "skills",
]  # fmt: skip
SHOW_ACCOUNT = """
UPDATE cases_account SET
    kind = CASE facts -> 'kind' ->> 2
        WHEN 'freelancer' THEN 'freelancer' WHEN 'client' THEN 'client' ELSE kind END,
    display_name = left(coalesce(facts -> 'display_name' ->> 2, display_name), 200),
    email = left(coalesce(facts -> 'email' ->> 2, email), 254),
    phone = left(coalesce(facts -> 'phone' ->> 2, phone), 40),
    claimed_country = left(coalesce(facts -> 'claimed_country' ->> 2, claimed_country), 2),
    skills = coalesce(facts -> 'skills' -> 2, skills),
    opened_at = coalesce((facts -> 'created_at' ->> 2)::timestamptz, opened_at),
    facts_at = (SELECT max((value ->> 0)::timestamptz) FROM jsonb_each(facts))
WHERE id = ANY(%s)
"""

CONTRACT_TYPES = ["contract.opened", "contract.closed"]
CONTRACT_FIELDS = [
    "client_id", "freelancer_id", "amount_usd", "rating", "video_interview_before_contract",
    "opened_at", "closed_at",
]  # fmt: skip
MISSING_CONTRACTS = """
INSERT INTO cases_contract (ref)
SELECT DISTINCT left(f.ref, 128) FROM work_fact f WHERE f.type = ANY(%s) AND f.ref <> ''
ON CONFLICT (ref) DO NOTHING
"""
SHOW_CONTRACT = """
UPDATE cases_contract c SET
    client_id = (SELECT id FROM cases_account WHERE ref = c.facts -> 'client_id' ->> 2),
    freelancer_id = (SELECT id FROM cases_account WHERE ref = c.facts -> 'freelancer_id' ->> 2),
    amount_usd = (c.facts -> 'amount_usd' ->> 2)::numeric,
    rating = (c.facts -> 'rating' ->> 2)::numeric,
    video_interview_before = (c.facts -> 'video_interview_before_contract' ->> 2)::boolean,
    opened_at = coalesce(least(c.opened_at, e.opened), (c.facts -> 'opened_at' ->> 2)::timestamptz),
    closed_at = coalesce((c.facts -> 'closed_at' ->> 2)::timestamptz,
                         greatest(c.closed_at, e.closed))
FROM (
    SELECT k.id, min(f.at) FILTER (WHERE f.type = 'contract.opened') AS opened,
           max(f.at) FILTER (WHERE f.type = 'contract.closed') AS closed
    FROM cases_contract k LEFT JOIN work_fact f ON f.ref = k.ref AND f.type LIKE 'contract.%%'
    WHERE k.id = ANY(%s) GROUP BY k.id
) e
WHERE c.id = e.id
"""


def ensure(cursor) -> int:
    """Have an account for every reference of the round; say how many were new."""
    cursor.execute(MISSING)
    made = cursor.rowcount
    cursor.execute(MAKE)
    return made


def mark_seen(cursor) -> None:
    """Renew first and last seen of the round's accounts where it changes something."""
    cursor.execute(SEEN)


def take_facts(cursor) -> list[int]:
    """Bring registrations and contracts of the round in; the ids of accounts that changed."""
    cursor.execute(
        MERGE.format(table="cases_account"), {"types": ACCOUNT_TYPES, "fields": ACCOUNT_FIELDS}
    )
    changed = [row[0] for row in cursor.fetchall()]
    if changed:
        cursor.execute(SHOW_ACCOUNT, [changed])
    _take_contracts(cursor)
    return changed


def _take_contracts(cursor) -> None:
    cursor.execute(MISSING_CONTRACTS, [CONTRACT_TYPES])
    cursor.execute(
        MERGE.format(table="cases_contract"), {"types": CONTRACT_TYPES, "fields": CONTRACT_FIELDS}
    )
    changed = [row[0] for row in cursor.fetchall()]
    if changed:
        cursor.execute(SHOW_CONTRACT, [changed])
