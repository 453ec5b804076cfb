"""What ties accounts, changed and taken back by hand: on the ring's page and the account's."""

import pytest

from cases import rings
from cases.models import AuditEvent, Infrastructure, Relation, RingOverride, Trait


def text(response) -> str:
    return response.content.decode()


@pytest.fixture
def ring(make_ring):
    return make_ring(3)


@pytest.fixture
def members(ring):
    return list(ring.members.order_by("pk"))


def test_a_declared_relation_is_withdrawn_from_the_ring(as_, rita, ring, members):
    row = rings.declare_relation(members[:2], "household", actor=rita, reason="said so")
    ring.refresh_from_db()
    if not ring.members.filter(pk=members[0].pk).exists():
        members[0].refresh_from_db()
        ring = members[0].ring or ring
    browser = as_(rita)
    account = f"/accounts/{members[0].ref}/"
    address = f"{account}relations/{row.pk}/withdraw/"
    assert "Withdraw the relation" in text(browser.get(account))
    assert browser.post(address, {"reason": " "}).status_code == 422
    assert browser.post(address, {"reason": "they moved apart"}).status_code == 302
    assert not Relation.objects.get().active
    assert browser.post(address, {"reason": "again"}).status_code == 409
    event = AuditEvent.objects.get(verb="relation.withdrawn")
    assert (event.actor, event.note) == (rita, "they moved apart")


def test_a_relation_of_others_is_not_withdrawn_through_this_ring(
    as_, rita, ring, make_account, make_ring
):
    pair = [make_account(), make_account()]
    row = rings.declare_relation(pair, "agency", actor=rita, reason="contract")
    address = f"/rings/{ring.pk}/relations/{row.pk}/withdraw/"
    assert as_(rita).post(address, {"reason": "x"}).status_code == 404


def test_a_mark_as_infrastructure_is_taken_back_on_both_pages(as_, rita, ring, members):
    trait = Trait.objects.get()
    browser = as_(rita)
    data = {"kind": "kiosk_device", "reason": "a library"}
    account = f"/accounts/{members[0].ref}/traits/{trait.pk}/infrastructure/"
    assert browser.post(account, data).status_code == 302
    assert Infrastructure.objects.get().active
    assert "Unmark" in text(browser.get(f"/accounts/{members[0].ref}/"))
    assert browser.post(f"{account}withdraw/", {"reason": ""}).status_code == 422
    assert browser.post(f"{account}withdraw/", {"reason": "closed in May"}).status_code == 302
    assert not Infrastructure.objects.get().active
    assert browser.post(f"{account}withdraw/", {"reason": "again"}).status_code == 409
    of_ring = f"/rings/{ring.pk}/traits/{trait.pk}/infrastructure/withdraw/"
    assert browser.post(of_ring, {"reason": "again"}).status_code == 409
    assert AuditEvent.objects.filter(verb="infrastructure.unmarked").count() == 1


@pytest.mark.parametrize("kind", ["pin", "decline", "cut"])
def test_a_hand_is_taken_back_from_the_accounts_page(as_, rita, aud, members, make_account, kind):
    other = make_account("fl-other")
    if kind == "cut":
        row = rings.cut_link(members[0], members[1], actor=rita, reason="brothers")
    else:
        verb = rings.pin if kind == "pin" else rings.decline_offer
        row = verb(members[0], other, actor=rita, reason="looked at")
    page = f"/accounts/{members[0].ref}/"
    address = f"{page}undo/{row.pk}/"
    assert f'action="{address}"' in text(as_(rita).get(page))
    assert f'action="{address}"' not in text(as_(aud).get(page))
    assert as_(aud).post(address, {"reason": "x"}).status_code == 403
    assert (
        as_(rita).post(f"/accounts/{members[2].ref}/undo/{row.pk}/", {"reason": "x"}).status_code
        == 404
    )
    assert as_(rita).post(address, {"reason": "mistaken"}).status_code == 302
    assert RingOverride.objects.get(pk=row.pk).undone_by == rita
    assert as_(rita).post(address, {"reason": "again"}).status_code == 404


def test_an_offer_is_taken_and_another_left_out(as_, rita, ring, members, make_account):
    for verb, kind in (("accept", "pin"), ("decline", "decline")):
        other = make_account(f"fl-{verb}")
        data = {"member": members[0].ref, "other": other.ref, "reason": "looked at both"}
        assert (
            as_(rita).post(f"/rings/{ring.pk}/{verb}/", {**data, "reason": ""}).status_code == 422
        )
        assert as_(rita).post(f"/rings/{ring.pk}/{verb}/", data).status_code == 302
        assert RingOverride.objects.filter(kind=kind, undone_at=None).count() == 1
