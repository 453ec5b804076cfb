"""What somebody sees when it does not go on. Each page says what to do next and names the request."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    because = str(exception) if exception else ""
    return _page(request, "403.html", 403, because=because)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, "404.html", 404)


def broken(request: HttpRequest) -> HttpResponse:
    """Without context processors: the fault may lie in one of them."""
    from_log = getattr(request, "request_id", "")
    return _page(request, "500.html", 500, request_id=from_log)


def _page(request: HttpRequest, template: str, status: int, **context: str) -> HttpResponse:
    return render(request, template, context, status=status)
