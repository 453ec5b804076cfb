"""Pieces of case and account pages that are about what came in: signals and logins.

They are asked for by address (`hx-get`), so that `cases` need not know this app.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cases import audit
from cases.models import Account, Infrastructure
from signals.door import ids
from signals.masking import masked, pretty, visible
from signals.models import ActivityEvent, Signal
from signals.views import login_words

SIGNALS_SHOWN = 50
LOGINS_SHOWN = 100
GAP = timedelta(days=7)


@require_GET
def signals(request: HttpRequest, ref: str) -> HttpResponse:
    """Signals about an account, newest first, each with its payload. Looking is recorded."""
    account = _access(request, ref)
    rows = Signal.objects.visible_to(request.user).filter(account_ref=ref)
    if before := request.GET.get("before"):
        rows = rows.filter(pk__lt=_uuid(before))
    found = list(
        rows.select_related("detector", "indicator__typology").order_by("-pk")[: SIGNALS_SHOWN + 1]
    )
    more = len(found) > SIGNALS_SHOWN
    found = found[:SIGNALS_SHOWN]
    audit.read(request.user, account, "signals", count=len(found))
    context = {
        "account": account,
        "rows": [_signal(row) for row in found],
        "next": ids.ulid(found[-1].pk) if more else "",
    }
    return _answer(request, "signals/_signals.html", "Signals", context)


@require_GET
def logins(request: HttpRequest, ref: str) -> HttpResponse:
    """Login attempts of an account, newest first: failed ones apart, gaps named."""
    account = _access(request, ref)
    rows = ActivityEvent.objects.visible_to(request.user).filter(
        subject_ref=ref, type="login.attempted", subject_kind="account"
    )
    shown = request.GET.get("show", "")
    if shown in ("failed", "succeeded"):
        rows = rows.filter(data__success=shown == "succeeded")
    if before := request.GET.get("before"):
        rows = _before(rows, before)
    found = list(rows.order_by("-occurred_at")[: LOGINS_SHOWN + 1])
    more = len(found) > LOGINS_SHOWN
    found = found[:LOGINS_SHOWN]
    audit.read(request.user, account, "logins", count=len(found))
    context = {
        "account": account,
        "rows": _timeline(found, account.claimed_country),
        "told": login_words.sentences(found, visible(account.claimed_country)),
        "claimed": account.claimed_country,
        "shown": shown,
        "failed": sum(not row.data.get("success") for row in found),
        "count": len(found),
        "next": found[-1].occurred_at.isoformat() if more else "",
    }
    return _answer(request, "signals/_logins.html", "Logins", context)


def _access(request: HttpRequest, ref: str) -> Account:
    account = Account.objects.visible_to(request.user).filter(ref=ref).first()
    if account is None:
        raise Http404
    return account


def _answer(request: HttpRequest, fragment: str, title: str, context: dict) -> HttpResponse:
    """The fragment for htmx; a page around it for a plain link."""
    if request.htmx:
        return render(request, fragment, context)
    more = {"fragment": fragment, "title": title}
    return render(request, "signals/account_page.html", {**context, **more})


def _signal(row: Signal) -> dict[str, Any]:
    """What the fragment shows of a signal; the payload as it was sent, names masked."""
    event = {
        "specversion": "1.0",
        "id": row.event_id,
        "source": row.detector.source,
        "type": row.indicator.code,
        "subject": f"{row.subject_kind}/{row.account_ref}",
        "time": row.occurred_at.isoformat(),
        **masked(row.extensions or {}),
        "data": masked(row.data),
    }
    payload, cut = pretty(event)
    evidence = masked(row.data.get("evidence") or {})
    return {
        "signal": row,
        "ulid": ids.ulid(row.pk),
        "sha256": bytes(row.content_hash).hex(),
        "payload": payload,
        "cut": cut,
        "evidence": [(visible(str(k))[:80], _short(v)) for k, v in list(evidence.items())[:12]],
    }


def _short(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        text = ", ".join(str(item) for item in value[:6])
        text += f" and {len(value) - 6} more" if len(value) > 6 else ""
    else:
        text = str(value)
    return visible(text)[:160]


def _timeline(found: list[ActivityEvent], claimed: str) -> list[dict[str, Any]]:
    """Attempts with what stands out: class of the address, change of country or device, gaps."""
    addresses = {row.data.get("ip") for row in found if row.data.get("ip")}
    devices = {row.data.get("device_id") for row in found if row.data.get("device_id")}
    known = dict(
        Infrastructure.objects.filter(active=True, value__in=addresses | devices).values_list(
            "value", "kind"
        )
    )
    rows = []
    for index, row in enumerate(found):
        earlier = found[index + 1] if index + 1 < len(found) else None
        data = {k: visible(str(v))[:120] for k, v in row.data.items() if v is not None}
        gap = row.occurred_at - earlier.occurred_at if earlier else timedelta()
        rows.append(
            {
                "at": row.occurred_at,
                "there": login_words.hours_there(row.occurred_at, claimed),
                "success": row.data.get("success") is True,
                "data": data,
                "ip_class": known.get(row.data.get("ip"), ""),
                "device_class": known.get(row.data.get("device_id"), ""),
                "new_country": _differs(row, earlier, "ip_country"),
                "new_device": _differs(row, earlier, "device_id"),
                "ports": row.data.get("open_ports") or [],
                "long": _minutes(row) >= 24 * 60,
                "gap_days": gap.days if gap >= GAP else 0,
            }
        )
    return rows


def _differs(row: ActivityEvent, earlier: ActivityEvent | None, name: str) -> bool:
    if earlier is None:
        return False
    now, then = row.data.get(name), earlier.data.get(name)
    return bool(now and then and now != then)


def _minutes(row: ActivityEvent) -> float:
    minutes = row.data.get("session_minutes")
    return minutes if isinstance(minutes, int | float) else 0


def _uuid(text: str):
    try:
        return ids.from_ulid(text)
    except ValueError as exc:
        raise Http404 from exc


def _before(rows: QuerySet, text: str) -> QuerySet:
    try:
        return rows.filter(occurred_at__lt=text)
    except (ValidationError, ValueError) as exc:
        raise Http404 from exc
