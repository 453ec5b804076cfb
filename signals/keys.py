"""Keys of detectors: made, shown once, rotated, revoked.

A key is `prefix.secret`. The secret has 256 random bits and is known to its maker alone; the
portal keeps its SHA-256. At most two keys of a detector are alive at once: the old one works on
until the new one is in place everywhere.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from cases import audit, permissions
from cases.models import User
from signals.models import Detector, DetectorKey

_PREFIX_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


class TooManyKeys(Exception):
    """Two keys are alive already: revoke one first."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made, with the one sight of its secret."""

    key: DetectorKey
    text: str


@transaction.atomic
def make(detector: Detector, *, actor: User | None, expires_at: datetime | None = None) -> NewKey:
    """A further key for `detector`. TooManyKeys when two are alive: the detector's row is locked,
    so two people at once do not make a third."""
    if actor is not None:
        permissions.require(actor, permissions.MANAGE_DETECTORS)
    locked = Detector.objects.select_for_update().get(pk=detector.pk)
    if locked.keys.live().count() >= settings.DETECTOR_KEYS_LIVE:
        raise TooManyKeys(
            f"{locked.source} has {settings.DETECTOR_KEYS_LIVE} live keys: revoke one first"
        )
    secret = secrets.token_urlsafe(32)
    key = DetectorKey.objects.create(
        detector=locked,
        prefix="".join(secrets.choice(_PREFIX_ALPHABET) for _ in range(12)),
        secret_hash=hashlib.sha256(secret.encode()).digest(),
        created_by=actor,
        expires_at=expires_at or timezone.now() + settings.DETECTOR_KEY_LIFETIME,
    )
    audit.record(
        "detector_key_made", actor=actor, obj=locked, source=locked.source, prefix=key.prefix,
        expires_at=key.expires_at.isoformat(),
    )  # fmt: skip
    return NewKey(key, f"{key.prefix}.{secret}")


@transaction.atomic
def revoke(key: DetectorKey, *, actor: User | None, reason: str = "") -> None:
    """Shut `key` for good; the next request with it is refused. Safe to run twice."""
    if actor is not None:
        permissions.require(actor, permissions.MANAGE_DETECTORS)
    changed = DetectorKey.objects.filter(pk=key.pk, revoked_at=None).update(
        revoked_at=timezone.now()
    )
    if changed:
        audit.record(
            "detector_key_revoked", actor=actor, obj=key.detector, note=reason,
            source=key.detector.source, prefix=key.prefix,
        )  # fmt: skip


@transaction.atomic
def rotate(detector: Detector, *, actor: User | None, expires_at: datetime | None = None) -> NewKey:
    """A new key; when two were alive the older one is revoked to make room."""
    if actor is not None:
        permissions.require(actor, permissions.MANAGE_DETECTORS)
    locked = Detector.objects.select_for_update().get(pk=detector.pk)
    live = list(locked.keys.live().order_by("created_at", "pk"))
    for old in live[: max(0, len(live) - settings.DETECTOR_KEYS_LIVE + 1)]:
        revoke(old, actor=actor, reason="made room for a new key")
    return make(locked, actor=actor, expires_at=expires_at)
