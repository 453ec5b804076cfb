"""The forms of a verification step, made from the typology's protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone

from cases import verification
from cases.forms import AttemptForm, ReasonForm, RequestStepForm, SecondLookForm
from cases.models import User, Verification, VerificationAttempt
from cases.playbook import Playbook


def request_form(book: Playbook, data: Mapping[str, Any] | None = None) -> RequestStepForm:
    steps = [(code, step.get("title", code)) for code, step in book.steps.items()]
    return RequestStepForm(data, auto_id="request_%s", steps=steps)


def attempt_form(
    book: Playbook, step: Verification, data: Mapping[str, Any] | None = None
) -> AttemptForm:
    protocol = book.step(step.step) or {}
    return AttemptForm(
        data,
        auto_id=f"record{step.pk}_%s",
        protocol=protocol,
        observations=book.observations(step.step),
        outcomes=[str(code) for code in verification.ATTEMPTED],
        initial={"held_at": timezone.localtime().strftime("%Y-%m-%dT%H:%M")},
    )


def dress(
    steps: list[Verification], book: Playbook, user: User, bound: Mapping[str, forms.Form]
) -> None:
    """Put to each step the forms that are open on it: record, ease, waive, second look."""
    for step in steps:
        pending = not step.outcome
        looks = [attempt for attempt in step.tries if needs_second_look(attempt)]
        if pending and not looks:
            key = f"record-{step.pk}"
            step.record_form = bound.get(key) or attempt_form(book, step)
        if pending:
            for slot in ("ease", "waive"):
                form = bound.get(f"{slot}-{step.pk}") or ReasonForm(auto_id=f"{slot}{step.pk}_%s")
                setattr(step, f"{slot}_form", form)
        for attempt in looks:
            mine = user.pk in (attempt.recorded_by_id, attempt.performed_by_id)
            key = f"look-{attempt.pk}"
            attempt.waits = True
            if not mine:
                attempt.review_form = bound.get(key) or SecondLookForm(
                    auto_id=f"look{attempt.pk}_%s"
                )


def needs_second_look(attempt: VerificationAttempt) -> bool:
    return attempt.second_reviewer_id is None and verification.is_adverse(attempt)
