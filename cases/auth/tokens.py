"""Personal tokens: how a person's program asks the API as that person."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from cases import audit
from cases.models import ApiToken, User

PREFIX = "pt_"
# "Last used" is written at most this often, so that reading writes no rows.
_USED_EVERY = timedelta(minutes=1)


class TooLong(ValueError):
    """Tokens end; this one was to live longer than any may."""


@transaction.atomic
def make(
    user: User, name: str, *, lifetime: timedelta | None = None, signs: bool = False
) -> tuple[ApiToken, str]:
    """A token for `user` and its text, which is shown this once. It can do what the person can.

    What asks again who is sitting there (`cases.auth.step_up`) is open only to a token that
    `signs`, and such a token lives for a short while.
    """
    most = settings.API_SIGNING_TOKEN_LIFETIME if signs else settings.API_TOKEN_LIFETIME
    lifetime = most if lifetime is None else lifetime
    if not timedelta(0) < lifetime <= most:
        raise TooLong(f"a token {'that signs ' if signs else ''}lasts at most {most.days} days")
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=user,
        name=name[:80],
        prefix=prefix,
        secret_hash=_hash(secret),
        signs=signs,
        expires_at=timezone.now() + lifetime,
    )
    audit.record(
        "token.made", actor=user, obj=user, token=prefix, signs=signs, expires=token.expires_at
    )
    return token, f"{PREFIX}{prefix}.{secret}"


@transaction.atomic
def revoke(token: ApiToken, *, actor: User | None) -> None:
    """End a token at once. Safe to repeat."""
    ended = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    if ended:
        audit.record("token.revoked", actor=actor, obj=token.user, token=token.prefix)


def holder(text: str) -> ApiToken | None:
    """The live token that `text` is, with its person, or None."""
    prefix, _, secret = text.removeprefix(PREFIX).partition(".")
    if not text.startswith(PREFIX) or not secret or "\x00" in text or len(text) > 200:
        return None
    token = ApiToken.objects.live().select_related("user").filter(prefix=prefix).first()
    if token is None or not hmac.compare_digest(token.secret_hash, _hash(secret)):
        return None
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > _USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return token


class PersonalToken(BaseAuthentication):
    """`Authorization: Bearer pt_…`. Another bearer, a detector's key say, is nobody here."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != b"bearer":
            return None
        token = holder(parts[1].decode("latin-1")) if len(parts) == 2 else None
        if token is None:
            raise AuthenticationFailed("This token is unknown, has ended or was revoked.")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="portal"'


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
