"""The real lists, where they lie beside the project: they load whole, and old spellings are found.

Nothing of them is kept here but the names that the tests ask for, which the lists publish.
"""

import json
import random
from pathlib import Path

import pytest
from django.conf import settings

from cases.models import ListEntry, ListIdentifier, ListVersion
from cases.screening import engine, lists
from cases.screening.judge import ALERT, Bands, Question

SHARED = Path(settings.BASE_DIR).parent / "shared" / "data"
SDN = SHARED / "ofac" / "sdn_advanced_2025-11-19.xml.bz2"
EARLIER = SHARED / "ofac" / "sdn_advanced_2025-10-14.xml.bz2"
pytestmark = [
    pytest.mark.skipif(not SDN.exists(), reason=f"the real lists are not at {SHARED}"),
    pytest.mark.django_db,
]


@pytest.fixture(scope="module")
def real(django_db_setup, django_db_blocker):
    """All real lists loaded once for this file, the SDN in two issues, and taken out after it."""
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        took = {}
        for name, path in (
            ("ofac_advanced", EARLIER),
            ("ofac_advanced", SDN),
            ("un", next((SHARED / "un").glob("*.xml.gz"))),
            ("uk", SHARED / "uk"),
            ("wallets", SHARED / "wallets"),
        ):
            result = lists.load(name, path, actor=None)
            took[path.name] = result
        yield engine.current(), took
        transaction.set_rollback(True)


def test_the_lists_load_whole(real):
    _, took = real
    sdn = took[SDN.name]
    assert (sdn.entries, sdn.added, sdn.changed, sdn.removed) == (18_367, 178, 9, 56)
    assert sdn.names > 48_000
    assert took["uk"].entries == 6_046
    assert took["wallets"].entries > 700


def test_what_the_lists_say_is_kept(real):
    entry = ListEntry.objects.get(list__code="ofac_sdn", uid="42498", ended=None)
    assert entry.births[0]["since"] == "1983-11-25"
    assert entry.programmes == ["NPWMD"]  # no programme with the country's name
    wallets = ListIdentifier.objects.filter(entry=entry, kind="wallet")
    assert {w.note for w in wallets} == {"ETH", "ARB", "BSC"}
    assert ListEntry.objects.filter(ended__isnull=False).count() == 56 + 9
    assert ListVersion.objects.filter(current=True).count() == 4


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("Sim Hyon Sop", "42498"),
        ("Shim Hyun-sup", "42498"),
        ("심현섭", "42498"),
        ("Jinyong IT Cooperation", "Chinyong"),
        ("Chinyong Information Technology", "Chinyong"),
        ("Yanbian Silverstar Network Technology", "24977"),
        ("Volasys Silver Star", "24978"),
        ("Park Jin-hyeok", "Park Jin Hyok"),
        ("Владимир Владимирович Путин", "Putin"),
    ],
)
def test_listed_names_are_found_in_old_and_other_spellings(real, asked, found):
    lists_now, _ = real
    alerts = [m for m in lists_now.ask(Question(asked)) if m.band == ALERT]
    entries = ListEntry.objects.in_bulk([m.key for m in alerts[:10]])
    assert any(
        e.uid == found or found.casefold() in e.primary_name.casefold() for e in entries.values()
    )


def test_another_syllable_is_another_person(real):
    lists_now, _ = real
    met = lists_now.ask(Question("Kim Song Min", "person"))
    names = {m.listed_name.casefold() for m in met if m.band == ALERT}
    assert "kim sang man" not in names


def test_innocent_people_of_the_scenario_raise_nothing(real):
    lists_now, _ = real
    names = {
        event["data"]["display_name"]
        for line in (SHARED / "lantern" / "activity.ndjson").open()
        if (event := json.loads(line))["type"] == "account.registered"
    }
    alerts = {
        n for n in names if any(m.band == ALERT for m in lists_now.ask(Question(n, "person")))
    }
    assert len(names) > 150
    assert alerts == set()


def test_the_index_finds_what_a_full_scan_finds(real):
    lists_now, _ = real
    index = lists_now.index
    rng = random.Random(7)
    asked = [index.names[rng.randrange(len(index.names))].form.text for _ in range(3)]
    seen = found = 0
    for name in asked:
        # The scan may find hundreds of one common name: the page shows the best of them.
        slow = {index.names[n].entry for n, _ in index.scan(name, cutoff=Bands().alert)[:30]}
        fast = {index.names[n].entry for n, _ in index.find(name, cutoff=Bands().alert)}
        seen += len(slow)
        found += len(slow & fast)
    assert found >= 0.97 * seen


def test_a_name_is_compared_with_few_of_the_listed(real):
    """What makes it fast: one name meets a small part of the listed, not all of them."""
    index = real[0].index
    rng = random.Random(3)
    names = [index.names[rng.randrange(60_000)].form for _ in range(50)]
    compared = [len(index.candidates(form, cutoff=0.6)) for form in names]
    assert 0 < sum(compared) / len(compared) < 0.02 * len(index.names)
