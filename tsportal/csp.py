"""Where browsers tell what the content policy stopped."""

import json

import structlog
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from prometheus_client import Counter

log = structlog.get_logger("tsportal.csp")
stopped = Counter("portal_csp_reports_total", "Reports that the content policy stopped something")

LARGEST = 16 * 1024
# What helps to find the fault. Addresses of pages are left out: they name accounts.
KEPT = ("violated-directive", "effective-directive", "blocked-uri", "source-file", "line-number")


@csrf_exempt
@login_not_required
@require_POST
def report(request: HttpRequest) -> HttpResponse:
    """Count and log one report; anything that is not one is passed over in silence."""
    body = request.read(LARGEST + 1)
    if len(body) > LARGEST:
        return HttpResponse(status=413)
    try:
        said = json.loads(body)["csp-report"]
        kept = {key.replace("-", "_"): str(said[key])[:200] for key in KEPT if key in said}
    except (ValueError, KeyError, TypeError, RecursionError):
        return HttpResponse(status=204)
    stopped.inc()
    log.warning("csp_report", **kept)
    return HttpResponse(status=204)
