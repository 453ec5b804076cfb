"""Two at once: each event gets exactly one `accepted`, keys stay at two, sums balance."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection

from cases.models import Typology
from signals import detectors, keys, typology_store
from signals.door.accept import accept, checker_for
from signals.door.access import Caller
from signals.models import Detector, IntakeBalance, IntakeBatch, Signal

pytestmark = pytest.mark.django_db(transaction=True)


def together(count, work):
    """Run `work(number)` in `count` threads that start at the same moment."""
    start = threading.Barrier(count)

    def one(number):
        try:
            start.wait(timeout=10)
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.fixture
def caller():
    typology_store.load(typology_store.SHIPPED / "dprk_itw")
    watch = detectors.register("/detectors/watch", actor=None)
    active = tuple(Typology.objects.filter(active=True).values_list("pk", flat=True))
    return Caller(id=watch.pk, source=watch.source, kind="detector", state="on", catalogue=active)


def test_of_equal_batches_at_once_each_event_is_accepted_once(caller, event):
    events = [event() for _ in range(200)]

    def post(number):
        mine = events[:]
        random.Random(number).shuffle(mine)
        return accept(checker_for("signals", caller), mine, now=datetime.now(UTC))

    receipts = together(6, post)

    accepted = [r["id"] for one in receipts for r in one.results if r["outcome"] == "accepted"]
    assert sorted(accepted) == sorted(one["id"] for one in events)
    assert sum(one.duplicate for one in receipts) == 5 * 200
    ids = {r["id"]: r["signal"] for one in receipts for r in one.results}
    assert all(r["signal"] == ids[r["id"]] for one in receipts for r in one.results)
    assert Signal.objects.count() == 200
    assert sum(IntakeBatch.objects.values_list("count", flat=True)) == 200
    received = sum(IntakeBalance.objects.values_list("received", flat=True))
    assert received == 6 * 200


def test_of_two_contents_at_once_one_is_accepted_and_the_other_a_conflict(caller, event):
    first = event()
    other = {**first, "subject": "account/fl-other"}

    for _ in range(5):
        first["id"] = other["id"] = f"R{random.random()}"
        receipts = together(
            2,
            lambda n: accept(
                checker_for("signals", caller), [(first, other)[n]], now=datetime.now(UTC)
            ),
        )
        assert sorted(one.results[0]["outcome"] for one in receipts) == ["accepted", "conflict"]


def test_of_many_who_make_keys_at_once_two_succeed(caller):
    detector = Detector.objects.get()

    def make(_):
        try:
            return keys.make(detector, actor=None).text
        except keys.TooManyKeys:
            return None

    assert sum(text is not None for text in together(6, make)) == 2
    assert detector.keys.live().count() == 2
