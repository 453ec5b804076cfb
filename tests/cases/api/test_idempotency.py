from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from cases.api import idempotency
from cases.models import AuditEvent, IdempotentAnswer

KEY = "HTTP_IDEMPOTENCY_KEY"


def claim(client, case, key, **body):
    return client.post(f"/api/v1/cases/{case.ref}/claim/", body, "json", **{KEY: key})


def test_the_same_request_again_gets_the_same_answer_and_does_nothing(api, rita, make_case):
    case, client = make_case(), api(rita)
    first = claim(client, case, "k1")
    again = claim(client, case, "k1")

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert again["Idempotent-Replayed"] == "true"
    assert AuditEvent.objects.filter(verb="claim").count() == 1
    case.refresh_from_db()
    assert case.fence == 1


def test_a_refusal_is_final_too(api, rita, ana, make_case):
    case = make_case("in_review", assignee=ana)
    first = claim(api(rita), case, "k1")
    again = claim(api(rita), case, "k1")

    assert (first.status_code, again.status_code) == (409, 409)
    assert first.json()["detail"] == again.json()["detail"]
    assert again["Content-Type"] == "application/problem+json"


def test_the_key_with_another_body_is_a_fault(api, rita, make_case):
    case = make_case()
    claim(api(rita), case, "k1")

    answer = claim(api(rita), case, "k1", version=0)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "key_reused"


def test_two_people_may_choose_the_same_key(api, rita, ana, make_case):
    assert claim(api(rita), make_case(), "k1").status_code == 200
    assert claim(api(ana), make_case(), "k1").status_code == 200


def test_what_was_not_understood_may_be_mended_under_the_same_key(api, rita, make_case):
    case = make_case("in_review", assignee=rita)
    url = f"/api/v1/cases/{case.ref}/escalate/"

    assert api(rita).post(url, {"version": 0}, "json", **{KEY: "k1"}).status_code == 422
    body = {"version": 0, "note": "passport looks edited"}
    assert api(rita).post(url, body, "json", **{KEY: "k1"}).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "clé", "a\tb"])
def test_a_key_that_is_none_is_refused(api, rita, make_case, key):
    assert claim(api(rita), make_case(), key).status_code == 422


def test_old_answers_are_forgotten(api, rita, make_case):
    claim(api(rita), make_case(), "old")
    IdempotentAnswer.objects.update(made_at=timezone.now() - idempotency.KEPT - timedelta(hours=1))
    claim(api(rita), make_case(), "new")

    assert list(IdempotentAnswer.objects.values_list("key", flat=True)) == ["new"]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_does_the_work(rita, make_case):
    case, start = make_case(), Barrier(6)

    def ask(_):
        client = APIClient()
        client.force_login(rita)
        try:
            start.wait(timeout=10)
            return claim(client, case, "k1")
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, range(6)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    for answer in answers:
        assert answer.status_code == 200 or answer.json()["code"] == "in_progress"
    assert AuditEvent.objects.filter(verb="claim").count() == 1
