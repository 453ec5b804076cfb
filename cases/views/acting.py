"""What every verb's view does around its one call: bad input, too late, not you, and what is shown.

422: the form says what is wrong. 409: the case moved on; what was typed stays in the form and what
changed stands above it. 403: somebody else has to do it. Each answer shows the state *after* the
attempt, as the whole page or, for htmx, as the parts that the verb may have changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django_htmx.http import HttpResponseClientRedirect

from cases import queue as work
from cases import transitions
from cases.models import Case
from cases.permissions import Denied
from cases.transitions import NotAllowed, Stale
from cases.views.case import Unsent, show


def act(
    request: HttpRequest,
    case: Case,
    run: Callable[[], Any],
    *,
    form: forms.Form | None = None,
    slot: str = "",
    said: str = "",
) -> HttpResponse:
    """Call `run` if `form` is good, and show the case as it is afterwards."""
    kept = {slot: form} if form is not None else {}
    if form is not None and not form.is_valid():
        return show(request, case, forms=kept, status=422)
    try:
        run()
    except NotAllowed as exc:
        return _refused(request, case, form, kept, str(exc), 409, stale=exc)
    except Denied as exc:
        return _refused(request, case, form, kept, str(exc), 403)
    if said:
        messages.success(request, said)
    if request.POST.get("then") == "next":
        return next_case(request, case)
    now = Case.objects.visible_to(request.user).filter(pk=case.pk).first()
    if now is None:
        return go(request, "cases:queue")
    if request.htmx:
        # Read again: a verb that works on a part of the case has moved its version on.
        return show(request, now)
    return redirect("cases:case", ref=case.ref)


def next_case(request: HttpRequest, done: Case) -> HttpResponse:
    """Claim and show the next case of the queue that `done` came from; an empty queue says so."""
    right = work.RIGHT[done.queue]
    queue = done.queue if request.user.has_perm(right) else "review"
    case = work.claim_next(request.user, queue)
    if case is None:
        messages.info(request, "The queue is empty: nothing waits that you may take.")
        return go(request, "cases:home")
    return go(request, "cases:case", case.ref)


def go(request: HttpRequest, name: str, *args: Any) -> HttpResponse:
    """To another page, also when htmx asked."""
    address = resolve_url(name, *args)
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def seen_version(request: HttpRequest) -> int | None:
    """The version of the case that the page showed. A page without one acts on what is there."""
    text = request.POST.get("version", "")
    return int(text) if text.isdigit() and len(text) < 10 else None


def _refused(
    request: HttpRequest,
    case: Case,
    form: forms.Form | None,
    kept: dict[str, forms.Form],
    why: str,
    status: int,
    stale: NotAllowed | None = None,
) -> HttpResponse:
    changes = stale.changes if isinstance(stale, Stale) else []
    seen = seen_version(request)
    if stale is not None and not changes and seen is not None:
        changes = transitions.since(case, seen, request.user)
    if form is not None:
        form.add_error(None, why)
    else:
        messages.error(request, why)
    case.refresh_from_db()
    unsent = Unsent(why, typed(form), next(iter(kept))) if form is not None else None
    return show(request, case, forms=kept, changes=changes, unsent=unsent, status=status)


def typed(form: forms.Form) -> list[tuple[str, str]]:
    """(label, text) of what a person wrote into `form`, to be read when the form is gone."""
    areas = (field for field in form if isinstance(field.field.widget, forms.Textarea))
    return [(str(field.label), str(field.value())) for field in areas if field.value()]
