"""Storing what an analyzer found: in one transaction, and only by who holds the lease."""

from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from cases import scores, work
from cases.enrichment.outcome import Outcome
from cases.models import EnrichmentJob, Indicator
from cases.screening.found import keep

SOURCE = "/portal/enrichment/"


@transaction.atomic
def once(job: EnrichmentJob, analyzer, outcome: Outcome) -> bool:
    """Store `outcome` and end the job. False, and nothing stored, when another worker has it."""
    result = {"summary": outcome.summary, "facts": outcome.facts}
    if not work.settle(job, state=EnrichmentJob.State.DONE, result=result, error=""):
        return False
    if outcome.hits:
        keep(job.account, outcome.hits)
    if outcome.findings:
        _score(job, analyzer, outcome)
    return True


def _score(job: EnrichmentJob, analyzer, outcome: Outcome) -> None:
    indicators = {
        indicator.code: indicator
        for indicator in Indicator.objects.filter(
            typology__active=True, code__in=[found.code for found in outcome.findings]
        ).select_related("typology")
    }
    now = timezone.now()
    scores.add_findings(
        {
            "account_id": job.account_id,
            "indicator_code": found.code,
            "typology": indicators[found.code].typology.code,
            "detector_source": SOURCE + analyzer.name,
            "detector_version": analyzer.version,
            "fingerprint": found.fingerprint,
            "confidence": found.confidence,
            "weight": weight(indicators[found.code], found.evidence),
            "occurred_at": now,
            "evidence": found.evidence,
        }
        for found in outcome.findings
    )


_HOLDS = {
    "eq": lambda have, want: have == want,
    "gte": lambda have, want: have >= want,
    "lte": lambda have, want: have <= want,
    "in": lambda have, want: have in want,
    "present": lambda have, want: (have not in (None, "")) == want,
}


def weight(indicator: Indicator, evidence: dict) -> Decimal:
    """The indicator's weight for this evidence: the first rule whose conditions all hold."""
    for rule in indicator.weight_rules:
        if all(_holds(condition, evidence) for condition in rule["when"]):
            return Decimal(str(rule["weight"]))
    return indicator.weight


def _holds(condition: dict, evidence: dict) -> bool:
    have, compare = evidence.get(condition["field"]), _HOLDS.get(condition["op"])
    if compare is None or (have is None and condition["op"] != "present"):
        return False
    return bool(compare(have, condition["value"]))
