"""The rate of accepting and correlating at many stored signals, beside that at 100,000."""

from __future__ import annotations

from support.bench._load import bodies, correlated, correlating, references, signal, through
from support.bench.context import Context
from support.bench.figures import Figure

FEW = 100_000
# Signals as the door writes them, their accounts and findings as the correlator does.
FILL = """
INSERT INTO cases_account (ref, first_seen_at, last_seen_at)
SELECT 'fl-fill' || n, now(), now() FROM generate_series(%(first)s / 5, %(last)s / 5) n
ON CONFLICT (ref) DO NOTHING;
INSERT INTO signals_signal (id, batch_id, detector_id, event_id, indicator_id, subject_kind,
    account_ref, confidence, weight, fingerprint, shadow, occurred_at, received_at,
    detector_version, content_hash, data, accommodation)
SELECT lpad(to_hex(n), 32, '0')::uuid, 0, d.id, 'fill-' || n, i.id, 'account',
    'fl-fill' || n / 5, 0.4, i.weight, 'fill' || n, false, now(), now(), '1.0.0',
    sha256(n::text::bytea),
    '{"confidence": 0.4, "typology": "dprk_itw", "evidence": {"provider": "commercial"}}',
    false
FROM generate_series(%(first)s, %(last)s) n,
    (SELECT id FROM signals_detector WHERE source = '/detectors/demo') d,
    (SELECT i.* FROM cases_indicator i WHERE i.code = 'login.vpn_exit' LIMIT 1) i;
INSERT INTO cases_finding (account_id, indicator_id, typology_code, code, family, detector,
    detector_version, fingerprint, weight, confidence, points, best_event, evidence,
    accommodation, shadow, first_at, last_at, times)
SELECT a.id, i.id, 'dprk_itw', i.code, i.family, '/detectors/demo', '1.0.0', 'fill' || n,
    i.weight, 0.4, round(i.weight * 0.4, 2), 'fill-' || n, '{}', false, false, now(), now(), 1
FROM generate_series(%(first)s, %(last)s) n
    JOIN cases_account a ON a.ref = 'fl-fill' || n / 5,
    (SELECT i.* FROM cases_indicator i WHERE i.code = 'login.vpn_exit' LIMIT 1) i
"""
CHUNK = 500_000


def run(ctx: Context) -> list[Figure]:
    many = ctx.size(10_000_000, 400_000)
    rows = ctx.size(100_000, 20_000)
    refs = references(ctx.random(), rows // 5)
    with ctx.web(processes=2) as web, correlating(ctx):
        warm = bodies((signal(n, "w", refs[n % len(refs)]) for n in range(5_000)), 500)
        through(ctx, web.port, "signals", warm)
        _fill(ctx, 1, FEW)
        few = _rate(ctx, web.port, "few", refs, rows)
        _fill(ctx, FEW + 1, many)
        value = _rate(ctx, web.port, "many", refs, rows)
    ratio = value / few
    return [
        Figure(
            "door_correlated_10m", value, "signals/s", few, ratio, many, ctx.seed,
            "≥ 0.8 of the rate at 100,000", ratio >= 0.8,
        )
    ]  # fmt: skip


def _rate(ctx: Context, port: int, mark: str, refs: list[str], rows: int) -> float:
    sent = bodies((signal(n, mark, refs[n % len(refs)]) for n in range(rows)), 500)
    return rows / through(ctx, port, "signals", sent)


def _fill(ctx: Context, first: int, last: int) -> None:
    correlated(ctx)
    with ctx.connect() as db:
        for start in range(first, last + 1, CHUNK):
            for statement in FILL.split(";"):
                db.execute(statement, {"first": start, "last": min(start + CHUNK - 1, last)})
        for table in ("signals_signal", "cases_account", "cases_finding"):
            db.execute(f"VACUUM ANALYZE {table}")
        db.execute("CHECKPOINT")
