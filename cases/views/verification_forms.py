"""The forms of a verification step, made from the typology's protocol."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils import timezone

from cases import permissions, playbook, verification
from cases.forms import AttemptForm, ReasonForm, RequestStepForm, SecondLookForm
from cases.models import Account, User, Verification, VerificationAttempt
from cases.playbook import Playbook

RECORDERS = (permissions.REVIEW, permissions.APPROVE, permissions.COMPLY)


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


def of_account(account_id: int, user: User) -> list[Verification]:
    """The steps asked of this account with their attempts, what is pending first."""
    rows = list(
        Verification.objects.visible_to(user)
        .filter(account=account_id)
        .select_related("requested_by", "waived_by", "case")
        .prefetch_related(
            "attempts__performed_by", "attempts__recorded_by", "attempts__second_reviewer"
        )
        .order_by("-requested_at")[:40]
    )
    for row in rows:
        row.tries = sorted(row.attempts.all(), key=lambda attempt: attempt.number)
    return sorted(rows, key=lambda row: row.outcome != "")


def panel(account: Account, user: User, bound: Mapping[str, forms.Form]) -> dict[str, Any]:
    """All steps of an account; forms are open on those of no case, the others are done there."""
    steps = of_account(account.pk, user)
    by_code: dict[str, list[Verification]] = defaultdict(list)
    for step in steps:
        by_code[step.typology_code].append(step)
    for code, rows in by_code.items():
        book = playbook.of(code)
        for row in rows:
            row.title = (book.step(row.step) or {}).get("title", row.step)
        dress([row for row in rows if row.case is None], book, user, bound)
    return {
        "verifications": steps,
        "may_record": any(user.has_perm(right) for right in RECORDERS),
    }


def said(form: AttemptForm, user: User) -> dict[str, Any]:
    """What the form says, as `cases.verification.record_attempt` takes it."""
    cleaned = form.cleaned_data
    return {
        "outcome": cleaned["outcome"],
        "challenges": form.challenges,
        "questions": form.questions,
        "observations": cleaned["observations"],
        "face_matches_document": {"yes": True, "no": False}.get(cleaned["face"]),
        "channel": cleaned["channel"],
        "held_at": cleaned["held_at"],
        "performed_by": user if cleaned["performed"] == "me" else None,
        "attested_by": _client(user, cleaned["attested_by"]),
        "excuse": cleaned["excuse"],
        "note": cleaned["note"],
        "evidence_ref": cleaned["evidence_ref"],
    }


def _client(user: User, ref: str) -> Account | None:
    if not ref:
        return None
    found = Account.objects.visible_to(user).filter(ref=ref).first()
    if found is None:
        raise verification.NotAllowed(f"There is no account {ref}.")
    return found


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
