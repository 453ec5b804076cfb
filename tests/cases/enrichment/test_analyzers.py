"""The four analyzers, each over a few rows of its own."""

import pytest
from django.conf import settings as portal
from django.core.management import call_command
from django.utils import timezone

from cases.enrichment import jobs, list_changes, network, registry, subject
from cases.enrichment.ranges import Ranges, text_ranges
from cases.models import (
    EnrichmentJob,
    Finding,
    ListEntry,
    ListVersion,
    PayoutMethod,
    ScreeningHit,
    Sighting,
    Trait,
)
from cases.screening import lists

pytestmark = pytest.mark.django_db
DEMO = portal.BASE_DIR / "demo"


@pytest.fixture
def uses():
    """Make an account use a trait, and count who does."""

    def make(account, kind, value, **fields):
        now = timezone.now()
        trait, _ = Trait.objects.get_or_create(kind=kind, value=value, defaults=fields)
        Sighting.objects.get_or_create(
            account=account, trait=trait, defaults={"first_at": now, "last_at": now}
        )
        trait.sharers = trait.sightings.count()
        trait.save()
        return trait

    return make


@pytest.fixture
def holder():
    def make(account, name, country="", value="inst-1"):
        trait, _ = Trait.objects.get_or_create(kind="payout", value=value)
        return PayoutMethod.objects.create(
            account=account, trait=trait, type="bank", holder_name=name, country=country
        )

    return make


@pytest.fixture
def ofac():
    return lists.load("ofac_advanced", DEMO / "lists" / "ofac_advanced.xml", actor=None).version


@pytest.fixture
def catalogue():
    call_command("load_typologies", verbosity=0)


@pytest.fixture
def networks(settings):
    folder = DEMO / "network"
    settings.NETWORK_FILES = {
        "country": [str(folder / "country.csv")],
        "asn": [str(folder / "asn.csv")],
        "hosting": [str(folder / "hosting.txt")],
        "hosting_asn": [str(folder / "hosting_asn.txt")],
        "vpn": [str(folder / "vpn.txt")],
        "tor": [str(folder / "tor.txt")],
    }


def look(name, account):
    return registry.ANALYZERS[name].look_at(subject.load([account.pk])[account.pk])


def run_all(about):
    return {job.analyzer: jobs.run(job.pk) for job in jobs.request(about, reason="test")}


def test_names_of_the_account_and_of_payout_holders_are_compared(ofac, make_account, holder):
    account = make_account("cl-1", kind="client", display_name="Harmless Ltd")
    holder(account, "Quillmark Apps", "GB")

    outcome = look("sanctions", account)

    assert [(h.screened, h.screened_kind, h.band) for h in outcome.hits] == [
        ("Quillmark Apps", "payout holder", "alert")
    ]
    assert "1 to judge" in outcome.summary
    assert outcome.findings[0].code == "intel.list_name_match"
    assert outcome.hits[0].explanation["list"] == "ofac_sdn"


def test_an_unknown_holder_is_nobody(ofac, make_account, holder):
    account = make_account(display_name="")
    holder(account, "(none)", "-")
    assert not registry.ANALYZERS["sanctions"].wants(subject.load([account.pk])[account.pk])


def test_without_lists_it_says_that_nothing_was_compared(make_account):
    account = make_account(display_name="Anybody")
    assert "No sanctions list" in look("sanctions", account).summary


def test_a_listed_wallet_is_found_whatever_its_case(ofac, make_account, uses):
    account = make_account()
    uses(account, "wallet", "0x00000000000000000000000000000000000d0001")
    uses(account, "wallet", "bc1qsomebodyelse")

    outcome = look("wallets", account)

    assert outcome.summary == "2 wallets compared: 1 listed"
    assert outcome.findings[0].evidence["hops"] == 0


def test_addresses_get_country_network_and_kind(networks, make_account, uses):
    account = make_account()
    for ip in ("192.0.2.201", "198.51.100.3", "198.51.100.60", "2001:db8::1", "not an address"):
        uses(account, "ip", ip)

    outcome = look("network", account)

    facts = {fact["label"]: fact for fact in outcome.facts}
    assert facts["192.0.2.201"]["kinds"] == ["hosting"]
    assert "AS64506 Quickserve" in facts["192.0.2.201"]["value"]
    assert facts["198.51.100.3"]["kinds"] == ["vpn"]
    assert facts["198.51.100.60"]["kinds"] == ["tor"]
    assert "AS64511" in facts["2001:db8::1"]["value"]
    assert {f.code for f in outcome.findings} == {"login.hosting_vps_ip", "login.vpn_exit"}


def test_hosting_counts_by_itself_and_declared_infrastructure_does_not(
    networks, make_account, uses
):
    account = make_account()
    uses(account, "ip", "198.51.100.1", infrastructure="vpn_exit")
    assert look("network", account).findings == []


def test_changed_files_are_read_again(tmp_path, settings, make_account, uses):
    path = tmp_path / "hosting.txt"
    path.write_text("192.0.2.0/24\n")
    settings.NETWORK_FILES = {"hosting": [str(path)]}
    account = make_account()
    uses(account, "ip", "192.0.2.9")
    one = subject.load([account.pk])[account.pk]
    before = network.Network().inputs(one)
    assert look("network", account).findings

    path.write_text("203.0.113.0/24\nnonsense\n")

    assert network.Network().inputs(one) != before
    assert look("network", account).findings == []


def test_without_files_it_says_so(settings, make_account, uses):
    settings.NETWORK_FILES = {}
    account = make_account()
    uses(account, "ip", "192.0.2.9")
    assert "No network files" in look("network", account).summary


def test_of_nested_ranges_the_narrowest_answers(tmp_path):
    path = tmp_path / "r"
    path.write_text("10.0.0.0/8\n10.1.0.0/16\n10.1.2.0/24\n")
    ranges = Ranges((v, s, e, f"{(e - s) + 1}") for v, s, e, _ in text_ranges(path, "x"))
    assert ranges.find("10.1.2.3") == "256"
    assert ranges.find("10.1.3.3") == "65536"
    assert ranges.find("10.200.0.1") == str(2**24)
    assert ranges.find("11.0.0.1") is None
    assert ranges.find("::10.1.2.3") is None


def test_who_shares_what_is_counted(make_account, uses):
    ours, one, two = make_account("fl-1"), make_account("fl-2"), make_account("fl-3")
    for account in (ours, one, two):
        uses(account, "device", "d1")
    for account in (ours, one):
        uses(account, "ip", "192.0.2.77")
        uses(account, "wallet", "w", infrastructure="")
    uses(ours, "ip", "192.0.2.1", infrastructure="campus_nat")
    uses(two, "ip", "192.0.2.1")

    outcome = look("shared_traits", ours)

    assert outcome.summary == "3 of 4 traits are shared with 2 other accounts"
    assert [(f["label"], f.get("count")) for f in outcome.facts[:2]] == [("fl-2", 3), ("fl-3", 1)]
    assert "device (3 accounts)" in outcome.facts[0]["value"]


def test_results_are_stored_once_as_findings_and_hits(ofac, catalogue, make_case, make_account):
    case = make_case(account=make_account(kind="freelancer", display_name="Marek Dolny"))

    assert run_all(case) == {"sanctions": "done"}
    EnrichmentJob.objects.update(state="waiting", due_at=timezone.now())
    assert jobs.run(EnrichmentJob.objects.get().pk) == "done"

    finding = Finding.objects.get()
    assert (finding.detector, finding.code) == (
        "/portal/enrichment/sanctions", "intel.list_name_match"
    )  # fmt: skip
    assert float(finding.weight) == 4
    assert ScreeningHit.objects.get().account == case.account


def test_a_second_identifier_weighs_more(ofac, catalogue, make_case, make_account, uses):
    account = make_account(display_name="Somebody")
    uses(account, "wallet", "bc1qinventedquillmark0000000000000000000")

    run_all(make_case(account=account))

    assert float(Finding.objects.get(code="payout.wallet_listed").weight) == 10
    assert ScreeningHit.objects.get().screened_kind == "wallet"


def test_a_list_change_finds_the_accounts_that_it_concerns(make_account, make_case, ofac):
    met = make_account("fl-met", display_name="Noh Tae-joon")
    make_account("fl-not", display_name="Elin Wyndam")
    in_case = make_case(account=make_account("cl-1", kind="client", display_name="Quillmark Apps"))

    done = list_changes.screen(ofac)

    assert (done.accounts, done.met) == (3, 2)
    asked = EnrichmentJob.objects.filter(analyzer="sanctions")
    assert {(j.account.ref, j.case_id) for j in asked} == {
        ("fl-met", None), ("cl-1", in_case.pk)
    }  # fmt: skip
    assert met.pk in {j.account_id for j in asked}
    assert ListVersion.objects.get(pk=ofac.pk).screened_at is not None


def test_new_accounts_and_payout_methods_are_compared_once(make_account, holder, ofac):
    make_account("fl-1", display_name="Elin Wyndam")
    met = make_account("fl-2", display_name="Marek Dolny")

    assert (list_changes.screen_new().met, list_changes.screen_new().accounts) == (1, 0)
    holder(make_account("fl-3"), "Quillmark Apps")
    assert list_changes.screen_new().met == 1
    refs = set(EnrichmentJob.objects.values_list("account__ref", flat=True))
    assert refs == {"fl-2", "fl-3"}
    assert met.enrichment_jobs.exists()


def test_an_entry_that_changed_is_another_input(make_account, ofac, make_case, tmp_path):
    case = make_case(account=make_account(display_name="Marek Dolny"))
    assert len(jobs.request(case, reason="first")) == 1
    assert jobs.request(case, reason="again") == []

    path = tmp_path / "next.xml"
    text = (DEMO / "lists" / "ofac_advanced.xml").read_text()
    path.write_text(text.replace("INVENTED-A", "INVENTED-C"))
    lists.load("ofac_advanced", path, actor=None)

    assert len(jobs.request(case, reason="new list")) == 1
    assert ListEntry.objects.filter(ended=None).count() == 5
