"""Decide on one posted fact of the platform: its type, its fields, whom it is about."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import msgspec

from signals.door import fields
from signals.door.access import Caller
from signals.door.catalogue import Envelope
from signals.door.envelope import Rejected, attribute_errors, extensions
from signals.door.fields import error, shown
from signals.door.storage import ActivityRow
from signals.door.texts import Walk, harmless

_REF = r"[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}\Z"
SUBJECTS = {
    "account": rf"^account/{_REF}",
    "contract": rf"^contract/{_REF}",
    "relation": rf"^relation/{_REF}",
    "infrastructure": r"^infrastructure/[^\x00-\x20\x7f-\xa0]{1,200}\Z",
}
_sorted = msgspec.json.Encoder(order="sorted").encode


def _field(name: str, kind: str, **more: Any) -> dict[str, Any]:
    """A field that may be absent or null, unless `required`."""
    return {"name": name, "type": kind, "optional": not more.get("required"), **more}


_PROFILE = (
    _field("kind", "enum", enum=["freelancer", "client"]),
    _field("display_name", "str", max=200),
    _field("email", "str", max=254),
    _field("phone", "str", max=40),
    _field("claimed_country", "iso2"),
    _field("created_at", "ts"),
    _field("skills", "str", list=True, max=200),
)
_LOGIN = (
    _field("success", "bool", required=True),
    _field("ip", "inet"),
    _field("asn", "int"),
    _field("ip_country", "iso2"),
    _field("device_id", "token"),
    _field("session_minutes", "float"),
    _field("user_agent", "str", max=2000),
    _field("open_ports", "int", list=True),
)
_DOCUMENT = (
    _field("doc_type", "str", max=60),
    _field("number_hash", "token"),
    _field("image_phash", "hex64"),
    _field("face_ref", "token"),
    _field("issuing_country", "iso2"),
)
_PAYOUT = (
    _field("type", "enum", enum=["bank", "psp", "crypto", "card"], required=True),
    _field("instrument_hash", "token"),
    _field("holder_name", "str", max=200),
    _field("country", "iso2"),
    _field("address", "token"),
    _field("joint", "bool"),
    _field("agency", "bool"),
)
_PROPOSAL = (
    _field("job_id", "token"),
    _field("text_simhash", "hex64"),
    _field("rate_usd", "float"),
)
_INTERVIEW = (
    _field("conducted_by", "str", max=60),
    _field("mode", "str", max=60),
    _field("outcome", "str", max=60),
    _field("observations", "str", list=True, max=500),
    _field("excuse", "str", max=2000),
)
_CONTRACT = (
    _field("client_id", "ref"),
    _field("freelancer_id", "ref"),
    _field("amount_usd", "float"),
    _field("rating", "float"),
    _field("video_interview_before_contract", "bool"),
    _field("opened_at", "ts"),
    _field("closed_at", "ts"),
)
_RELATION = (
    _field("kind", "token", required=True),
    _field("members", "ref", list=True, required=True),
    _field("evidence", "str"),
)
_RELATION_ENDS = (
    _field("kind", "token"),
    _field("members", "ref", list=True),
    _field("evidence", "str"),
)
_INFRASTRUCTURE = (
    _field("kind", "token", required=True),
    _field("value", "token", required=True),
    _field("asn", "int"),
    _field("label", "str", max=200),
)
_INFRASTRUCTURE_ENDS = (
    _field("kind", "token"),
    _field("value", "token", required=True),
    _field("asn", "int"),
    _field("label", "str", max=200),
)


@dataclass(frozen=True, slots=True)
class Fact:
    subject: str
    specs: tuple[Mapping[str, Any], ...]
    data_type: type
    addresses_are_real: Callable[[Mapping[str, Any]], bool] | None
    one_of: tuple[str, ...]


def _fact(subject: str, specs: tuple, *, one_of: tuple[str, ...] = ()) -> Fact:
    return Fact(
        subject, specs, fields.struct("FactData", specs), fields.address_check(specs), one_of
    )


FACTS: dict[str, Fact] = {
    "account.registered": _fact("account", _PROFILE),
    "account.updated": _fact("account", _PROFILE),
    "login.attempted": _fact("account", _LOGIN),
    "document.submitted": _fact("account", _DOCUMENT),
    "payout_method.added": _fact("account", _PAYOUT, one_of=("instrument_hash", "address")),
    "payout_method.removed": _fact("account", _PAYOUT, one_of=("instrument_hash", "address")),
    "proposal.submitted": _fact("account", _PROPOSAL),
    "interview.held": _fact("account", _INTERVIEW),
    "contract.opened": _fact("contract", _CONTRACT),
    "contract.closed": _fact("contract", _CONTRACT),
    "relation.declared": _fact("relation", _RELATION),
    "relation.withdrawn": _fact("relation", _RELATION_ENDS),
    "infrastructure.declared": _fact("infrastructure", _INFRASTRUCTURE),
    "infrastructure.withdrawn": _fact("infrastructure", _INFRASTRUCTURE_ENDS),
}
_MATCH = {kind: re.compile(pattern).match for kind, pattern in SUBJECTS.items()}


class Facts:
    """The check of activity for one caller."""

    kind = "activity"

    def __init__(self, caller: Caller, *, size_max: int) -> None:
        self.caller = caller
        self.size_max = size_max
        self.walk = _WALK

    def row(self, item: Any) -> ActivityRow:
        """The row to store for `item`; raises Rejected with everything that is wrong with it."""
        try:
            envelope = msgspec.convert(item, Envelope)
            fact = FACTS[envelope.type]
            data = envelope.data
            msgspec.convert(data, fact.data_type)
        except (msgspec.ValidationError, KeyError, RecursionError, OverflowError):
            raise Rejected(self._errors(item)) from None
        problems = self.walk.errors(data)
        if fact.addresses_are_real is not None and not fact.addresses_are_real(data):
            problems.extend(fields.errors(data, fact.specs, "/data"))
        if fact.one_of and not any(data.get(name) for name in fact.one_of):
            problems.append(_one_of(fact))
        if not (
            envelope.source == self.caller.source
            and _MATCH[fact.subject](envelope.subject)
            and envelope.datacontenttype in (None, "application/json")
            and 1990 <= envelope.time.year <= 2100
        ):
            pattern = SUBJECTS[fact.subject]
            problems.extend(attribute_errors(item, self.caller.source, pattern))
        if problems:
            raise Rejected(problems)
        return self._row(item, envelope, fact, data)

    def _row(self, item, envelope: Envelope, fact: Fact, data) -> ActivityRow:
        encoded = _sorted(data)
        if b"\\u0000" in encoded:
            encoded = _sorted(harmless(data))
        if len(encoded) > self.size_max:
            detail = f"An event's data has at most {self.size_max} bytes."
            raise Rejected([error("/data", "too_large", detail)])
        moment = envelope.time.astimezone(UTC).isoformat()
        named = f"{envelope.type}\n{envelope.subject}\n{moment}\n".encode()
        return ActivityRow(
            e=envelope.id,
            t=envelope.type,
            k=fact.subject,
            r=envelope.subject[len(fact.subject) + 1 :],
            o=moment,
            h=hashlib.sha256(named + encoded).hexdigest(),
            d=msgspec.Raw(encoded),
            x=extensions(item),
        )

    def _errors(self, item: Any) -> list[dict[str, str]]:
        kind = item.get("type") if isinstance(item, dict) else None
        fact = FACTS.get(kind) if isinstance(kind, str) else None
        pattern = SUBJECTS[fact.subject] if fact else "^"
        problems = attribute_errors(item, self.caller.source, pattern)
        if isinstance(kind, str) and 0 < len(kind) <= 120 and fact is None:
            detail = f"{shown(kind)} is no known fact. Known are: {', '.join(FACTS)}."
            problems.append(error("/type", "unknown_type", detail))
        data = item.get("data") if isinstance(item, dict) else None
        if isinstance(data, dict):
            if fact is not None:
                problems.extend(fields.errors(data, fact.specs, "/data"))
            problems.extend(self.walk.errors(data))
        return problems or [error("", "not_understood", "This event cannot be understood.")]


def _one_of(fact: Fact) -> dict[str, str]:
    names = " or ".join(fact.one_of)
    return error("/data", "required", f"Send {names}: without one the fact says nothing.")


_WALK = Walk(lambda name: False)
