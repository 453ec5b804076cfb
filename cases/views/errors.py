"""What somebody sees when it does not go on: what to do next, and the request to quote."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from cases.api import problems


def refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    because = str(exception) if exception else ""
    return _page(request, "403.html", 403, because=because)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if problems.is_api(request):
        return problems.unknown_address(request)
    return _page(request, "404.html", 404)


def broken(request: HttpRequest) -> HttpResponse:
    """Without context processors and database: the fault may lie in one of them."""
    if problems.is_api(request):
        return problems.server_error(request)
    told = {"request_id": getattr(request, "request_id", "")}
    return HttpResponse(render_to_string("500.html", told), status=500)


def _page(request: HttpRequest, template: str, status: int, **context: str) -> HttpResponse:
    """A whole page, or for htmx the piece that stands where the answer was expected."""
    if getattr(request, "htmx", False):
        template = f"cases/_{template}"
    return render(request, template, context, status=status)
