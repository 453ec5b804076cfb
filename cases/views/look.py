"""What every page needs besides its subject: theme, keys, navigation. A context processor."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

THEMES = ("auto", "light", "dark")
DENSITIES = ("compact", "roomy")
KEYS = ("on", "off")

# Rights of whom cases or proposals may be waiting for.
WORKS = ("cases.review_case", "cases.approve_case", "cases.comply_case", "cases.legal_case")
# (label, URL name, any of these permissions, address prefix that counts as here)
NAVIGATION = [
    ("My work", "cases:home", WORKS, "/"),
    ("Queue", "cases:queue", ("cases.view_case",), "/queue/"),
    ("Compliance", "cases:compliance", ("cases.comply_case", "cases.legal_case"), "/compliance/"),
    ("Rings", "cases:rings", ("cases.view_case",), "/rings/"),
    ("Screening", "cases:screening", ("cases.comply_case",), "/screening/"),
    ("Detectors", "signals:detectors", ("signals.view_detector",), "/detectors/"),
    ("Catalogue", "signals:catalogue", ("cases.view_case", "signals.view_detector"), "/catalogue/"),
    ("Policy", "cases:policy", ("cases.view_case", "cases.view_policy"), "/policy/"),
    ("Messages", "cases:webhooks", ("cases.view_webhookendpoint",), "/webhooks/"),
    ("People", "cases:people", ("cases.view_user",), "/people/"),
    ("Audit", "cases:audit", ("cases.audit_case", "cases.manage_people"), "/audit/"),
]
ACCOUNT_LINKS = [
    ("Second factor", "mfa_index"),
    ("Change password", "account_change_password"),
    ("Sessions", "usersessions_list"),
    ("Tokens", "cases:tokens"),
]


def address(name: str) -> str | None:
    """The address of a page, or None in an installation that does not have it."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    items = []
    for label, name, permissions, prefix in NAVIGATION:
        if not any(request.user.has_perm(permission) for permission in permissions):
            continue
        href = address(name)
        if href is None:
            continue
        here = request.path == "/" if prefix == "/" else request.path.startswith(prefix)
        items.append({"label": label, "href": href, "current": here})
    return items


def look(request: HttpRequest) -> dict[str, Any]:
    """Read by `base.html` as `look`. Before sign-in the theme comes from a cookie."""
    user = getattr(request, "user", None)
    known = user is not None and user.is_authenticated
    chosen = user.preferences if known else {"theme": request.COOKIES.get("theme", "auto")}
    theme = chosen.get("theme", "auto")
    density = chosen.get("density", "compact")
    keys = chosen.get("keys", "on")
    values = {
        "theme": theme if theme in THEMES else "auto",
        "density": density if density in DENSITIES else "compact",
        "keys": keys if keys in KEYS else "on",
        "keymap": chosen.get("keymap", {}) if known else {},
        "zone": timezone.get_current_timezone_name(),
        "request_id": getattr(request, "request_id", ""),
        "nav": navigation(request) if known else [],
        "account_links": [],
        "sign_out": "",
        "role": "",
    }
    if known:
        links = ((label, address(name)) for label, name in ACCOUNT_LINKS)
        values["account_links"] = [{"label": label, "href": href} for label, href in links if href]
        values["sign_out"] = address("account_logout") or address("admin:logout") or ""
    return {"look": values}
