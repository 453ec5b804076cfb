"""Declared relations: households, agencies, travel notices. The newest word on each wins."""

# Reads work_fact, work_account.
SAID = """
WITH said AS (
    SELECT DISTINCT ON (ref) left(ref, 128) AS ref, left(coalesce(data ->> 'kind', ''), 40) AS kind,
           coalesce(data ->> 'evidence', '') AS evidence, type = 'relation.declared' AS active,
           at, event_id
    FROM work_fact WHERE type IN ('relation.declared', 'relation.withdrawn') AND ref <> ''
    ORDER BY ref, at DESC, event_id DESC
)
INSERT INTO cases_relation AS r
    (ref, kind, evidence, active, changed_at, changed_event, reason)
SELECT ref, kind, evidence, active, at, event_id, '' FROM said
ON CONFLICT (ref) DO UPDATE SET
    kind = CASE WHEN excluded.kind <> '' THEN excluded.kind ELSE r.kind END,
    evidence = CASE WHEN excluded.evidence <> '' THEN excluded.evidence ELSE r.evidence END,
    active = excluded.active, changed_at = excluded.changed_at,
    changed_event = excluded.changed_event, reason = excluded.reason
WHERE (r.changed_at, r.changed_event) < (excluded.changed_at, excluded.changed_event)
RETURNING id, active
"""
MEMBERS = "SELECT relation_id, account_id FROM cases_relationmember WHERE relation_id = ANY(%s)"
REPLACE = """
WITH wanted AS (
    SELECT r.id AS relation_id, a.id AS account_id
    FROM cases_relation r
    JOIN work_fact f ON f.ref = r.ref AND f.type = 'relation.declared'
        AND f.event_id = r.changed_event AND f.at = r.changed_at
    CROSS JOIN LATERAL jsonb_array_elements_text(
        CASE jsonb_typeof(f.data -> 'members') WHEN 'array' THEN f.data -> 'members' ELSE '[]' END
    ) m(ref)
    JOIN cases_account a ON a.ref = m.ref
    WHERE r.id = ANY(%s)
), gone AS (
    DELETE FROM cases_relationmember x
    WHERE x.relation_id = ANY(%s)
      AND NOT EXISTS (SELECT FROM wanted w
                      WHERE w.relation_id = x.relation_id AND w.account_id = x.account_id)
)
INSERT INTO cases_relationmember (relation_id, account_id)
SELECT DISTINCT relation_id, account_id FROM wanted
ON CONFLICT DO NOTHING
"""


def take(cursor) -> list[set[int]]:
    """Bring the round's relations in. Returns the groups whose links must be looked at again."""
    cursor.execute(SAID)
    said = cursor.fetchall()
    if not said:
        return []
    ids = [relation for relation, _ in said]
    before = _members(cursor, ids)
    declared = [relation for relation, is_active in said if is_active]
    if declared:
        cursor.execute(REPLACE, [declared, declared])
    after = _members(cursor, ids)
    return [group for found in (before, after) for group in found.values() if len(group) > 1]


def _members(cursor, ids: list[int]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    cursor.execute(MEMBERS, [ids])
    for relation, account in cursor.fetchall():
        found.setdefault(relation, set()).add(account)
    return found
