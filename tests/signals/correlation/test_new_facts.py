"""Facts that come after a case opened start the analyzers that look at them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.models import EnrichmentJob
from tests.signals.correlation import feed
from tests.signals.correlation.feed import fact, finding, login, payout

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _prepared(db):
    feed.prepare()


def take(*events):
    feed.post(list(events))
    feed.work()


def opened(ref="x"):
    take(
        fact("account.registered", f"account/{ref}", kind="freelancer", display_name="Marek Dolny"),
        finding(ref, "device.shared_across_accounts"),
    )
    return jobs(ref)


def jobs(ref="x"):
    rows = EnrichmentJob.objects.filter(account__ref=ref)
    return sorted(rows.values_list("analyzer", flat=True))


def test_a_new_address_is_looked_up():
    assert opened() == ["sanctions"]
    take(login("x", ip="198.51.100.7"))
    assert jobs() == ["network", "sanctions", "shared_traits"]
    new = EnrichmentJob.objects.exclude(analyzer="sanctions")
    assert {(job.reason, job.case.account.ref) for job in new} == {("new facts", "x")}


def test_a_new_device_is_compared():
    opened()
    take(login("x", device="dev-1"))
    assert jobs() == ["sanctions", "shared_traits"]


def test_a_new_payout_holder_and_a_new_name_are_screened():
    opened()
    take(fact("payout_method.added", "account/x", type="bank", instrument_hash="a1",
              holder_name="Noh Tae-joon", country="CN"))  # fmt: skip
    assert jobs().count("sanctions") == 2
    take(fact("account.updated", "account/x", "2026-10-02T00:00:00Z", display_name="M. Dolny"))
    assert jobs().count("sanctions") == 3


def test_a_new_holder_of_a_known_instrument_is_screened():
    opened()
    take(payout("x", "a1"))
    before = jobs().count("sanctions")
    take(fact("payout_method.added", "account/x", "2026-10-02T00:00:00Z", type="bank",
              instrument_hash="a1", holder_name="Noh Tae-joon"))  # fmt: skip
    assert jobs().count("sanctions") == before + 1


def test_a_new_wallet_is_compared():
    opened()
    take(fact("payout_method.added", "account/x", type="crypto", address="bc1qxyz"))
    assert "wallets" in jobs()


def test_the_same_facts_again_start_nothing():
    opened()
    take(login("x", ip="198.51.100.7"))
    before = jobs()
    take(login("x", ip="198.51.100.7"), fact("account.updated", "account/x",
         "2026-10-03T00:00:00Z", display_name="Marek Dolny"))  # fmt: skip
    assert jobs() == before


def test_without_an_open_case_nothing_starts():
    take(login("quiet", ip="198.51.100.7"))
    assert not EnrichmentJob.objects.exists()


def test_the_number_of_queries_does_not_grow_with_the_accounts():
    counts = []
    for size, start in ((2, 0), (12, 100)):
        refs = [f"n{start + n}" for n in range(size)]
        for ref in refs:
            opened(ref)
        feed.post([login(ref, ip=f"192.0.2.{start + n}") for n, ref in enumerate(refs)])
        with CaptureQueriesContext(connection) as caught:
            feed.work()
        counts.append(len(caught))
        assert all("network" in jobs(ref) for ref in refs)
    assert counts[1] == counts[0]
