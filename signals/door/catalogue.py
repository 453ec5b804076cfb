"""The active catalogues, compiled once per version: a code leads to its checks and its weight."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from cases.models import Indicator, Typology
from signals.door import fields
from signals.door.texts import Walk

# Printable, no control and no direction-changing characters: fit for an identifier.
_PLAIN = (
    r"^[^\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+\Z"
)
SUBJECT = r"^account/[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}\Z"

Confidence = Annotated[float, Meta(ge=0, le=1)]
Plain = Annotated[str, Meta(pattern=_PLAIN, min_length=1, max_length=128)]
Version = Annotated[str, Meta(pattern=_PLAIN, min_length=1, max_length=40)]


class Envelope(msgspec.Struct, gc=False):
    """The attributes of a CloudEvent that the door relies on."""

    specversion: Literal["1.0"]
    id: Annotated[str, Meta(pattern=_PLAIN, min_length=1, max_length=255)]
    source: Annotated[str, Meta(min_length=1, max_length=200)]
    type: Annotated[str, Meta(min_length=1, max_length=120)]
    subject: Annotated[str, Meta(pattern=_PLAIN, min_length=1, max_length=260)]
    time: Annotated[datetime, Meta(tz=True)]
    data: Any
    datacontenttype: str | None = None


class Data(msgspec.Struct, gc=False):
    """What every finding says, whatever its indicator."""

    confidence: Confidence
    fingerprint: Plain | None = None
    detector_version: Version | None = None
    typology: str | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """One indicator, ready to check a signal."""

    indicator_id: int
    code: str
    typology: str
    weight: Decimal
    rules: tuple[Mapping[str, Any], ...]
    evidence: tuple[Mapping[str, Any], ...]
    data_type: type
    addresses_are_real: Callable[[Mapping[str, Any]], bool] | None
    accommodation_field: str | None
    walk: Walk


class Catalogue:
    """All active typologies. Immutable; another version is another object."""

    def __init__(self, key: tuple[int, ...], specs: Iterable[Spec], walk: Walk) -> None:
        self.key = key
        self.walk = walk
        self.specs: dict[str, tuple[Spec, ...]] = {}
        for spec in specs:
            self.specs[spec.code] = (*self.specs.get(spec.code, ()), spec)
        self._allowed: dict[tuple[frozenset[str], str], dict[str, tuple[Spec, ...]]] = {}

    def allowed(self, codes: frozenset[str], typology: str) -> dict[str, tuple[Spec, ...]]:
        """What a detector with these limits may report, by code; a code it may not has none."""
        found = self._allowed.get((codes, typology))
        if found is None:
            found = {
                code: tuple(
                    spec
                    for spec in specs
                    if (not codes or code in codes) and typology in ("", spec.typology)
                )
                for code, specs in self.specs.items()
            }
            self._allowed[codes, typology] = found
        return found


_current: Catalogue | None = None


def current(key: tuple[int, ...]) -> Catalogue:
    """The catalogue of the active typologies whose ids are `key` (from the same request's look
    into the database, so a new version counts from the next request on)."""
    global _current
    found = _current
    if found is None or found.key != key:
        found = _current = _compile(key)
    return found


def _compile(key: tuple[int, ...]) -> Catalogue:
    typologies = list(Typology.objects.filter(pk__in=key))
    refused = {name for t in typologies for name in t.texts.get("refused_evidence", ())}
    walk = Walk(refusal(refused))
    accommodations = {t.pk: t.texts.get("accommodation_fields", {}) for t in typologies}
    indicators = Indicator.objects.filter(typology_id__in=key).select_related("typology")
    return Catalogue(key, [_spec(i, accommodations[i.typology_id], walk) for i in indicators], walk)


def _spec(indicator: Indicator, accommodations: Mapping[str, str], walk: Walk) -> Spec:
    evidence = tuple(indicator.evidence)
    evidence_type = fields.struct("Evidence", evidence)
    data_type = msgspec.defstruct(
        "SignalData",
        [("evidence", evidence_type | msgspec.UnsetType, msgspec.UNSET)],
        bases=(Data,),
    )
    return Spec(
        indicator_id=indicator.pk,
        code=indicator.code,
        typology=indicator.typology.code,
        weight=indicator.weight,
        rules=tuple(indicator.weight_rules),
        evidence=evidence,
        data_type=data_type,
        addresses_are_real=fields.address_check(evidence),
        accommodation_field=accommodations.get(indicator.code),
        walk=walk,
    )


def words(name: str) -> tuple[str, ...]:
    """A field's name as words, however it is spelled: skinColour, SKIN-colour, skin_colour."""
    plain = unicodedata.normalize("NFKC", name)
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).casefold()
    return tuple(part for part in re.split(r"[^a-z0-9]+", plain) if part)


def refusal(names: Iterable[str]) -> Callable[[str], bool]:
    """Whether a field's name is one that the catalogue refuses.

    A name of one long word (gender, religion …) is refused inside longer names too; short words
    (age, sex, race) and names of several words only as they stand, for `domain_age_days` and
    `address` are innocent.
    """
    exact = {"".join(words(name)) for name in names}
    inside = {words(name)[0] for name in names if len(words(name)) == 1 and len(name) > 4}

    def refuses(name: str) -> bool:
        parts = words(name)
        return "".join(parts) in exact or any(part in inside for part in parts)

    return refuses
