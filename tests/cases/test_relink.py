"""`cases/relink.py`: links and rings follow a policy's new numbers, as if they had always held."""

import pytest

from cases import relink, scores
from cases.models import Account, AuditEvent, Policy, Relink
from tests.signals.correlation import feed
from tests.signals.correlation.feed import login

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _prepared(db):
    feed.prepare()


def policy_with(**numbers) -> Policy:
    newest = Policy.objects.order_by("-version").first()
    data = {**newest.data, "links": {**newest.data["links"], **numbers}}
    version = newest.version + 1
    return Policy.objects.create(
        typology_code="dprk_itw", version=version, data=data, content_hash=f"v{version}"
    )


def kinds(**weights) -> dict:
    old = Policy.objects.get(active=True).data["links"]["kinds"]
    return old | {kind: old[kind] | {"weight": weight} for kind, weight in weights.items()}


def test_lanterns_client_leaves_with_a_join_of_nine_and_comes_back_with_seven(rita, ana):
    activity, signals, expected = feed.lantern()
    feed.post([*activity, *signals])
    feed.work()
    first = Policy.objects.get(active=True)
    ring, client = set(expected["ring"]), expected["ring_client"]

    scores.activate_policy(policy_with(join=9), actor=rita, second=ana)
    assert {*map(frozenset, feed.rings().values())} == {frozenset(ring | {client})}
    feed.work()

    assert [set(members) for members in feed.rings().values()] == [ring]
    assert Account.objects.get(ref=client).ring is None
    activated = AuditEvent.objects.get(verb="policy.activated")
    assert (activated.actor, activated.data["links_follow"]) == (rita, True)
    done = AuditEvent.objects.get(verb="policy.links_recomputed")
    assert (done.actor, done.data["moved"]) == (None, 1)

    scores.activate_policy(first, actor=rita, second=ana)
    feed.work()

    assert [set(members) for members in feed.rings().values()] == [ring | {client}]


def test_other_weights_and_caps_end_as_if_they_had_always_held(rita, ana):
    shared = [login(f"a{n}", ip="198.51.100.7", device=f"d{n // 3}") for n in range(12)]
    shared += [login(f"b{n}", device="kiosk") for n in range(40)]
    feed.post(shared)
    feed.work()
    before = feed.outcome()
    other = kinds(device=3, ip=8)
    other["ip"] = other["ip"] | {"at_most": 9}
    other["device"] = other["device"] | {"rarity_hard": 20, "rarity_soft": 2}
    scores.activate_policy(policy_with(kinds=other), actor=rita, second=ana)
    feed.work()
    followed = feed.outcome()
    assert followed["links"] != before["links"]

    from tests.signals.correlation.test_lantern import _forget

    Relink.objects.all().delete()
    _forget()
    feed.post(shared)
    feed.work()
    assert feed.outcome() == followed

    wider = kinds(device=7)
    wider["device"] = wider["device"] | {"rarity_hard": 50, "rarity_soft": 5}
    wider["ip"] = wider["ip"] | {"weight": 3, "at_most": 6}
    scores.activate_policy(policy_with(kinds=wider), actor=rita, second=ana)
    feed.work()
    assert feed.outcome()["links"] == before["links"]
    assert feed.outcome()["rings"] == before["rings"]


def test_it_goes_in_steps_and_new_facts_come_in_between(rita, ana):
    feed.post([login(f"a{n}", device=f"d{n // 2}") for n in range(8)])
    feed.work()
    scores.activate_policy(policy_with(join=8), actor=rita, second=ana)
    steps = 0
    while relink.step(limit=2):
        steps += 1
        if steps == 3:
            feed.post([login("late", device="d0")])
    assert steps > 6
    feed.work()
    assert not feed.rings()
    assert not relink.waiting()


def test_a_newer_change_takes_over_from_one_under_way(rita, ana):
    feed.post([login(f"a{n}", device="d") for n in range(3)])
    feed.work()
    scores.activate_policy(policy_with(join=8), actor=rita, second=ana)
    relink.step(limit=1)
    scores.activate_policy(policy_with(join=7), actor=rita, second=ana)
    assert Relink.objects.filter(done_at=None).count() == 1
    feed.work()
    assert [len(ring) for ring in feed.rings().values()] == [3]


def test_other_numbers_start_nothing_and_the_index_is_not_changed_in_place(rita, ana):
    newest = Policy.objects.get(active=True)
    plain = Policy.objects.create(
        typology_code="dprk_itw", version=5, data={**newest.data, "calendar": "US_FEDERAL"},
        content_hash="p",
    )  # fmt: skip
    scores.activate_policy(plain, actor=rita, second=ana)
    assert not relink.waiting()
    near = newest.data["links"]["near"]
    other = policy_with(near={**near, "text": {"bits": 64, "max_distance": 2}})
    with pytest.raises(relink.NotInPlace, match="text"):
        scores.activate_policy(other, actor=rita, second=ana)
    plain.refresh_from_db()
    assert plain.active
