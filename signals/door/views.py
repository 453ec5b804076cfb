"""The door's two addresses, in HTTP. Everything that refuses a request is a Problem."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from cases import context
from signals.door import access, bodies
from signals.door.accept import Checker, Receipt, accept, checker_for, encode
from signals.door.nudge import nudge
from signals.door.problems import Problem

log = structlog.get_logger("signals.door")


@csrf_exempt
@login_not_required
def signals(request: HttpRequest) -> HttpResponse:
    """Findings of detectors."""
    return _answer(request, "signals")


@csrf_exempt
@login_not_required
def activity(request: HttpRequest) -> HttpResponse:
    """Facts of the platform."""
    return _answer(request, "activity")


def _answer(request: HttpRequest, kind: str) -> HttpResponse:
    try:
        return _post(request, kind)
    except Problem as problem:
        return problem.response(request.path, context.request_id())
    except (UnreadablePostError, RawPostDataException):
        problem = Problem(400, "interrupted", "The body broke off; send it again.")
        return problem.response(request.path, context.request_id())
    except (OperationalError, InterfaceError) as exc:
        log.error("door_without_database", error=type(exc).__name__)
        detail = "The portal cannot store anything now. Send the same again: repeats do no harm."
        problem = Problem(503, "no_database", detail, retry_after=5)
        return problem.response(request.path, context.request_id())


def _post(request: HttpRequest, kind: str) -> HttpResponse:
    if request.method != "POST":
        detail = "Events are posted here. For reading see /api/docs/."
        raise Problem(405, "method", detail, headers={"Allow": "POST"})
    now = datetime.now(UTC)
    caller = access.caller_of(request.headers.get("Authorization", ""), now)
    access.require_may_post(caller, kind)
    media = bodies.media_type(request)
    access.require_keeping_up()
    source = bodies.stream(request)
    checker = checker_for(kind, caller)
    if media == bodies.LINES:
        return _stream(checker, source)
    access.require_quota(caller, 1, now)
    items = bodies.whole(source, media)
    access.require_quota(caller, len(items), now)
    receipt = accept(checker, items, now=now)
    if receipt.accepted:
        nudge()
    return _response(receipt, encode(receipt))


def _stream(checker: Checker, source: bodies.Readable) -> HttpResponse:
    """Take slice after slice, each committed before the next is read.

    The answer lists every item while there are few. Beyond `DOOR_STREAM_RESULTS` it lists only
    what was not accepted, and no more than that many: the counts always cover everything. What
    stops a stream half-way (quota, a backlog, damage) says how far it came; the whole stream can
    be sent again.
    """
    total = Receipt()
    left_out = 0
    limit = settings.DOOR_STREAM_RESULTS
    try:
        for items in bodies.slices(source):
            now = datetime.now(UTC)
            access.require_quota(checker.caller, len(items), now)
            if total.received:
                access.require_keeping_up()
            part = accept(checker, items, now=now, start=total.received)
            left_out += _add(total, part, limit)
            if part.accepted:
                nudge()
    except Problem as problem:
        problem.more |= {**total.counts(), "results": total.results}
        raise
    more = {"results_left_out": left_out} if left_out else {}
    return _response(total, encode(total, **more))


def _add(total: Receipt, part: Receipt, limit: int) -> int:
    """Add a slice's receipt to the stream's; how many results are not listed for that."""
    for name, value in part.counts().items():
        setattr(total, name, getattr(total, name) + value)
    before = len(total.results) + len(part.results)
    total.results.extend(part.results)
    if total.received > limit:
        worth = [r for r in total.results if r["outcome"] in ("rejected", "conflict")]
        total.results = worth[:limit]
    return before - len(total.results)


def _response(receipt: Receipt, body: bytes) -> HttpResponse:
    refused = receipt.received and receipt.rejected == receipt.received
    return HttpResponse(body, "application/json", 422 if refused else 202)
