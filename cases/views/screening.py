"""Screening by hand, the hits that wait for officers, and the lists that are in force."""

from __future__ import annotations

from django import forms
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from cases import audit, permissions
from cases.models import (
    ListEntry,
    ListVersion,
    SanctionsList,
    ScreeningHit,
    ScreeningRecord,
    User,
)
from cases.screening import bands, countries, engine, hits
from cases.screening.judge import ALERT, Match, Question

PAGE = 50
KINDS = [("", "Anybody"), ("person", "A person"), ("entity", "A company or other body")]


class SearchForm(forms.Form):
    """Name, wallet or document: at least one of them."""

    name = forms.CharField(max_length=200, required=False, strip=True)
    kind = forms.ChoiceField(choices=KINDS, required=False)
    birth = forms.RegexField(
        r"^\d{4}(-\d{2}(-\d{2})?)?$",
        required=False,
        help_text="1983-11-25, 1983-11 or 1983",
        error_messages={"invalid": "Write a date as 1983-11-25, 1983-11 or 1983."},
    )
    nationality = forms.CharField(max_length=60, required=False, help_text="KP, or the name")
    wallet = forms.CharField(max_length=120, required=False)
    document = forms.CharField(max_length=60, required=False, help_text="A number, as it is")

    def clean(self) -> dict:
        data = super().clean()
        if not self.errors and not any(data.get(f) for f in ("name", "wallet", "document")):
            raise forms.ValidationError("Give a name, a wallet or a document number.")
        return data

    def question(self) -> Question:
        said = self.cleaned_data
        country = said["nationality"]
        return Question(
            said["name"],
            said["kind"],
            said["birth"],
            frozenset({countries.code(country)} if country else ()),
            tuple((k, said[k]) for k in ("wallet", "document") if said[k]),
        )


class DecisionForm(forms.Form):
    same = forms.TypedChoiceField(
        choices=[("no", "Not the same: another person or body"), ("yes", "The same: it is them")],
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        label="Finding",
    )
    reason = forms.CharField(
        max_length=4000, widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What speaks for it: birth, nationality, documents, addresses.",
    )  # fmt: skip
    state_seen = forms.CharField(widget=forms.HiddenInput, max_length=10)


def _reader(request: HttpRequest) -> User:
    """Officers, and auditors to read: screening stands behind the wall."""
    user = request.user
    if not permissions.allows(user, permissions.AUDIT):
        permissions.require(user, permissions.COMPLY)
    return user


@require_http_methods(["GET", "POST"])
def screening(request: HttpRequest) -> HttpResponse:
    """Search by hand, and the hits that wait. Each search is recorded, also one without hits."""
    user = _reader(request)
    context: dict = {"form": SearchForm(), "may_decide": permissions.is_officer(user)}
    status = 200
    if request.method == "POST":
        # A search is recorded, so it changes something; and names do not belong in an address.
        permissions.require(user, permissions.COMPLY)
        form = SearchForm(request.POST)
        context["form"] = form
        if form.is_valid():
            context |= _search(user, form.question())
        else:
            status = 422
    state = request.GET.get("state", "open")
    waiting = ScreeningHit.objects.visible_to(user).select_related("account", "entry__list")
    state = state if state in ScreeningHit.State.values else "open"
    context |= {
        "state": state,
        "states": ScreeningHit.State.choices,
        "hits": list(waiting.filter(state=state).order_by("-score", "id")[:PAGE]),
        "count": waiting.filter(state=state).count(),
        "records": ScreeningRecord.objects.visible_to(user)
        .select_related("asked_by")
        .order_by("-pk")[:10],
    }
    return render(request, "cases/screening/screening.html", context, status=status)


def _search(user: User, question: Question) -> dict:
    lists = engine.current()
    matches = lists.ask(question, bands.in_force())[:PAGE]
    record = _record(user, question, lists, matches)
    entries = ListEntry.objects.select_related("list").in_bulk([m.key for m in matches])
    found = [{"match": m, "entry": entries[m.key]} for m in matches if m.key in entries]
    return {"found": found, "record": record, "versions": lists.versions, "asked": question}


@transaction.atomic
def _record(
    user: User, question: Question, lists: engine.Engine, matches: list[Match]
) -> ScreeningRecord:
    record = ScreeningRecord.objects.create(
        asked_by=user,
        query={
            "name": question.name,
            "kind": question.kind,
            "birth": question.birth,
            "countries": sorted(question.countries),
            "identifiers": [list(item) for item in question.identifiers],
        },
        versions=lists.versions,
        hits=len(matches),
        best=max((m.score for m in matches), default=None),
    )
    alerts = sum(m.band == ALERT for m in matches)
    audit.record(
        "screening.asked", actor=user, obj=record, wall=True, hits=len(matches), alerts=alerts
    )
    return record


@require_http_methods(["GET", "POST"])
def hit(request: HttpRequest, pk: int) -> HttpResponse:
    """One hit: both sides, why it is one, and the decision."""
    user = _reader(request)
    found = _hit(user, pk)
    form, status = DecisionForm(initial={"state_seen": found.state}), 200
    if request.method == "POST":
        permissions.require(user, permissions.COMPLY, obj=found)
        form = DecisionForm(request.POST)
        status = 422
        if form.is_valid():
            said = form.cleaned_data
            try:
                hits.decide(
                    found, actor=user, same=said["same"], reason=said["reason"],
                    state_seen=said["state_seen"],
                )  # fmt: skip
            except hits.NotAllowed as refusal:
                form.add_error(None, str(refusal))
                status = 409
            else:
                return redirect("cases:screening_hit", pk=pk)
        found = _hit(user, pk)
    else:
        audit.read(user, found, "screening hit", wall=True)
    context = {
        "hit": found,
        "account": found.account,
        "entry": found.entry,
        "names": found.entry.names.order_by("pk"),
        "identifiers": found.entry.identifiers.order_by("kind", "pk")[:100],
        "now_listed": _now_listed(found),
        "decisions": found.decisions.visible_to(user).select_related("made_by", "second_by"),
        "pending": hits.pending(found),
        "form": form,
        "may_decide": permissions.is_officer(user) and found.state in hits.DECIDABLE,
        "bands": bands.in_force(),
    }
    return render(request, "cases/screening/hit.html", context, status=status)


def _hit(user: User, pk: int) -> ScreeningHit:
    rows = ScreeningHit.objects.visible_to(user).select_related(
        "account", "entry__list", "list_version"
    )
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def _now_listed(found: ScreeningHit) -> ListEntry | None:
    """The entry as it is listed today; None when it is delisted."""
    if found.entry.ended_id is None:
        return found.entry
    return ListEntry.objects.filter(list=found.entry.list, uid=found.entry.uid, ended=None).first()


@require_GET
def lists(request: HttpRequest) -> HttpResponse:
    """Which lists are in force since when, and what each version changed."""
    user = _reader(request)
    versions = ListVersion.objects.visible_to(user).select_related("list", "loaded_by")
    by_list: dict[int, dict] = {
        row.pk: {"list": row, "versions": []} for row in SanctionsList.objects.order_by("code")
    }
    for version in versions.order_by("list_id", "-number"):
        by_list[version.list_id]["versions"].append(version)
    return render(request, "cases/screening/lists.html", {"lists": list(by_list.values())})
