"""The policy in force: every number that opens, links or closes a case, with what it means."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cases import permissions
from cases.models import Policy, Typology

# What each number does, in the words of somebody who works a case.
MEANINGS = {
    "scoring.family_rest_share": "share of a family's points beyond its highest finding",
    "scoring.family_cap_default": "most points that one family can give",
    "scoring.detector_family_cap": "most points that one detector can give within one family",
    "scoring.context_only_weight": "findings up to this weight never open a case by themselves",
    "opening.score": "score at which a case opens",
    "opening.single_finding_weight": "weight of one finding that opens a case alone …",
    "opening.single_finding_confidence": "… when the detector is at least this sure",
    "opening.ring_with_a_case": "whether joining a ring that has a case opens one",
    "opening.compliance_weight": "weight that goes to compliance at once",
    "severity.medium_score": "score from which a case is of medium severity",
    "severity.high_score": "score from which it is high",
    "severity.critical_score": "score from which it is critical",
    "severity.ring_member_at_least": "severity of a case that only its ring opened (2: medium)",
    "decisions.clear_second_person_score": "score from which clearing needs a second person",
    "decisions.soft_hold_score": "score from which payouts may be held softly",
    "decisions.restrict_score": "score from which restricting may be proposed",
    "decisions.restrict_refusals": "refusals that, with a strong finding, allow the same",
    "decisions.restrict_strong_flag_weight": "weight of such a strong finding",
    "links.infrastructure_factor": "what is left of a trait that is known infrastructure",
    "links.declared_relation_factor": "what is left of a link between declared relations",
    "links.join": "strength from which two accounts are joined in a ring",
    "links.offer": "strength from which a join is offered to an analyst",
    "queue.claim_lease_minutes": "minutes that a claim lasts without a sign of life",
    "queue.snooze_max_days": "days that a case may sleep at most",
}
SECTIONS = {
    "opening": "When a case opens",
    "scoring": "How points add up",
    "severity": "How urgent it is",
    "links": "What joins accounts",
    "decisions": "What may be decided",
    "deadlines": "Deadlines",
    "queue": "The queue",
    "refusals": "What a refusal means",
}


@require_GET
def policy(request: HttpRequest) -> HttpResponse:
    """The active policy of a typology, or the version asked for (`?typology=…&version=…`)."""
    permissions.require(request.user, permissions.VIEW_POLICY)
    versions = list(
        Policy.objects.visible_to(request.user)
        .select_related("created_by", "approved_by")
        .order_by("typology_code", "-version")
    )
    shown = chosen(versions, request.GET.get("typology", ""), request.GET.get("version", ""))
    typologies = {
        row.code: row for row in Typology.objects.visible_to(request.user).filter(active=True)
    }
    context = {
        "versions": versions,
        "policy": shown,
        "typology": typologies.get(shown.typology_code) if shown else None,
        "sections": sections(shown.data) if shown else [],
        "kinds": link_kinds(shown.data) if shown else [],
        "mandates": shown.data.get("mandates", []) if shown else [],
        "near": shown.data.get("links", {}).get("near", {}) if shown else {},
    }
    return render(request, "cases/policy.html", context)


def chosen(versions: list[Policy], code: str, version: str) -> Policy | None:
    for row in versions:
        if code and row.typology_code != code:
            continue
        if version and str(row.version) != version:
            continue
        if version or row.active:
            return row
    return next((row for row in versions if row.active), versions[0] if versions else None)


def sections(data: dict[str, Any]) -> list[tuple[str, list[tuple[str, Any, str]]]]:
    """(title, [(name, value, meaning)]) in the order in which somebody would ask."""
    found = []
    for key, title in SECTIONS.items():
        values = data.get(key)
        if isinstance(values, dict):
            lines = [
                (name, value, MEANINGS.get(f"{key}.{name}", ""))
                for name, value in values.items()
                if name not in ("kinds", "near")
            ]
            found.append((title, lines))
    return found


def link_kinds(data: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    kinds = data.get("links", {}).get("kinds", {})
    return sorted(kinds.items(), key=lambda kind: -float(kind[1].get("weight", 0)))
