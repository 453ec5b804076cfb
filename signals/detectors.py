"""Register detectors, and switch them on, to shadow, off: each recorded, off only for a reason."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from cases import audit, permissions
from cases.models import Indicator, Typology, User
from signals.models import Detector

_CHANGEABLE = (
    "name",
    "description",
    "typology",
    "allowed_indicators",
    "quota_per_minute",
    "quota_per_day",
)


@transaction.atomic
def register(
    source: str,
    *,
    actor: User | None,
    name: str = "",
    kind: str = Detector.Kind.DETECTOR,
    owner: User | None = None,
    **settings_of_it: Any,
) -> Detector:
    """A new detector, switched on. ValidationError says what does not fit."""
    if actor is not None:
        permissions.require(actor, permissions.MANAGE_DETECTORS)
    detector = Detector(
        source=source,
        name=name or source.rsplit("/", 1)[-1],
        kind=kind,
        owner=owner or actor,
        **{
            "quota_per_minute": settings.DETECTOR_QUOTA_PER_MINUTE,
            "quota_per_day": settings.DETECTOR_QUOTA_PER_DAY,
            **settings_of_it,
        },
    )
    _check(detector)
    detector.save()
    audit.record(
        "detector_registered", actor=actor, obj=detector, source=source, kind=detector.kind
    )
    return detector


@transaction.atomic
def change(detector: Detector, *, actor: User | None, **changes: Any) -> Detector:
    """Change what a detector may send; before and after stand in the record."""
    if actor is not None:
        permissions.require(actor, permissions.MANAGE_DETECTORS)
    unknown = set(changes) - set(_CHANGEABLE)
    if unknown:
        raise TypeError(f"not changeable: {sorted(unknown)}")
    locked = Detector.objects.select_for_update().get(pk=detector.pk)
    before = {name: getattr(locked, name) for name in changes}
    for name, value in changes.items():
        setattr(locked, name, value)
    _check(locked)
    differing = [name for name in changes if before[name] != changes[name]]
    if differing:
        locked.save(update_fields=differing)
        audit.record(
            "detector_changed", actor=actor, obj=locked, source=locked.source,
            before={name: before[name] for name in differing},
            after={name: changes[name] for name in differing},
        )  # fmt: skip
    return locked


@transaction.atomic
def switch(detector: Detector, state: str, *, actor: User | None, reason: str = "") -> Detector:
    """Switch a detector. The next request counts with the new state. Off needs a reason, which
    its owner is told at the door; a platform's facts cannot be in shadow."""
    if actor is not None:
        permissions.require(actor, permissions.MANAGE_DETECTORS)
    locked = Detector.objects.select_for_update().get(pk=detector.pk)
    if state not in Detector.State:
        raise ValidationError({"state": f"{state!r} is no state of a detector."})
    reason = reason.strip()
    if state == Detector.State.OFF and not reason:
        raise ValidationError({"reason": "Say why it is switched off: its owner reads it."})
    if state == Detector.State.SHADOW and locked.kind == Detector.Kind.PLATFORM:
        raise ValidationError({"state": "The platform's facts cannot be taken in shadow."})
    before, locked.state = locked.state, state
    locked.off_reason = reason if state == Detector.State.OFF else ""
    locked.state_since = timezone.now()
    locked.save(update_fields=["state", "off_reason", "state_since"])
    audit.record(
        "detector_switched", actor=actor, obj=locked, note=reason, source=locked.source,
        before=before, after=state,
    )  # fmt: skip
    return locked


def _check(detector: Detector) -> None:
    detector.full_clean(validate_unique=True)
    if detector.typology and not Typology.objects.filter(code=detector.typology).exists():
        raise ValidationError({"typology": f"There is no typology {detector.typology!r}."})
    known = Indicator.objects.filter(typology__active=True)
    if detector.typology:
        known = known.filter(typology__code=detector.typology)
    codes = set(known.values_list("code", flat=True))
    unknown = sorted(set(detector.allowed_indicators) - codes)
    if unknown:
        raise ValidationError({"allowed_indicators": f"Not in the catalogue: {unknown}."})
