"""Whose identity, whose interest, what an authority asks: on the pages, with wall and refusals."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cases import decisions, queue
from cases.models import AuditEvent


def text(response) -> str:
    return response.content.decode()


@pytest.fixture
def case(make_case, make_account, find, sam):
    account = make_account("fl-abc123")
    find(account)
    return make_case("in_compliance", account=account, assignee=sam)


def test_an_officer_determines_the_interest_and_it_stays_behind_the_wall(as_, case, sam, rita):
    data = {"interest": "yes", "reason": "paid through a listed bank", "seen": "undetermined"}
    assert as_(sam).post(f"/cases/{case.ref}/interest/", data).status_code == 302
    case.refresh_from_db()
    assert case.blockable_interest == "yes"
    event = AuditEvent.objects.get(verb="blockable_interest")
    assert (event.wall, event.note) == (True, "paid through a listed bank")
    assert event.data == {"before": "undetermined", "after": "yes"}
    assert "Yes: property must be blocked" in text(as_(sam).get(f"/cases/{case.ref}/"))
    before_the_wall = text(as_(rita).get(f"/cases/{case.ref}/"))
    assert "nterest" not in before_the_wall.split('id="found"')[1].split("</section>")[0]
    assert "paid through a listed bank" not in before_the_wall


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"interest": "yes", "reason": ""}, 422),
        ({"interest": "perhaps", "reason": "x"}, 422),
        ({"interest": "undetermined", "reason": "x"}, 409),
        ({"interest": "yes", "reason": "x", "seen": "no"}, 409),
    ],
)
def test_an_interest_is_refused_with_what_is_wrong(as_, case, sam, data, status):
    assert as_(sam).post(f"/cases/{case.ref}/interest/", data).status_code == status
    case.refresh_from_db()
    assert case.blockable_interest == "undetermined"


def test_only_officers_determine_the_interest(as_, case, rita, ana, lee, aud, olu):
    data = {"interest": "no", "reason": "x"}
    for person in (rita, ana, lee, aud):
        assert as_(person).post(f"/cases/{case.ref}/interest/", data).status_code == 403
    assert as_(olu).post(f"/cases/{case.ref}/interest/", data).status_code == 404
    assert AuditEvent.objects.filter(verb="denied").count() == 4


def test_who_declared_a_conflict_finds_nothing_on_the_case(as_, case, sam, kim):
    queue.skip(case, actor=kim, reason="a cousin", conflict=True)
    answer = as_(kim).post(f"/cases/{case.ref}/interest/", {"interest": "no", "reason": "x"})
    assert answer.status_code == 403
    assert "conflict of interest" in text(answer)


def test_a_victim_of_identity_theft_is_never_shown_as_the_suspect(as_, make_case, rita, find):
    case = make_case("in_review", assignee=rita)
    find(case.account)
    data = {"identity": "stolen", "reason": "the real owner wrote to us", "seen": "undetermined"}
    assert as_(rita).post(f"/cases/{case.ref}/identity/", data).status_code == 302
    for address in (f"/cases/{case.ref}/", f"/accounts/{case.account.ref}/"):
        assert "victim of identity theft, not the suspect" in text(as_(rita).get(address))
    proposal = decisions.propose(
        case, "offboarded", actor=rita, reason_code="false_identity", reason="stolen"
    )
    page = text(as_(rita).get(f"/decisions/{proposal.pk}/"))
    assert "victim of identity theft, not the suspect" in page
    event = AuditEvent.objects.get(verb="identity")
    assert (event.case, event.account, event.wall) == (case, case.account, False)


def test_an_identity_is_said_on_the_account_page_too(as_, make_account, rita, aud):
    account = make_account("fl-lone")
    address = f"/accounts/{account.ref}/identity/"
    assert as_(rita).post(address, {"identity": "rented", "reason": ""}).status_code == 422
    assert as_(aud).post(address, {"identity": "rented", "reason": "x"}).status_code == 403
    said = {"identity": "rented", "reason": "an advert", "seen": "undetermined"}
    assert as_(rita).post(address, said).status_code == 302
    again = as_(rita).post(address, said)
    assert again.status_code == 409
    assert "Somebody found otherwise meanwhile" in text(again)
    assert "Rented: the owner lends name or account" in text(as_(rita).get("/accounts/fl-lone/"))


def test_with_compliance_an_officer_says_whose_identity(as_, case, rita, sam):
    data = {"identity": "invented", "reason": "no such birth entry"}
    assert as_(rita).post(f"/cases/{case.ref}/identity/", data).status_code == 403
    assert as_(rita).post("/accounts/fl-abc123/identity/", data).status_code == 403
    assert as_(sam).post(f"/cases/{case.ref}/identity/", data).status_code == 302
    assert AuditEvent.objects.get(verb="identity").wall


def test_legal_keeps_an_account_open_for_an_authority(as_, case, lee, sam, rita):
    until = (timezone.localdate() + timedelta(days=30)).isoformat()
    data = {"until": until, "reference": "Prosecutor A-17"}
    for person in (sam, rita):
        assert as_(person).post(f"/cases/{case.ref}/keep-open/", data).status_code == 403
    assert "Legal confirms what an authority asks" in text(as_(sam).get(f"/cases/{case.ref}/"))
    assert as_(lee).post(f"/cases/{case.ref}/keep-open/", data).status_code == 302
    shown = text(as_(sam).get(f"/cases/{case.ref}/"))
    assert "Prosecutor A-17" in shown
    assert until in shown
    assert "Lee" in shown
    hidden = text(as_(rita).get(f"/cases/{case.ref}/"))
    assert "Prosecutor" not in hidden
    assert "keep open" not in hidden.lower()

    answer = as_(sam).post(
        f"/cases/{case.ref}/propose/",
        {"outcome": "offboarded", "reason_code": "false_identity", "reason": "r"},
    )
    assert answer.status_code == 409
    assert "Prosecutor A-17" in text(answer)


@pytest.mark.parametrize(
    "data",
    [
        {"until": "2020-01-01", "reference": "A-1"},
        {"until": "2999-01-01", "reference": "A-1"},
        {"until": "soon", "reference": "A-1"},
        {"until": "2027-01-01", "reference": ""},
    ],
)
def test_a_request_of_an_authority_has_a_date_to_come_and_a_reference(as_, case, lee, data):
    assert as_(lee).post(f"/cases/{case.ref}/keep-open/", data).status_code == 422
    case.refresh_from_db()
    assert case.flags == {}


def test_what_the_authority_no_longer_asks_is_lifted_with_a_reason(as_, case, lee):
    decisions.keep_open(case, actor=lee, until=timezone.now() + timedelta(days=1), reference="A")
    browser = as_(lee)
    address = f"/cases/{case.ref}/keep-open/lift/"
    assert browser.post(address, {"reason": ""}).status_code == 422
    assert browser.post(address, {"reason": "withdrawn in writing"}).status_code == 302
    assert browser.post(address, {"reason": "again"}).status_code == 409
