"""Shapes that Lantern does not have: growth, late joins, cuts, hubs, late declarations."""

import pytest

from cases import links, rings
from cases.models import Account, AuditEvent, Case, Link, Relation, Ring, RingOverride, Trait
from cases.permissions import Denied
from tests.signals.correlation import feed
from tests.signals.correlation.feed import fact, finding, login, payout

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _prepared(db):
    feed.prepare()


def take(*events):
    feed.post(list(events))
    return feed.work()


def account(ref):
    return Account.objects.get(ref=ref)


def groups():
    return sorted(sorted(ring) for ring in feed.rings().values())


def two_rings():
    take(
        payout("a1", "pa"), payout("a2", "pa"), payout("a3", "pa"),
        payout("b1", "pb"), payout("b2", "pb"), payout("b3", "pb"),
    )  # fmt: skip


def test_two_rings_with_one_weak_trait_stay_two_and_are_offered():
    two_rings()
    take(fact("proposal.submitted", "account/a1", text_simhash="0123456789abcdef"),
         fact("proposal.submitted", "account/b1", text_simhash="0123456789abcdee"))  # fmt: skip

    assert groups() == [["a1", "a2", "a3"], ["b1", "b2", "b3"]]
    (offer,) = rings.offered(account("a1").ring)
    assert (offer.account.ref, offer.other.ref, offer.held_apart) == ("a1", "b1", False)
    assert sum(line.points for line in offer.lines) == offer.strength


def test_a_ring_that_grows_by_one_a_day_keeps_its_number():
    take(payout("g0", "p0"), payout("g1", "p0"))
    number = account("g0").ring_id
    for day in range(1, 12):
        take(payout(f"g{day}", f"p{day}"), payout(f"g{day + 1}", f"p{day}"))
    assert account("g12").ring_id == number
    assert Ring.objects.get(pk=number).size == 13
    assert Ring.objects.filter(dissolved_at=None).count() == 1


def test_rings_joined_late_and_cut_apart_stay_apart_until_the_cut_is_undone(rita):
    two_rings()
    old = {account("a1").ring_id, account("b1").ring_id}
    take(login("a1", device="d"), login("b1", device="d"))
    assert len(groups()) == 1
    assert account("a1").ring_id in old

    merged = account("a1").ring
    hands = rings.cut(
        [account("a1"), account("a2"), account("a3")], ring=merged, actor=rita, reason="lent laptop"
    )
    assert groups() == [["a1", "a2", "a3"], ["b1", "b2", "b3"]]

    take(payout("b4", "pb"), login("b4", device="e"), login("a2", device="e"))
    assert groups() == [["a1", "a2", "a3"], ["b1", "b2", "b3", "b4"]]
    assert any(offer.held_apart for offer in rings.offered(account("a1").ring))

    for hand in hands:
        rings.undo(hand, actor=rita, reason="the laptop was not lent")
    assert len(groups()) == 1
    assert AuditEvent.objects.filter(verb="ring.undone").count() == 3


def test_one_account_cut_out_stays_out_whoever_comes_later(rita):
    take(*[payout(f"a{n}", "pa") for n in range(4)])
    (hand,) = rings.cut(account("a0"), ring=account("a0").ring, actor=rita, reason="theft victim")
    assert groups() == [["a1", "a2", "a3"]]
    take(payout("a4", "pa"), login("a4", device="d"), login("a0", device="d"))
    assert account("a0").ring_id is None
    rings.undo(hand, actor=rita, reason="mistaken")
    assert groups() == [["a0", "a1", "a2", "a3", "a4"]]


def test_a_cut_link_and_a_pin(rita):
    take(payout("a1", "pa"), payout("a2", "pa"), payout("b1", "pb"), payout("b2", "pb"))
    rings.cut_link(account("a1"), account("a2"), actor=rita, reason="one household")
    assert groups() == [["b1", "b2"]]
    rings.pin(account("a1"), account("b1"), actor=rita, reason="same person on camera")
    assert groups() == [["a1", "b1", "b2"]]


def test_a_declined_offer_is_not_offered_again(rita):
    two_rings()
    take(login("a1", ip="192.0.2.1"), login("b1", ip="192.0.2.1"),
         login("a1", ip="192.0.2.2"), login("b1", ip="192.0.2.2"))  # fmt: skip
    (offer,) = rings.offered(account("a1").ring)
    hand = rings.decline_offer(offer.account, offer.other, actor=rita, reason="hotel")
    assert rings.offered(account("a1").ring) == []
    rings.undo(hand, actor=rita, reason="not a hotel")
    assert len(rings.offered(account("b1").ring)) == 1


@pytest.mark.parametrize("reason", ["", "  "])
def test_every_hand_needs_a_reason_and_the_right(rita, olu, reason):
    two_rings()
    with pytest.raises(rings.NotAllowed):
        rings.pin(account("a1"), account("b1"), actor=rita, reason=reason)
    with pytest.raises(Denied):
        rings.pin(account("a1"), account("b1"), actor=olu, reason="because")
    assert not RingOverride.objects.exists()


def test_a_kiosk_of_5000_makes_no_link_and_a_trait_that_becomes_one_loses_them():
    take(*[login(f"k{n}", device="kiosk") for n in range(4)])
    assert groups() == [["k0", "k1", "k2", "k3"]]
    take(*[login(f"k{n}", device="kiosk") for n in range(4, 5000)])
    assert groups() == []
    assert not Link.objects.exists()
    assert Trait.objects.get(value="kiosk").sharers == 5000


def test_a_cover_letter_with_thousands_of_variants_is_neither_linked_nor_stored_in_pairs():
    base = 0x5A5A5A5A5A5A5A5A
    take(*[
        fact("proposal.submitted", f"account/t{n}",
             text_simhash=f"{base ^ (1 << (n % 64)) ^ (1 << (n // 64 % 64)):016x}")
        for n in range(1500)
    ])  # fmt: skip
    assert not Link.objects.exists()
    from cases.models import TraitNear

    assert TraitNear.objects.count() < 1500 * 300


def test_a_relation_declared_late_and_withdrawn():
    take(payout("h1", "joint"), payout("h2", "joint"))
    assert groups() == [["h1", "h2"]]
    take(fact("relation.declared", "relation/R1", "2026-10-02T00:00:00Z", kind="household",
              members=["h1", "h2"]))  # fmt: skip
    assert groups() == []
    # an older word that comes late changes nothing
    take(fact("relation.withdrawn", "relation/R1", "2026-10-01T00:00:00Z", kind="household"))
    assert groups() == []
    take(fact("relation.withdrawn", "relation/R1", "2026-10-03T00:00:00Z", kind="household"))
    assert groups() == [["h1", "h2"]]


def test_a_travel_notice_does_not_make_strangers_a_household():
    take(fact("relation.declared", "relation/T1", kind="travel_notice", members=["x1", "x2"]),
         payout("x1", "p"), payout("x2", "p"))  # fmt: skip
    assert groups() == [["x1", "x2"]]


def test_infrastructure_declared_late_and_withdrawn(rita):
    take(login("d1", device="lab"), login("d2", device="lab"))
    assert groups() == [["d1", "d2"]]
    take(fact("infrastructure.declared", "infrastructure/lab", "2026-10-05T00:00:00Z",
              kind="kiosk_device", value="lab"))  # fmt: skip
    assert groups() == []
    take(fact("infrastructure.withdrawn", "infrastructure/lab", "2026-10-06T00:00:00Z",
              kind="kiosk_device", value="lab"))  # fmt: skip
    assert groups() == [["d1", "d2"]]
    rings.mark_infrastructure(
        Trait.objects.get(value="lab"), "kiosk_device", actor=rita, reason="seen it"
    )
    assert groups() == []
    rings.unmark_infrastructure(Trait.objects.get(value="lab"), actor=rita, reason="was wrong")
    assert groups() == [["d1", "d2"]]


def test_infrastructure_declared_before_anybody_used_it():
    take(fact("infrastructure.declared", "infrastructure/lab", kind="kiosk_device", value="lab"))
    take(login("d1", device="lab"), login("d2", device="lab"))
    assert groups() == []
    assert Trait.objects.get(value="lab").infrastructure == "kiosk_device"


def test_an_analyst_declares_and_withdraws_a_relation(rita):
    take(payout("h1", "joint"), payout("h2", "joint"))
    relation = rings.declare_relation(
        [account("h1"), account("h2")], "household", actor=rita, reason="marriage certificate"
    )
    assert groups() == []
    rings.withdraw_relation(relation, actor=rita, reason="forged certificate")
    assert groups() == [["h1", "h2"]]
    assert Relation.objects.get().active is False


def test_a_removed_payout_still_ties_those_who_used_it():
    take(payout("r1", "p"), payout("r2", "p"),
         payout("r1", "p", at="2026-10-02T00:00:00Z", removed=True))  # fmt: skip
    assert groups() == [["r1", "r2"]]
    assert account("r1").payout_methods.get().removed_at is not None
    assert account("r2").payout_methods.get().removed_at is None


def test_a_ring_of_300_explains_itself_in_a_fixed_number_of_queries(django_assert_max_num_queries):
    take(*[payout(f"m{n:03d}", f"p{n}") for n in range(300)],
         *[payout(f"m{n + 1:03d}", f"p{n}") for n in range(299)])  # fmt: skip
    ring = account("m000").ring
    assert ring.size == 300
    with django_assert_max_num_queries(4):
        found = links.of_ring(ring.pk)
    assert len(found) == 299
    assert all(sum(line.points for line in lines) == strength for *_, strength, lines in found)
    take(login("m000", device="d"), login("late", device="d"))
    assert account("late").ring == ring


def test_failed_logins_tie_nobody():
    take(login("f1", device="d", data={"success": False}), login("f2", device="d"))
    assert groups() == []


def test_a_ring_in_which_one_has_a_case_gives_each_member_its_own():
    take(payout("a1", "pa"), payout("a2", "pa"))
    assert not Case.objects.exists()
    take(finding("a1", "document.number_reused", confidence=0.9))
    assert set(Case.objects.values_list("account__ref", flat=True)) == {"a1", "a2"}
