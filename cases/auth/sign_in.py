"""What the trail says about signing in: who came, who did not get in, what they changed."""

from __future__ import annotations

import hashlib
import hmac

from django.conf import settings

from cases import audit
from cases.models import User

# What allauth reports about second factors, by the name of its message, and our word for it.
_CHANGES = {
    "mfa/email/totp_activated": "sign_in.app_added",
    "mfa/email/totp_deactivated": "sign_in.app_removed",
    "mfa/email/webauthn_added": "sign_in.passkey_added",
    "mfa/email/webauthn_removed": "sign_in.passkey_removed",
    "mfa/email/recovery_codes_generated": "sign_in.codes_made",
    "account/email/password_changed": "sign_in.password_changed",
    "account/email/password_reset": "sign_in.password_set",
    "account/email/password_set": "sign_in.password_set",
}


def came_in(user: User) -> None:
    audit.record("sign_in", actor=user, obj=user)


def went_out(user: User) -> None:
    audit.record("sign_out", actor=user, obj=user)


def failed(login: str) -> None:
    """Somebody gave a wrong password. The name is kept as a keyed hash: it may be a password."""
    known = User.objects.filter(username__iexact=login).first() if "\x00" not in login else None
    digest = hmac.new(
        settings.SECRET_KEY.encode(), login.encode("utf-8", "replace"), hashlib.sha256
    )
    audit.record("sign_in.failed", actor=None, obj=known, login_hash=digest.hexdigest()[:16])


def changed(message: str, user: User) -> None:
    """A person changed how they sign in."""
    if verb := _CHANGES.get(message):
        audit.record(verb, actor=user, obj=user)
