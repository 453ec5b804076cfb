"""Celery for the portal. The row in the database is the work; a message is only a doorbell."""

import os
import time
from typing import Any

import structlog
from celery import Celery, Task
from celery.signals import setup_logging
from django.db import transaction
from prometheus_client import Counter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tsportal.settings")

log = structlog.get_logger("tsportal.celery")

# After a failed ring the bell is left alone for this long: with the broker away, each attempt
# would cost the caller a connection timeout, and the sweeps find the rows anyway.
QUIET_AFTER_FAILURE = 2.0

unrung = Counter("portal_unrung_nudges_total", "Nudges that did not reach the broker", ["task"])


class Nudge(Task):
    """A task whose start is a nudge: when the broker is away, the caller does not notice.

    `delay_on_commit` and `nudge` never raise. Work that must not be lost is a row that a sweep
    finds; whoever needs to know that the message went out uses `delay`.
    """

    abstract = True
    _quiet_until = 0.0

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:
        transaction.on_commit(lambda: self.nudge(*args, **kwargs), robust=True)

    def apply_async_on_commit(self, *args: Any, **kwargs: Any) -> None:
        transaction.on_commit(lambda: self._ring(*args, **kwargs), robust=True)

    def nudge(self, *args: Any, **kwargs: Any) -> bool:
        """Ring for this task now. False when the broker could not be reached."""
        return self._ring(args, kwargs)

    def _ring(self, *args: Any, **kwargs: Any) -> bool:
        if time.monotonic() < Nudge._quiet_until:
            unrung.labels(self.name).inc()
            return False
        try:
            self.apply_async(*args, **kwargs)
        # Whatever the transport raises: a doorbell that is broken must not break the door.
        except Exception as exc:
            Nudge._quiet_until = time.monotonic() + QUIET_AFTER_FAILURE
            unrung.labels(self.name).inc()
            log.warning("nudge_failed", task=self.name, error=type(exc).__name__)
            return False
        return True


app = Celery("tsportal", task_cls=Nudge)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def _keep_our_logging(**kwargs: Any) -> None:
    """Django's LOGGING is in force already; connecting keeps Celery from replacing it."""
