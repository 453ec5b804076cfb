"""Account, ring, decision, compliance, policy, find, preferences and error pages."""

import pytest
from django.utils import timezone

from cases import decisions
from cases.models import AuditEvent, Decision, User


def text(response) -> str:
    return response.content.decode()


@pytest.fixture
def ida(make_account, find):
    account = make_account(
        "fl-abc123", display_name="Ida Mercer", email="ida@example.com", phone="+15550100"
    )
    find(account)
    return account


@pytest.fixture
def proven(settings):
    """The proof of identity that a step-up asks for counts as given."""
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 300

    def prove(browser):
        session = browser.session
        session["account_authentication_methods"] = [
            {"method": "password", "at": timezone.now().timestamp()}
        ]
        session.save()
        return browser

    return prove


def test_an_account_is_masked_until_it_is_revealed_with_a_reason(as_, rita, ida, proven):
    browser = proven(as_(rita))
    assert "ida@example.com" not in text(browser.get("/accounts/fl-abc123/"))

    refused = browser.post("/accounts/fl-abc123/reveal/", {"purpose": "review", "reason": ""})
    assert refused.status_code == 422
    assert "ida@example.com" not in text(refused)

    shown = browser.post(
        "/accounts/fl-abc123/reveal/", {"purpose": "review", "reason": "compare with the document"}
    )
    assert "ida@example.com" in text(shown)
    event = AuditEvent.objects.get(data__what="personal data revealed")
    assert (event.actor, event.note) == (rita, "compare with the document")
    assert "ida@example.com" not in text(browser.get("/accounts/fl-abc123/"))


def test_a_reveal_asks_again_who_is_there(as_, rita, ida):
    answer = as_(rita).post(
        "/accounts/fl-abc123/reveal/", {"purpose": "review", "reason": "compare"}
    )
    assert answer.status_code == 302
    assert "reauthenticate" in answer.url


def test_roles_that_read_no_cases_find_no_account(as_, dee, adm, olu, ida):
    for person in (dee, adm, olu):
        assert as_(person).get("/accounts/fl-abc123/").status_code == 404


@pytest.fixture
def proposal(make_case, ida, rita):
    case = make_case("in_review", account=ida, assignee=rita)
    return decisions.propose(
        case,
        "offboarded",
        actor=rita,
        reason_code="false_identity",
        reason="the document is another's",
    )


def test_the_second_person_sees_what_would_be_done(as_, sam, proposal):
    page = text(as_(sam).get(f"/decisions/{proposal.pk}/"))
    assert proposal.digest in page
    assert "What would be done, in this order" in page
    assert "We have closed your account." in page
    assert "Approve: Offboarded fl-abc123" in page


def test_the_proposer_is_told_why_not(as_, rita, proposal):
    page = text(as_(rita).get(f"/decisions/{proposal.pk}/"))
    assert "You proposed this; a second person must approve it." in page


def test_the_proposer_cannot_approve_by_the_address_either(as_, rita, proposal, proven):
    answer = proven(as_(rita)).post(f"/decisions/{proposal.pk}/approve/")
    assert answer.status_code == 403
    proposal.refresh_from_db()
    assert proposal.state == Decision.State.PROPOSED


def test_an_approval_over_changed_evidence_is_void_and_says_what_changed(
    as_, sam, proposal, ida, find, proven
):
    find(ida, "login.odd_hours")
    browser = proven(as_(sam))
    assert "The evidence is not what the proposer saw" in text(
        browser.get(f"/decisions/{proposal.pk}/")
    )
    answer = browser.post(f"/decisions/{proposal.pk}/approve/")
    assert answer.status_code == 409
    assert "findings: 1 new" in text(answer)
    proposal.refresh_from_db()
    assert proposal.state == Decision.State.VOID


def test_an_approval_is_carried_out(as_, sam, proposal, proven):
    answer = proven(as_(sam)).post(f"/decisions/{proposal.pk}/approve/", follow=True)
    proposal.refresh_from_db()
    assert (proposal.state, proposal.approved_by) == (Decision.State.APPROVED, sam)
    assert "What is done" in text(answer)


def test_a_rejection_needs_a_reason(as_, sam, proposal):
    browser = as_(sam)
    assert browser.post(f"/decisions/{proposal.pk}/reject/", {"reason": ""}).status_code == 422
    browser.post(f"/decisions/{proposal.pk}/reject/", {"reason": "ask the client first"})
    proposal.refresh_from_db()
    assert proposal.state == Decision.State.REJECTED


def test_approvals_wait_on_the_first_page_of_who_may_sign(as_, rita, sam, proposal):
    assert proposal.case.ref in text(as_(sam).get("/"))
    assert "No proposal waits for you" in text(as_(rita).get("/"))


def test_compliance_is_for_who_stands_behind_the_wall(as_, rita, sam, lee, make_case):
    case = make_case("escalated")
    assert as_(rita).get("/compliance/").status_code == 403
    for person in (sam, lee):
        assert case.ref in text(as_(person).get("/compliance/"))


def test_the_ring_page_shows_members_and_how_many_share(as_, rita, make_ring):
    ring = make_ring(4)
    page = text(as_(rita).get(f"/rings/{ring.pk}/"))
    assert "4 accounts" in page
    assert "Device" in page
    assert as_(rita).get("/rings/99999/").status_code == 404


def test_a_hand_on_a_ring_needs_a_reason_and_the_right(as_, rita, aud, make_ring):
    ring = make_ring(3)
    member = ring.members.first()
    answer = as_(rita).post(f"/rings/{ring.pk}/cut/", {"account": member.ref, "reason": ""})
    assert answer.status_code == 422
    refused = as_(aud).post(f"/rings/{ring.pk}/cut/", {"account": member.ref, "reason": "no"})
    assert refused.status_code == 403


def test_the_policy_explains_its_numbers(as_, rita, dee, olu):
    for person in (rita, dee):
        assert "score at which a case opens" in text(as_(person).get("/policy/"))
    assert as_(olu).get("/policy/").status_code == 403


def hits(browser, q: str) -> list[str]:
    return [hit.label for hit in browser.get("/find/", {"q": q}).context["hits"]]


def test_find_leads_from_what_people_paste(as_, rita, make_case, ida, make_ring):
    case, ring = make_case(account=ida), make_ring(2)
    browser = as_(rita)
    assert hits(browser, case.ref) == [case.ref]
    assert hits(browser, case.ref.lower()) == [case.ref]
    assert hits(browser, "fl-abc") == ["fl-abc123"]
    assert f"Ring {ring.pk}" in hits(browser, f"ring {ring.pk}")
    assert hits(browser, f"https://portal.example/cases/{case.ref}/") == [case.ref]


def test_find_shows_only_what_one_may_see(as_, rita, dee, make_case):
    hidden = make_case(restricted=True)
    assert hidden.ref not in hits(as_(rita), hidden.ref)
    assert hits(as_(dee), hidden.ref) == []


def test_preferences_are_kept_with_the_person(as_, rita):
    browser = as_(rita)
    page = text(browser.get("/preferences/"))
    assert 'data-theme="auto"' in page
    data = {"theme": "dark", "density": "roomy", "keys": "off", "time_zone": "Asia/Seoul"}
    data |= {"key:note": "w"}
    answer = browser.post("/preferences/", data, follow=True)
    page = text(answer)
    assert 'data-theme="dark"' in page
    assert 'data-keys="off"' in page
    rita = User.objects.get(pk=rita.pk)
    assert rita.time_zone == "Asia/Seoul"
    assert rita.preferences["keymap"]["note"] == "w"


def test_one_key_does_not_do_two_things(as_, rita):
    data = {"theme": "dark", "density": "roomy", "keys": "on", "time_zone": "UTC"}
    answer = as_(rita).post("/preferences/", data | {"key:note": "w", "key:escalate": "w"})
    assert answer.status_code == 422
    assert "Already used by" in text(answer)


def test_a_time_zone_that_is_none_is_refused(as_, rita):
    data = {"theme": "dark", "density": "roomy", "keys": "on", "time_zone": "../etc/passwd"}
    assert as_(rita).post("/preferences/", data).status_code == 422


def test_pages_are_not_kept_by_browsers(as_, rita):
    assert "no-store" in as_(rita).get("/queue/")["Cache-Control"]


def test_what_is_not_there_names_the_request(as_, rita):
    answer = as_(rita).get("/nowhere/")
    assert answer.status_code == 404
    assert answer["X-Request-ID"] in text(answer)


@pytest.mark.parametrize("address", ["/", "/queue/", "/policy/", "/find/", "/compliance/"])
def test_pages_need_a_sign_in(client, db, address):
    assert client.get(address).status_code == 302
