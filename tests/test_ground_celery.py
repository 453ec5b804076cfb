"""A doorbell that is broken does not break the door."""

import pytest
from django.db import transaction
from kombu.exceptions import OperationalError

from tsportal import celery


@pytest.fixture
def bell(monkeypatch):
    monkeypatch.setattr(celery.Nudge, "_quiet_until", 0.0)

    @celery.app.task(name="tests.bell", bind=True)
    def bell(self, *ids):
        return ids

    yield bell
    celery.app.tasks.pop("tests.bell", None)


@pytest.fixture
def away(monkeypatch, bell):
    """The broker is away; says how often somebody tried to reach it."""
    tried = []

    def refuse(*args, **kwargs):
        tried.append(args)
        raise OperationalError("nobody listens")

    monkeypatch.setattr(celery.Nudge, "apply_async", refuse)
    return tried


def test_a_nudge_with_the_broker_away_is_false_and_raises_nothing(bell, away):
    assert bell.nudge(1) is False


def test_after_a_failure_the_bell_is_left_alone_for_a_while(bell, away):
    for _ in range(10):
        bell.nudge(1)
    assert len(away) == 1


@pytest.mark.django_db(transaction=True)
def test_the_caller_commits_although_the_broker_is_away(bell, away):
    after = []
    with transaction.atomic():
        bell.delay_on_commit(1)
        transaction.on_commit(lambda: after.append("the next one still runs"))
    assert away
    assert after


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_rolls_back_rings_nobody(bell, away):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        bell.delay_on_commit(1)
        raise ZeroDivisionError
    assert not away


def test_the_bell_reaches_a_broker_that_is_there(bell):
    assert bell.nudge(7) is True


def test_a_real_broker_that_is_not_there_does_not_hold_the_caller_up(bell, tmp_path):
    url = f"redis+socket://{tmp_path}/nothing?virtual_host=0"
    with celery.app.connection_for_write(url) as broker:
        assert bell._ring((1,), {}, connection=broker) is False


def test_shared_tasks_get_the_robust_class():
    from celery import shared_task

    @shared_task(name="tests.shared")
    def something():
        pass

    assert isinstance(something._get_current_object(), celery.Nudge)
    celery.app.tasks.pop("tests.shared", None)
