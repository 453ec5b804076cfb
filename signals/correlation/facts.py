"""Read a round's activity: which account is meant, and what it used."""

# Fills work_fact.
READ = """
INSERT INTO work_fact (id, event_id, type, ref, subject_kind, at, data)
SELECT e.id, e.event_id, e.type, e.subject_ref, e.subject_kind, e.occurred_at, e.data
FROM signals_activityevent e
WHERE e.id BETWEEN %(first)s AND %(last)s AND e.batch_id = ANY(%(batches)s)
  AND NOT (e.id = ANY(%(without)s::uuid[]))
"""
# Fills work_ref: every account that a fact speaks of, whether we knew it or not.
REFS = """
INSERT INTO work_ref (ref, at)
SELECT ref, at FROM work_fact WHERE subject_kind = 'account'
UNION ALL
SELECT r.ref, f.at FROM work_fact f
CROSS JOIN LATERAL (VALUES (f.data ->> 'client_id'), (f.data ->> 'freelancer_id')) r(ref)
WHERE f.type IN ('contract.opened', 'contract.closed') AND r.ref <> ''
UNION ALL
SELECT m.ref, f.at FROM work_fact f
CROSS JOIN LATERAL jsonb_array_elements_text(
    CASE jsonb_typeof(f.data -> 'members') WHEN 'array' THEN f.data -> 'members' ELSE '[]' END
) m(ref)
WHERE f.type = 'relation.declared' AND m.ref <> ''
"""
# Reads work_fact. Fills work_use: a login counts only when it succeeded.
USES = """
INSERT INTO work_use (ref, kind, value, first_at, last_at, times)
SELECT ref, kind, left(value, 200), min(at), max(at), count(*) FROM (
    SELECT f.ref, f.at, 'ip' AS kind, lower(btrim(f.data ->> 'ip')) AS value
    FROM work_fact f WHERE f.type = 'login.attempted' AND f.data -> 'success' = 'true'
    UNION ALL
    SELECT f.ref, f.at, 'device', btrim(f.data ->> 'device_id')
    FROM work_fact f WHERE f.type = 'login.attempted' AND f.data -> 'success' = 'true'
    UNION ALL
    SELECT f.ref, f.at, 'text', lower(btrim(f.data ->> 'text_simhash'))
    FROM work_fact f WHERE f.type = 'proposal.submitted'
    UNION ALL
    SELECT f.ref, f.at, u.kind, u.value
    FROM work_fact f CROSS JOIN LATERAL (VALUES
        ('document_number', lower(btrim(f.data ->> 'number_hash'))),
        ('document_image', lower(btrim(f.data ->> 'image_phash'))),
        ('face', btrim(f.data ->> 'face_ref'))
    ) u(kind, value) WHERE f.type = 'document.submitted'
    UNION ALL
    SELECT f.ref, f.at, u.kind, u.value
    FROM work_fact f CROSS JOIN LATERAL (VALUES
        ('email', lower(btrim(f.data ->> 'email'))),
        ('phone', regexp_replace(f.data ->> 'phone', '[^0-9a-zA-Z_]', '', 'g')),
        ('ship_to', lower(btrim(f.data ->> 'ship_to_hash')))
    ) u(kind, value) WHERE f.type IN ('account.registered', 'account.updated')
    UNION ALL
    SELECT f.ref, f.at, k.kind, k.value
    FROM work_fact f CROSS JOIN LATERAL ({payout}) k
    WHERE f.type IN ('payout_method.added', 'payout_method.removed')
) used
WHERE value <> ''
GROUP BY ref, kind, left(value, 200)
"""
# Reads work_fact, work_account: accounts whose registration is among the round's facts.
REGISTERED = """
SELECT DISTINCT w.id FROM work_fact f JOIN work_account w ON w.ref = f.ref
WHERE f.type = 'account.registered'
"""
