"""Three addresses for machines: alive, ready, and the figures.

They answer before the host check, because probes come by address, and without a session.
`/livez` says that the process answers. `/readyz` says whether work can be accepted: 503 without
database or migrations or with a full disk; "degraded" but 200 when accepted work is safe and
merely late (broker away, queue behind).
"""

import shutil
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from kombu.exceptions import OperationalError

from cases.models import EnrichmentJob, WebhookDelivery
from signals.models import IntakeBatch
from tsportal import metrics
from tsportal.celery import app

Handler = Callable[[HttpRequest], HttpResponse]


class HealthMiddleware:
    """Answers the three addresses; everything else goes on."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self.answers = {"/livez": livez, "/readyz": readyz, "/metrics": figures}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.answers.get(request.path_info.rstrip("/"))
        if answer is None:
            return self.get_response(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
        response = answer(request)
        response["Cache-Control"] = "no-store"
        return response


def livez(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> HttpResponse:
    """Each check with its word; the worst decides. Reasons name no host, path or password."""
    checks = {"database": _database(), "disk": _disk()}
    if checks["database"] == "ok":
        checks["migrations"] = _migrations()
        checks["broker"] = _broker()
        if checks["migrations"] == "ok":
            checks["lag"] = _lag()
    failed = [name for name, word in checks.items() if word.startswith("failed")]
    late = [name for name, word in checks.items() if word.startswith("degraded")]
    status = "failed" if failed else "degraded" if late else "ok"
    return JsonResponse({"status": status, "checks": checks}, status=503 if failed else 200)


def figures(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for whoever has the token or, when none is set, for this machine."""
    if not _may_read_figures(request):
        return HttpResponse("not for you\n", status=403, content_type="text/plain")
    body, content_type = metrics.exposition()
    return HttpResponse(body, content_type=content_type)


def waiting_work() -> dict[str, tuple[int, datetime | None]]:
    """Accepted work that is not worked in yet: how much, and since when the oldest waits."""
    now = timezone.now()
    batches = IntakeBatch.objects.filter(done_at=None)
    jobs = EnrichmentJob.objects.filter(state__in=["waiting", "running", "failed"], due_at__lte=now)
    deliveries = WebhookDelivery.objects.filter(state="waiting", due_at__lte=now)
    return {
        "intake": _count_and_oldest(batches, "received_at"),
        "enrichment": _count_and_oldest(jobs, "due_at"),
        "webhooks": _count_and_oldest(deliveries, "due_at"),
    }


def _count_and_oldest(rows: Any, field: str) -> tuple[int, datetime | None]:
    return rows.count(), rows.order_by(field).values_list(field, flat=True).first()


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "failed: the database does not answer"
    return "ok"


# Applied migrations do not go away while the process runs; once all were there they stay.
_migrated = False


def _migrations() -> str:
    global _migrated
    if not _migrated:
        try:
            executor = MigrationExecutor(connection)
            plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        except DatabaseError:
            return "failed: the database does not answer"
        if plan:
            return f"failed: {len(plan)} migrations are not applied (manage.py migrate)"
        _migrated = True
    return "ok"


# Probes come every few seconds, and a broker that is away takes a timeout to say so.
_broker_said: tuple[float, str] = (0.0, "")
_BROKER_EVERY = 5.0


def _broker() -> str:
    global _broker_said
    asked, word = _broker_said
    if time.monotonic() - asked > _BROKER_EVERY or not word:
        try:
            with app.connection_for_write() as broker:
                broker.ensure_connection(max_retries=1, interval_start=0, timeout=1)
            word = "ok"
        except (OperationalError, OSError):
            word = "degraded: the broker is away; accepted work waits in the database"
        _broker_said = (time.monotonic(), word)
    return word


def _lag() -> str:
    try:
        oldest = [since for _, since in waiting_work().values() if since is not None]
    except DatabaseError:
        return "failed: the database does not answer"
    if oldest and timezone.now() - min(oldest) > settings.LAG_DEGRADED:
        return "degraded: accepted work waits longer than it should"
    return "ok"


def _disk() -> str:
    place = Path(settings.MEDIA_ROOT)
    while not place.exists():
        place = place.parent
    if shutil.disk_usage(place).free < settings.DISK_FREE_LEAST:
        return "failed: the disk is nearly full"
    return "ok"


def _may_read_figures(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return constant_time_compare(given, settings.METRICS_TOKEN)
    near = request.META.get("REMOTE_ADDR") in ("127.0.0.1", "::1", "")
    return near and "HTTP_X_FORWARDED_FOR" not in request.META
