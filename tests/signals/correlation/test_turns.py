"""A correlator that finds the lock taken does not leave work behind until the next sweep."""

import threading
import time
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from cases import working
from signals.correlation import correlator
from signals.models import IntakeBatch
from tests.signals.correlation import feed
from tests.signals.correlation.feed import login

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def held_elsewhere(name: int, seconds: float):
    """Another connection has the lock, and lets go by itself after `seconds`."""
    ready = threading.Event()

    def hold():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [name])
            ready.set()
            time.sleep(seconds)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait(5)
    yield
    thread.join()


@pytest.fixture
def waiting():
    feed.prepare()
    feed.post([login("x", ip="198.51.100.7")])


def left() -> int:
    return IntakeBatch.objects.pending().count()


def test_what_came_in_while_another_had_the_lock_is_worked_in_after_it(waiting):
    with held_elsewhere(working.LOCK, 0.5):
        began = time.monotonic()
        done = correlator.correlate()
        assert (done.batches, left()) == (1, 0)
        assert time.monotonic() - began < 2


def test_one_waits_and_the_others_leave_at_once(waiting):
    with held_elsewhere(working.LOCK, 1.0), held_elsewhere(working.TURN, 1.0):
        began = time.monotonic()
        assert correlator.correlate().batches == 0
        assert time.monotonic() - began < 0.5


def test_nobody_waits_for_ever(waiting, monkeypatch):
    monkeypatch.setattr(correlator, "WAIT_FOR_TURN", 0.2)
    with held_elsewhere(working.LOCK, 1.0):
        began = time.monotonic()
        assert correlator.correlate().batches == 0
        assert time.monotonic() - began < 0.8
    assert left() == 1
    assert correlator.correlate().batches == 1
