"""The case page: what it says, what it refuses, what it keeps, and at what cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cases import decisions, visits
from cases.models import AuditEvent, CaseVisit, Note

HTMX = {"HX-Request": "true", "HX-Target": "rail"}


@pytest.fixture
def case(make_case, make_account, find, rita):
    account = make_account(
        "fl-abc123", display_name="Ida Mercer", email="ida@example.com", phone="+15550100"
    )
    find(account)
    find(account, "login.odd_hours", "0.5")
    return make_case("in_review", account=account, assignee=rita)


def text(response) -> str:
    return response.content.decode()


def test_each_line_of_the_score_says_how_it_came_about(as_, rita, case):
    page = text(as_(rita).get(f"/cases/{case.ref}/"))
    assert "weight 8 × confidence 0.9 = 7.2" in page
    assert "An honest person can look like document.reused." in page
    assert "US22-P1" in page
    assert "Sum 8.70" in page


def test_personal_data_is_masked_and_looking_is_recorded(as_, rita, case):
    page = text(as_(rita).get(f"/cases/{case.ref}/"))
    for secret in ("Ida Mercer", "ida@example.com", "+15550100"):
        assert secret not in page
    assert AuditEvent.objects.filter(verb="read", case=case, actor=rita).count() == 1


def test_nothing_is_shown_when_looking_cannot_be_recorded(as_, rita, case, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("the trail is full")

    monkeypatch.setattr("cases.views.case.audit.read", broken)
    browser = as_(rita)
    browser.raise_request_exception = False
    answer = browser.get(f"/cases/{case.ref}/")
    assert answer.status_code == 500
    assert case.ref not in text(answer)


@pytest.mark.parametrize("ref", ["C-999999", "nothing", "C-000001'"])
def test_what_is_not_there_is_not_found(as_, rita, case, ref):
    assert as_(rita).get(f"/cases/{ref}/").status_code == (200 if ref == case.ref else 404)


def test_a_restricted_case_looks_like_none(as_, rita, sam, make_case):
    hidden = make_case(restricted=True)
    assert as_(rita).get(f"/cases/{hidden.ref}/").status_code == 404
    assert as_(rita).post(f"/cases/{hidden.ref}/claim/").status_code == 404
    assert as_(sam).get(f"/cases/{hidden.ref}/").status_code == 200


def test_what_cannot_be_done_says_why(as_, ana, case):
    page = text(as_(ana).get(f"/cases/{case.ref}/"))
    assert "Rita holds" in page


def test_a_claim_makes_it_mine_and_a_release_gives_it_back(as_, rita, make_case):
    case = make_case()
    browser = as_(rita)
    assert browser.post(f"/cases/{case.ref}/claim/").status_code == 302
    case.refresh_from_db()
    assert (case.state, case.assignee) == ("in_review", rita)
    browser.post(f"/cases/{case.ref}/release/", {"fence": case.fence})
    case.refresh_from_db()
    assert (case.state, case.assignee) == ("open", None)


def test_a_missing_reason_is_refused_and_the_form_stays(as_, rita, case):
    answer = as_(rita).post(f"/cases/{case.ref}/escalate/", {"reason": "", "version": 0})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in text(answer)


def test_an_escalation_hands_the_case_to_compliance(as_, rita, case):
    as_(rita).post(f"/cases/{case.ref}/escalate/", {"reason": "listed wallet", "version": 0})
    case.refresh_from_db()
    assert (case.state, case.queue, case.assignee) == ("escalated", "compliance", None)


def test_a_closed_case_is_reopened_with_a_reason(as_, ana, make_case):
    case = make_case("closed")
    browser = as_(ana)
    data = {"reason": "a new document came", "version": 0}
    assert browser.post(f"/cases/{case.ref}/reopen/", data).status_code == 302
    case.refresh_from_db()
    assert (case.state, case.reopened_because) == ("open", "a new document came")


def test_a_stale_page_says_what_changed_and_keeps_the_text(as_, rita, ana, case):
    decisions.transitions.apply(case, "request_verification", actor=rita)
    case.refresh_from_db()
    decisions.transitions.apply(
        case,
        "record_verification",
        actor=None,
        to="in_review",
        assignee=rita,
        claimed_until=timezone.now() + timedelta(hours=1),
    )
    answer = as_(rita).post(
        f"/cases/{case.ref}/escalate/", {"reason": "typed with care", "version": 0}
    )
    page = text(answer)
    assert answer.status_code == 409
    assert "The case changed while you worked" in page
    assert "Request verification" in page
    assert "typed with care" in page
    case.refresh_from_db()
    assert f'name="version" value="{case.version}"' in page


def test_htmx_gets_the_parts_that_a_verb_may_have_changed(as_, rita, make_case):
    case = make_case()
    page = text(as_(rita).post(f"/cases/{case.ref}/claim/", headers=HTMX))
    assert "<html" not in page
    for part in ("rail", "case-head", "activity", "verification", "messages"):
        assert f'id="{part}"' in page


def test_notes_are_added_and_corrected_never_changed(as_, rita, case):
    browser = as_(rita)
    browser.post(f"/cases/{case.ref}/notes/", {"text": "first <b>words</b>"})
    old = Note.objects.get()
    browser.post(f"/cases/{case.ref}/notes/", {"text": "better words", "replaces": old.pk})
    page = text(browser.get(f"/cases/{case.ref}/"))
    assert "first &lt;b&gt;words&lt;/b&gt;" in page
    assert "corrected later" in page
    assert "better words" in page


def test_a_note_behind_the_wall_is_not_for_analysts(as_, rita, sam, make_case):
    case = make_case("in_compliance", assignee=sam)
    as_(sam).post(f"/cases/{case.ref}/notes/", {"text": "only for us", "wall": "on"})
    assert "only for us" in text(as_(sam).get(f"/cases/{case.ref}/"))
    assert "only for us" not in text(as_(rita).get(f"/cases/{case.ref}/"))


def test_decide_and_next_shows_the_next_case(as_, rita, make_case, make_account, find):
    account = make_account()
    find(account, "login.odd_hours", "0.5")
    case = make_case("in_review", account=account, assignee=rita, score_at_opening=1)
    waiting = make_case()
    answer = as_(rita).post(
        f"/cases/{case.ref}/propose/",
        {
            "outcome": "cleared",
            "reason_code": "innocent_reading_holds",
            "reason": "travels for work",
            "version": case.version,
            "then": "next",
        },
    )
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("closed", "cleared")
    assert answer.url == f"/cases/{waiting.ref}/"


def test_a_reason_of_another_outcome_is_refused(as_, rita, case):
    answer = as_(rita).post(
        f"/cases/{case.ref}/propose/",
        {"outcome": "cleared", "reason_code": "false_identity", "reason": "x", "version": 0},
    )
    assert answer.status_code == 409
    assert "no reason for cleared" in text(answer)


def test_what_is_new_since_the_last_visit_is_marked(as_, rita, case, find):
    browser = as_(rita)
    assert "since you last looked" not in text(browser.get(f"/cases/{case.ref}/"))
    CaseVisit.objects.update(at=timezone.now() - timedelta(hours=2))
    find(case.account, "login.odd_hours", "0.7")
    assert "new</span> since you last looked" in text(browser.get(f"/cases/{case.ref}/"))


def test_looking_again_at_once_is_the_same_visit(case, rita):
    assert visits.note(case, user=rita) is None
    assert visits.note(case, user=rita) is None
    CaseVisit.objects.update(at=timezone.now() - timedelta(hours=1))
    assert visits.note(case, user=rita) is not None
    assert visits.note(case, user=rita) is not None


def test_hostile_text_is_text(as_, rita, make_case, make_account, find):
    account = make_account("fl-x", display_name="<script>alert(1)</script>")
    find(account)
    case = make_case(
        account=account, opened_because={"rule": "score", "detail": "<img src=x onerror=alert(1)>"}
    )
    for address in (f"/cases/{case.ref}/", "/queue/", "/accounts/fl-x/"):
        page = text(as_(rita).get(address))
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_a_ring_of_300_costs_no_more_queries_than_one_of_three(
    as_, rita, make_ring, make_case, django_assert_max_num_queries
):
    counts = []
    for size in (3, 300):
        ring = make_ring(size)
        members = list(ring.members.order_by("pk"))
        cases = [make_case(account=member) for member in members]
        browser = as_(rita)
        for address in (f"/cases/{cases[0].ref}/", f"/rings/{ring.pk}/"):
            browser.get(address)
            with CaptureQueriesContext(connection) as caught:
                assert browser.get(address).status_code == 200
            counts.append(len(caught))
    assert counts[:2] == counts[2:]
    assert max(counts) <= 50
