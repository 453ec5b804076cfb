"""Scores: what the findings about an account add up to, explainable to the last digit.

A family counts its strongest finding in full and the rest by the policy's share; a detector, a
family and all context-only findings together are capped. What several detectors report under one
indicator counts once, for the strongest of them. Accommodations, shadow detectors and withdrawn
findings are listed and count nothing. An account with findings of several typologies has the score
of the one that weighs most: weights of different catalogues do not add up.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection, transaction
from django.utils import timezone

from cases import audit, relink, rules, working
from cases.models import Account, Finding, Indicator, Policy, User

# Of one detector, indicator and account the strongest so many are scored, the rest are kept:
# a flood of fingerprints must not make every later round read it all.
SCORED_PER_INDICATOR = 20

_BEST = (
    "indicator_id", "typology_code", "code", "family", "detector_version", "weight", "confidence",
    "points", "best_event", "evidence", "shadow",
)  # fmt: skip
_BETTER = """(
    (NOT excluded.shadow, excluded.points) > (NOT f.shadow, f.points)
    OR ((NOT excluded.shadow, excluded.points) = (NOT f.shadow, f.points)
        AND excluded.best_event < f.best_event)
)"""
_TAKE_BETTER = ", ".join(
    f"{name} = CASE WHEN {_BETTER} THEN excluded.{name} ELSE f.{name} END" for name in _BEST
)

WORK = """
CREATE TEMP TABLE IF NOT EXISTS work_finding (
    account_ref text, indicator_id bigint, typology_code text, code text, family text,
    detector text, detector_version text, fingerprint text, weight numeric, confidence numeric,
    points numeric, best_event text, evidence jsonb, accommodation boolean, shadow boolean,
    at timestamptz
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS work_found (
    account_id bigint, detector text, code text, new boolean
) ON COMMIT DELETE ROWS;
DELETE FROM work_finding; DELETE FROM work_found;
"""
# Reads work_finding, work_account. Fills work_found, work_score.
PUT = f"""
WITH named AS (
    SELECT a.id AS account_id, w.* FROM work_finding w JOIN work_account a ON a.ref = w.account_ref
), best AS (
    SELECT DISTINCT ON (account_id, detector, fingerprint) *
    FROM named
    ORDER BY account_id, detector, fingerprint, shadow, points DESC, best_event
), told AS (
    SELECT account_id, detector, fingerprint, min(at) AS first_at, max(at) AS last_at,
           count(*) AS times, bool_or(accommodation) AS excused
    FROM named GROUP BY account_id, detector, fingerprint
), put AS (
    INSERT INTO cases_finding AS f (
        account_id, detector, fingerprint, {", ".join(_BEST)}, accommodation,
        first_at, last_at, times
    )
    SELECT b.account_id, b.detector, b.fingerprint, {", ".join("b." + name for name in _BEST)},
           t.excused, t.first_at, t.last_at, t.times
    FROM best b JOIN told t USING (account_id, detector, fingerprint)
    ORDER BY b.account_id, b.detector, b.fingerprint
    ON CONFLICT (account_id, detector, fingerprint) DO UPDATE SET
        {_TAKE_BETTER},
        spare = f.spare AND NOT {_BETTER},
        accommodation = f.accommodation OR excluded.accommodation,
        first_at = least(f.first_at, excluded.first_at),
        last_at = greatest(f.last_at, excluded.last_at),
        times = f.times + excluded.times
    RETURNING f.account_id, f.detector, f.code, f.xmax = 0 AS new
)
INSERT INTO work_found (account_id, detector, code, new)
SELECT account_id, detector, code, new FROM put
"""  # noqa: S608
SPARE = f"""
WITH crowded AS (
    SELECT g.account_id, g.detector, g.code
    FROM (SELECT DISTINCT account_id, detector, code FROM work_found WHERE new) g
    JOIN cases_finding f ON f.account_id = g.account_id AND f.detector = g.detector
        AND f.code = g.code AND NOT f.spare
    GROUP BY 1, 2, 3 HAVING count(*) > {SCORED_PER_INDICATOR}
), ranked AS (
    SELECT f.id, row_number() OVER (
        PARTITION BY f.account_id, f.detector, f.code
        ORDER BY f.withdrawn, f.shadow, f.accommodation, f.points DESC, f.fingerprint
    ) AS place
    FROM crowded c JOIN cases_finding f ON f.account_id = c.account_id
        AND f.detector = c.detector AND f.code = c.code AND NOT f.spare
)
UPDATE cases_finding f SET spare = true FROM ranked r
WHERE f.id = r.id AND r.place > {SCORED_PER_INDICATOR}
"""  # noqa: S608
RESCORE = """
WITH total AS (
    SELECT l.account_id, p.id AS policy_id, sum(l.line_points) AS score
    FROM unnest(%(policies)s::bigint[]) WITH ORDINALITY AS p(id, place)
    CROSS JOIN LATERAL cases_score_lines(%(accounts)s, p.id) l
    GROUP BY l.account_id, p.id
), best AS (
    SELECT DISTINCT ON (account_id) * FROM total ORDER BY account_id, score DESC, policy_id
), old AS (
    SELECT a.id FROM cases_account a WHERE a.id = ANY(%(accounts)s) ORDER BY a.id FOR NO KEY UPDATE
)
UPDATE cases_account a
SET score = coalesce(b.score, 0), score_policy_id = b.policy_id, scored_at = %(now)s
FROM old o LEFT JOIN best b ON b.account_id = o.id
WHERE a.id = o.id AND (
    a.score <> coalesce(b.score, 0) OR a.score_policy_id IS DISTINCT FROM b.policy_id
)
RETURNING a.id
"""


@dataclass(frozen=True)
class ScoreLine:
    """One finding and what it adds. The points of an account's lines sum to its score."""

    finding: Finding
    title: str
    innocent: str
    source: list
    family: str
    rank: int
    share: Decimal
    line_points: Decimal
    why: str
    context: bool
    policy_id: int

    @property
    def reason(self) -> str:
        return REASONS[self.why]


REASONS = {
    "family_maximum": "the strongest of its family, counted in full",
    "family_rest": "a further finding of its family, counted in part",
    "detector_cap": "cut: this detector has reached its cap in the family",
    "family_cap": "cut: the family has reached its cap",
    "context_cap": "cut: context alone does not add up to a case",
    "same_indicator": "not added: another detector reported the same indicator more strongly",
    "accommodation": "recorded and not scored: an accommodation",
    "shadow": "not scored: the detector is being tried out",
    "withdrawn": "not scored: the finding was withdrawn",
}


def put_findings(cursor) -> int:
    """Bring the findings in work_finding in, whatever their order. How many are new.

    The sighting with the most points stands for a finding; ties go to the smallest event name.
    """
    cursor.execute(PUT)
    cursor.execute("SELECT count(*) FILTER (WHERE new) FROM work_found")
    new = cursor.fetchone()[0]
    if new:
        cursor.execute(SPARE)
    return new


def add_findings(rows: Iterable[dict]) -> set[int]:
    """Record findings that the portal makes itself (enrichment, verification) and rescore.

    Each row: account_id, typology, indicator_code, detector_source, fingerprint, confidence, and
    optionally occurred_at, evidence, event, detector_version, weight, accommodation. Safe to
    repeat. Whether a case is due is asked in the correlator's next round, within seconds.
    """
    rows = list(rows)
    if not rows:
        return set()
    known = {
        (row.typology.code, row.code): row
        for row in Indicator.objects.select_related("typology").filter(
            typology__active=True, code__in={row["indicator_code"] for row in rows}
        )
    }
    accounts = dict(
        Account.objects.filter(pk__in={row["account_id"] for row in rows}).values_list("pk", "ref")
    )
    with transaction.atomic(), working.tables() as cursor:
        cursor.execute(WORK)
        cursor.executemany(
            "INSERT INTO work_account (ref, id) VALUES (%s, %s)",
            [(ref, account) for account, ref in accounts.items()],
        )
        cursor.executemany(
            "INSERT INTO work_finding VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
            " round(%s * %s, 2), %s, %s, %s, false, %s)",
            [
                _own(
                    row, known[row["typology"], row["indicator_code"]], accounts[row["account_id"]]
                )
                for row in rows
            ],
        )
        put_findings(cursor)
        rescore(accounts)
        working.reconsider(cursor, accounts)
    return set(accounts)


def _own(row: dict, indicator: Indicator, ref: str) -> list:
    weight = Decimal(str(row.get("weight", indicator.weight)))
    confidence = Decimal(str(row["confidence"]))
    return [
        ref, indicator.pk, row["typology"], indicator.code, indicator.family,
        row["detector_source"], row.get("detector_version", ""), row["fingerprint"], weight,
        confidence, weight, confidence, row.get("event", row["fingerprint"]),
        json.dumps(row.get("evidence", {}), default=str), row.get("accommodation", False),
        row.get("occurred_at") or timezone.now(),
    ]  # fmt: skip


def withdraw_findings(findings: Iterable[int], *, actor: User | None, reason: str) -> set[int]:
    """Take findings out of the score for good; they stay listed. Returns the accounts."""
    if not reason.strip():
        raise ValueError("withdrawing a finding needs a reason")
    with transaction.atomic(), working.tables() as cursor:
        rows = list(Finding.objects.filter(pk__in=list(findings), withdrawn=False))
        Finding.objects.filter(pk__in=[row.pk for row in rows]).update(withdrawn=True)
        for row in rows:  # what was kept aside may now be among the strongest
            cursor.execute(
                "UPDATE cases_finding SET spare = false"
                " WHERE account_id = %s AND detector = %s AND code = %s AND spare",
                [row.account_id, row.detector, row.code],
            )
        accounts = {row.account_id for row in rows}
        cursor.execute(WORK)
        cursor.executemany(
            "INSERT INTO work_found (account_id, detector, code, new) VALUES (%s, %s, %s, true)",
            [(row.account_id, row.detector, row.code) for row in rows],
        )
        cursor.execute(SPARE)
        rescore(accounts)
        working.reconsider(cursor, accounts)
        audit.record_many(
            {
                "verb": "finding.withdrawn", "actor": actor, "account": account, "note": reason,
                "data": {"findings": [row.pk for row in rows if row.account_id == account.pk]},
            }
            for account in Account.objects.filter(pk__in=accounts)
        )  # fmt: skip
    return accounts


def rescore(accounts: Iterable[int]) -> set[int]:
    """Compute the scores of these accounts again under the policies in force. Those that moved."""
    ids = sorted(set(accounts))
    policies = [row.pk for row in rules.active()]
    with connection.cursor() as cursor:
        cursor.execute(RESCORE, {"policies": policies, "accounts": ids, "now": timezone.now()})
        return {row[0] for row in cursor.fetchall()}


def score_lines(account: Account) -> list[ScoreLine]:
    """The lines that make the account's score, the strongest first; what counts nothing last."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT finding_id, family, rank, share, line_points, why, context, policy_id"
            " FROM cases_scoreline s WHERE s.account_id = %s"
            " AND s.policy_id = (SELECT score_policy_id FROM cases_account WHERE id = %s)",
            [account.pk, account.pk],
        )
        rows = cursor.fetchall()
    findings = Finding.objects.select_related("indicator").in_bulk([row[0] for row in rows])
    lines = [
        ScoreLine(
            finding=findings[finding],
            title=findings[finding].indicator.title,
            innocent=findings[finding].indicator.innocent,
            source=findings[finding].indicator.sources,
            family=family,
            rank=rank,
            share=share,
            line_points=points,
            why=why,
            context=context,
            policy_id=policy,
        )
        for finding, family, rank, share, points, why, context, policy in rows
    ]
    return sorted(lines, key=lambda line: (-line.line_points, line.family, line.rank, line.why))


def kept_aside(account: Account) -> int:
    """How many findings are kept and not scored since stronger ones fill the list."""
    return Finding.objects.filter(account=account, spare=True).count()


@transaction.atomic
def activate_policy(policy: Policy, *, actor: User, second: User) -> Policy:
    """Put a policy version in force; two people, since thresholds decide over people.

    Scores, and links and rings when their numbers changed, follow in the correlator's next
    rounds; until then each account says by which policy its score was made. Raises
    `relink.NotInPlace` for numbers that the index of near-duplicates was built with.
    """
    if actor == second:
        raise ValueError("a policy needs a second person to approve it")
    Policy.objects.select_for_update().filter(typology_code=policy.typology_code).first()
    before = rules.links_or_none()
    Policy.objects.filter(typology_code=policy.typology_code, active=True).update(active=False)
    policy.active, policy.activated_at, policy.approved_by = True, timezone.now(), second
    policy.save(update_fields=["active", "activated_at", "approved_by"])
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO cases_reconsider (account_id)"
            " SELECT DISTINCT account_id FROM cases_finding WHERE typology_code = %s"
            " ON CONFLICT DO NOTHING",
            [policy.typology_code],
        )
    after = rules.links_or_none()
    job = relink.ask(policy, before, after) if before and after else None
    audit.record(
        "policy.activated", actor=actor, obj=policy, note=policy.reason, version=policy.version,
        typology=policy.typology_code, approved_by=second.pk, links_follow=job is not None,
    )  # fmt: skip
    return policy
