"""Scenario Lantern: exactly the ring, whatever the order, the batches and the repetitions."""

import random

import pytest

from cases.models import Account, Case
from tests.signals.correlation import feed

pytestmark = pytest.mark.django_db


@pytest.fixture
def lantern(db):
    feed.prepare()
    return feed.lantern()


def _run(events: list[dict], *, size: int = 500) -> dict:
    feed.post(events, size=size)
    feed.work()
    return feed.outcome()


def test_the_ring_is_exactly_the_seven_and_their_client(lantern):
    activity, signals, expected = lantern
    outcome = _run([*activity, *signals])

    everybody = sorted([*expected["ring"], expected["ring_client"]])
    assert outcome["rings"] == [everybody]


def test_each_member_has_a_case_of_its_own_and_innocents_none_without_a_fair_reason(lantern):
    activity, signals, expected = lantern
    outcome = _run([*activity, *signals])

    ring = {*expected["ring"], expected["ring_client"]}
    assert ring <= set(outcome["cases"])
    assert len(outcome["cases"]) == len(set(outcome["cases"]))
    traveller = {"fl-70814c"}
    assert set(outcome["cases"]) - ring <= traveller
    client = Case.objects.get(account__ref=expected["ring_client"])
    assert client.opened_because["rule"] == "ring"


def test_order_batches_and_repetition_do_not_matter(lantern, django_assert_max_num_queries):
    activity, signals, _ = lantern
    everything = [*activity, *signals]
    first = _run(everything)
    _forget()
    random.Random(7).shuffle(everything)
    assert _run(everything, size=173) == first


def test_nothing_waits_afterwards_and_another_run_changes_nothing(lantern):
    activity, signals, _ = lantern
    outcome = _run([*activity, *signals])
    assert feed.work().idle
    assert feed.outcome() == outcome
    assert not Account.objects.exclude(ring=None).filter(ring__dissolved_at__isnull=False).exists()


def _forget() -> None:
    """An empty portal again, within the test's transaction."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in (
            "cases_enrichmentjob",
            "cases_verification",
            "cases_auditevent",
            "cases_case",
            "cases_finding",
            "cases_link",
            "cases_traitnear",
            "cases_nearhash",
            "cases_sighting",
            "cases_payoutmethod",
            "cases_relationmember",
            "cases_relation",
            "cases_contract",
            "cases_infrastructure",
            "cases_trait",
            "cases_account",
            "cases_ring",
            "cases_reconsider",
            "signals_activityevent",
            "signals_signal",
            "signals_intakebatch",
        ):
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute("SET LOCAL session_replication_role = origin")
