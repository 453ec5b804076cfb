"""Step-up: what cannot be taken back asks again who is sitting there.

Approving, exporting, revealing and changing people or receivers need a proof of identity from the
last few minutes: the second factor for who has one, else the password. Signing in is such a proof.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode, urlsplit

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from cases.models import ApiToken

View = Callable[..., HttpResponseBase]
_SECOND = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def step_up_required(view: View) -> View:
    """Let `view` run only shortly after a proof of identity; otherwise ask for one first.

    Nothing is done meanwhile: the person comes back to the page that they were on.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs) if is_fresh(request) else ask(request)

    return wrapped


def is_fresh(request: HttpRequest) -> bool:
    """Whether the person proved lately who they are. A short-lived token made to sign is proof."""
    if not request.user.is_authenticated:
        return False
    if isinstance(token := getattr(request, "auth", None), ApiToken):
        return token.signs
    needed = {"mfa"} if is_mfa_enabled(request.user, _SECOND) else None
    since = time.time() - settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    return any(
        record.get("at", 0) >= since and (needed is None or record.get("method") in needed)
        for record in request.session.get("account_authentication_methods", [])
    )


def ask(request: HttpRequest) -> HttpResponse:
    """Send the person to prove who they are, and from there back to the page they were on."""
    where = f"{_way(request)}?{urlencode({REDIRECT_FIELD_NAME: _page(request)})}"
    messages.info(request, "Confirm that it is you, then do it again. Nothing was changed yet.")
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=200, headers={"HX-Redirect": where})
    return HttpResponseRedirect(where)


def _way(request: HttpRequest) -> str:
    if is_mfa_enabled(request.user, [Authenticator.Type.TOTP]):
        return reverse("mfa_reauthenticate")
    if is_mfa_enabled(request.user, [Authenticator.Type.WEBAUTHN]):
        return reverse("mfa_reauthenticate_webauthn")
    return reverse("account_reauthenticate")


def _page(request: HttpRequest) -> str:
    """The page that the person sees now, by path and query: never an address elsewhere."""
    if request.method in ("GET", "HEAD") and request.headers.get("HX-Request") != "true":
        return request.get_full_path()
    shown = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    if url_has_allowed_host_and_scheme(
        shown, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        parts = urlsplit(shown)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return "/"
