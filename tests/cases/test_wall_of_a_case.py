"""What who stands before the wall sees of a case that is with compliance, and what not."""

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from cases import decisions, holds, notes, queue, wall
from cases.models import Attachment, AuditEvent, Decision, Note
from cases.transitions import NotAllowed
from tests.cases import life

SECRET = "xyzzy-behind"


@pytest.fixture
def case(make_case, rita, sam):
    """Rita wrote and escalated; Sam wrote, holds the money and proposes."""
    life.load()
    case = make_case(score_at_opening=12)
    life.find(case.account, "papers.forged", score=12)
    queue.claim(case, actor=rita)
    notes.add(case, "seen before the wall", actor=rita)
    decisions.escalate(case, actor=rita, reason="for compliance")
    queue.claim(case, actor=sam)
    notes.add(case, f"{SECRET} note", actor=sam)
    notes.attach(case, actor=sam, name=f"{SECRET}.txt", content=b"x", content_type="text/plain")
    holds.set_hold(case.account, "compliance_hold", actor=sam, reason=f"{SECRET} hold", case=case)
    decisions.propose(
        case, "offboarded", actor=sam, reason_code="false_identity", reason=f"{SECRET} reason"
    )
    case.refresh_from_db()
    return case


def get(user, url):
    asking = APIClient()
    asking.force_login(user)
    return asking.get(url)


def test_the_view_before_the_wall(case, rita):
    seen = wall.view_of(case, rita)
    assert seen.behind_wall
    assert not seen.compliance
    assert seen.state_label == "with compliance"
    assert [note.text for note in seen.notes] == ["seen before the wall"]
    assert not seen.decisions.exists()
    assert not seen.hits.exists()
    assert not seen.proposals
    assert seen.hold_label == "payouts on hold"
    assert not seen.hold_details
    assert {event.verb for event in seen.events} >= {"claim", "note", "escalate"}
    assert not seen.events.filter(note__contains=SECRET).exists()


@pytest.mark.parametrize("role", ["officer", "legal", "auditor"])
def test_the_view_behind_the_wall(case, person, role):
    seen = wall.view_of(case, person("other", role))
    assert seen.compliance
    assert seen.state_label == "pending approval"
    assert seen.notes.count() == 2
    assert seen.decisions.count() == 1
    assert seen.hold_label != "payouts on hold"


def test_who_left_stands_before_the_wall(case, sam):
    sam.is_active = False
    assert not wall.view_of(case, sam).compliance


@pytest.mark.parametrize("role", ["analyst", "senior"])
def test_no_door_of_the_api_tells_it(case, person, role):
    user = person("other", role)
    for url in (
        f"/api/v1/cases/{case.ref}/", "/api/v1/cases/", "/api/v1/decisions/",
        "/api/v1/verifications/", "/api/v1/hold-requests/", f"/api/v1/accounts/{case.account.ref}/",
    ):  # fmt: skip
        answer = get(user, url)
        assert SECRET not in answer.content.decode(), url
        assert "compliance_hold" not in answer.content.decode(), url
    assert get(user, f"/api/v1/cases/{case.ref}/").json()["decisions"] == []
    proposal = case.decisions.get()
    assert get(user, f"/api/v1/decisions/{proposal.pk}/").status_code == 404


@pytest.mark.parametrize("role", ["analyst", "senior"])
def test_no_page_tells_it(case, person, client, role):
    client.force_login(person("other", role))
    for url in (
        f"/cases/{case.ref}/", f"/accounts/{case.account.ref}/", "/queue/", f"/find/?q={SECRET}",
    ):  # fmt: skip
        page = client.get(url).content.decode()
        if not url.startswith("/find/"):  # which repeats what was asked for
            assert SECRET not in page, url
        assert f"{SECRET} note" not in page
    assert client.get(f"/decisions/{case.decisions.get().pk}/").status_code == 404


def test_rows_behind_the_wall_are_not_counted_either(case, rita, sam):
    for model, count in ((Note, 2), (Decision, 1), (Attachment, 1)):
        assert model.objects.visible_to(sam).filter(case=case).count() == count
        assert model.objects.visible_to(rita).filter(case=case).count() == (model is Note)
    assert not AuditEvent.objects.visible_to(rita).filter(note__contains=SECRET).exists()


def test_an_officers_note_can_be_meant_for_everybody(case, rita, sam):
    notes.add(case, "please ask for the lease", actor=sam, wall=False)
    assert Note.objects.visible_to(rita).filter(text__contains="lease").exists()


def test_an_analyst_still_adds_to_a_case_that_is_with_compliance(case, rita, sam):
    note = notes.add(case, "one more thing", actor=rita, wall=True)
    assert not note.wall, "nobody writes where they cannot read"
    assert note in Note.objects.visible_to(rita)


def test_a_correction_of_a_walled_note_stays_behind_the_wall(case, rita, sam):
    old = case.notes.get(wall=True)
    fresh = notes.add(case, f"{SECRET} better", actor=sam, wall=False, replaces=old)
    assert fresh.wall
    with pytest.raises(NotAllowed, match="corrected already"):
        notes.add(case, "again", actor=sam, replaces=old)
    with pytest.raises(NotAllowed, match="your own"):
        notes.add(case, "mine", actor=rita, replaces=fresh)


def test_hold_labels(case, kim):
    account = case.account
    assert wall.hold_label(None, False) == "payouts run"
    hold = holds.current(account)
    hold.level = "blocked_property"
    assert wall.hold_label(hold, False) == "payouts on hold"
    hold.level = "returned_to_client"
    assert wall.hold_label(hold, False) == "payouts on hold"
    hold.level, hold.set_at = "released", timezone.now()
    assert wall.hold_label(hold, True) == "payouts run"
