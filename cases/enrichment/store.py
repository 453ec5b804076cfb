"""Storing what an analyzer found: in one transaction, and only by who holds the lease."""

from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from cases import work
from cases.enrichment.outcome import Outcome
from cases.models import EnrichmentJob, Indicator
from cases.screening import hits

SOURCE = "/portal/enrichment/"


@transaction.atomic
def once(job: EnrichmentJob, analyzer, outcome: Outcome) -> bool:
    """Store `outcome` and end the job. False, and nothing stored, when another worker has it."""
    result = {"summary": outcome.summary, "facts": outcome.facts}
    if not work.settle(job, state=EnrichmentJob.State.DONE, result=result, error=""):
        return False
    if outcome.hits:
        hits.keep(job.account, outcome.hits)
    if outcome.findings:
        typologies = dict(
            Indicator.objects.filter(
                typology__active=True, code__in=[f.code for f in outcome.findings]
            ).values_list("code", "typology__code")
        )
        now = timezone.now()
        import_string("cases.scores.add_findings")(
            [
                {
                    "account_id": job.account_id,
                    "indicator_code": found.code,
                    "typology": typologies[found.code],
                    "confidence": found.confidence,
                    "detector_source": SOURCE + analyzer.name,
                    "fingerprint": found.fingerprint,
                    "occurred_at": now,
                    "evidence": found.evidence,
                }
                for found in outcome.findings
            ]
        )
        import_string("cases.scores.rescore")([job.account_id])
    return True
