"""`Idempotency-Key`: a repeated request gets the first one's answer and changes nothing.

The key belongs to the person. The answer is written in the transaction of the change. Final
answers are kept (2xx, and refusals 403, 404 and 409); what was never understood (400, 422), a
clash with a request still running, and failures (5xx) are not, so that they can be tried again.
The same key with another address, method or body is a fault of the caller: 422.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api.problems import MEDIA_TYPE, Conflict, Unprocessable
from cases.models import IdempotentAnswer, User

HEADER = "Idempotency-Key"
KEY_MAX = 255
KEPT = timedelta(hours=48)
FINAL_REFUSALS = (403, 404, 409)
ASKED_BACK = "step_up_required"


def once(
    request: Request, work: Callable[[], Response], refuse: Callable[[Exception], Response]
) -> Response:
    """The answer of `work`, or the one it gave when this key came before.

    `refuse` turns an exception of `work` into its answer, or raises it when it is unknown.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return work()
    _check(key)
    digest = _digest(request)
    with transaction.atomic():
        _alone(request.user, key)
        known = IdempotentAnswer.objects.filter(user=request.user, key=key).first()
        if known is not None:
            return _replay(known, digest)
        try:
            with transaction.atomic():
                response = _answered(work, refuse)
        except Exception as exc:
            response = refuse(exc)
        if _is_final(response):
            _keep(request.user, key, digest, response)
    return response


def _answered(work: Callable[[], Response], refuse: Callable[[Exception], Response]) -> Response:
    """The answer of `work`. A refusal that says `kept` does not undo what was written before it."""
    try:
        return work()
    except Exception as exc:
        if not getattr(exc, "kept", False):
            raise
        return refuse(exc)


def _is_final(response: Response) -> bool:
    """Whoever is asked to confirm that it is them is told to send the same again."""
    if response.status_code in FINAL_REFUSALS:
        return not (isinstance(response.data, dict) and response.data.get("code") == ASKED_BACK)
    return response.status_code < 400


def _check(key: str) -> None:
    if not 1 <= len(key) <= KEY_MAX or not key.isascii() or not key.isprintable():
        detail = f"1 to {KEY_MAX} printable ASCII characters."
        raise Unprocessable({"parameter": HEADER, "detail": detail, "code": "invalid"})


def _digest(request: Request) -> str:
    body = json.dumps(request.data, sort_keys=True, default=str)
    told = "\n".join([request.method or "", request.path, body])
    return hashlib.sha256(told.encode()).hexdigest()


def _alone(user: User, key: str) -> None:
    """Hold the key until the transaction ends; whoever comes meanwhile gets a 409."""
    name = hashlib.sha256(f"{user.pk}\n{key}".encode()).digest()[:8]
    number = int.from_bytes(name, "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            raise Conflict("The first request with this key is still running.", "in_progress")


def _replay(known: IdempotentAnswer, digest: str) -> Response:
    if known.request_hash != digest:
        detail = "This key came with another request before."
        raise Unprocessable({"parameter": HEADER, "detail": detail, "code": "key_reused"})
    media_type = MEDIA_TYPE if known.status >= 400 else None
    response = Response(known.body, status=known.status, content_type=media_type)
    response["Idempotent-Replayed"] = "true"
    return response


def _keep(user: User, key: str, digest: str, response: Response) -> None:
    now = timezone.now()
    IdempotentAnswer.objects.filter(user=user, made_at__lt=now - KEPT).delete()
    IdempotentAnswer.objects.create(
        user=user,
        key=key,
        request_hash=digest,
        status=response.status_code,
        body=_plain(response.data),
        made_at=now,
    )


def _plain(data: Any) -> Any:
    """`data` as it went over the wire."""
    return json.loads(json.dumps(data, default=str)) if data is not None else None
