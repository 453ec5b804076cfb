"""What officers and legal see first: escalated cases, holds that shout, what waits for a second."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from cases import holds, permissions
from cases.models import Case, User
from cases.models.sight import sees_compliance
from cases.views.home import approvals
from cases.views.queue import case_list


@require_GET
def compliance(request: HttpRequest) -> HttpResponse:
    """The officers' queue. Nobody else comes here: a refused attempt is on record."""
    if not sees_compliance(request.user):
        permissions.require(request.user, permissions.COMPLY)
    extra = {"shouting": shouting(request.user), "approvals": approvals(request.user)}
    return case_list(request, "cases/compliance.html", extra=extra, queue=Case.Queue.COMPLIANCE)


def shouting(user: User) -> list[dict[str, Any]]:
    """Holds that need a person now, with what is the matter and the case to do it on."""
    rows = list(holds.shouting().visible_to(user).select_related("account", "case", "set_by")[:40])
    return [{"hold": hold, "why": holds.why_shouting(hold), "case": hold.case} for hold in rows]
