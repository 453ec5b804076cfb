"""Rings: who hangs together, by what, who else might belong, and the analyst's hand on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from cases import audit, links, permissions
from cases import rings as hand
from cases.forms import CutForm, InfrastructureForm, PinForm, ReasonForm, RelationForm
from cases.models import Account, Link, Relation, Ring, RingOverride, Trait, User
from cases.permissions import Denied
from cases.templatetags.portal import words
from cases.views import ring_data
from cases.views.access import access_account, access_ring
from cases.views.paging import page

MOST_LINKS = 60
# Each row of the table of traits carries a form; the strongest tell what the ring is.
FIRST_TRAITS = 25


@require_GET
def rings(request: HttpRequest) -> HttpResponse:
    """All rings that still have members, the largest first."""
    permissions.require(request.user, permissions.VIEW)
    seen = Ring.objects.visible_to(request.user).filter(dissolved_at=None, size__gt=0)
    return render(request, "cases/rings.html", {"page": page(request, seen, ["-size", "id"])})


@require_GET
def ring(request: HttpRequest, pk: int) -> HttpResponse:
    """Members with their own cases, what they share, and the offers."""
    subject = access_ring(request.user, pk)
    audit.read(request.user, subject, "ring page")
    return _page(request, subject)


@require_POST
def cut(request: HttpRequest, pk: int) -> HttpResponse:
    subject = access_ring(request.user, pk)
    form = CutForm(request.POST, auto_id="cut_%s", members=_members(subject))

    def run() -> None:
        said = form.cleaned_data
        account = access_account(request.user, said["account"])
        hand.cut(account, ring=subject, actor=request.user, reason=said["reason"])

    return _change(request, subject, form, "cut", run, "Cut out; its case stays as it is.")


@require_POST
def pin(request: HttpRequest, pk: int) -> HttpResponse:
    subject = access_ring(request.user, pk)
    form = PinForm(request.POST, auto_id="pin_%s", members=_members(subject))

    def run() -> None:
        said = form.cleaned_data
        account = _named(request.user, said["account"])
        other = access_account(request.user, said["member"])
        hand.pin(account, other, actor=request.user, reason=said["reason"])

    return _change(request, subject, form, "pin", run, "Pinned in.")


@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    return _offer(request, pk, hand.accept_offer, "Joined.")


@require_POST
def decline(request: HttpRequest, pk: int) -> HttpResponse:
    return _offer(request, pk, hand.decline_offer, "Left out; it is not offered again.")


@require_POST
def relation(request: HttpRequest, pk: int) -> HttpResponse:
    subject = access_ring(request.user, pk)
    form = RelationForm(request.POST, auto_id="relation_%s", members=_members(subject))

    def run() -> None:
        said = form.cleaned_data
        accounts = [access_account(request.user, ref) for ref in said["members"]]
        hand.declare_relation(
            accounts,
            said["kind"],
            actor=request.user,
            reason=said["reason"],
            evidence=said["evidence"],
        )

    return _change(request, subject, form, "relation", run, "Declared; links were weighed anew.")


@require_POST
def undo(request: HttpRequest, pk: int, override: int) -> HttpResponse:
    """Take back what an analyst's hand did. The ring follows from what is left."""
    subject = access_ring(request.user, pk)
    row = RingOverride.objects.visible_to(request.user).filter(pk=override).first()
    if row is None:
        raise Http404
    form = ReasonForm(request.POST)

    def run() -> None:
        hand.undo(row, actor=request.user, reason=form.cleaned_data["reason"])

    return _change(request, subject, form, f"undo-{override}", run, "Undone.")


@require_POST
def mark_infrastructure(request: HttpRequest, pk: int, trait: int) -> HttpResponse:
    """Say that a trait is a known shared place or tool: it links next to nothing from now on."""
    subject = access_ring(request.user, pk)
    row = Trait.objects.visible_to(request.user).filter(pk=trait).first()
    if row is None:
        raise Http404
    form = InfrastructureForm(request.POST)

    def run() -> None:
        said = form.cleaned_data
        hand.mark_infrastructure(
            row, said["kind"], actor=request.user, reason=said["reason"], label=said["label"]
        )

    return _change(request, subject, form, f"infra-{trait}", run, "Marked.")


@require_POST
def unmark_infrastructure(request: HttpRequest, pk: int, trait: int) -> HttpResponse:
    """It is no shared place or tool after all: it links in full again."""
    subject = access_ring(request.user, pk)
    row = Trait.objects.visible_to(request.user).filter(pk=trait).first()
    if row is None:
        raise Http404
    form = ReasonForm(request.POST)

    def run() -> None:
        hand.unmark_infrastructure(row, actor=request.user, reason=form.cleaned_data["reason"])

    return _change(request, subject, form, f"unmark-{trait}", run, "No longer infrastructure.")


@require_POST
def withdraw_relation(request: HttpRequest, pk: int, relation: int) -> HttpResponse:
    """The relation no longer holds, or never did: links between its members count in full."""
    subject = access_ring(request.user, pk)
    row = (
        Relation.objects.visible_to(request.user)
        .filter(pk=relation, members__account__ring=subject)
        .first()
    )
    if row is None:
        raise Http404
    form = ReasonForm(request.POST)

    def run() -> None:
        hand.withdraw_relation(row, actor=request.user, reason=form.cleaned_data["reason"])

    return _change(request, subject, form, f"withdraw-{relation}", run, "Withdrawn.")


def _offer(request: HttpRequest, pk: int, verb: Callable[..., Any], said: str) -> HttpResponse:
    subject = access_ring(request.user, pk)
    form = ReasonForm(request.POST)
    member, other = request.POST.get("member", "")[:128], request.POST.get("other", "")[:128]

    def run() -> None:
        verb(
            access_account(request.user, other),
            access_account(request.user, member),
            actor=request.user,
            reason=form.cleaned_data["reason"],
        )

    return _change(request, subject, form, f"offer-{member}-{other}", run, said)


def _change(
    request: HttpRequest,
    ring: Ring,
    form: forms.Form,
    slot: str,
    run: Callable[[], None],
    said: str,
) -> HttpResponse:
    """Do it and show the ring afterwards; what was typed stays when it is refused."""
    permissions.require(request.user, permissions.REVIEW, obj=ring)
    problem, status = "", 422
    if form.is_valid():
        try:
            run()
        except hand.NotAllowed as exc:
            problem, status = str(exc), 409
        except Denied as exc:
            problem, status = str(exc), 403
        else:
            messages.success(request, said)
            return redirect("cases:ring", pk=ring.pk)
    ring.refresh_from_db()
    return _page(request, ring, problem=problem, bound={slot: form}, status=status)


def _page(
    request: HttpRequest,
    ring: Ring,
    *,
    problem: str = "",
    bound: dict[str, forms.Form] | None = None,
    status: int = 200,
) -> HttpResponse:
    user, bound = request.user, bound or {}
    may_change = user.has_perm(permissions.REVIEW)
    members = _members(ring)
    overview = ring_data.overview(ring, user)
    wanted = None if request.GET.get("traits") == "all" else FIRST_TRAITS
    context: dict[str, Any] = {
        "ring": ring,
        "overview": overview,
        "traits": overview.traits[:wanted],
        "links": strongest_links(ring, user),
        "offers": hand.offered(ring, limit=40),
        "overrides": overrides(ring, user),
        "relations": list(
            Relation.objects.visible_to(user)
            .filter(active=True, members__account__ring=ring)
            .distinct()
            .order_by("ref")[:40]
        ),
        "may_change": may_change,
        "problem": problem or next((_first_error(form) for form in bound.values()), ""),
    }
    if may_change:
        context |= {
            "reason_form": ReasonForm(auto_id=False),
            "infrastructure_form": InfrastructureForm(auto_id=False),
            "cut_form": bound.get("cut") or CutForm(auto_id="cut_%s", members=members),
            "pin_form": bound.get("pin") or PinForm(auto_id="pin_%s", members=members),
            "relation_form": bound.get("relation")
            or RelationForm(auto_id="relation_%s", members=members),
        }
    return render(request, "cases/ring.html", context, status=status)


def strongest_links(ring: Ring, user: User) -> list[Link]:
    """The strongest links inside the ring, each with the lines that make its strength."""
    rows = list(
        Link.objects.visible_to(user)
        .filter(a__ring=ring, b__ring=ring)
        .select_related("a", "b")
        .order_by("-strength", "a_id", "b_id")[:MOST_LINKS]
    )
    lines = links.explain_many((link.a_id, link.b_id) for link in rows)
    for link in rows:
        link.lines = lines[link.a_id, link.b_id]
    return rows


def overrides(ring: Ring, user: User) -> list[RingOverride]:
    """What analysts' hands did around this ring and may be undone."""
    members = list(ring.members.values_list("pk", flat=True)[:500])
    touching = Q(account__in=members) | Q(other__in=members)
    for pk in members[:20]:
        touching |= Q(anchors__contains=[pk])
    rows = RingOverride.objects.visible_to(user).filter(touching, undone_at=None)
    return list(rows.select_related("account", "other", "made_by").order_by("-made_at")[:60])


def _members(ring: Ring) -> list[tuple[str, str]]:
    refs = ring.members.order_by("ref").values_list("ref", flat=True)[:500]
    return [(ref, ref) for ref in refs]


def _named(user: User, ref: str) -> Account:
    found = Account.objects.visible_to(user).filter(ref=ref.strip()).first()
    if found is None:
        raise hand.NotAllowed(f"There is no account {ref}.")
    return found


def _first_error(form: forms.Form) -> str:
    for name, errors in form.errors.items():
        label = form.fields[name].label if name in form.fields else ""
        return f"{label or words(name)}: {errors[0]}" if name != "__all__" else str(errors[0])
    return ""
