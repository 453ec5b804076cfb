"""What every page gets: limits of the session, a second factor, headers, the person's time zone."""

import time
import zoneinfo
from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from cases.api import problems

Handler = Callable[[HttpRequest], HttpResponse]

# A session's "last seen" is written at most this often, so that reading pages writes no rows.
SEEN_EVERY = 60


class SessionLimits:
    """End a session that was idle too long, or that is too old however busy it is.

    A page that asks by itself (a renewed lease, a counter) sends `X-Background: true` and does
    not count as somebody being there.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.session.session_key and request.user.is_authenticated:
            now = int(time.time())
            began = request.session.setdefault("began_at", now)
            seen = request.session.setdefault("seen_at", now)
            if (
                now - seen > settings.SESSION_IDLE_LIMIT.total_seconds()
                or now - began > settings.SESSION_ABSOLUTE_LIMIT.total_seconds()
            ):
                auth.logout(request)
            elif now - seen >= SEEN_EVERY and request.headers.get("X-Background") != "true":
                request.session["seen_at"] = now
        return self.get_response(request)


class SecondFactor:
    """Lead a person without a second factor to making one, before anything else is shown.

    Tokens of the API and keys of detectors are made by people who passed this way; it looks at
    sessions alone. Somebody who came by single sign-on has the provider's second factor.
    """

    OPEN = ("/sign-in/", "/static/", "/csp-report/")

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            settings.REQUIRE_SECOND_FACTOR
            and request.user.is_authenticated
            and not request.path.startswith(self.OPEN)
            and not _has_second_factor(request)
        ):
            return redirect(reverse("mfa_index"))
        return self.get_response(request)


def _has_second_factor(request: HttpRequest) -> bool:
    if request.session.get("second_factor"):
        return True
    methods = request.session.get("account_authentication_methods", [])
    by_provider = any(method.get("method") == "socialaccount" for method in methods)
    if by_provider or is_mfa_enabled(request.user):
        request.session["second_factor"] = True
        return True
    return False


class PageHeaders:
    """Headers that Django has no setting for; pages of signed-in people are never kept."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault(
            "Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()"
        )
        if not request.path.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store, private")
        return response


class PlainAddress:
    """An address with a NUL names nothing, and no database takes it as a reference."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\x00" not in request.path_info:
            return self.get_response(request)
        if problems.is_api(request):
            return problems.unknown_address(request)
        return HttpResponse("There is nothing at this address.", "text/plain", 404)


class OwnTimeZone:
    """Show times in the zone that the person chose."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = getattr(request.user, "time_zone", "") or settings.TIME_ZONE
        try:
            zone = zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            zone = zoneinfo.ZoneInfo(settings.TIME_ZONE)
        with timezone.override(zone):
            return self.get_response(request)


class OnlyGetAndPost:
    """The portal is read by GET and changed by POST; every other method is refused at the door."""

    SERVED = ("GET", "HEAD", "POST")

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in self.SERVED:
            return self.get_response(request)
        if problems.is_api(request):
            detail = "The API is read by GET and changed by POST."
            refused: HttpResponse = problems.answer(request, 405, "method_not_allowed", detail)
        else:
            refused = HttpResponse(status=405)
        refused["Allow"] = ", ".join(self.SERVED)
        return refused
