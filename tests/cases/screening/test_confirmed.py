"""`cases/screening/confirmed.py`: a judged hit counts, reaches compliance, and is taken back."""

from decimal import Decimal

import pytest
from django.conf import settings

from cases import decisions, scores
from cases.models import AuditEvent, Case, Finding, ListEntry, Policy, ScreeningHit, Typology
from cases.screening import hits, lists
from signals import typology_store
from signals.correlation import correlator
from tests.cases.screening.test_hits import OFAC, Found
from tests.cases.screening.test_lists import changed, without

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _typology(db):
    typology_store.load(settings.BASE_DIR / "signals" / "typologies" / "dprk_itw")


@pytest.fixture
def entry():
    lists.load("ofac_advanced", OFAC, actor=None)
    return ListEntry.objects.get(uid="900001")


@pytest.fixture
def account(make_account):
    return make_account(display_name="Marek Dolny")


@pytest.fixture
def hit(entry, account):
    (made,) = hits.keep(account, [Found(entry.pk)])
    return made


def test_a_confirmed_hit_makes_a_finding_by_the_rules_for_a_second_identifier(hit, account, sam):
    hits.decide(hit, actor=sam, same=True, reason="the passport agrees")

    finding = Finding.objects.get(account=account)
    assert (finding.code, finding.detector) == ("intel.list_name_match", "/portal/screening")
    assert (finding.weight, finding.points) == (Decimal(9), Decimal(9))
    account.refresh_from_db()
    assert account.score == Decimal(9)
    assert sum(line.line_points for line in scores.score_lines(account)) == account.score


def test_the_indicator_is_the_typologys_data(hit, account, sam):
    typology = Typology.objects.get(active=True)
    typology.texts["screening"]["confirmed"]["account name"] = {"indicator": "payout.wallet_listed"}
    typology.save(update_fields=["texts"])

    hits.decide(hit, actor=sam, same=True, reason="them")

    assert Finding.objects.get(account=account).code == "payout.wallet_listed"


def test_a_wallet_counts_as_a_listed_wallet(entry, account, sam):
    (hit,) = hits.keep(
        account, [Found(entry.pk, screened="bc1qxyz", screened_kind="wallet", score=1.0)]
    )
    hits.decide(hit, actor=sam, same=True, reason="the address is his")
    finding = Finding.objects.get(account=account)
    assert (finding.code, finding.weight) == ("payout.wallet_listed", Decimal(10))


def test_without_a_case_one_opens_with_compliance(hit, account, sam):
    hits.decide(hit, actor=sam, same=True, reason="them")

    case = Case.objects.get(account=account)
    assert (case.state, case.queue) == ("escalated", "compliance")
    event = AuditEvent.objects.get(verb="hit.confirmed", case=case)
    assert (event.actor, event.wall, event.note) == (sam, True, "them")
    correlator.correlate()
    assert Case.objects.filter(account=account).count() == 1


@pytest.mark.parametrize("state", ["open", "in_review", "awaiting_verification"])
def test_an_open_case_is_taken_to_compliance(hit, account, sam, rita, make_case, state):
    case = make_case(state, account=account, assignee=rita if state != "open" else None)

    hits.decide(hit, actor=sam, same=True, reason="them")

    case.refresh_from_db()
    assert (case.state, case.queue, case.assignee) == ("escalated", "compliance", None)
    event = AuditEvent.objects.get(verb="escalate", case=case)
    assert (event.actor, event.wall) == (None, True)


def test_a_proposal_of_review_is_void_and_the_case_goes_to_compliance(
    hit, account, sam, rita, make_case
):
    case = make_case("in_review", account=account, assignee=rita)
    decision = decisions.propose(
        case, "restricted", reason_code="identity_unconfirmed", reason="no papers", actor=rita
    )
    assert case.state == "pending_approval"

    hits.decide(hit, actor=sam, same=True, reason="them")

    case.refresh_from_db()
    decision.refresh_from_db()
    assert (case.state, decision.state) == ("escalated", "void")


def test_a_case_with_compliance_stays_where_it_is_and_hears_of_it(
    hit, account, sam, kim, make_case
):
    case = make_case("in_compliance", account=account, assignee=kim)
    hits.decide(hit, actor=sam, same=True, reason="them")
    case.refresh_from_db()
    assert (case.state, case.assignee) == ("in_compliance", kim)
    assert AuditEvent.objects.filter(verb="hit.confirmed", case=case).exists()


def test_a_corrected_judgement_withdraws_the_finding_and_says_so(hit, account, sam, kim):
    hits.decide(hit, actor=sam, same=True, reason="them")
    hits.decide(hit, actor=sam, same=False, reason="born in another year")
    assert not Finding.objects.get(account=account).withdrawn, "one person is not enough"

    hits.decide(hit, actor=kim, same=False, reason="yes")

    account.refresh_from_db()
    assert Finding.objects.get(account=account).withdrawn
    assert account.score == 0
    event = AuditEvent.objects.get(verb="hit.taken_back")
    assert event.case == Case.objects.get(account=account)
    assert "born in another year" in event.note

    hits.decide(hit, actor=sam, same=True, reason="no, it is them")
    hits.decide(hit, actor=kim, same=True, reason="it is")
    account.refresh_from_db()
    assert account.score == Decimal(9), "made again it counts again"


def test_a_delisting_withdraws_the_finding_and_says_so(hit, account, sam, tmp_path):
    hits.decide(hit, actor=sam, same=True, reason="them")

    lists.load("ofac_advanced", changed(tmp_path, without("900001")), actor=None)

    hit.refresh_from_db()
    account.refresh_from_db()
    assert hit.state == ScreeningHit.State.DELISTED
    assert account.score == 0
    event = AuditEvent.objects.get(verb="hit.taken_back")
    assert event.case.account == account
    assert "Delisted" in event.note


def test_without_a_typology_that_says_so_nothing_is_found(hit, account, sam):
    Typology.objects.update(texts={})
    Policy.objects.update(active=False)
    hits.decide(hit, actor=sam, same=True, reason="them")
    assert not Finding.objects.exists()
    assert AuditEvent.objects.filter(verb="hit.confirmed", account=account).exists()
