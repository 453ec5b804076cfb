"""Decide on one posted finding: which indicator, is it well formed, what does it weigh."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import msgspec

from signals.door import fields, rules
from signals.door.access import Caller
from signals.door.catalogue import SUBJECT, Catalogue, Data, Envelope, Spec
from signals.door.envelope import Rejected, attribute_errors, extensions
from signals.door.fields import error, shown
from signals.door.storage import SignalRow
from signals.door.texts import harmless

_ENVELOPE = (
    {"name": "confidence", "type": "float", "required": True},
    {"name": "fingerprint", "type": "str", "optional": True},
    {"name": "detector_version", "type": "str", "optional": True},
    {"name": "typology", "type": "str", "optional": True},
    {"name": "evidence", "type": "object"},
)
_sorted = msgspec.json.Encoder(order="sorted").encode
_convert = msgspec.convert
_PREFIX = len("account/")
_SUBJECT = re.compile(SUBJECT).match


class Findings:
    """The check for one caller and one version of the catalogue."""

    kind = "signals"

    def __init__(self, caller: Caller, catalogue: Catalogue, *, size_max: int) -> None:
        self.caller = caller
        self.size_max = size_max
        self.specs = catalogue.allowed(caller.allowed, caller.typology)
        self.known = catalogue.specs
        self.walk = catalogue.walk

    def row(self, item: Any) -> SignalRow:
        """The row to store for `item`; raises Rejected with everything that is wrong with it."""
        try:
            envelope = _convert(item, Envelope)
            spec = self._spec(envelope)
            data = envelope.data
            checked = _convert(data, spec.data_type)
        except (msgspec.ValidationError, RecursionError, OverflowError):
            raise Rejected(self._errors(item)) from None
        evidence = data.get("evidence") or {}
        problems = self.walk.errors(data)
        if spec.addresses_are_real is not None and not spec.addresses_are_real(evidence):
            problems.extend(fields.errors(evidence, spec.evidence, "/data/evidence"))
        if not self._attributes_fit(envelope):
            problems.extend(attribute_errors(item, self.caller.source, SUBJECT))
        if problems:
            raise Rejected(problems)
        return self._row(item, envelope, spec, data, evidence, checked)

    def _attributes_fit(self, envelope: Envelope) -> bool:
        """The fast question; False only leads to the exact one."""
        return (
            envelope.source == self.caller.source
            and _SUBJECT(envelope.subject) is not None
            and envelope.datacontenttype in (None, "application/json")
            and 1990 <= envelope.time.year <= 2100
        )

    def _row(self, item, envelope, spec: Spec, data, evidence, checked: Data) -> SignalRow:
        encoded = _sorted(data)
        if b"\\u0000" in encoded:
            data = harmless(data)
            encoded = _sorted(data)
        if len(encoded) > self.size_max:
            detail = f"An event's data has at most {self.size_max} bytes."
            raise Rejected([error("/data", "too_large", detail)])
        moment = envelope.time.astimezone(UTC).isoformat()
        subject = envelope.subject
        named = f"{envelope.type}\n{subject}\n{moment}\n".encode()
        accommodation = spec.accommodation_field is not None and (
            evidence.get(spec.accommodation_field) is True
        )
        return SignalRow(
            e=envelope.id,
            n=spec.indicator_id,
            r=subject[_PREFIX:],
            c=round(checked.confidence, 3),
            w=rules.weight_of(spec.weight, spec.rules, evidence),
            f=checked.fingerprint or derived_fingerprint(envelope.type, subject, evidence),
            o=moment,
            v=checked.detector_version or "",
            h=hashlib.sha256(named + encoded).hexdigest(),
            d=msgspec.Raw(encoded),
            a=accommodation,
            x=extensions(item),
        )

    def _spec(self, envelope: Envelope) -> Spec:
        found = self.specs.get(envelope.type, ())
        wanted = envelope.data.get("typology") if type(envelope.data) is dict else None
        if wanted is not None:
            found = tuple(spec for spec in found if spec.typology == wanted)
        if len(found) != 1:
            raise Rejected(self._errors_of_type(envelope.type, wanted))
        return found[0]

    def _errors_of_type(self, code: str, typology: Any) -> list[dict[str, str]]:
        if code not in self.known:
            near = sorted(c for c in self.known if c.split(".")[0] == code.split(".")[0])[:8]
            hint = f" Known of this family: {', '.join(near)}." if near else ""
            detail = f"{shown(code)} is in no active catalogue.{hint} See /catalogue/."
            return [error("/type", "unknown_type", detail)]
        mine = self.specs[code]
        if not mine:
            detail = f"This detector may not report {code}; its owner can allow it."
            return [error("/type", "type_not_allowed", detail)]
        names = ", ".join(sorted(spec.typology for spec in mine))
        if typology is None:
            detail = f"{code} is in several typologies: name one of {names}."
            return [error("/data/typology", "required", detail)]
        detail = f"{code} belongs to {names}, not to {shown(str(typology))}."
        return [error("/data/typology", "unknown_typology", detail)]

    def _errors(self, item: Any) -> list[dict[str, str]]:
        """Everything that is wrong, the slow way."""
        problems = attribute_errors(item, self.caller.source, SUBJECT)
        if not isinstance(item, dict):
            return problems
        code, data = item.get("type"), item.get("data")
        if not isinstance(data, dict):
            return problems
        problems.extend(fields.errors(data, _ENVELOPE, "/data"))
        problems.extend(_share_errors(data))
        problems.extend(_text_errors(data))
        problems.extend(self.walk.errors(data))
        evidence = data.get("evidence")
        specs = self.specs.get(code, ()) if isinstance(code, str) else ()
        if isinstance(code, str) and 0 < len(code) <= 120:
            wanted = data.get("typology")
            mine = tuple(s for s in specs if wanted is None or s.typology == wanted)
            if len(mine) != 1:
                problems.extend(self._errors_of_type(code, wanted))
            elif isinstance(evidence, dict):
                problems.extend(fields.errors(evidence, mine[0].evidence, "/data/evidence"))
        return problems or [error("", "not_understood", "This event cannot be understood.")]


def derived_fingerprint(code: str, subject: str, evidence: Mapping[str, Any]) -> str:
    """The name of a finding whose detector gives none: the same evidence about the same subject
    is the same finding, whenever and however surely it was seen."""
    content = f"{code}\n{subject}\n".encode() + _sorted(harmless(evidence))
    return "c-" + hashlib.sha256(content).hexdigest()[:30]


def _share_errors(data: Mapping[str, Any]):
    confidence = data.get("confidence")
    if type(confidence) in (int, float) and not 0 <= confidence <= 1:
        detail = "confidence must be a number from 0 to 1."
        yield error("/data/confidence", "out_of_range", detail)


def _text_errors(data: Mapping[str, Any]):
    for name, limit in (("fingerprint", 128), ("detector_version", 40)):
        text = data.get(name)
        if not isinstance(text, str):
            continue
        try:
            _convert({"confidence": 0, name: text}, Data)
        except msgspec.ValidationError:
            detail = f"{name} must be 1 to {limit} printable characters."
            code = "too_long" if len(text) > limit else "bad_format"
            yield error(f"/data/{name}", code, detail)
