"""Secrets at rest: AES-256-GCM per field, bound to the place where the field stands.

The place (table, column, row) is authenticated with the text, so that a ciphertext copied to
another row does not open there. Every ciphertext names its key, so that keys can be rotated: the
first of `FIELD_KEYS` encrypts, all of them decrypt, `rewrap` moves a value to the first.
"""

from __future__ import annotations

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

_VERSION = "v1"


class Unreadable(Exception):
    """The ciphertext was changed, moved to another place, or its key is gone."""


def encrypt(text: str, *, place: str) -> str:
    """`text` sealed for `place` (`table/column/row id`) with the newest key."""
    key_id, key = _keys()[0]
    nonce = os.urandom(12)
    sealed = nonce + AESGCM(key).encrypt(nonce, text.encode(), _bound(key_id, place))
    return f"{_VERSION}.{key_id}.{base64.urlsafe_b64encode(sealed).decode()}"


def decrypt(sealed: str, *, place: str) -> str:
    """The text that `encrypt` was given for the same `place`. Else `Unreadable`."""
    version, _, rest = sealed.partition(".")
    key_id, _, encoded = rest.partition(".")
    key = dict(_keys()).get(key_id)
    if version != _VERSION or key is None:
        raise Unreadable("no key for this value")
    try:
        raw = base64.b64decode(encoded, altchars=b"-_", validate=True)
        return AESGCM(key).decrypt(raw[:12], raw[12:], _bound(key_id, place)).decode()
    except (InvalidTag, binascii.Error, ValueError) as exc:
        raise Unreadable("the value does not belong here") from exc


def rewrap(sealed: str, *, place: str) -> str:
    """The same text under the newest key; unchanged if it is there already."""
    if sealed.startswith(f"{_VERSION}.{_keys()[0][0]}."):
        return sealed
    return encrypt(decrypt(sealed, place=place), place=place)


def new_key(key_id: str) -> str:
    """A fresh entry for `FIELD_KEYS`."""
    return f"{key_id}:{base64.b64encode(os.urandom(32)).decode()}"


def _bound(key_id: str, place: str) -> bytes:
    return f"{_VERSION}|{key_id}|{place}".encode()


def _keys() -> list[tuple[str, bytes]]:
    keys = []
    for entry in settings.FIELD_KEYS:
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error as exc:
            raise ImproperlyConfigured("FIELD_KEYS holds an entry that is not id:base64") from exc
        if not key_id.isalnum() or len(key) != 32:
            raise ImproperlyConfigured("an entry of FIELD_KEYS is id:base64 of 32 bytes")
        keys.append((key_id, key))
    if not keys:
        raise ImproperlyConfigured("FIELD_KEYS is empty: make one with `manage.py field_key`")
    return keys
