"""Receivers of our messages: addresses of the platform, and the secrets that we share with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from cases import audit, crypto, egress, signatures
from cases.models import User, WebhookDelivery, WebhookEndpoint
from cases.permissions import MANAGE_WEBHOOKS, require

State = WebhookEndpoint.State


def of(event_type: str) -> list[WebhookEndpoint]:
    """Who is to be told of `event_type`, also when paused or disabled: it waits for them then."""
    return [each for each in WebhookEndpoint.objects.order_by("pk") if listens(each, event_type)]


def listens(endpoint: WebhookEndpoint, event_type: str) -> bool:
    """Whether the receiver wants `event_type`: all of them, or by the beginning of the type."""
    return not endpoint.event_types or any(
        event_type == each or event_type.startswith(f"{each.rstrip('.*')}.")
        for each in endpoint.event_types
    )


@transaction.atomic
def add(
    name: str,
    url: str,
    *,
    actor: User | None,
    event_types: Sequence[str] = (),
    secret: str | None = None,
) -> tuple[WebhookEndpoint, str]:
    """A new receiver and its secret, which is shown this once. Waiting messages become its own."""
    require(actor, MANAGE_WEBHOOKS)
    egress.check_url(url)
    endpoint = WebhookEndpoint.objects.create(name=name, url=url, event_types=list(event_types))
    secret = _put_secret(endpoint, secret)
    audit.record("webhook.endpoint_added", actor=actor, obj=endpoint, url=url)
    _adopt(endpoint)
    return endpoint, secret


@transaction.atomic
def change(
    endpoint: WebhookEndpoint, *, actor: User | None, url: str, event_types: Sequence[str]
) -> WebhookEndpoint:
    """Another address or other types for a receiver; what waits goes to the new address."""
    require(actor, MANAGE_WEBHOOKS)
    egress.check_url(url)
    row = _locked(endpoint)
    before = {"url": row.url, "event_types": row.event_types}
    row.url, row.event_types = url, list(event_types)
    row.save(update_fields=["url", "event_types"])
    after = {"url": row.url, "event_types": row.event_types}
    audit.record("webhook.endpoint_changed", actor=actor, obj=row, before=before, after=after)
    _adopt(row)
    return row


@transaction.atomic
def switch(endpoint: WebhookEndpoint, state: str, *, actor: User | None, note: str) -> None:
    """Turn a receiver on, or pause it: messages wait meanwhile and none is lost."""
    require(actor, MANAGE_WEBHOOKS)
    row = _locked(endpoint)
    before, row.state, row.state_because = row.state, State(state), note[:300]
    row.failures, row.quiet_until = 0, None
    row.save(update_fields=["state", "state_because", "failures", "quiet_until"])
    audit.record(
        "webhook.endpoint_switched", actor=actor, obj=row, note=note, before=before, after=row.state
    )


def disable(endpoint: WebhookEndpoint, *, because: str) -> None:
    """The portal itself stops sending to a receiver that is gone. Somebody has to turn it on."""
    row = _locked(endpoint)
    if row.state == State.DISABLED:
        return
    row.state, row.state_because = State.DISABLED, because
    row.save(update_fields=["state", "state_because"])
    audit.record("webhook.endpoint_disabled", actor=None, obj=row, note=because)


def went(endpoint: WebhookEndpoint, *, well: bool) -> None:
    """Note how a call to the receiver went. One that keeps failing is left alone for a while.

    Otherwise every waiting message would hang for a receiver that is down, and the messages to the
    others would wait behind them.
    """
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    if well:
        rows.exclude(failures=0).update(failures=0, quiet_until=None)
        return
    rows.update(failures=F("failures") + 1)
    row = rows.get()
    over = row.failures - settings.WEBHOOK_BREAKER_AFTER
    if over >= 0:
        pause = min(timedelta(seconds=5) * 2 ** min(over, 10), timedelta(minutes=5))
        rows.update(quiet_until=timezone.now() + pause)


@transaction.atomic
def rotate(
    endpoint: WebhookEndpoint, *, actor: User | None, overlap: timedelta | None = None
) -> str:
    """A new secret, shown this once. Older ones sign beside it until the overlap is over."""
    require(actor, MANAGE_WEBHOOKS)
    row = _locked(endpoint)
    until = timezone.now() + (settings.WEBHOOK_SECRET_OVERLAP if overlap is None else overlap)
    row.secrets = [
        {**each, "until": min(each["until"] or until.isoformat(), until.isoformat())}
        for each in _living(row)
    ]
    secret = _put_secret(row, None)
    audit.record("webhook.secret_rotated", actor=actor, obj=row, until=until)
    return secret


@transaction.atomic
def retire(endpoint: WebhookEndpoint, secret_id: str, *, actor: User | None) -> None:
    """End one secret at once. The newest stays: a receiver always has one."""
    require(actor, MANAGE_WEBHOOKS)
    row = _locked(endpoint)
    row.secrets = [row.secrets[0], *(s for s in row.secrets[1:] if s["id"] != secret_id)]
    row.save(update_fields=["secrets"])
    audit.record("webhook.secret_retired", actor=actor, obj=row, secret=secret_id)


def live_secrets(endpoint: WebhookEndpoint) -> list[str]:
    """The secrets that sign now, the newest first. Raises `crypto.Unreadable` if one was moved."""
    return [crypto.decrypt(each["sealed"], place=_place(endpoint)) for each in _living(endpoint)]


def _living(endpoint: WebhookEndpoint) -> list[dict]:
    now = timezone.now()
    return [
        each
        for each in endpoint.secrets
        if not each["until"] or datetime.fromisoformat(each["until"]) > now
    ]


def _put_secret(endpoint: WebhookEndpoint, secret: str | None) -> str:
    secret = secret or signatures.new_secret()
    signatures.secret_bytes(secret)
    entry = {
        "id": uuid4().hex[:8],
        "sealed": crypto.encrypt(secret, place=_place(endpoint)),
        "made_at": timezone.now().isoformat(),
        "until": None,
    }
    endpoint.secrets = [entry, *endpoint.secrets]
    endpoint.save(update_fields=["secrets"])
    return secret


def _place(endpoint: WebhookEndpoint) -> str:
    return f"cases_webhookendpoint/secrets/{endpoint.pk}"


def _locked(endpoint: WebhookEndpoint) -> WebhookEndpoint:
    return WebhookEndpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)


def _adopt(endpoint: WebhookEndpoint) -> None:
    """Give the receiver the messages that nobody received so far."""
    orphans = WebhookDelivery.objects.filter(
        endpoint=None, state=WebhookDelivery.State.WAITING
    ).only("event_type")
    theirs = [each.pk for each in orphans if listens(endpoint, each.event_type)]
    WebhookDelivery.objects.filter(pk__in=theirs).update(endpoint=endpoint)
