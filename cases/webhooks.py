"""Messages to the platform: a row per message, sent until it is heard or has tried for days.

The row is written in the transaction of the change that it tells of. Messages of one `order_key`
to one receiver go out in the order of their rows, so the caller holds the lock of whatever the key
names. Sent again, a message keeps its id: the receiver passes over what it has seen.
"""

from __future__ import annotations

import email.utils
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import structlog
from celery import shared_task
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import F, Model
from django.utils import timezone

from cases import audit, crypto, egress, receivers, signatures
from cases.models import User, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from cases.permissions import REPLAY_WEBHOOKS, require
from cases.text import storable

log = structlog.get_logger("cases.webhooks")

State = WebhookDelivery.State
Listener = Callable[[WebhookDelivery, str], None]

_listeners: list[tuple[str, Listener]] = []
_ANSWER_KEPT = 2000


class NotPossible(Exception):
    """What was asked for does not fit the state of the message any more."""


@dataclass(frozen=True)
class Reply:
    """What one attempt to send came to."""

    status: int | None = None
    error: str = ""
    body: bytes = b""
    retry_after: str = ""
    duration_ms: int = 0

    @property
    def answered(self) -> bool:
        """Whether the receiver is there at all, whatever it thinks of this message."""
        return self.status is not None and self.status < 500 and self.status != 429

    @property
    def heard(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def on_result(prefix: str, listener: Listener) -> None:
    """Have `listener(delivery, state)` called for what becomes of messages of types `prefix…`.

    States are delivered, acknowledged, refused and dead; each is told once, in a transaction of
    its own, and again if the listener failed. Register when the app is ready.
    """
    if (prefix, listener) not in _listeners:
        _listeners.append((prefix, listener))


def enqueue(
    event_type: str,
    payload: Mapping[str, Any],
    *,
    order_key: str,
    subject: Model | None = None,
    endpoint: WebhookEndpoint | None = None,
) -> list[WebhookDelivery]:
    """Have every receiver of `event_type` told of `payload`, in the caller's transaction.

    One message per receiver. While nobody receives the type, one message waits for a receiver.
    `subject` is the row that wants to hear of the result.
    """
    if endpoint is not None:
        targets: list[WebhookEndpoint | None] = [endpoint]
    else:
        targets = [*receivers.of(event_type)] or [None]
    now = timezone.now()
    made = [
        WebhookDelivery.objects.create(
            public_id=f"msg_{uuid4().hex}",
            endpoint=target,
            event_type=event_type,
            payload=storable(dict(payload)),
            order_key=order_key,
            subject_type=subject._meta.model_name if subject is not None else "",
            subject_id=subject.pk if subject is not None else None,
            due_at=now,
        )
        for target in targets
    ]
    for delivery in made:
        deliver.delay_on_commit(delivery.pk)
    return made


@shared_task(name="webhooks.deliver", acks_late=True, ignore_result=True)
def deliver(delivery_id: int) -> None:
    """Send one message. Running it twice is harmless, and the HTTP call holds no lock."""
    delivery = WebhookDelivery.objects.take(delivery_id, lease=settings.WEBHOOK_LEASE)
    if delivery is None:
        return
    reply = post(delivery)
    receivers.went(delivery.endpoint, well=reply.answered)
    if settle(delivery, reply):
        tell(delivery.pk)


@shared_task(name="webhooks.sweep", ignore_result=True)
def sweep(limit: int = 500) -> int:
    """Nudge what is due and tell what was not heard of. Safe to run at any time."""
    ready = WebhookDelivery.objects.ready().order_by("due_at")
    due = list(ready.values_list("pk", flat=True)[:limit])
    for pk in due:
        deliver.delay_on_commit(pk)
    for pk in _untold()[:limit]:
        tell(pk)
    return len(due)


def body_of(delivery: WebhookDelivery) -> bytes:
    """The bytes that are signed and sent: the same on every attempt."""
    message = {
        "type": delivery.event_type,
        "timestamp": delivery.created_at.isoformat(),
        "data": delivery.payload,
    }
    return json.dumps(
        message, sort_keys=True, separators=(",", ":"), ensure_ascii=False, cls=DjangoJSONEncoder
    ).encode()


def post(delivery: WebhookDelivery) -> Reply:
    """Make one attempt. Whatever the receiver does ends in a `Reply`; nothing is raised."""
    began = time.monotonic()

    def took() -> int:
        return int((time.monotonic() - began) * 1000)

    endpoint = delivery.endpoint
    assert endpoint is not None  # `take` gives none without
    try:
        body = body_of(delivery)
        headers = signatures.headers(delivery.public_id, body, receivers.live_secrets(endpoint))
        headers |= {"Content-Type": "application/json", "User-Agent": settings.WEBHOOK_USER_AGENT}
        answer = egress.send(
            "POST",
            endpoint.url,
            headers=headers,
            body=body,
            seconds=settings.WEBHOOK_TIMEOUT.total_seconds(),
        )
    except (egress.Refused, egress.Unreachable) as exc:
        return Reply(error=str(exc), duration_ms=took())
    except (crypto.Unreadable, ValueError) as exc:
        return Reply(error=f"not signed: {exc}", duration_ms=took())
    return Reply(
        status=answer.status,
        error="" if 200 <= answer.status < 300 else f"answered {answer.status}",
        body=answer.body,
        retry_after=answer.headers.get("retry-after", ""),
        duration_ms=took(),
    )


@transaction.atomic
def settle(delivery: WebhookDelivery, reply: Reply) -> bool:
    """Write down what an attempt came to. False if the lease went to somebody else meanwhile."""
    row = (
        WebhookDelivery.objects.select_for_update(no_key=True, of=("self",))
        .select_related("endpoint")
        .get(pk=delivery.pk)
    )
    WebhookAttempt.objects.create(
        delivery=row,
        status=reply.status,
        duration_ms=reply.duration_ms,
        error=storable(reply.error)[:500],
        answer=_shown(reply.body),
    )
    if row.lease != delivery.lease or row.state != State.WAITING:
        return False
    row.lease = None
    if reply.heard:
        row.delivered_at, row.last_error, row.state = timezone.now(), "", State.DELIVERED
        _note_answer(row, _parsed(reply.body))
    elif reply.status == 410:
        receivers.disable(row.endpoint, because="the receiver answered 410 Gone")
        row.last_error, row.due_at = reply.error, timezone.now()
    else:
        _put_off(row, reply)
    row.save()
    if row.state != State.WAITING:
        _nudge_next(row)
    return True


def acknowledge(delivery: WebhookDelivery, answer: Mapping[str, Any]) -> WebhookDelivery:
    """Take what the platform says about a message that it got before. Safe to repeat."""
    with transaction.atomic():
        row = WebhookDelivery.objects.select_for_update(no_key=True).get(pk=delivery.pk)
        if row.state == State.ACKNOWLEDGED:
            if answer.get("acknowledged") is not True:
                raise NotPossible("this message was acknowledged already")
            return row
        was_waiting = row.state == State.WAITING
        if not _note_answer(row, answer):
            raise NotPossible("the answer says neither that it was carried out nor that it was not")
        row.delivered_at = row.delivered_at or timezone.now()
        row.lease = None
        row.save()
        if was_waiting:
            _nudge_next(row)
    tell(row.pk)
    return row


@transaction.atomic
def replay(delivery: WebhookDelivery, *, actor: User | None, note: str = "") -> WebhookDelivery:
    """Send a message again, under its old id and after what waits before it."""
    require(actor, REPLAY_WEBHOOKS)
    row = WebhookDelivery.objects.select_for_update(no_key=True).get(pk=delivery.pk)
    if row.state == State.ACKNOWLEDGED:
        raise NotPossible("the platform has acknowledged this message")
    if row.state == State.WAITING and row.lease is not None and row.due_at > timezone.now():
        raise NotPossible("this message is being sent right now")
    before = row.state
    row.state, row.told, row.attempts, row.lease = State.WAITING, "", 0, None
    row.due_at = timezone.now()
    row.save(update_fields=["state", "told", "attempts", "lease", "due_at"])
    audit.record(
        "webhook.replay", actor=actor, obj=row, note=note, message=row.public_id, before=before
    )
    deliver.delay_on_commit(row.pk)
    return row


def by_public_id(public_id: str) -> WebhookDelivery | None:
    """The message that was sent to a receiver under this id."""
    rows = WebhookDelivery.objects.select_related("endpoint").exclude(endpoint=None)
    return rows.filter(public_id=public_id).first()


def tell(delivery_id: int) -> None:
    """Tell the step behind a message what became of it. A listener that fails is told later."""
    try:
        with transaction.atomic():
            row = (
                WebhookDelivery.objects.select_for_update(no_key=True)
                .exclude(state=State.WAITING)
                .exclude(told=F("state"))
                .filter(pk=delivery_id)
                .first()
            )
            if row is None:
                return
            for prefix, listener in _listeners:
                if row.event_type.startswith(prefix):
                    listener(row, row.state)
            WebhookDelivery.objects.filter(pk=row.pk).update(told=row.state)
    # One listener that breaks must not stop the sending of everything else; the sweep comes back.
    except Exception:
        log.exception("webhook_listener_failed", delivery=delivery_id)


def _untold():
    return (
        WebhookDelivery.objects.exclude(state=State.WAITING)
        .exclude(told=F("state"))
        .order_by("id")
        .values_list("pk", flat=True)
    )


def _note_answer(row: WebhookDelivery, answer: Mapping[str, Any]) -> bool:
    """Whether `answer` says if the platform did it; the row is changed to say the same."""
    verdict = answer.get("acknowledged")
    if verdict is True:
        row.state, row.acknowledged_at, row.last_error = State.ACKNOWLEDGED, timezone.now(), ""
        reference = answer.get("reference")
        row.platform_reference = storable(reference)[:200] if isinstance(reference, str) else ""
        return True
    if verdict is False:
        reason = answer.get("reason")
        reason = storable(reason)[:500] if isinstance(reason, str) else "no reason given"
        row.state, row.last_error = State.REFUSED, f"refused by the platform: {reason}"
        return True
    return False


def _put_off(row: WebhookDelivery, reply: Reply) -> None:
    row.last_error = storable(reply.error)[:500]
    delays = settings.WEBHOOK_RETRY_DELAYS
    if row.attempts > len(delays):
        row.state = State.DEAD
        audit.record(
            "webhook.dead", actor=None, obj=row, message=row.public_id, attempts=row.attempts
        )
        return
    # Jitter, so that many messages that failed together do not come back together.
    delay = delays[row.attempts - 1] * random.uniform(0.8, 1.2)  # noqa: S311
    if reply.status in (429, 503):
        delay = max(delay, _asked_for(reply.retry_after))
    row.due_at = timezone.now() + delay


def _asked_for(retry_after: str) -> timedelta:
    """How long the receiver wants to be left alone: seconds or a date, at most a day."""
    text, longest = retry_after.strip(), timedelta(days=1)
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(timedelta(seconds=int(text)), longest)
    try:
        at: datetime = email.utils.parsedate_to_datetime(text)
        wait = at - timezone.now()
    except (ValueError, TypeError, OverflowError):
        return timedelta(0)
    return max(timedelta(0), min(wait, longest))


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _shown(body: bytes) -> str:
    return storable(body[:_ANSWER_KEPT].decode("utf-8", "replace"))


def _nudge_next(row: WebhookDelivery) -> None:
    following = (
        WebhookDelivery.objects.filter(
            endpoint_id=row.endpoint_id,
            order_key=row.order_key,
            state=State.WAITING,
        )
        .exclude(pk=row.pk)
        .order_by("id")
        .values_list("pk", flat=True)
        .first()
    )
    if following is not None:
        deliver.delay_on_commit(following)
