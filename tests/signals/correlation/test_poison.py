"""One bad item stops neither its batch nor those behind it."""

import pytest

from cases.models import Account
from signals.correlation import correlator, poison
from signals.models import IntakeBatch, QuarantinedItem
from tests.signals.correlation import feed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _prepared(db):
    feed.prepare()


def test_a_bad_item_is_set_aside_with_its_error_and_the_rest_goes_on():
    bad = feed.fact("account.registered", "account/bad", created_at="the day before")
    feed.post([*(feed.payout(f"p{n}", f"i{n // 2}") for n in range(20)), bad])
    done = feed.work()

    assert done.quarantined == 1
    item = QuarantinedItem.objects.get()
    assert "the day before" in item.error
    assert Account.objects.filter(ref__startswith="p").count() == 20
    assert len(feed.rings()) == 10
    assert not IntakeBatch.objects.pending().exists()


def test_a_fault_that_is_not_the_items_sets_nothing_aside(monkeypatch):
    def broken(*args, **kwargs):
        raise ValueError("a bug of ours")

    feed.post([feed.payout(f"p{n}", "i") for n in range(120)])
    monkeypatch.setattr(correlator.accounts, "ensure", broken)
    with pytest.raises(poison.TooMany):
        feed.work()
    assert not QuarantinedItem.objects.exists()
    assert IntakeBatch.objects.pending().exists()
