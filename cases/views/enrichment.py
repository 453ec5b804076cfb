"""What was looked up about a case without a person: results, failures, and trying again."""

from __future__ import annotations

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from cases import audit, enrichment, permissions
from cases.enrichment.jobs import NotAllowed
from cases.enrichment.registry import ANALYZERS
from cases.models import AnalyzerHealth, Case, EnrichmentJob
from cases.views.access import access_case


@require_GET
def case_enrichment(request: HttpRequest, ref: str) -> HttpResponse:
    """The panel of the case page; on its own it is a page fragment."""
    return _panel(request, access_case(request.user, ref))


@require_POST
def enrichment_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a failed job its attempts back and show the panel as it is then."""
    job = EnrichmentJob.objects.visible_to(request.user).filter(pk=pk, case__isnull=False).first()
    if job is None:
        raise Http404
    case = access_case(request.user, job.case.ref)
    error, status = "", 200
    try:
        enrichment.retry(job, actor=request.user)
    except NotAllowed as refusal:
        error, status = str(refusal), 409
    if not request.htmx:
        return redirect("cases:case", ref=case.ref)
    return _panel(request, case, error=error, status=status)


@require_POST
def enrichment_again(request: HttpRequest, ref: str) -> HttpResponse:
    """Look again: analyzers whose inputs changed since (facts, lists, files) get new jobs."""
    case = access_case(request.user, ref)
    if not permissions.allows(request.user, permissions.COMPLY):
        permissions.require(request.user, permissions.REVIEW, obj=case)
    with transaction.atomic():
        asked = enrichment.request(case, reason="asked by a person")
        audit.record(
            "enrichment.asked", actor=request.user, case=case,
            wall=case.queue == Case.Queue.COMPLIANCE, analyzers=[j.analyzer for j in asked],
        )  # fmt: skip
    if not request.htmx:
        return redirect("cases:case", ref=case.ref)
    said = "" if asked else "Nothing changed since it was last looked at."
    return _panel(request, case, said=said)


def _panel(
    request: HttpRequest, case: Case, *, error: str = "", said: str = "", status: int = 200
) -> HttpResponse:
    # Looked up about the account, whichever case asked first: a second case sees it too.
    jobs = EnrichmentJob.objects.visible_to(request.user).filter(account=case.account)
    newest: dict[str, EnrichmentJob] = {}
    for job in jobs.order_by("-created_at", "-pk")[:200]:
        newest.setdefault(job.analyzer, job)
    paused = dict(
        AnalyzerHealth.objects.exclude(paused_until=None).values_list("analyzer", "paused_until")
    )
    rows = [
        {
            "name": name,
            "title": analyzer.title,
            "version": analyzer.version,
            "job": newest.get(name),
            "paused": paused.get(name),
        }
        for name, analyzer in ANALYZERS.items()
    ]
    context = {
        "case": case,
        "rows": rows,
        "error": error,
        "said": said,
        "may_retry": permissions.allows(request.user, permissions.REVIEW)
        or permissions.allows(request.user, permissions.COMPLY),
        "working": any(row["job"] and row["job"].state in ("waiting", "running") for row in rows),
    }
    return render(request, "cases/_enrichment.html", context, status=status)
