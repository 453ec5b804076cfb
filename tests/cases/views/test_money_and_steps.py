"""Holds and verification through the pages: who may, who must be second, who is told why not."""

import pytest
from django.utils import timezone

from cases import holds, queue, verification
from cases.models import HoldRequest, Verification, VerificationAttempt
from tests.cases import life


def text(response) -> str:
    return response.content.decode()


@pytest.fixture
def case(make_case, make_account, rita):
    life.load()
    case = make_case(account=make_account("fl-abc123"))
    queue.claim(case, actor=rita)
    return case


@pytest.fixture
def video(case, rita):
    step = verification.request(case, "video", actor=rita)
    case.refresh_from_db()
    return step


def attempt(outcome, **fields):
    held = timezone.localtime().strftime("%Y-%m-%dT%H:%M")
    return {"outcome": outcome, "held_at": held, "performed": "me", "channel": "video", **fields}


def test_an_attempt_is_recorded_by_its_protocol(sign_in, video, case, rita):
    address = f"/cases/{case.ref}/verifications/{video.pk}/attempts/"
    browser = sign_in(rita)
    page = text(browser.get(f"/cases/{case.ref}/"))
    assert f'action="{address}"' in page
    assert "Wave." in page
    assert browser.post(address, {"outcome": ""}).status_code == 422
    done = {"challenge:wave": "passed", "challenge:turn": "passed", "face": "yes"}
    assert browser.post(address, attempt("passed", **done)).status_code == 302
    row = VerificationAttempt.objects.get()
    assert (row.outcome, row.recorded_by, row.performed_by) == ("passed", rita, rita)
    assert row.challenges[0] == {"challenge": "wave", "result": "passed"}
    assert Verification.objects.get().outcome == "passed"
    assert browser.post(address, attempt("passed", **done)).status_code == 409


def test_an_adverse_attempt_waits_for_a_second_person(sign_in, video, case, rita, ana, aud):
    record = f"/cases/{case.ref}/verifications/{video.pk}/attempts/"
    data = attempt("failed", face="no", **{"challenge:wave": "failed", "challenge:turn": "failed"})
    assert sign_in(rita).post(record, data).status_code == 302
    row = VerificationAttempt.objects.get()
    look = f"/cases/{case.ref}/attempts/{row.pk}/look/"
    page = text(sign_in(rita).get(f"/cases/{case.ref}/"))
    assert "waits for a second person to look at it; you took part" in page
    assert look not in page
    said = {"agrees": "yes", "note": "another face"}
    assert sign_in(rita).post(look, said).status_code == 409
    assert look not in text(sign_in(aud).get(f"/cases/{case.ref}/"))
    assert sign_in(aud).post(look, said).status_code == 403
    assert look in text(sign_in(ana).get(f"/cases/{case.ref}/"))
    assert sign_in(ana).post(look, {"agrees": "yes", "note": ""}).status_code == 422
    assert sign_in(ana).post(look, said).status_code == 302
    row.refresh_from_db()
    assert (row.second_reviewer, row.second_review_agrees) == (ana, True)
    assert Verification.objects.get().outcome == "failed"
    assert sign_in(ana).post(look, said).status_code == 409


def test_a_step_is_eased_by_reviewers_and_waived_by_seniors(sign_in, video, case, rita, ana):
    base = f"/cases/{case.ref}/verifications/{video.pk}/"
    page = text(sign_in(rita).get(f"/cases/{case.ref}/"))
    assert "Only a senior analyst or a compliance officer does without a step." in page
    assert sign_in(rita).post(f"{base}accommodate/", {"reason": ""}).status_code == 422
    assert sign_in(rita).post(f"{base}accommodate/", {"reason": "by phone"}).status_code == 302
    assert Verification.objects.get().accommodation
    assert sign_in(rita).post(f"{base}waive/", {"reason": "x"}).status_code == 403
    assert sign_in(ana).post(f"{base}waive/", {"reason": "known client"}).status_code == 302
    assert Verification.objects.get().waived_by == ana
    assert sign_in(ana).post(f"{base}waive/", {"reason": "again"}).status_code == 409


@pytest.fixture
def walled(make_case, make_account, sam):
    life.load()
    return make_case("in_compliance", account=make_account("fl-money"), assignee=sam)


def test_a_block_waits_for_its_second_person(sign_in, walled, sam, kim, rita):
    address = f"/cases/{walled.ref}/hold/"
    assert sign_in(sam).post(address, {"level": "blocked_property"}).status_code == 422
    data = {"level": "blocked_property", "reason": "a listed owner"}
    assert sign_in(rita).post(address, data).status_code == 422  # not among what she may choose
    assert sign_in(sam).post(address, data).status_code == 302
    asked = HoldRequest.objects.get()
    confirm = f"{address}{asked.pk}/confirm/"
    assert "You asked for this; a second person must agree." in text(
        sign_in(sam).get(f"/cases/{walled.ref}/")
    )
    assert sign_in(sam).post(confirm).status_code == 403
    assert sign_in(rita).post(confirm).status_code == 404
    assert confirm in text(sign_in(kim).get(f"/cases/{walled.ref}/"))
    assert sign_in(kim).post(confirm).status_code == 302
    assert holds.level_of(walled.account) == "blocked_property"
    assert sign_in(kim).post(confirm).status_code == 409


def test_a_change_is_turned_down_with_a_reason_and_the_money_stays(sign_in, walled, sam, kim, aud):
    holds.set_hold(walled.account, "blocked_property", actor=sam, reason="r", case=walled)
    refuse = f"/cases/{walled.ref}/hold/{HoldRequest.objects.get().pk}/refuse/"
    page = text(sign_in(aud).get(f"/cases/{walled.ref}/"))
    assert refuse not in page
    assert "may turn it down." in page
    assert sign_in(aud).post(refuse, {"reason": "x"}).status_code == 403
    assert sign_in(kim).post(refuse, {"reason": ""}).status_code == 422
    assert sign_in(kim).post(refuse, {"reason": "no owner"}).status_code == 302
    assert holds.level_of(walled.account) == "normal"
    assert sign_in(kim).post(refuse, {"reason": "again"}).status_code == 409


def test_a_hold_is_justified_by_another_and_told_again(sign_in, case, rita, ana, aud):
    holds.set_hold(case.account, "soft_hold", actor=rita, reason="r", case=case)
    base = f"/cases/{case.ref}/hold/"
    page = text(sign_in(rita).get(f"/cases/{case.ref}/"))
    assert f"{base}justify/" not in page
    assert "may confirm this hold." in page
    assert sign_in(rita).post(f"{base}justify/", {"reason": "x"}).status_code == 403
    assert f"{base}justify/" in text(sign_in(ana).get(f"/cases/{case.ref}/"))
    assert sign_in(ana).post(f"{base}justify/", {"reason": ""}).status_code == 422
    assert sign_in(ana).post(f"{base}justify/", {"reason": "still open"}).status_code == 302
    hold = holds.current(case.account)
    assert (hold.second_by, hold.review_at) == (ana, None)
    assert "may send it again." in text(sign_in(aud).get(f"/cases/{case.ref}/"))
    assert sign_in(aud).post(f"{base}resend/").status_code == 403
    assert sign_in(rita).post(f"{base}resend/").status_code == 302
    life.answer(holds.current(case.account))
    assert sign_in(rita).post(f"{base}resend/").status_code == 409


def test_ones_own_note_is_corrected_and_nobody_elses(sign_in, case, rita, ana):
    address = f"/cases/{case.ref}/notes/"
    sign_in(rita).post(address, {"text": "first"})
    note = case.notes.get()
    assert f'id="correct-{note.pk}"' in text(sign_in(rita).get(f"/cases/{case.ref}/"))
    assert f'id="correct-{note.pk}"' not in text(sign_in(ana).get(f"/cases/{case.ref}/"))
    better = {"text": "better", "replaces": note.pk}
    assert sign_in(ana).post(address, better).status_code == 409
    assert sign_in(rita).post(address, {**better, "text": ""}).status_code == 422
    assert sign_in(rita).post(address, {**better, "replaces": 999_999}).status_code == 404
    assert sign_in(rita).post(address, better).status_code == 302
    assert sign_in(rita).post(address, better).status_code == 409


def test_a_conflict_of_interest_lets_the_case_go_for_good(sign_in, case, rita):
    address = f"/cases/{case.ref}/skip/"
    assert sign_in(rita).post(address, {"reason": ""}).status_code == 422
    said = {"reason": "my neighbour", "conflict": "on"}
    assert sign_in(rita).post(address, said).status_code == 302
    case.refresh_from_db()
    assert (case.state, case.assignee) == ("open", None)
    page = text(sign_in(rita).get(f"/cases/{case.ref}/"))
    assert "You declared a conflict of interest: it is never given to you." in page
    assert sign_in(rita).post(f"/cases/{case.ref}/claim/").status_code == 409
