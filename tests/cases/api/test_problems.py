import json

import pytest
from rest_framework.exceptions import MethodNotAllowed

from cases.api import problems

JSON = "application/json"


def test_an_unknown_address_is_a_problem_for_everybody(client, settings):
    for method in ("get", "post"):
        answer = getattr(client, method)("/api/v1/nothing-here/")

        assert answer.status_code == 404
        assert answer["Content-Type"] == problems.MEDIA_TYPE
        assert answer.json()["type"] == "urn:tsportal:problem:not_found"
        assert answer.json()["instance"] == "/api/v1/nothing-here/"


def test_an_unknown_address_elsewhere_is_a_page(client):
    assert client.get("/nothing-here/")["Content-Type"].startswith("text/html")


def test_the_last_resort_says_no_reason(rf):
    answer = problems.server_error(rf.get("/api/v1/me/"))

    assert answer.status_code == 500
    assert set(json.loads(answer.content)) == {
        "type",
        "title",
        "status",
        "code",
        "detail",
        "instance",
        "request_id",
    }


def test_nobody_gets_a_challenge(api, db):
    answer = api().get("/api/v1/me/")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == problems.MEDIA_TYPE


def test_a_wrong_method_is_a_problem_that_names_the_right_ones(api, rita):
    answer = api(rita).delete("/api/v1/cases/")

    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD, POST"
    assert answer.json()["code"] == MethodNotAllowed.default_code


def test_options_and_head_give_nothing_away(api, rita):
    assert api(rita).options("/api/v1/cases/").status_code == 405


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        '"x"',
        "12",
        '{"version": NaN}',
        '{"version": 1, "version": 2}',
        '{"version": ' + "[" * 40 + "]" * 40 + "}",
        "[" * 100_000,
        "\ufeff{}",
        '{"version": 1' + "0" * 5000 + "}",
    ],
)
def test_a_body_that_cannot_be_read_is_a_400(api, rita, make_case, body):
    case = make_case()

    answer = api(rita).post(f"/api/v1/cases/{case.ref}/claim/", body, content_type=JSON)

    assert answer.status_code == 400, answer.json()
    assert answer.json()["code"] == "bad_json"


def test_a_body_that_is_too_large_is_a_413(api, rita, make_case):
    body = json.dumps({"note": "x" * 300_000})

    answer = api(rita).post(f"/api/v1/cases/{make_case().ref}/escalate/", body, content_type=JSON)

    assert answer.status_code == 413


def test_another_media_type_is_a_415(api, rita, make_case):
    answer = api(rita).post(f"/api/v1/cases/{make_case().ref}/claim/", {"version": 0}, "multipart")

    assert answer.status_code == 415


def test_each_fault_of_a_body_is_named_with_its_pointer(api, rita, make_case):
    body = {"version": -1, "note": "a\x00b", "state": "closed", "a/b~c": 1}

    answer = api(rita).post(f"/api/v1/cases/{make_case().ref}/escalate/", body, "json")

    assert answer.status_code == 422
    assert {(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]} == {
        ("/state", "unknown"),
        ("/a~1b~0c", "unknown"),
    }

    body = {"version": -1, "note": "a\x00b"}
    answer = api(rita).post(f"/api/v1/cases/{make_case().ref}/escalate/", body, "json")
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {"/version", "/note"}


def test_too_late_says_what_changed(api, rita, ana, make_case):
    case = make_case()
    assert api(rita).post(f"/api/v1/cases/{case.ref}/claim/", {}, "json").status_code == 200

    answer = api(ana).post(f"/api/v1/cases/{case.ref}/claim/", {"version": 0}, "json")

    assert answer.status_code == 409
    assert answer.json()["code"] in ("stale", "not_allowed")


def test_a_reference_that_is_not_there_or_cannot_be_is_a_404(api, rita):
    for ref in ("C-999999", "x" * 128, "%27%20OR%201=1", "%00", "..%2f", "💥"):
        assert api(rita).get(f"/api/v1/cases/{ref}/").status_code == 404
