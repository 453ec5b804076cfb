"""The money: who may, with whom, and that nothing moves it by itself."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from cases import holds, permissions
from cases.models import Hold, HoldRequest, WebhookDelivery
from cases.sweeps import SWEEPS
from cases.transitions import NotAllowed
from tests.cases import life


@pytest.fixture
def account(make_account, db):
    life.load()
    return make_account("fl-1")


def hold(account, level, actor, **fields):
    return holds.set_hold(account, level, actor=actor, reason="r", **fields)


@pytest.fixture
def blocked(account, sam, kim):
    return holds.confirm(hold(account, "blocked_property", sam), actor=kim)


def test_an_analyst_holds_softly_and_the_platform_is_told(account, make_case, rita):
    case = make_case(account=account)
    row = hold(account, "soft_hold", rita, case=case)
    assert (row.live, row.set_by, row.acknowledged_at) == (True, rita, None)
    assert timedelta(hours=23) < row.review_at - timezone.now() <= timedelta(hours=24)
    sent = WebhookDelivery.objects.get()
    assert (sent.event_type, sent.payload["payouts"]) == ("hold.set", "on_hold")
    assert case.events.get(verb="hold").data["to"] == "soft_hold"
    life.answer(row)
    row.refresh_from_db()
    assert row.acknowledged_at is not None
    assert row.platform_reference == "plat-1"


def test_a_seniors_soft_hold_needs_no_other_look(account, ana):
    assert hold(account, "soft_hold", ana).review_at is None


@pytest.mark.parametrize("level", ["compliance_hold", "blocked_property"])
def test_analysts_and_seniors_do_not_hold_for_compliance(account, rita, ana, level):
    for who in (rita, ana):
        with pytest.raises(permissions.Denied):
            hold(account, level, who)


def test_a_block_needs_two_and_starts_the_ten_days(account, sam, kim):
    request = hold(account, "blocked_property", sam)
    assert isinstance(request, HoldRequest)
    assert holds.current(account) is None
    with pytest.raises(permissions.Denied, match="second person"):
        holds.confirm(request, actor=sam)
    row = holds.confirm(request, actor=kim)
    assert (row.level, row.set_by, row.second_by) == ("blocked_property", sam, kim)
    assert row.blocked_at is not None
    assert row.report_due_at > row.blocked_at + timedelta(days=13)
    with pytest.raises(NotAllowed, match="confirmed already"):
        holds.confirm(request, actor=kim)


def test_what_the_platform_hears_does_not_say_why(blocked):
    payload = WebhookDelivery.objects.latest("id").payload
    assert set(payload) == {"account", "hold", "payouts"}


def test_a_soft_hold_is_released_by_a_senior_not_by_who_set_it(account, rita, ana):
    hold(account, "soft_hold", rita)
    with pytest.raises(permissions.Denied):
        hold(account, "released", rita)
    row = hold(account, "released", ana)
    assert WebhookDelivery.objects.latest("id").event_type == "hold.released"
    assert row.previous.level == "soft_hold"
    assert Hold.objects.filter(account=account, live=True).get() == row


def test_compliance_releases_by_two(account, sam, kim, ana):
    hold(account, "compliance_hold", sam)
    with pytest.raises(permissions.Denied):
        hold(account, "released", ana)
    request = hold(account, "released", sam)
    assert holds.level_of(account) == "compliance_hold"
    assert holds.confirm(request, actor=kim).level == "released"


def test_blocked_property_leaves_only_with_legal_and_a_ground(account, blocked, sam, kim, lee):
    with pytest.raises(NotAllowed, match="licence"):
        hold(account, "released", sam)
    request = hold(account, "released", sam, basis="licence")
    with pytest.raises(permissions.Denied, match="legal"):
        holds.confirm(request, actor=kim)
    assert holds.confirm(request, actor=lee).basis == "licence"


def test_blocked_property_is_not_returned_to_the_client(account, blocked, lee):
    with pytest.raises(NotAllowed, match="not returned"):
        hold(account, "returned_to_client", lee)


def test_nothing_is_returned_while_a_block_is_under_review(account, make_case, sam, kim, lee):
    case = make_case("escalated", account=account)
    hold(account, "compliance_hold", sam, case=case)
    with pytest.raises(NotAllowed, match="not determined"):
        hold(account, "returned_to_client", lee)
    case.blockable_interest = "no"
    case.save(update_fields=["blockable_interest"])
    pending = hold(account, "blocked_property", sam)
    with pytest.raises(NotAllowed, match="under review"):
        hold(account, "returned_to_client", lee)
    holds.refuse(pending, actor=kim, reason="no interest")
    request = hold(account, "returned_to_client", lee)
    assert holds.confirm(request, actor=sam).level == "returned_to_client"


def test_a_request_that_was_overtaken_is_void(account, sam, kim, lee):
    hold(account, "soft_hold", sam)
    request = hold(account, "blocked_property", sam)
    hold(account, "compliance_hold", kim)
    with pytest.raises(NotAllowed, match="void"):
        holds.confirm(request, actor=kim)


def test_a_hold_cannot_be_weakened_to_a_soft_one(account, sam):
    hold(account, "compliance_hold", sam)
    with pytest.raises(NotAllowed, match="cannot become"):
        hold(account, "soft_hold", sam)


def test_a_second_person_confirms_a_soft_hold(account, rita, ana):
    row = hold(account, "soft_hold", rita)
    row = holds.justify(row, actor=ana, reason="agreed")
    assert (row.second_by, row.review_at) == (ana, None)


def test_unheard_unreviewed_and_unreported_holds_shout(account, blocked, make_account, rita, sam):
    quiet = hold(make_account("fl-2"), "soft_hold", rita)
    assert not holds.shouting().exists()
    late = timezone.now() + timedelta(days=30)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: late)
        assert set(holds.shouting()) == {quiet, blocked}
        assert holds.why_shouting(blocked) == [
            "The platform has not acknowledged it.",
            "The report of the blocking is due.",
        ]
        assert holds.why_shouting(quiet)[-1] == "A second person must confirm or release it."
    quiet.refresh_from_db()
    assert quiet.level == "soft_hold"


def test_a_refused_hold_shouts_and_is_sent_again(account, rita):
    row = hold(account, "soft_hold", rita)
    life.answer(row, "refused", last_error="no such account")
    assert holds.shouting().get() == row
    holds.resend(row, actor=rita)
    life.answer(row)
    assert not holds.shouting().exists()


def test_no_sweep_releases_anything(account, blocked, make_account, make_case, rita, sam):
    soft = hold(make_account("fl-2"), "soft_hold", rita)
    firm = hold(make_account("fl-3"), "compliance_hold", sam)
    make_case("in_review", account=account, assignee=rita, claimed_until=timezone.now())
    late = timezone.now() + timedelta(days=400)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: late)
        for sweep in SWEEPS.values():
            sweep()
    for row in (soft, firm, blocked):
        row.refresh_from_db()
        assert row.live
    assert Hold.objects.count() == 3


def test_who_set_a_hold_cannot_be_deleted(account, rita):
    hold(account, "soft_hold", rita)
    with pytest.raises(ProtectedError):
        rita.delete()


# -- Around the code, by SQL -----------------------------------------------------------------------


def refused(name, sql, *values):
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        cursor = connection.cursor()
        cursor.execute(sql, values)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert caught.value.__cause__.diag.constraint_name == name


INSERT = (
    "INSERT INTO cases_hold (account_id, level, reason, basis, set_at, live, platform_reference,"
    " last_error, set_by_id, second_by_id, previous_id)"
    " VALUES (%s, %s, 'r', %s, now(), false, '', '', %s, %s, %s)"
)


def test_sql_ends_no_hold_by_itself(blocked):
    refused("hold_ends_by_another", "UPDATE cases_hold SET live = false")
    refused("rows_are_only_added", "DELETE FROM cases_hold")
    refused("hold_is_never_edited", "UPDATE cases_hold SET level = 'released'")


def test_sql_releases_nothing_of_compliance_without_two(account, sam, kim):
    row = hold(account, "compliance_hold", sam)
    for people in [(sam.pk, None), (None, kim.pk)]:
        with pytest.raises(IntegrityError), transaction.atomic():
            connection.cursor().execute(INSERT, [account.pk, "released", "", *people, row.pk])
    refused(
        "compliance_hold_is_not_weakened",
        INSERT, account.pk, "soft_hold", "", sam.pk, kim.pk, row.pk,
    )  # fmt: skip


def test_sql_releases_no_blocked_property_without_a_ground(account, blocked, sam, lee):
    refused(
        "blocked_property_leaves_by_right",
        INSERT, account.pk, "released", "", sam.pk, lee.pk, blocked.pk,
    )  # fmt: skip
    refused(
        "blocked_property_leaves_by_right",
        INSERT, account.pk, "returned_to_client", "licence", sam.pk, lee.pk, blocked.pk,
    )  # fmt: skip


def test_sql_blocks_nothing_alone(account, sam):
    refused(
        "block_needs_two_people",
        INSERT, account.pk, "blocked_property", "", sam.pk, None, None,
    )  # fmt: skip
