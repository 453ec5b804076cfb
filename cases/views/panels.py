"""The parts of the case page beside deciding: what people found, files, corrections, why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from cases import decisions, determinations, holds, permissions
from cases import queue as work
from cases.finding_forms import (
    IDENTITY_WORDS,
    INTEREST_WORDS,
    AttachForm,
    CorrectForm,
    IdentityForm,
    InterestForm,
    KeepOpenForm,
)
from cases.forms import ReasonForm
from cases.models import Account, Attachment, Case, Hold, HoldRequest, User
from cases.states import QUEUE_OF, Verb

MOST_FILES = 100


def shown(
    case: Case, user: User, bound: Mapping[str, forms.Form], context: Mapping[str, Any]
) -> dict[str, Any]:
    """What these parts need; `bound` holds the form that was sent, `context` what is known."""
    behind = context["behind"]
    _let_correct(context["history"], case, user, bound, behind, context["allowed"])
    return {
        **_found(case, user, behind, bound),
        "attachments": attached(case, user),
        "attach_form": bound.get("attach") or AttachForm(auto_id="attach_%s", behind_wall=behind),
        "why_not_skip": why_not_skip(case, user),
        **_hold(context["hold"], context["hold_request"], user),
        "why_not_waive": "" if context["may_waive"] else (
            "Only a senior analyst or a compliance officer does without a step."
        ),
    }  # fmt: skip


def attached(case: Case, user: User) -> list[Attachment]:
    """The files that `user` may know of, the newest first, without their bytes."""
    rows = Attachment.objects.visible_to(user).filter(case=case).defer("content")
    return list(rows.select_related("added_by").order_by("-id")[:MOST_FILES])


def why_not_skip(case: Case, user: User) -> str:
    """Why `user` has nothing to pass over here; empty when they may."""
    if not permissions.allows(user, work.RIGHT[QUEUE_OF.get(case.state, case.queue)]):
        return "You are not given cases of this queue."
    if case.skips.filter(user=user, conflict=True).exists():
        return "You declared a conflict of interest: it is never given to you."
    return ""


def identity_form(account: Account) -> IdentityForm:
    return IdentityForm(auto_id="identity_%s", initial={"identity": account.identity})


def _hold(hold: Hold | None, asked: HoldRequest | None, user: User) -> dict[str, str]:
    """Why the person may not do what could be done about the hold."""
    found = {}
    if hold is not None:
        found["why_not_justify"] = holds.why_not_justify(hold, user)
        found["why_not_resend"] = holds.why_not_resend(user)
    if asked is not None:
        found["why_not_confirm"] = holds.why_not_confirm(asked, user)
        found["why_not_refuse"] = holds.why_not_refuse(asked, user)
    return found


def _found(case: Case, user: User, behind: bool, bound: Mapping[str, forms.Form]) -> dict[str, Any]:
    """Whose identity; behind the wall also whose interest, and what an authority asks."""
    account = case.account
    found: dict[str, Any] = {
        "identity_words": IDENTITY_WORDS[account.identity],
        "why_not_identity": determinations.why_not_identity(account, user, case),
        "identity_form": bound.get("identity") or identity_form(account),
    }
    if not behind:
        return found
    interest = case.blockable_interest
    return found | {
        "interest_words": INTEREST_WORDS[interest],
        "why_not_interest": determinations.why_not_interest(case, user),
        "interest_form": bound.get("interest")
        or InterestForm(auto_id="interest_%s", initial={"interest": interest}),
        "kept_open": decisions.kept_open(case),
        "may_keep_open": permissions.allows(user, permissions.LEGAL),
        "keep_open_form": bound.get("keep_open") or KeepOpenForm(auto_id="keep_open_%s"),
        "lift_form": bound.get("lift_keep_open") or ReasonForm(auto_id="lift_%s"),
    }


def _let_correct(
    history: list[dict[str, Any]],
    case: Case,
    user: User,
    bound: Mapping[str, forms.Form],
    behind: bool,
    allowed: Mapping[str, bool],
) -> None:
    """Put to one's own notes that still stand the form that corrects them."""
    if not allowed.get(Verb.NOTE):
        return
    for entry in history:
        if not entry.get("note") or not entry["own"] or entry["replaced"]:
            continue
        pk = entry["pk"]
        entry["correct_form"] = bound.get(f"correct-{pk}") or CorrectForm(
            auto_id=f"correct{pk}_%s",
            behind_wall=behind,
            initial={"text": entry["text"], "replaces": pk, "wall": entry["wall"]},
        )
