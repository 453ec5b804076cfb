"""Find: from a reference, a number, an e-mail or an IP address to the page, if one may see it."""

from __future__ import annotations

import ipaddress
import re
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET

from cases import audit
from cases.models import Account, Case, Ring, Sighting, User
from cases.models.sight import sees_compliance
from cases.views.look import navigation
from cases.wall import state_label

MOST = 8


class Hit(NamedTuple):
    kind: str
    label: str
    detail: str
    href: str


@require_GET
def find(request: HttpRequest) -> HttpResponse:
    """The palette's answer, and the same as a page. One exact hit opens by itself (`?go=1`)."""
    text = request.GET.get("q", "").replace("\x00", "").strip()[:254]
    hits = found(request.user, text) if len(text) >= 2 else []
    if not request.htmx and len(hits) == 1 and request.GET.get("go"):
        return redirect(hits[0].href)
    context = {"q": text, "hits": hits, "places": places(request, text)}
    template = "cases/_find.html" if request.htmx else "cases/find.html"
    return render(request, template, context)


def found(user: User, text: str) -> list[Hit]:
    """What `user` may see of what `text` names, the closest first. Text decides what is asked."""
    if "@" in text:
        return by_trait(user, "email", text.lower())
    try:
        return by_trait(user, "ip", str(ipaddress.ip_address(text)))
    except ValueError:
        pass
    hits: list[Hit] = []
    address = re.search(r"/(cases|accounts|rings)/([^/\s]+)", text)
    if address:
        text = address.group(2)
    ring = re.fullmatch(r"(?:ring\s*|r-?)?#?(\d{1,9})", text, re.IGNORECASE)
    if ring and (address is None or address.group(1) == "rings"):
        hits += by_ring(user, int(ring.group(1)))
    return (hits + by_reference(user, text))[:MOST]


def by_reference(user: User, text: str) -> list[Hit]:
    ref = text.upper()
    if text.isdigit():
        ref = f"C-{int(text):06d}"
    cases = Case.objects.visible_to(user).filter(ref__startswith=ref).select_related("account")
    compliance = sees_compliance(user)
    hits = [case_hit(case, compliance) for case in cases.order_by("ref")[:MOST]]
    accounts = Account.objects.visible_to(user).filter(ref__startswith=text).order_by("ref")[:MOST]
    return hits + [account_hit(account) for account in accounts]


def by_ring(user: User, number: int) -> list[Hit]:
    rings = Ring.objects.visible_to(user).filter(pk=number)
    return [
        Hit(
            "Ring",
            f"Ring {ring.pk}",
            f"{ring.size} accounts",
            reverse("cases:ring", args=[ring.pk]),
        )
        for ring in rings
    ]


def by_trait(user: User, kind: str, value: str) -> list[Hit]:
    """Accounts that use it. Asking by a person's e-mail is a read of personal data and logged."""
    users = Sighting.objects.visible_to(user).filter(trait__kind=kind, trait__value=value)
    ids = list(users.order_by("-last_at").values_list("account_id", flat=True)[:MOST])
    accounts = Account.objects.visible_to(user).filter(pk__in=ids)
    rows = list(accounts.order_by("ref")[:MOST])
    if kind == "email":
        for account in rows:
            audit.read(user, account, "found by e-mail")
    return [account_hit(account) for account in rows]


def case_hit(case: Case, compliance: bool) -> Hit:
    detail = f"{case.account.ref}, {state_label(case, compliance).lower()}"
    return Hit("Case", case.ref, detail, reverse("cases:case", args=[case.ref]))


def account_hit(account: Account) -> Hit:
    detail = f"{account.kind}, score {account.score}"
    return Hit("Account", account.ref, detail, reverse("cases:account", args=[account.ref]))


def places(request: HttpRequest, text: str) -> list[Hit]:
    """Pages of the bar whose name begins like the text, so that the palette also leads there."""
    pages = [(item["label"], item["href"]) for item in navigation(request)]
    pages += [("Preferences", reverse("cases:preferences")), ("Help", reverse("cases:help"))]
    begin = text.lower()
    return [Hit("Page", name, "", href) for name, href in pages if name.lower().startswith(begin)]
