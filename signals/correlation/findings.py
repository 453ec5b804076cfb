"""Read a round's signals: each is a sighting of a finding about an account."""

# Fills work_finding. Its references go to work_ref.
READ = """
INSERT INTO work_finding (
    account_ref, indicator_id, typology_code, code, family, detector, detector_version,
    fingerprint, weight, confidence, points, best_event, evidence, accommodation, shadow, at
)
SELECT s.account_ref, s.indicator_id, t.code, i.code, i.family, d.source,
       left(s.detector_version, 40), left(s.fingerprint, 128), s.weight, s.confidence,
       round(s.weight * s.confidence, 2), left(s.event_id, 255),
       coalesce(s.data -> 'evidence', '{}'), s.accommodation, s.shadow, s.occurred_at
FROM signals_signal s
JOIN cases_indicator i ON i.id = s.indicator_id
JOIN cases_typology t ON t.id = i.typology_id
JOIN signals_detector d ON d.id = s.detector_id
WHERE s.id BETWEEN %(first)s AND %(last)s AND s.batch_id = ANY(%(batches)s)
  AND NOT (s.id = ANY(%(without)s::uuid[])) AND s.account_ref <> ''
"""
REFS = "INSERT INTO work_ref (ref, at) SELECT account_ref, at FROM work_finding"
