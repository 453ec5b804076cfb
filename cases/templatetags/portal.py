"""How the console says things: times, deadlines, money, masked values, words for codes."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django import template
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.utils import timezone

from cases.masking import mask

register = template.Library()

SEVERITIES = {1: "low", 2: "medium", 3: "high", 4: "critical"}
STATE_TONES = {
    "open": "",
    "in_review": "accent",
    "awaiting_verification": "warn",
    "escalated": "wall",
    "in_compliance": "wall",
    "pending_approval": "warn",
    "executing": "accent",
    "closed": "outline",
    "proposed": "warn",
    "approved": "ok",
    "rejected": "danger",
    "withdrawn": "outline",
    "void": "danger",
    "planned": "outline",
    "sent": "accent",
    "acknowledged": "ok",
    "failed": "danger",
    "undone": "outline",
    "skipped": "outline",
    "passed": "ok",
    "passed_alternative": "ok",
    "inconclusive": "warn",
    "refused": "danger",
    "no_show": "warn",
    "expired": "warn",
    "not_required": "outline",
    "normal": "outline",
    "soft_hold": "warn",
    "compliance_hold": "wall",
    "blocked_property": "danger",
    "released": "ok",
    "returned_to_client": "outline",
    "done": "ok",
    "dead": "danger",
    "running": "accent",
    "waiting": "outline",
}
TRAIT_KINDS = {
    "device": "Device",
    "ip": "IP address",
    "document_number": "Document number",
    "document_image": "Document image",
    "face": "Face reference",
    "payout": "Payout instrument",
    "wallet": "Wallet",
    "email": "E-mail",
    "phone": "Phone",
    "text": "Proposal text",
    "ship_to": "Ship-to address",
}
PAYOUT_TYPES = {
    "bank": "Bank account",
    "psp": "Payment service",
    "crypto": "Crypto wallet",
    "card": "Card",
}
ABBREVIATIONS = {"ip": "IP", "id": "ID", "vpn": "VPN", "cgnat": "CGNAT", "asn": "ASN", "kyc": "KYC"}


class Severity(NamedTuple):
    level: int
    code: str
    label: str


class Deadline(NamedTuple):
    words: str
    tone: str
    exact: str
    iso: str


def severity_name(level: int) -> str:
    return SEVERITIES.get(level, "medium")


def spelled(seconds: float) -> str:
    """A span in its two largest units: `3d 4h`, `2h 10m`, `12m`, `under 1m`."""
    minutes = int(abs(seconds) // 60)
    days, rest = divmod(minutes, 1440)
    hours, mins = divmod(rest, 60)
    if days:
        return f"{days}d {hours}h" if days < 10 and hours else f"{days}d"
    if hours:
        return f"{hours}h {mins}m" if mins else f"{hours}h"
    return f"{mins}m" if mins else "under 1m"


@register.simple_tag
def severity_of(level: Any) -> Severity:
    number = int(level or 2)
    code = severity_name(number)
    return Severity(number, code, code.capitalize())


@register.simple_tag
def deadline(due: datetime) -> Deadline:
    """What is left until `due`, or how late it is, in words that need no colour."""
    left = (due - timezone.now()).total_seconds()
    words = f"{spelled(left)} late" if left < 0 else f"{spelled(left)} left"
    tone = "late" if left < 0 else "soon" if left < 8 * 3600 else "calm"
    return Deadline(words, tone, exact(due), iso(due))


@register.filter
def iso(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else ""


@register.filter
def exact(moment: datetime | None) -> str:
    """In the zone of the person, which is named; UTC beside it when it is another."""
    if moment is None:
        return ""
    here = timezone.localtime(moment)
    said = here.strftime("%Y-%m-%d %H:%M:%S ") + (here.tzname() or "UTC")
    if here.utcoffset():
        said += moment.astimezone(UTC).strftime(" (%Y-%m-%d %H:%M UTC)")
    return said


@register.filter
def ago(moment: datetime | None) -> str:
    if moment is None:
        return ""
    seconds = (timezone.now() - moment).total_seconds()
    return f"{spelled(seconds)} ago" if seconds >= 0 else f"in {spelled(seconds)}"


@register.filter
def age(moment: datetime | None) -> str:
    return spelled((timezone.now() - moment).total_seconds()) if moment else ""


@register.filter
def words(code: Any) -> str:
    """`awaiting_verification` → `Awaiting verification`; `many_ips` → `Many IPs`."""
    parts = str(code).replace(".", ": ", 1).replace("_", " ").replace("-", " ").split(" ")
    said = " ".join(ABBREVIATIONS.get(part.lower(), part) for part in parts)
    return said[:1].upper() + said[1:]


@register.filter
def state_tone(state: str) -> str:
    return STATE_TONES.get(str(state), "")


@register.filter
def trait_kind(kind: str) -> str:
    return TRAIT_KINDS.get(str(kind), words(kind))


@register.filter
def payout_type(code: str) -> str:
    return PAYOUT_TYPES.get(str(code), words(code))


@register.filter
def short_trait(value: str, kind: str = "") -> str:
    """A trait's value as a list may show it: what names a person is masked, a hash is cut."""
    value = str(value)
    if kind in ("email", "phone"):
        return mask(value, kind)
    if kind in ("ip", "device"):
        return value[:60]
    return f"{value[:8]}…{value[-4:]}" if len(value) > 16 else value


@register.filter
def masked(value: str, kind: str = "") -> str:
    return mask(value, kind)


@register.filter
def initials(user: Any) -> str:
    parts = str(user).split()
    return "".join(part[0] for part in parts[:2]).upper() or "?"


@register.filter
def grouped(amount: Any) -> str:
    try:
        return f"{Decimal(str(amount)):,.2f}"
    except ArithmeticError:
        return str(amount)


@register.filter
def whole(number: Any) -> str:
    """A count with its thousands apart."""
    return f"{number:,}" if isinstance(number, int) else "–"


@register.filter
def points(value: Any) -> str:
    """A score as it is summed: two decimals, never rounded away."""
    try:
        return f"{Decimal(str(value)):.2f}"
    except ArithmeticError:
        return str(value)


@register.filter
def capped(count: int, most: int = 100) -> str:
    """`100+` instead of a number nobody counted."""
    return f"{most}+" if count > most else str(count)


@register.filter
def pretty(value: Any) -> str:
    """JSON for reading. Escaped by the template like any text; cut at 20,000 characters."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return (
        text if len(text) <= 20_000 else f"{text[:20_000]}\n… cut, {len(text):,} characters in all"
    )


@register.filter
def shown(value: Any) -> str:
    """A value of evidence in one line of text, with control and direction marks made visible."""
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif value is None:
        text = "–"
    elif isinstance(value, list):
        text = ", ".join(shown(item) for item in value[:20])
        if len(value) > 20:
            text += f" and {len(value) - 20} more"
    elif isinstance(value, dict):
        text = json.dumps(value, ensure_ascii=False, default=str)
    else:
        text = str(value)
    text = re.sub(
        "[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]",
        lambda found: f"\\u{ord(found.group()):04x}",
        text,
    )
    return text if len(text) <= 600 else f"{text[:600]}…"


@register.filter
def is_checkbox(field: BoundField) -> bool:
    return isinstance(field.field.widget, CheckboxInput)


@register.filter
def is_choices(field: BoundField) -> bool:
    return isinstance(field.field.widget, (RadioSelect, CheckboxSelectMultiple))


@register.filter
def get(mapping: Any, key: Any) -> Any:
    return mapping.get(key) if hasattr(mapping, "get") else None


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: Any) -> str:
    """This page's query string with `changes`; an empty value removes a key, paging begins anew."""
    query = context["request"].GET.copy()
    query.pop("after", None)
    for key, value in changes.items():
        if value in (None, ""):
            query.pop(key, None)
        else:
            query[key] = value
    text = query.urlencode()
    return f"?{text}" if text else "?"


@register.filter
def is_mapping(value: Any) -> bool:
    return isinstance(value, dict)
