"""Signatures of messages by the Standard Webhooks specification, version 1.0.0.

What is signed is `id.timestamp.body`, byte for byte as it goes over the wire. Several secrets give
several signatures in one header, so that a receiver can change to a new secret at its own time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable, Mapping

PREFIX = "whsec_"
TOLERANCE_SECONDS = 300


class Unverified(Exception):
    """The message is not from a holder of the secret, or not from now."""


def new_secret() -> str:
    """A fresh shared secret of 256 bits in its written form."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def secret_bytes(secret: str) -> bytes:
    """The key inside a written secret. Raises ValueError unless it is 24 to 64 bytes."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ValueError("a webhook secret is whsec_ and base64") from exc
    if not 24 <= len(key) <= 64:
        raise ValueError("a webhook secret holds 24 to 64 bytes")
    return key


def sign(message_id: str, timestamp: int, body: bytes, secret: str) -> str:
    """The signature of one message with one secret, `v1,` and base64."""
    digest = hmac.new(secret_bytes(secret), _signed(message_id, timestamp, body), hashlib.sha256)
    return "v1," + base64.b64encode(digest.digest()).decode()


def headers(
    message_id: str, body: bytes, secret_list: Iterable[str], *, timestamp: int | None = None
) -> dict[str, str]:
    """The three headers of a message, signed with every secret in `secret_list`."""
    at = int(time.time()) if timestamp is None else timestamp
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(sign(message_id, at, body, each) for each in secret_list),
    }


def verify(
    message: Mapping[str, str],
    body: bytes,
    secret_list: Iterable[str],
    *,
    now: float | None = None,
    tolerance: int = TOLERANCE_SECONDS,
) -> str:
    """The message's id if one of its signatures fits one of our secrets. Else `Unverified`.

    `message` holds the headers under lower-case names. Takes the same time for every wrong
    signature, and a message that is older or newer than `tolerance` seconds is refused first.
    """
    message_id = message.get("webhook-id", "")
    if not message_id or "." in message_id or len(message_id) > 200:
        raise Unverified("webhook-id is missing or malformed")
    try:
        timestamp = int(message.get("webhook-timestamp", ""))
    except ValueError as exc:
        raise Unverified("webhook-timestamp is missing or malformed") from exc
    if abs((time.time() if now is None else now) - timestamp) > tolerance:
        raise Unverified("webhook-timestamp is too far from now")
    given = [part for part in message.get("webhook-signature", "").split(" ") if part][:20]
    fits = False
    for secret in secret_list:
        expected = sign(message_id, timestamp, body, secret).encode()
        for signature in given:
            fits |= hmac.compare_digest(expected, signature.encode("utf-8", "replace"))
    if not fits:
        raise Unverified("no signature fits")
    return message_id


def _signed(message_id: str, timestamp: int, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body
