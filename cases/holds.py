"""The money of an account: what the platform is told to do with it, and by whom.

`normal → soft_hold → compliance_hold → blocked_property`. Nothing here runs by itself: no timer,
no sweep, no import ends a hold. What is late shouts (`shouting`); only people release.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from cases import audit, calendars, permissions, playbook, transitions, webhooks
from cases.models import Account, Case, Hold, HoldRequest, User, WebhookDelivery
from cases.permissions import APPROVE, COMPLY, LEGAL, REVIEW
from cases.states import Verb
from cases.transitions import NotAllowed

L = Hold.Level
HELD = (L.SOFT, L.COMPLIANCE, L.BLOCKED)
_RANK = {L.NORMAL: 0, L.RELEASED: 0, L.RETURNED: 0, L.SOFT: 1, L.COMPLIANCE: 2, L.BLOCKED: 3}


@dataclass(frozen=True)
class Way:
    """Who may ask for a change, and who must agree: nobody, or another person with one of these."""

    asks: tuple[str, ...]
    agrees: tuple[str, ...] = ()


# From what the money is to what it shall be. Everything that is not here is refused.
WAYS: dict[tuple[str, str], Way] = {
    (L.NORMAL, L.SOFT): Way((REVIEW, APPROVE, COMPLY)),
    (L.NORMAL, L.COMPLIANCE): Way((COMPLY,)),
    (L.SOFT, L.COMPLIANCE): Way((COMPLY,)),
    (L.NORMAL, L.BLOCKED): Way((COMPLY,), (COMPLY, LEGAL)),
    (L.SOFT, L.BLOCKED): Way((COMPLY,), (COMPLY, LEGAL)),
    (L.COMPLIANCE, L.BLOCKED): Way((COMPLY,), (COMPLY, LEGAL)),
    (L.SOFT, L.RELEASED): Way((APPROVE, COMPLY)),
    (L.COMPLIANCE, L.RELEASED): Way((COMPLY,), (COMPLY, LEGAL)),
    (L.BLOCKED, L.RELEASED): Way((COMPLY,), (LEGAL,)),
    (L.SOFT, L.RETURNED): Way((LEGAL, COMPLY), (LEGAL, COMPLY)),
    (L.COMPLIANCE, L.RETURNED): Way((LEGAL, COMPLY), (LEGAL, COMPLY)),
}


def current(account: Account) -> Hold | None:
    """The row in force, or None when nothing was ever held."""
    return account.holds.filter(live=True).first()


def level_of(account: Account) -> str:
    hold = current(account)
    return hold.level if hold else L.NORMAL


def set_hold(
    account: Account,
    level: str,
    *,
    actor: User,
    reason: str,
    case: Case | None = None,
    basis: str = "",
) -> Hold | HoldRequest:
    """Change the hold on an account's money.

    What one person may do is done and the platform told; what needs two becomes a request that
    another person meets with `confirm`, and until then the money stays as it is.
    """
    way = _way(account, level, actor)
    with transaction.atomic():
        _lock(account)
        way = _way(account, level, actor)
        _check(account, level, reason, actor, basis)
        if way.agrees:
            return _ask(account, level, actor, reason, case, basis)
        return _set(account, level, actor, None, reason, case, basis)


def confirm(request: HoldRequest, *, actor: User) -> Hold:
    """Agree, as the second person, to a change of a hold; it is done at once."""
    with transaction.atomic():
        _lock(request.account)
        request = HoldRequest.objects.select_for_update(no_key=True).get(pk=request.pk)
        refusal = _why_not_confirm(request, actor)
        if not refusal:
            _check(request.account, request.level, request.reason, actor, request.basis)
            _end(request, HoldRequest.State.CONFIRMED, actor)
            asked_by = request.asked_by
            return _set(
                request.account, request.level, asked_by, actor, request.reason, request.case,
                request.basis,
            )  # fmt: skip
    if request.state != HoldRequest.State.WAITING:
        raise NotAllowed(refusal)
    permissions.refuse(actor, "hold.confirm", obj=request.account, because=refusal)
    raise AssertionError("refuse raises")


def refuse(request: HoldRequest, *, actor: User, reason: str) -> HoldRequest:
    """Turn a request down, or take one's own back. The money stays as it is."""
    if not reason.strip():
        raise NotAllowed("Say why.")
    own = request.asked_by_id == actor.pk
    if not own:
        _require_any(actor, (COMPLY, LEGAL, APPROVE), request.account)
    with transaction.atomic():
        request = HoldRequest.objects.select_for_update(no_key=True).get(pk=request.pk)
        if request.state != HoldRequest.State.WAITING:
            raise NotAllowed(f"The request is {request.get_state_display().lower()} already.")
        state = HoldRequest.State.WITHDRAWN if own else HoldRequest.State.REFUSED
        _end(request, state, actor, reason)
        _record(
            "hold.refused", actor, request.account, request.case, reason, request.level,
            current(request.account),
        )  # fmt: skip
    return request


def justify(hold: Hold, *, actor: User, reason: str) -> Hold:
    """Confirm a hold as a second person, so that it no longer shouts for review."""
    if not reason.strip():
        raise NotAllowed("Say why the hold stays.")
    _require_any(actor, _justifiers(hold), hold.account)
    with transaction.atomic():
        hold = Hold.objects.select_for_update(no_key=True).get(pk=hold.pk)
        if not hold.live or hold.level not in HELD:
            raise NotAllowed("This hold is no longer in force.")
        if hold.set_by_id == actor.pk:
            raise NotAllowed("You set this hold; a second person must confirm it.")
        hold.second_by, hold.review_at = actor, None
        hold.save(update_fields=["second_by", "review_at"])
        _record("hold.confirmed", actor, hold.account, hold.case, reason, hold.level)
    return hold


def why_not_confirm(request: HoldRequest, user: User) -> str:
    """Why `user` may not agree to a change of the hold; empty when they may."""
    return _why_not_confirm(request, user)


def why_not_refuse(request: HoldRequest, user: User) -> str:
    """Why `user` may not turn a change down, or take their own back."""
    if request.asked_by_id == user.pk or _has_any(user, (COMPLY, LEGAL, APPROVE)):
        return ""
    return f"Only {_people((APPROVE, COMPLY, LEGAL))} may turn it down."


def why_not_justify(hold: Hold, user: User) -> str:
    """Why `user` may not confirm, as the second person, that the hold stays."""
    rights = _justifiers(hold)
    if not _has_any(user, rights):
        return f"Only {_people(rights)} may confirm this hold."
    return "You set this hold; a second person must confirm it." if (
        hold.set_by_id == user.pk
    ) else ""  # fmt: skip


def why_not_resend(user: User) -> str:
    """Why `user` may not tell the platform again."""
    rights = (REVIEW, APPROVE, COMPLY, LEGAL)
    return "" if _has_any(user, rights) else f"Only {_people(rights)} may send it again."


def _justifiers(hold: Hold) -> tuple[str, ...]:
    return (APPROVE, COMPLY) if hold.level == L.SOFT else (COMPLY, LEGAL)


def _has_any(user: User, rights: tuple[str, ...]) -> bool:
    return any(permissions.allows(user, right) for right in rights)


def on_hold_result(delivery: WebhookDelivery, state: str) -> None:
    """What the platform said to a hold. Told twice, it changes nothing more."""
    with transaction.atomic():
        rows = Hold.objects.select_for_update(no_key=True).filter(pk=delivery.subject_id)
        hold = rows.first()
        if hold is None or hold.acknowledged_at is not None:
            return
        if state == WebhookDelivery.State.ACKNOWLEDGED:
            hold.acknowledged_at = delivery.acknowledged_at or timezone.now()
            hold.platform_reference, hold.last_error = delivery.platform_reference, ""
        elif state in (WebhookDelivery.State.REFUSED, WebhookDelivery.State.DEAD):
            hold.last_error = delivery.last_error or state
        else:
            return
        hold.save(update_fields=["acknowledged_at", "platform_reference", "last_error"])
        verb = "hold.acknowledged" if hold.acknowledged_at else "hold.failed"
        _record(verb, None, hold.account, hold.case, hold.last_error, hold.level, hold.previous)


def resend(hold: Hold, *, actor: User) -> Hold:
    """Tell the platform again what it did not acknowledge."""
    _require_any(actor, (REVIEW, APPROVE, COMPLY, LEGAL), hold.account)
    with transaction.atomic():
        hold = Hold.objects.select_for_update(no_key=True).get(pk=hold.pk)
        if not hold.live:
            raise NotAllowed("A later hold is in force.")
        if hold.acknowledged_at is not None:
            raise NotAllowed("The platform acknowledged this hold.")
        _tell(hold)
        _record("hold.resent", actor, hold.account, hold.case, "", hold.level, hold.previous)
    return hold


def shouting():
    """Live rows that need a person now: not acknowledged in time, due for review or report."""
    now = timezone.now()
    unheard = Q(acknowledged_at=None, set_at__lte=now - settings.HOLD_ACKNOWLEDGE_WITHIN)
    return (
        Hold.objects.filter(live=True)
        .filter(unheard | ~Q(last_error="") | Q(review_at__lte=now) | Q(report_due_at__lte=now))
        .order_by(F("report_due_at").asc(nulls_last=True), "set_at")
    )


def why_shouting(hold: Hold) -> list[str]:
    """What is the matter with a hold, in words."""
    now, said = timezone.now(), []
    if hold.last_error:
        said.append(f"The platform did not take it: {hold.last_error}")
    elif hold.acknowledged_at is None and (hold.set_at <= now - settings.HOLD_ACKNOWLEDGE_WITHIN):
        said.append("The platform has not acknowledged it.")
    if hold.review_at and hold.review_at <= now:
        said.append("A second person must confirm or release it.")
    if hold.report_due_at and hold.report_due_at <= now:
        said.append("The report of the blocking is due.")
    return said


def options(account: Account, user: User) -> list[tuple[str, bool, str]]:
    """Every level that the money could go to from here, whether `user` may ask, why not."""
    now = _base(level_of(account))
    found = []
    for (source, target), way in WAYS.items():
        if source != now:
            continue
        allowed = any(permissions.allows(user, right) for right in way.asks)
        reason = "" if allowed else f"Only {_people(way.asks)} may do this."
        if allowed and way.agrees:
            reason = f"Then {_people(way.agrees)} must agree."
        found.append((target, allowed, reason))
    return found


def _way(account: Account, level: str, actor: User) -> Way:
    now = _base(level_of(account))
    if now in HELD and not actor.sees_compliance:
        # Before the wall a hold is a hold: what is refused from each level is refused alike.
        _open_way(account, L.SOFT, level, actor)
    return _open_way(account, now, level, actor)


def _open_way(account: Account, now: str, level: str, actor: User) -> Way:
    way = WAYS.get((now, level))
    if way is None:
        raise NotAllowed(_no_way(now, level))
    _require_any(actor, way.asks, account)
    return way


def _no_way(now: str, level: str) -> str:
    if level == L.RETURNED and now == L.BLOCKED:
        return "Blocked property is not returned to the client."
    if level not in L.values:
        return f"{level!r} is no level of a hold."
    return f"The money is {_word(now)}; it cannot become {_word(level)} from there."


def _check(account: Account, level: str, reason: str, actor: User, basis: str) -> None:
    now = level_of(account)
    if not reason.strip():
        raise NotAllowed("Say why.")
    if now == L.BLOCKED and basis not in ("licence", "delisting", "error"):
        raise NotAllowed(
            "Blocked property leaves only by a licence, a delisting or the error procedure: "
            "say which and give its reference in the reason."
        )
    if level == L.RETURNED:
        _check_return(account)
    if level == L.RELEASED and now != L.BLOCKED:
        _check_release(account, actor)


def _check_release(account: Account, actor: User) -> None:
    """A hold that compliance looks into is not let go by whoever does not know of it."""
    asked = account.hold_requests.filter(state="waiting", level__in=[L.COMPLIANCE, L.BLOCKED])
    with_compliance = account.cases.open().filter(queue=Case.Queue.COMPLIANCE)
    found = account.cases.filter(blockable_interest="yes")
    if not permissions.allows(actor, COMPLY) and not permissions.allows(actor, LEGAL):
        if asked.exists() or with_compliance.exists() or found.exists():
            raise NotAllowed("Only a compliance officer may release this hold.")
    elif asked.filter(level=L.BLOCKED).exists():
        raise NotAllowed("A block is under review; that request comes first.")
    elif found.exists():
        raise NotAllowed("There is a blockable interest; the money is blocked, not released.")


def _check_return(account: Account) -> None:
    """A refund can itself be forbidden: not while anybody still looks into a blocked interest."""
    cases = account.cases.order_by("-id")
    if account.hold_requests.filter(state="waiting", level=L.BLOCKED).exists():
        raise NotAllowed("A block is under review; nothing goes back to the client meanwhile.")
    for case in cases:
        if case.blockable_interest == "yes":
            raise NotAllowed("There is a blockable interest; nothing goes back to the client.")
        if case.blockable_interest == "undetermined" and case.queue == "compliance":
            raise NotAllowed(
                f"Compliance has not determined in {case.ref} whether there is a blockable "
                "interest; nothing goes back to the client meanwhile."
            )
    if level_of(account) == L.COMPLIANCE and not cases.filter(blockable_interest="no").exists():
        raise NotAllowed("An officer must first find that there is no blockable interest.")


def _ask(account, level, actor, reason, case, basis) -> HoldRequest:
    if account.hold_requests.filter(state=HoldRequest.State.WAITING).exists():
        raise NotAllowed("Another change of this hold waits for its second person.")
    request = HoldRequest.objects.create(
        account=account, case=case, level=level, basis=basis, reason=reason, asked_by=actor,
        on=current(account),
    )  # fmt: skip
    _record("hold.requested", actor, account, case, reason, level, current(account))
    return request


def _set(account, level, actor, second, reason, case, basis) -> Hold:
    now = timezone.now()
    before = current(account)
    book = playbook.of(case.typology_code) if case else None
    if before is not None:
        before.live = False
        before.save(update_fields=["live"])
    HoldRequest.objects.filter(account=account, state="waiting").update(
        state=HoldRequest.State.VOID, ended_at=now, ended_because="the hold changed meanwhile"
    )
    hold = Hold(
        account=account, case=case, level=level, previous=before, reason=reason, set_by=actor,
        second_by=second, set_at=now, basis=basis,
    )  # fmt: skip
    if level in (L.SOFT, L.COMPLIANCE):
        hold.review_at = _review_at(level, actor, now, book)
    if level == L.BLOCKED:
        days = book.deadline("blocking_report_business_days") if book else 10
        hold.blocked_at = now
        hold.report_due_at = calendars.due(now, days, book.calendar if book else "US_FEDERAL")
    hold.save()
    if case is not None:
        transitions.apply(
            case, Verb.HOLD, actor=actor, note=reason, wall=_behind_wall(level, before),
            data={"from": before.level if before else L.NORMAL, "to": level, "hold": hold.pk,
                  "second": second.pk if second else None},
        )  # fmt: skip
    else:
        _record("hold", actor, account, None, reason, level, before)
    _tell(hold)
    return hold


def _review_at(level: str, actor: User, now, book):
    """When a hold that one person set begins to shout for a second."""
    if level == L.SOFT:
        if permissions.allows(actor, APPROVE):
            return None
        hours = book.deadline("soft_hold_rejustify_hours") if book else 24
        return now + timedelta(hours=hours)
    return calendars.due(now, 1, book.calendar if book else "US_FEDERAL")


def _tell(hold: Hold) -> None:
    kind = "hold.set" if hold.level in HELD else "hold.released"
    hold.sent_at, hold.last_error = timezone.now(), ""
    hold.save(update_fields=["sent_at", "last_error"])
    webhooks.enqueue(
        kind,
        {
            "account": hold.account.ref,
            "hold": f"hold_{hold.pk}",
            # What compliance knows stays here: the platform learns what to do, not why.
            "payouts": {L.BLOCKED: "frozen", L.RETURNED: "return_to_client"}.get(
                hold.level, "on_hold" if hold.level in HELD else "released"
            ),
        },
        order_key=hold.account.ref,
        subject=hold,
    )


def _why_not_confirm(request: HoldRequest, actor: User) -> str:
    if request.state != HoldRequest.State.WAITING:
        return f"The request is {request.get_state_display().lower()} already."
    if request.asked_by_id == actor.pk:
        return "You asked for this; a second person must agree."
    now = current(request.account)
    if (now.pk if now else None) != request.on_id:
        return "The hold changed since this was asked for."
    way = WAYS[_base(now.level if now else L.NORMAL), request.level]
    if not any(permissions.allows(actor, right) for right in way.agrees):
        return f"Only {_people(way.agrees)} may agree to this."
    if not any(permissions.allows(request.asked_by, right) for right in way.asks):
        return f"{request.asked_by}, who asked for it, no longer has the right to."
    return ""


def _end(request: HoldRequest, state: str, actor: User, because: str = "") -> None:
    request.state, request.ended_by, request.ended_at = state, actor, timezone.now()
    request.ended_because = because
    request.save(update_fields=["state", "ended_by", "ended_at", "ended_because"])


def _lock(account: Account) -> None:
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)


def _base(level: str) -> str:
    return L.NORMAL if level in (L.RELEASED, L.RETURNED) else level


def _behind_wall(level: str, before: Hold | None) -> bool:
    """Whether a change of the money is compliance's own matter: from there, to there, or a return,
    which outside of compliance looks like a hold that goes on."""
    return (
        level == L.RETURNED
        or max(_RANK[level], _RANK[before.level] if before else 0) >= _RANK[L.COMPLIANCE]
    )


def _require_any(actor: User, rights: tuple[str, ...], account: Account) -> None:
    if not any(permissions.allows(actor, right) for right in rights):
        permissions.refuse(
            actor, "hold", obj=account, because=f"Only {_people(rights)} may do this."
        )


def _people(rights: tuple[str, ...]) -> str:
    names = {
        REVIEW: "an analyst", APPROVE: "a senior analyst", COMPLY: "a compliance officer",
        LEGAL: "legal",
    }  # fmt: skip
    return " or ".join(names[right] for right in rights)


def _word(level: str) -> str:
    return str(level).replace("_", " ")


def _record(verb, actor, account, case, note, level, before: Hold | None = None) -> None:
    audit.record(
        verb, actor=actor, case=case, account=account, note=note, level=level,
        wall=_behind_wall(level, before),
    )  # fmt: skip
