"""Typed fields compiled to one msgspec type, and errors that name the field and the remedy."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

STRING_MAX = 4000
LIST_MAX = 1000
_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"^{_OCTET}(\.{_OCTET}){{3}}\Z"
_is_ipv4 = re.compile(_IPV4).match


class _Money(msgspec.Struct):
    amount: (
        Annotated[float, Meta(ge=-1e15, le=1e15)]
        | Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,6})?\Z")]
    )
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z")]


SIMPLE: dict[str, Any] = {
    "ts": Annotated[datetime, Meta(tz=True)],
    "date": date,
    "int": Annotated[int, Meta(ge=-(2**53), le=2**53)],
    "float": Annotated[float, Meta(ge=-1e300, le=1e300)],
    "bool": bool,
    "str": Annotated[str, Meta(max_length=STRING_MAX)],
    "token": Annotated[str, Meta(min_length=1, max_length=200)],
    "ref": Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~:@-]{0,127}\Z")],
    "hex": Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{4,128}\Z")],
    "hex64": Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{16}\Z")],
    "iso2": Annotated[str, Meta(pattern=r"^([A-Z]{2}|-)\Z")],
    "url": Annotated[str, Meta(pattern=r"^https?://[^\s<>\"'`\\]+\Z", max_length=2000)],
    "inet": Annotated[str, Meta(pattern=_IPV4 + r"|^[0-9A-Fa-f:.]{2,45}\Z")],
    "money": _Money,
    "bbox": Annotated[list[float], Meta(min_length=4, max_length=4)],
}
WANTED = {
    "ts": "an RFC 3339 time with a zone, such as 2026-10-10T12:00:00Z",
    "date": "a date such as 2026-10-10",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": f"text of at most {STRING_MAX} characters",
    "token": "text of 1 to 200 characters",
    "ref": "a reference of 1 to 128 letters, digits and . _ ~ : @ -",
    "hex": "4 to 128 hexadecimal digits",
    "hex64": "16 hexadecimal digits",
    "iso2": "a country as two capital letters, or - for none",
    "url": "an http or https address",
    "inet": "an IPv4 or IPv6 address",
    "money": 'an amount and a currency, such as {"amount": 120, "currency": "USD"}',
    "bbox": "four numbers",
    "object": "an object",
}

Spec = Mapping[str, Any]  # {name, type, list, optional, enum, fields, required, max}


def struct(name: str, specs: Sequence[Spec]) -> type:
    """A msgspec type that checks an object's known fields and lets the others pass."""
    fields: list[Any] = []
    for index, spec in enumerate(specs):
        if spec.get("required"):
            fields.insert(0, (f"f{index}", one(spec)))
        else:
            fields.append((f"f{index}", one(spec), msgspec.UNSET))
    rename = {f"f{index}": spec["name"] for index, spec in enumerate(specs)}
    return msgspec.defstruct(name, fields, rename=rename, gc=False)


def one(spec: Spec) -> Any:
    kind = spec["type"]
    if kind == "enum":
        wanted: Any = Literal[tuple(spec["enum"])]
    elif kind == "object":
        wanted = struct("Object", spec["fields"]) if spec.get("fields") else dict[str, Any]
    elif "max" in spec:
        wanted = Annotated[str, Meta(max_length=spec["max"])]
    else:
        wanted = SIMPLE[kind]
    if spec.get("list"):
        wanted = Annotated[list[wanted], Meta(max_length=LIST_MAX)]
    return wanted | None if spec.get("optional") else wanted


def error(pointer: str, code: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "detail": detail}


def escape(name: str) -> str:
    """One step of a JSON pointer."""
    return shown(name).replace("~", "~0").replace("/", "~1")


def shown(text: str, limit: int = 80) -> str:
    """Hostile text made fit for an answer, a log line or a page: printable and short."""
    cut = text[:limit] + ("…" if len(text) > limit else "")
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in cut)


def errors(value: Mapping[str, Any], specs: Sequence[Spec], pointer: str) -> Iterator[dict]:
    """Each known field of `value` that is not of its type. Slow; asked when the fast way failed."""
    for spec in specs:
        name = spec["name"]
        place = f"{pointer}/{escape(name)}"
        if name not in value:
            if spec.get("required"):
                yield error(place, "required", f"{name} is missing; it must be {wanted(spec)}.")
            continue
        yield from _field_errors(value[name], spec, place)


def wanted(spec: Spec) -> str:
    if spec["type"] == "enum":
        text = "one of " + ", ".join(spec["enum"])
    elif "max" in spec:
        text = f"text of at most {spec['max']} characters"
    else:
        text = WANTED[spec["type"]]
    return f"a list (at most {LIST_MAX} entries), each {text}" if spec.get("list") else text


def _field_errors(value: Any, spec: Spec, place: str) -> Iterator[dict]:
    if value is None and spec.get("optional"):
        return
    if spec.get("list") and isinstance(value, list) and len(value) <= LIST_MAX:
        single = {**spec, "list": False, "optional": False}
        for index, item in enumerate(value):
            yield from _field_errors(item, single, f"{place}/{index}")
        return
    if spec["type"] == "object" and not spec.get("list") and isinstance(value, dict):
        yield from errors(value, spec.get("fields", ()), place)
        return
    try:
        msgspec.convert(value, one(spec))
    except msgspec.ValidationError as exc:
        yield error(place, _code(str(exc)), f"{spec['name']} must be {wanted(spec)}.")
        return
    if spec["type"] == "inet" and not is_address(value):
        yield error(place, "bad_format", f"{spec['name']} must be {wanted(spec)}.")


def _code(message: str) -> str:
    if "length" in message:
        return "too_long"
    if ">=" in message or "<=" in message:
        return "out_of_range"
    if "matching regex" in message or "Invalid" in message or "timezone" in message:
        return "bad_format"
    return "wrong_type"


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def address_check(specs: Sequence[Spec]) -> Callable[[Mapping[str, Any]], bool] | None:
    """What the pattern cannot say: whether the IPv6 addresses among the fields are real."""
    singles = [s["name"] for s in specs if s["type"] == "inet" and not s.get("list")]
    lists = [s["name"] for s in specs if s["type"] == "inet" and s.get("list")]
    if not singles and not lists:
        return None

    def real(text: str) -> bool:
        return _is_ipv4(text) is not None or is_address(text)

    def check(value: Mapping[str, Any]) -> bool:
        for name in singles:
            text = value.get(name)
            if text is not None and not real(text):
                return False
        return all(real(text) for name in lists for text in value.get(name) or ())

    return check
