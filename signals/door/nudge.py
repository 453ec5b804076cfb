"""Tell the correlator that something waits, without a message for every request.

The batch row is the work, and a sweep finds what no nudge announced. So a nudge may be lost; it
only must not be late as a rule: within one interval of the last request one goes out.
"""

from __future__ import annotations

import threading
import time

import structlog
from celery import current_app
from django.conf import settings

log = structlog.get_logger("signals.door")
_lock = threading.Lock()
_last = 0.0
_timer: threading.Timer | None = None


def nudge() -> None:
    """Ask for a correlation run now, or at the end of the interval when one was asked for in it."""
    global _last, _timer
    if not settings.DOOR_NUDGES:
        return
    with _lock:
        wait = _last + settings.DOOR_NUDGE_SECONDS - time.monotonic()
        if wait > 0:
            if _timer is None:
                _timer = threading.Timer(wait, _late)
                _timer.daemon = True
                _timer.start()
            return
        _last = time.monotonic()
    _send()


def _late() -> None:
    global _last, _timer
    with _lock:
        _timer = None
        _last = time.monotonic()
    _send()


def _send() -> None:
    try:
        current_app.send_task("signals.correlate", queue="correlation", retry=False)
    # Whatever the transport raises: a doorbell that is broken must not break the door.
    except Exception as exc:
        log.warning("nudge_failed", task="signals.correlate", error=type(exc).__name__)
