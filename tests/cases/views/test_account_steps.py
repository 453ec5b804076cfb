"""A step that was mandated before there is a case is seen and recorded at the account."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cases.models import Verification
from signals import typology_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def step(make_account):
    typology_store.load(typology_store.SHIPPED / "dprk_itw")
    now = timezone.now()
    return Verification.objects.create(
        account=make_account("fl-new"), typology_code="dprk_itw", step="video_authentication",
        trigger="new_account_at_risk", mandated=True, requested_at=now,
        due_at=now + timedelta(days=5), reason_told="Please choose a time.",
    )  # fmt: skip


def attempt(step, **more):
    return {
        "outcome": "refused", "channel": "video", "performed": "me", "face": "",
        "held_at": timezone.localtime().strftime("%Y-%m-%dT%H:%M"), **more,
    }  # fmt: skip


def url(step):
    return f"/accounts/{step.account.ref}/verifications/{step.pk}/attempts/"


def test_the_account_page_shows_it_and_an_analyst_records_an_attempt(sign_in, rita, step):
    client = sign_in(rita)
    page = client.get("/accounts/fl-new/").content.decode()
    assert "no case" in page
    assert url(step) in page

    answer = client.post(url(step), attempt(step))

    assert answer.status_code == 302
    assert step.attempts.get().outcome == "refused"
    assert "refused" in client.get("/accounts/fl-new/").content.decode()


def test_bad_input_keeps_what_was_typed_and_too_late_is_said(sign_in, rita, step):
    client = sign_in(rita)
    answer = client.post(url(step), attempt(step, outcome="nonsense", note="kept words"))
    assert answer.status_code == 422
    assert "kept words" in answer.content.decode()
    Verification.objects.update(outcome="expired", settled_at=timezone.now())
    assert client.post(url(step), attempt(step)).status_code == 409
    assert not step.attempts.exists()


def test_an_adverse_attempt_waits_for_another_person(sign_in, rita, ana, step):
    sign_in(rita).post(url(step), attempt(step, outcome="failed"))
    tried = step.attempts.get()
    look = f"/accounts/fl-new/attempts/{tried.pk}/look/"
    assert sign_in(rita).post(look, {"agrees": "yes", "note": "n"}).status_code == 409
    assert sign_in(ana).post(look, {"agrees": "yes", "note": "n"}).status_code == 302
    step.refresh_from_db()
    assert step.outcome == "failed"


@pytest.mark.parametrize(("who", "status"), [("aud", 403), ("olu", 404), ("dee", 404)])
def test_only_people_who_work_on_cases_record(sign_in, request, step, who, status):
    client = sign_in(request.getfixturevalue(who))
    assert client.post(url(step), attempt(step)).status_code == status
    assert not step.attempts.exists()


def test_the_api_shows_it_without_a_case(sign_in, rita, step):
    rows = sign_in(rita).get("/api/v1/verifications/?pending=true").json()["results"]
    assert [(row["account"], row["case"]) for row in rows] == [("fl-new", None)]
