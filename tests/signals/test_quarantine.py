"""`signals/quarantine.py`: what was set aside is seen masked, worked in again or put away."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from cases.models import Account, AuditEvent, Finding
from cases.permissions import Denied
from signals import quarantine
from signals.correlation import correlator, poison
from signals.models import IntakeBatch, QuarantinedItem
from tests.signals.correlation import feed
from tsportal import metrics

pytestmark = pytest.mark.django_db
CODE = "login.many_ips_short_window"


@pytest.fixture(autouse=True)
def _prepared(db):
    feed.prepare()


@pytest.fixture
def aside():
    """A registration whose time is none: nothing but another code could work it in."""
    feed.post([
        feed.payout("p1", "i1"),
        feed.fact("account.registered", "account/bad", created_at="the day before",
                  email="ada@example.org", display_name="the day"),
    ])  # fmt: skip
    feed.work()
    return QuarantinedItem.objects.get()


@pytest.fixture
def broken(monkeypatch):
    """A fault of ours that one finding meets, and what mends it."""
    put = correlator.scores.put_findings

    def fails(cursor):
        cursor.execute("SELECT EXISTS (SELECT FROM work_finding WHERE account_ref = 'fl-bad')")
        if cursor.fetchone()[0]:
            raise ValueError("cannot read this evidence")
        put(cursor)

    monkeypatch.setattr(correlator.scores, "put_findings", fails)
    feed.post([feed.finding("fl-good", CODE), feed.finding("fl-bad", CODE)])
    feed.work()
    assert not Account.objects.filter(ref="fl-bad").exists()
    return lambda: monkeypatch.setattr(correlator.scores, "put_findings", put)


def verbs() -> list[str]:
    rows = AuditEvent.objects.filter(verb__startswith="quarantine_").order_by("pk")
    return list(rows.values_list("verb", flat=True))


def test_an_item_whose_cause_is_mended_is_worked_in_and_gives_its_finding(broken, dee):
    item = QuarantinedItem.objects.get()
    broken()

    released = quarantine.release(item, actor=dee, reason="evidence of this kind is read now")

    assert (released.released_by, released.discarded_at) == (dee, None)
    finding = Finding.objects.get(account__ref="fl-bad")
    assert (finding.code, finding.times) == (CODE, 1)
    good, bad = (Account.objects.get(ref=ref) for ref in ("fl-good", "fl-bad"))
    assert good.score == bad.score > 0
    event = AuditEvent.objects.get(verb="quarantine_released")
    assert (event.actor, event.note) == (dee, "evidence of this kind is read now")


def test_what_fails_again_stays_with_the_new_error_and_leaves_nothing(aside, dee, monkeypatch):
    def worse(*args, **kwargs):
        raise KeyError("rings")

    monkeypatch.setattr(correlator.intake, "look_again", worse)
    monkeypatch.setattr(correlator.accounts, "take_facts", lambda cursor: [])

    kept = quarantine.release(aside, actor=dee, reason="try")

    assert (kept.released_at, kept.error) == (None, "KeyError: 'rings'")
    assert not Account.objects.filter(ref="bad").exists()
    assert verbs() == ["quarantine_kept"]
    assert quarantine.release(aside, actor=dee, reason="again").released_at is None


def test_an_item_is_released_or_put_away_once(aside, broken, dee):
    broken()
    other = QuarantinedItem.objects.exclude(pk=aside.pk).get()
    for _ in range(2):
        quarantine.discard(aside, actor=dee, reason="a test of theirs")
        quarantine.release(other, actor=dee, reason="mended")
    with pytest.raises(quarantine.NotPossible, match="put away"):
        quarantine.release(aside, actor=dee, reason="after all")
    with pytest.raises(quarantine.NotPossible, match="counts"):
        quarantine.discard(other, actor=dee, reason="after all")

    assert verbs() == ["quarantine_discarded", "quarantine_released"]
    assert not QuarantinedItem.objects.waiting().exists()


def test_a_batch_that_is_pending_is_left_to_the_correlator(aside, dee):
    IntakeBatch.objects.update(done_at=None)
    with pytest.raises(quarantine.NotPossible, match="right now"):
        quarantine.release(aside, actor=dee, reason="now")


@pytest.mark.parametrize("verb", [quarantine.release, quarantine.discard])
def test_a_verb_needs_a_reason_and_an_engineer(aside, verb, dee, rita, adm):
    with pytest.raises(quarantine.NotPossible, match="why"):
        verb(aside, actor=dee, reason=" ")
    for actor in (rita, adm):
        with pytest.raises(Denied):
            verb(aside, actor=actor, reason="x")
    aside.refresh_from_db()
    assert (aside.released_at, aside.discarded_at) == (None, None)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_release_at_once_one_works_it_in(broken, dee):
    item = QuarantinedItem.objects.get()
    broken()
    start = threading.Barrier(2)

    def release(_):
        try:
            start.wait(timeout=10)
            return quarantine.release(item, actor=dee, reason="mended").released_at
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        seen = list(pool.map(release, range(2)))

    assert seen[0] == seen[1] is not None
    assert Finding.objects.get(account__ref="fl-bad").times == 1
    assert verbs() == ["quarantine_released"]


def test_the_page_shows_what_was_sent_without_names(client, aside, dee):
    client.force_login(dee)
    page = client.get(reverse("signals:quarantine")).content.decode()
    (row,) = quarantine.shown([aside])

    assert row.ulid in page
    assert "/platform/t" in page
    assert "ada@example.org" not in page
    assert "the day" not in row.error  # a name that the database repeated
    assert "created_at" in row.payload
    assert "Set aside" in client.get(reverse("signals:detectors")).content.decode()
    assert client.get(reverse("signals:detectors")).context["aside"] == 1


def test_items_are_worked_on_from_the_page(client, aside, broken, dee):
    other = QuarantinedItem.objects.exclude(pk=aside.pk).get()
    client.force_login(dee)
    release, discard = (
        lambda item, reason, name=name: client.post(
            reverse(f"signals:quarantine-{name}", args=[item.pk]), {"reason": reason}
        )
        for name in ("release", "discard")
    )

    assert release(other, "").status_code == 422
    failed = release(other, "too early")
    assert failed.status_code == 409
    assert "failed again" in failed.content.decode()
    broken()
    assert release(other, "mended").status_code == 302
    assert discard(other, "no").status_code == 409
    assert discard(aside, "a test").status_code == 302

    assert "Nothing is set aside" in client.get(reverse("signals:quarantine")).content.decode()
    everything = client.get(reverse("signals:quarantine") + "?show=all").content.decode()
    assert "worked in" in everything
    assert "put away" in everything


@pytest.mark.parametrize("who", ["rita", "aud", "olu", "adm"])
def test_only_engineers_see_what_was_set_aside(client, aside, who, request):
    client.force_login(request.getfixturevalue(who))
    assert client.get(reverse("signals:quarantine")).status_code == 403
    for name in ("release", "discard"):
        address = reverse(f"signals:quarantine-{name}", args=[aside.pk])
        assert client.post(address, {"reason": "x"}).status_code == 403
    assert b"quarantine" not in client.get(reverse("signals:detectors")).content


def test_what_waits_is_counted_as_dead_work(aside):
    def counted():
        with connection.cursor() as cursor:
            cursor.execute(metrics._COUNTS["portal_dead_work"][2])
            return dict(cursor.fetchall())["intake"]

    assert counted() == 1
    QuarantinedItem.objects.update(discarded_at=timezone.now())
    assert counted() == 0


def test_an_item_that_is_put_away_is_not_looked_for_again(aside, dee):
    quarantine.discard(aside, actor=dee, reason="a test")
    IntakeBatch.objects.update(done_at=None)
    assert feed.work().quarantined == 0
    assert poison.set_aside(aside.batch, correlator._attempt) == 0
