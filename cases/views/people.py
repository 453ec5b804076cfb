"""The people of the portal, for who manages them, and one's own tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from cases import people as staff
from cases import permissions
from cases.auth import tokens as keys
from cases.auth.rights import needs
from cases.auth.step_up import ask, is_fresh, step_up_required
from cases.models import ApiToken, AuditEvent, User

_ROLES = [(role, role) for role in permissions.ROLES]


class PersonForm(forms.Form):
    username = forms.CharField(max_length=150, label="Sign-in name")
    display_name = forms.CharField(max_length=120, required=False, label="Name")
    email = forms.EmailField(max_length=254, label="E-mail")
    roles = forms.MultipleChoiceField(
        choices=_ROLES, widget=forms.CheckboxSelectMultiple, required=False
    )


class RolesForm(forms.Form):
    roles = forms.MultipleChoiceField(
        choices=_ROLES, widget=forms.CheckboxSelectMultiple, required=False
    )


class NoteForm(forms.Form):
    note = forms.CharField(max_length=300, label="Why")


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, help_text="What it is for")
    days = forms.IntegerField(min_value=1, max_value=90, initial=30, label="Ends after days")
    signs = forms.BooleanField(
        required=False,
        label="May sign as the second person",
        help_text="Approves and confirms without asking for you again. Ends after a day.",
    )


@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """Everybody, with roles and second factor."""
    permissions.require(request.user, permissions.VIEW_PEOPLE)
    return _people(request, PersonForm())


@require_POST
@needs(permissions.MANAGE_PEOPLE)
@step_up_required
def create(request: HttpRequest) -> HttpResponse:
    form = PersonForm(request.POST)
    if not form.is_valid():
        return _people(request, form, status=422)
    try:
        user = staff.create(actor=request.user, **form.cleaned_data)
    except (staff.NotPossible, ValidationError) as exc:
        form.add_error(None, exc.messages[0] if isinstance(exc, ValidationError) else str(exc))
        return _people(request, form, status=422)
    link = request.build_absolute_uri(staff.invitation(user, actor=request.user))
    return _person(request, user, link=link)


@require_GET
def person(request: HttpRequest, pk: int) -> HttpResponse:
    return _person(request, _access(request, pk))


@require_POST
@needs(permissions.MANAGE_PEOPLE)
@step_up_required
def change_roles(request: HttpRequest, pk: int) -> HttpResponse:
    user, form = _access(request, pk), RolesForm(request.POST)
    if not form.is_valid():
        return _person(request, user, problem="That is not a role.", status=422)
    roles = form.cleaned_data["roles"]
    return _do(request, user, lambda: staff.change_roles(user, roles, actor=request.user))


@require_POST
@needs(permissions.MANAGE_PEOPLE)
@step_up_required
def deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    return _with_note(request, pk, staff.deactivate)


@require_POST
@needs(permissions.MANAGE_PEOPLE)
@step_up_required
def activate(request: HttpRequest, pk: int) -> HttpResponse:
    return _with_note(request, pk, staff.activate)


@require_POST
@needs(permissions.MANAGE_PEOPLE)
@step_up_required
def reset_second_factor(request: HttpRequest, pk: int) -> HttpResponse:
    return _with_note(request, pk, staff.reset_second_factor)


@require_POST
@needs(permissions.MANAGE_PEOPLE)
@step_up_required
def end_sessions(request: HttpRequest, pk: int) -> HttpResponse:
    user = _access(request, pk)
    return _do(request, user, lambda: staff.end_sessions(user, actor=request.user))


@require_POST
@needs(permissions.MANAGE_PEOPLE)
@step_up_required
def invite(request: HttpRequest, pk: int) -> HttpResponse:
    """A fresh link for setting a password, shown this once."""
    user = _access(request, pk)
    try:
        link = request.build_absolute_uri(staff.invitation(user, actor=request.user))
    except staff.NotPossible as exc:
        return _person(request, user, problem=str(exc), status=409)
    return _person(request, user, link=link)


@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """One's own tokens for the API; a new one is shown this once."""
    form, text = TokenForm(request.POST or None), ""
    if request.method == "POST":
        if not is_fresh(request):
            return ask(request)
        if form.is_valid():
            given = form.cleaned_data
            lifetime = timedelta(days=given["days"])
            try:
                _, text = keys.make(
                    request.user, given["name"], lifetime=lifetime, signs=given["signs"]
                )
                form = TokenForm()
            except keys.TooLong as exc:
                form.add_error("days", str(exc))
    rows = ApiToken.objects.visible_to(request.user).order_by("-id")[:100]
    context = {"tokens": rows, "form": form, "made": text}
    return render(request, "cases/people/tokens.html", context, status=422 if form.errors else 200)


@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    token = ApiToken.objects.visible_to(request.user).filter(pk=pk).first()
    if token is None:
        raise Http404
    keys.revoke(token, actor=request.user)
    messages.success(request, f"The token {token.name} has ended.")
    return redirect("cases:tokens")


def _access(request: HttpRequest, pk: int) -> User:
    permissions.require(request.user, permissions.VIEW_PEOPLE)
    user = User.objects.visible_to(request.user).filter(pk=pk).first()
    if user is None:
        raise Http404
    return user


def _with_note(request: HttpRequest, pk: int, verb: Callable) -> HttpResponse:
    user, form = _access(request, pk), NoteForm(request.POST)
    if not form.is_valid():
        return _person(request, user, problem="Say why.", status=422)
    note = form.cleaned_data["note"]
    return _do(request, user, lambda: verb(user, actor=request.user, note=note))


def _do(request: HttpRequest, user: User, verb: Callable) -> HttpResponse:
    try:
        verb()
    except staff.NotPossible as exc:
        return _person(request, user, problem=str(exc), status=409)
    messages.success(request, "Done. It counts from this person's next request on.")
    return redirect("cases:person", user.pk)


def _people(request: HttpRequest, form: PersonForm, status: int = 200) -> HttpResponse:
    rows = list(
        User.objects.visible_to(request.user).prefetch_related("groups").order_by("username")[:1000]
    )
    factors = set(
        Authenticator.objects.exclude(type=Authenticator.Type.RECOVERY_CODES).values_list(
            "user_id", flat=True
        )
    )
    for row in rows:
        row.has_factor = row.pk in factors
    context = {
        "people": rows,
        "form": form,
        "manages": permissions.allows(request.user, permissions.MANAGE_PEOPLE),
    }
    return render(request, "cases/people/list.html", context, status=status)


def _person(
    request: HttpRequest, user: User, *, link: str = "", problem: str = "", status: int = 200
) -> HttpResponse:
    user = User.objects.visible_to(request.user).get(pk=user.pk)
    events = AuditEvent.objects.visible_to(request.user).filter(
        object_type="user", object_ref=str(user.pk)
    )
    context = {
        "person": user,
        "roles": RolesForm(initial={"roles": permissions.roles_of(user)}),
        "held": permissions.roles_of(user),
        "events": events.order_by("-id")[:50],
        "factors": Authenticator.objects.filter(user=user).order_by("type"),
        "tokens": user.tokens.order_by("-id")[:20],
        "link": link,
        "problem": problem,
        "manages": permissions.allows(request.user, permissions.MANAGE_PEOPLE)
        and request.user.pk != user.pk,
    }
    return render(request, "cases/people/person.html", context, status=status)
