"""Figures for Prometheus: what each process counted, and what the database says now."""

import os
import time
from collections.abc import Iterator

from django.db import DatabaseError, connection
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client import REGISTRY as PROCESS
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

# Asked of the database at most this often, however many scrape.
KEEP = 5.0

_COUNTS = {
    "portal_waiting_work": (
        "Accepted work that is not worked in yet",
        "queue",
        """
        SELECT 'intake', count(*) FROM signals_intakebatch WHERE done_at IS NULL
        UNION ALL SELECT 'enrichment', count(*) FROM cases_enrichmentjob
            WHERE state IN ('waiting', 'running', 'failed') AND due_at <= now()
        UNION ALL SELECT 'webhooks', count(*) FROM cases_webhookdelivery
            WHERE state = 'waiting' AND due_at <= now()
        """,
    ),
    "portal_waiting_seconds": (
        "Age of the oldest accepted work that is not worked in yet",
        "queue",
        """
        SELECT 'intake', extract(epoch FROM now() - min(received_at))
            FROM signals_intakebatch WHERE done_at IS NULL
        UNION ALL SELECT 'enrichment', extract(epoch FROM now() - min(due_at))
            FROM cases_enrichmentjob
            WHERE state IN ('waiting', 'running', 'failed') AND due_at <= now()
        UNION ALL SELECT 'webhooks', extract(epoch FROM now() - min(due_at))
            FROM cases_webhookdelivery WHERE state = 'waiting' AND due_at <= now()
        """,
    ),
    "portal_items_today": (
        "Items received at the door today, by outcome",
        "outcome",
        """
        SELECT outcome, sum(value) FROM signals_intakebalance,
            LATERAL (VALUES ('accepted', accepted), ('duplicate', duplicate),
                ('conflict', conflict), ('rejected', rejected)) AS o (outcome, value)
        WHERE day = (now() AT TIME ZONE 'UTC')::date GROUP BY outcome
        """,
    ),
    "portal_dead_work": (
        "Work that was given up and needs a person",
        "queue",
        """
        SELECT 'enrichment', count(*) FROM cases_enrichmentjob WHERE state = 'dead'
        UNION ALL SELECT 'webhooks', count(*) FROM cases_webhookdelivery WHERE state = 'dead'
        UNION ALL SELECT 'intake', count(*) FROM signals_quarantineditem
            WHERE released_at IS NULL AND discarded_at IS NULL
        """,
    ),
    "portal_cases": (
        "Cases that are not closed, by state",
        "state",
        "SELECT state, count(*) FROM cases_case WHERE state <> 'closed' GROUP BY state",
    ),
    "portal_oldest_unclaimed_seconds": (
        "How long the oldest open case has waited for somebody",
        "state",
        """
        SELECT state, extract(epoch FROM now() - min(opened_at)) FROM cases_case
        WHERE state IN ('open', 'escalated') GROUP BY state
        """,
    ),
}


class FromDatabase:
    """The state of the work, read when somebody asks."""

    def __init__(self) -> None:
        self._kept: list[Metric] = []
        self._read_at = 0.0

    def collect(self) -> Iterator[Metric]:
        if time.monotonic() - self._read_at > KEEP or not self._kept:
            self._kept, self._read_at = list(self._read()), time.monotonic()
        yield from self._kept

    def _read(self) -> Iterator[Metric]:
        answers = GaugeMetricFamily("portal_database_up", "1 when the database answers")
        try:
            with connection.cursor() as cursor:
                for name, (says, label, sql) in _COUNTS.items():
                    family = GaugeMetricFamily(name, says, labels=[label])
                    cursor.execute(sql)
                    for key, value in cursor.fetchall():
                        family.add_metric([key], float(value or 0))
                    yield family
            answers.add_metric([], 1)
        except DatabaseError:
            answers.add_metric([], 0)
        yield answers
        read = GaugeMetricFamily("portal_read_at_seconds", "When these figures were read")
        read.add_metric([], timezone.now().timestamp())
        yield read


_database = FromDatabase()


def exposition() -> tuple[bytes, str]:
    """All figures as Prometheus text. With several processes, the sum of what they counted."""
    registry = CollectorRegistry()
    registry.register(_database)  # type: ignore[arg-type]
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST
    return generate_latest(registry) + generate_latest(PROCESS), CONTENT_TYPE_LATEST
