"""The catalogue: what detectors may find, what it weighs, why, and how it may be innocent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cases import permissions
from cases.models import Indicator, Typology
from signals.door.rules import sentence


def _require_reader(request: HttpRequest) -> None:
    if not request.user.has_perm(permissions.VIEW):
        permissions.require(request.user, permissions.VIEW_DETECTORS)


@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Active indicators; `?q=&family=&typology=&strength=&context=` narrow them."""
    _require_reader(request)
    rows = Indicator.objects.filter(typology__active=True).select_related("typology")
    families = sorted(set(rows.values_list("family", flat=True)))
    typologies = Typology.objects.filter(active=True).order_by("code")
    chosen = {
        name: request.GET.get(name, "")[:80].replace("\0", "")
        for name in ("q", "family", "typology", "strength", "weight")
    }
    if chosen["q"]:
        words = Q()
        for word in chosen["q"].split()[:6]:
            words &= (
                Q(code__icontains=word) | Q(title__icontains=word) | Q(description__icontains=word)
            )
        rows = rows.filter(words)
    if chosen["family"] in families:
        rows = rows.filter(family=chosen["family"])
    if chosen["typology"]:
        rows = rows.filter(typology__code=chosen["typology"])
    if chosen["strength"] in Indicator.Strength:
        rows = rows.filter(link_strength=chosen["strength"])
    if chosen["weight"].isascii() and chosen["weight"].isdecimal():
        rows = rows.filter(weight__gte=min(int(chosen["weight"]), 10))
    context = {
        "indicators": rows.order_by("typology__code", "family", "-weight", "code"),
        "families": families,
        "typologies": typologies,
        "strengths": Indicator.Strength,
        "chosen": chosen,
        "narrowed": any(chosen.values()),
    }
    return render(request, "signals/catalogue.html", context)


@require_GET
def indicator(request: HttpRequest, typology: str, code: str) -> HttpResponse:
    """One indicator of the active version of its typology."""
    _require_reader(request)
    rows = Indicator.objects.filter(typology__active=True, typology__code=typology, code=code)
    found = rows.select_related("typology").first()
    if found is None:
        raise Http404
    glossary = {s["tag"]: s.get("title", "") for s in found.typology.texts.get("sources", ())}
    context = {
        "indicator": found,
        "fields": [_field(item) for item in found.evidence],
        "weight_rules": _rules(found.weight_rules, "weight"),
        "link_rules": _rules(found.link_rules.get("rules", ()), "strength"),
        "sources": [{**s, "title": _explained(s["tag"], glossary)} for s in found.sources],
        "accommodation_field": found.typology.texts.get("accommodation_fields", {}).get(code),
    }
    return render(request, "signals/indicator.html", context)


def _field(item: dict[str, Any]) -> dict[str, Any]:
    kind = item["type"] if not item.get("enum") else "one of " + ", ".join(item["enum"])
    if item.get("fields"):
        kind = "object with " + ", ".join(inner["name"] for inner in item["fields"])
    return {**item, "kind": f"list of {kind}" if item.get("list") else kind}


def _rules(rules: Iterable[dict], then: str) -> list[tuple[str, Any]]:
    return [(sentence(rule["when"]), rule[then]) for rule in rules]


def _explained(tag: str, glossary: dict[str, str]) -> str:
    """The title of the source that a tag such as US22-P1 begins with."""
    names = [name for name in glossary if tag == name or tag.startswith((f"{name}-", f"{name} "))]
    return glossary[max(names, key=len)] if names else ""
