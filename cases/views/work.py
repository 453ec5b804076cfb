"""Working a case: claim, renew, release, snooze, pass over, hand on. One verb call each."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from cases import decisions, transitions
from cases import queue as work
from cases.forms import AssignForm, ReasonForm, SkipForm, SnoozeForm
from cases.states import Queue, Verb
from cases.views.access import access_case
from cases.views.acting import act, go, seen_version
from cases.views.colleagues import who_may_take


@require_POST
def claim_next(request: HttpRequest) -> HttpResponse:
    """Give the person the most urgent case they may work, and show it."""
    compliance = request.POST.get("queue") == Queue.COMPLIANCE
    case = work.claim_next(request.user, Queue.COMPLIANCE if compliance else Queue.REVIEW)
    if case is None:
        messages.info(request, "The queue is empty: nothing waits that you may take.")
        return go(request, "cases:compliance" if compliance else "cases:queue")
    return go(request, "cases:case", case.ref)


@require_POST
def claim(request: HttpRequest, ref: str) -> HttpResponse:
    case = access_case(request.user, ref)
    return act(request, case, lambda: work.claim(case, actor=request.user), said="It is yours now.")


@require_POST
def renew(request: HttpRequest, ref: str) -> HttpResponse:
    """Keep the claim while the person works on the page. Never takes back what was lost."""
    case = access_case(request.user, ref)
    if work.touch(case, actor=request.user, fence=number(request, "fence")):
        return HttpResponse(status=204)
    return act(request, case, lambda: work.renew(case, actor=request.user, fence=case.fence))


@require_POST
def release(request: HttpRequest, ref: str) -> HttpResponse:
    case = access_case(request.user, ref)
    fence = number(request, "fence")
    run = lambda: work.release(case, actor=request.user, fence=fence)  # noqa: E731
    return act(request, case, run, said=f"{case.ref} is back in its queue.")


@require_POST
def snooze(request: HttpRequest, ref: str) -> HttpResponse:
    case = access_case(request.user, ref)
    form = SnoozeForm(request.POST)

    def run() -> None:
        said = form.cleaned_data
        hours = said["hours"]
        work.snooze(
            case,
            actor=request.user,
            reason=said["reason"],
            until=timezone.now() + timedelta(hours=hours) if hours else None,
            on_signal=said["on_signal"],
            score=said["score"],
            version=seen_version(request),
        )

    return act(request, case, run, form=form, slot="snooze", said="Put aside; it wakes by itself.")


@require_POST
def wake(request: HttpRequest, ref: str) -> HttpResponse:
    case = access_case(request.user, ref)
    form = ReasonForm(request.POST)

    def run() -> None:
        work.wake(case, actor=request.user, why=form.cleaned_data["reason"])

    return act(request, case, run, form=form, slot="wake", said="Back in its queue.")


@require_POST
def assign(request: HttpRequest, ref: str) -> HttpResponse:
    case = access_case(request.user, ref)
    form = AssignForm(request.POST, people=who_may_take(case))

    def run() -> None:
        said = form.cleaned_data
        work.assign(
            case, said["to"], request.user, version=seen_version(request), note=said["note"]
        )

    return act(request, case, run, form=form, slot="assign", said="Handed over.")


@require_POST
def skip(request: HttpRequest, ref: str) -> HttpResponse:
    """Pass the case over; with a conflict of interest, for good."""
    case = access_case(request.user, ref)
    form = SkipForm(request.POST)

    def run() -> None:
        said = form.cleaned_data
        work.skip(case, actor=request.user, reason=said["reason"], conflict=said["conflict"])

    return act(request, case, run, form=form, slot="skip", said="You will not be given this case.")


@require_POST
def escalate(request: HttpRequest, ref: str) -> HttpResponse:
    return _move(request, ref, Verb.ESCALATE, "It waits for compliance now.")


@require_POST
def hand_back(request: HttpRequest, ref: str) -> HttpResponse:
    return _move(request, ref, Verb.RETURN, "It is back with review.")


@require_POST
def reopen(request: HttpRequest, ref: str) -> HttpResponse:
    """Back into the queue that it was closed in."""
    case = access_case(request.user, ref)
    form = ReasonForm(request.POST)

    def run() -> None:
        reason = form.cleaned_data["reason"]
        decisions.reopen(case, actor=request.user, reason=reason, version=seen_version(request))

    done = "Open again; its history stays."
    return act(request, case, run, form=form, slot="reopen", said=done)


def _move(request: HttpRequest, ref: str, verb: Verb, said: str) -> HttpResponse:
    case = access_case(request.user, ref)
    form = ReasonForm(request.POST)

    def run() -> None:
        transitions.apply(
            case,
            verb,
            actor=request.user,
            version=seen_version(request),
            note=form.cleaned_data["reason"],
        )

    return act(request, case, run, form=form, slot=str(verb), said=said)


def number(request: HttpRequest, name: str) -> int | None:
    text = request.POST.get(name, "")
    return int(text) if text.isdigit() and len(text) < 12 else None
