"""Scenario Lantern: exactly the ring, whatever the order, the batches and the repetitions."""

import random

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases import components, links
from cases.models import Account, Case, Link
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


def test_order_batches_and_repetition_do_not_matter(lantern):
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


@pytest.mark.parametrize(
    ("join", "size", "stranger"),
    [(3, 9, True), (4, 8, False), (5, 8, False), (6, 8, False), (7, 8, False), (8, 8, False),
     (9, 7, False)],
)  # fmt: skip
def test_the_ring_is_stable_for_joins_from_4_to_8(lantern, join, size, stranger):
    activity, _, expected = lantern
    feed.post(activity)
    feed.work()
    refs = dict(Account.objects.values_list("pk", "ref"))
    found = Link.objects.filter(strength__gte=join).values_list("a_id", "b_id", "strength")
    groups = components.components(
        refs, {(a, b): strength for a, b, strength in found}, components.Hands(), refs
    )
    (ring,) = [{refs[each] for each in group} for group in groups if len(group) > 2]
    everybody = {*expected["ring"], expected["ring_client"]}
    assert len(ring) == size
    assert bool(ring - everybody) is stranger
    if size == 7:
        assert ring == set(expected["ring"])


def test_without_the_declared_relations_the_families_appear_apart_from_the_ring(lantern):
    activity, _, expected = lantern
    feed.post([event for event in activity if not event["type"].startswith("relation.")])
    feed.work()
    rings = sorted(feed.rings().values(), key=len)
    assert [len(ring) for ring in rings] == [2, 2, 2, 2, 2, 2, 8]
    households = [set(pair) for pair in expected["may_group_but_not_alert"]["households"]]
    assert all(set(ring) in households for ring in rings[:-1])


def test_every_link_explains_itself_to_the_last_digit(lantern):
    activity, signals, _ = lantern
    feed.post([*activity, *signals])
    feed.work()
    found = {(a, b): s for a, b, s in Link.objects.values_list("a_id", "b_id", "strength")}
    for pair, lines in links.explain_many(found).items():
        assert sum(line.points for line in lines) == found[pair]
        assert all(line.sharers >= 2 for line in lines)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.integers(0, 4842), min_size=20, max_size=250),
    st.randoms(use_true_random=False),
    st.integers(1, 90),
)
def test_any_part_of_it_in_any_order_gives_the_same(picked, order, size):
    feed.prepare()
    activity, signals, _ = feed.lantern()
    everything = [*activity, *signals]
    events = [everything[number] for number in dict.fromkeys(picked)]
    _forget()
    first = _run(events)
    _forget()
    shuffled = list(events)
    order.shuffle(shuffled)
    assert _run(shuffled, size=size) == first
    _forget()


def _forget() -> None:
    """An empty portal again, within the test's transaction."""
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
