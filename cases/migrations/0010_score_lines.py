"""Score lines as one SQL function, so that pages, the API and the scorer cannot disagree.

Locks: none; a function and a view are made.
Old code: unaffected.
Back out: `migrate cases 0009` drops both; no row is touched either way.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION cases_share(text) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN $1 LIKE '%/%'
        THEN split_part($1, '/', 1)::numeric / split_part($1, '/', 2)::numeric
        ELSE $1::numeric END
$$;
CREATE FUNCTION cases_score_lines(accounts bigint[], policy bigint)
RETURNS TABLE (
    account_id bigint, finding_id bigint, code text, family text, detector text, rank int,
    points numeric, share numeric, line_points numeric, why text, context boolean
) LANGUAGE sql STABLE AS $$
    WITH rule AS (
        SELECT typology_code,
               cases_share(coalesce(data #>> '{scoring,family_rest_share}', '1/3')) AS rest,
               coalesce((data #>> '{scoring,family_cap_default}')::numeric, 12) AS family_cap,
               coalesce(data #> '{scoring,family_caps}', '{}') AS family_caps,
               coalesce((data #>> '{scoring,detector_family_cap}')::numeric, 10) AS detector_cap,
               coalesce((data #>> '{scoring,context_only_weight}')::numeric, 2) AS context_weight,
               coalesce((data #>> '{scoring,context_only_cap}')::numeric, 4) AS context_cap
        FROM cases_policy WHERE id = $2
    ), found AS (
        SELECT f.account_id, f.id, f.code, f.family, f.detector, f.fingerprint, f.points, f.weight,
               CASE WHEN f.withdrawn THEN 'withdrawn' WHEN f.shadow THEN 'shadow'
                    WHEN f.accommodation THEN 'accommodation' ELSE '' END AS out
        FROM cases_finding f JOIN rule r ON r.typology_code = f.typology_code
        WHERE f.account_id = ANY($1) AND NOT f.spare
    ), first AS (
        SELECT *, first_value(detector) OVER (
            PARTITION BY account_id, out = '', code ORDER BY points DESC, detector, fingerprint
        ) AS first_detector FROM found
    ), judged AS (
        SELECT *, CASE WHEN out <> '' THEN out
                       WHEN detector <> first_detector THEN 'same_indicator' ELSE '' END AS aside
        FROM first
    ), ranked AS (
        SELECT *, row_number() OVER (
            PARTITION BY account_id, aside = '', family
            ORDER BY points DESC, code, detector, fingerprint
        )::int AS place FROM judged
    ), shared AS (
        SELECT k.*, r.*, CASE WHEN aside <> '' THEN 0 WHEN place = 1 THEN 1 ELSE r.rest END AS part,
               CASE WHEN aside <> '' THEN 0 WHEN place = 1 THEN k.points
                    ELSE round(k.points * r.rest, 2) END AS full_line
        FROM ranked k CROSS JOIN rule r
    ), by_detector AS (
        SELECT *, least(full_line, greatest(0, detector_cap - coalesce(sum(full_line) OVER (
            PARTITION BY account_id, aside = '', family, detector ORDER BY place
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))) AS line_1
        FROM shared
    ), by_family AS (
        SELECT *, least(line_1, greatest(0,
            coalesce((family_caps ->> family)::numeric, family_cap) - coalesce(sum(line_1) OVER (
                PARTITION BY account_id, aside = '', family ORDER BY place
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))) AS line_2
        FROM by_detector
    ), by_context AS (
        SELECT *, CASE WHEN weight > context_weight THEN line_2
            ELSE least(line_2, greatest(0, context_cap - coalesce(sum(line_2) OVER (
                PARTITION BY account_id, aside = '', weight <= context_weight
                ORDER BY family, place
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0))) END AS line_3
        FROM by_family
    )
    SELECT account_id, id, code, family, detector, place, points, round(part, 4),
           round(line_3, 2),
           CASE WHEN aside <> '' THEN aside
                WHEN line_1 < full_line THEN 'detector_cap'
                WHEN line_2 < line_1 THEN 'family_cap'
                WHEN line_3 < line_2 THEN 'context_cap'
                WHEN place = 1 THEN 'family_maximum' ELSE 'family_rest' END,
           weight <= context_weight
    FROM by_context
$$;
CREATE VIEW cases_scoreline AS
    SELECT a.score_policy_id AS policy_id, l.*
    FROM cases_account a
    CROSS JOIN LATERAL cases_score_lines(ARRAY[a.id], a.score_policy_id) l;
"""
BACKWARD = """
DROP VIEW cases_scoreline;
DROP FUNCTION cases_score_lines(bigint[], bigint);
DROP FUNCTION cases_share(text);
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0009_correlation_tables")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
