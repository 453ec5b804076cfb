"""`cases/screening/lists.py` and the readers, over the invented lists of the demo."""

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from cases.models import AuditEvent, ListEntry, ListIdentifier, ListVersion, ScreeningHit
from cases.screening import engine, hits, lists
from cases.screening.formats import FORMATS, Unreadable, open_list
from cases.screening.judge import Question

DEMO = settings.BASE_DIR / "demo" / "lists"
OFAC = DEMO / "ofac_advanced.xml"


def load(path=OFAC, name="ofac_advanced", **options):
    return lists.load(name, path, actor=None, **options)


def changed(tmp_path, *swaps, name="next.xml"):
    text = OFAC.read_text()
    for old, new in swaps:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / name
    path.write_text(text)
    return path


def without(uid):
    """The swap that takes one party out of the invented list."""
    text = OFAC.read_text()
    line = next(x for x in text.splitlines() if x.startswith(f'<DistinctParty FixedRef="{uid}"'))
    return line, ""


def test_each_format_gives_its_entries():
    ofac = {e.uid: e for e in open_list("ofac_advanced", OFAC).entries}
    ro = ofac["900003"]
    assert {n.full for n in ro.names} == {"Ro Tae Jun", "No T'ae-chun", "로 태준"}
    assert (ro.births[0].since, ro.births[0].precision) == ("1986-07-09", "day")
    assert ro.nationalities == ["KP"]
    assert {(i.kind, i.note, i.country) for i in ro.identifiers} == {
        ("document", "Passport", "KP"),
        ("wallet", "ETH", ""),
    }
    assert ro.relations[0]["uid"] == "900004"
    assert ofac["900005"].births[0].precision == "year"
    assert ofac["900005"].nationalities == ["zzland invented"]  # written out in a location part
    assert [n.strength for n in ofac["900001"].names] == ["primary", "weak"]

    un = {e.uid: e for e in open_list("un", DEMO / "un.xml").entries}
    assert {"Noh Tae-joon", "No Tae Jun"} <= {n.full for n in un["INi.001"].names}
    assert un["INi.001"].births[0].precision == "range"
    assert un["INi.001"].nationalities == ["KP"]

    uk = {e.uid: e for e in open_list("uk", DEMO / "uk").entries}
    assert uk["INV0001"].details["un reference"] == "INi.001"
    assert uk["INV0002"].kind == "vessel"

    wallets = list(open_list("wallets", DEMO / "wallets").entries)
    assert len(wallets) == 2


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\x1f\x8bbroken",
        b"<a><b></a>",
        b"<a/>",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    ],
)
def test_a_file_that_is_not_the_list_says_so(tmp_path, name, content):
    path = tmp_path / "list"
    path.write_bytes(content)
    with pytest.raises(Unreadable):
        list(open_list(name, path).entries)


@pytest.mark.django_db
def test_loading_twice_changes_nothing():
    first = load()
    again = load()

    assert (first.added, first.new, again.new) == (5, True, False)
    assert ListVersion.objects.count() == 1
    assert ListIdentifier.objects.filter(kind="wallet").count() == 2


@pytest.mark.django_db
def test_a_packed_copy_is_read_too(tmp_path):
    path = tmp_path / "list.xml.gz"
    path.write_bytes(gzip.compress(OFAC.read_bytes()))
    assert load(path).added == 5


@pytest.mark.django_db
def test_a_new_version_stores_what_was_added_changed_and_removed(tmp_path):
    load()
    path = changed(tmp_path, without("900005"), ("<Year>1951</Year>", "<Year>1952</Year>"))

    second = load(path)

    assert (second.added, second.changed, second.removed, second.same) == (0, 1, 1, 3)
    assert second.version.number == 2
    old, new = ListEntry.objects.filter(uid="900001").order_by("pk")
    assert (old.ended, new.ended, new.first) == (second.version, None, second.version)
    assert old.births[0]["since"][:4] == "1951"
    assert ListEntry.objects.get(uid="900005").ended == second.version
    assert ListVersion.objects.get(current=True) == second.version
    assert AuditEvent.objects.filter(verb="list.loaded").count() == 2


@pytest.mark.django_db
def test_a_list_that_lost_too_much_is_refused_and_the_old_one_stays(tmp_path, settings):
    settings.SCREENING_MAX_LOSS = 0.1
    load()
    swaps = [without(f"90000{n}") for n in (1, 2, 3, 5)]
    path = changed(tmp_path, *swaps)

    with pytest.raises(lists.Refused, match="4 of 5"):
        load(path)

    assert ListEntry.objects.filter(ended=None).count() == 5
    kept = ListVersion.objects.get(status="refused")
    assert "4 of 5" in kept.note
    assert load(path, accept_loss=True).removed == 4


@pytest.mark.django_db
def test_an_older_list_is_refused(tmp_path):
    load()
    with pytest.raises(lists.Refused, match="2025"):
        load(
            changed(
                tmp_path,
                ("<Year>2026</Year><Month>10</Month>", "<Year>2025</Year><Month>10</Month>"),
            )
        )


@pytest.mark.django_db
def test_a_trial_run_counts_and_changes_nothing():
    said = StringIO()
    call_command("load_list", str(OFAC), format="ofac_advanced", dry_run=True, stdout=said)
    assert "5 added" in said.getvalue()
    assert not ListVersion.objects.exists()


@pytest.mark.django_db
def test_the_command_says_what_is_wrong(tmp_path):
    path = tmp_path / "x"
    path.write_text("no")
    with pytest.raises(CommandError, match="not loaded"):
        call_command("load_list", str(path), format="un")


@pytest.mark.django_db(transaction=True)
def test_of_two_loads_at_once_one_makes_the_version():
    start = threading.Barrier(2)

    def one(_):
        try:
            start.wait(timeout=10)
            return load().new
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(one, range(2))) == [False, True]
    assert ListEntry.objects.count() == 5


@pytest.mark.django_db
def test_the_engine_follows_the_lists(tmp_path):
    load()
    first = engine.current()
    assert engine.current() is first
    assert first.ask(Question("Noh Tae-joon"))[0].explanation["list"] == "ofac_sdn"

    load(changed(tmp_path, without("900003")), accept_loss=True)

    assert engine.current().ask(Question("Noh Tae-joon")) == []


@pytest.mark.django_db
def test_a_delisting_marks_its_open_hits_and_keeps_them(tmp_path, make_account):
    load()
    account = make_account(display_name="Marek Dolny")
    match = engine.current().ask(Question("Marek Dolny", "person"))[0]
    found = Found(match)
    (hit,) = hits.keep(account, [found])

    load(changed(tmp_path, without("900001")))

    hit.refresh_from_db()
    assert hit.state == ScreeningHit.State.DELISTED
    assert hit.delisted_at is not None


class Found:
    """A hit as an analyzer hands it over."""

    def __init__(self, match, screened="Marek Dolny"):
        self.entry, self.score, self.band = match.key, match.score, match.band
        self.screened, self.screened_kind = screened, "account name"
        self.explanation = match.explanation
