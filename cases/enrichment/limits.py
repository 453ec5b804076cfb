"""A limit in time that also ends what hangs.

Three nets: the analyzer's own statements are stopped by the database, its Python by an exception,
and when even that does not come through (a C library that never returns), the lease runs out and
Celery's hard limit ends the process.
"""

import ctypes
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


class TookTooLong(BaseException):
    """The time is up. Not an `Exception`: an analyzer that swallows those does not swallow this."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `TookTooLong` in the body when it runs longer than `seconds`."""
    with _statement_limit(seconds):
        if threading.current_thread() is threading.main_thread():
            with _by_alarm(seconds):
                yield
        else:
            with _by_watch(seconds):
                yield


@contextmanager
def _statement_limit(seconds: float) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        before = cursor.fetchone()[0]
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, false)", [str(int(seconds * 1000))]
        )
    try:
        yield
    except TookTooLong:
        # The connection may be in the middle of a statement: nobody can say, so begin anew.
        if not connection.in_atomic_block:
            connection.close()
        raise
    finally:
        if connection.connection is not None and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, false)", [before])


@contextmanager
def _by_alarm(seconds: float) -> Iterator[None]:
    def ring(*_: object) -> None:
        raise TookTooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _by_watch(seconds: float) -> Iterator[None]:
    """In a thread there is no alarm: another thread leaves the exception for this one."""
    target = ctypes.c_ulong(threading.get_ident())
    guard = threading.Lock()
    over = False

    def ring() -> None:
        with guard:
            if not over:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(target, ctypes.py_object(TookTooLong))

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with guard:
            over = True
