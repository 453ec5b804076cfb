"""The door as its users see it: outcomes, balance, refusals of whole requests."""

import gzip
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signals import detectors, keys
from signals.models import (
    ActivityEvent,
    IntakeBalance,
    IntakeBatch,
    RejectedItem,
    Signal,
)

pytestmark = pytest.mark.django_db


def outcomes(response):
    return [result["outcome"] for result in response.json()["results"]]


def test_a_finding_is_stored_with_its_weight_and_answered_with_its_id(post, watch, event):
    response = post(watch, event(evidence={"distinct_ips": 6, "distinct_countries": 4}))

    assert response.status_code == 202, response.content
    answer = response.json()
    assert (answer["received"], answer["accepted"]) == (1, 1)
    assert len(answer["results"][0]["signal"]) == 26
    signal = Signal.objects.get()
    assert (signal.account_ref, signal.indicator.code) == (
        "fl-ac45b2",
        "login.many_ips_short_window",
    )
    assert (float(signal.weight), float(signal.confidence)) == (7, 0.9)
    batch = IntakeBatch.objects.pending().get()
    assert (batch.kind, batch.count, batch.pk) == ("signals", 1, signal.batch_id)
    assert batch.first_id == signal.pk == batch.last_id


def test_every_item_ends_in_one_outcome_in_order_and_the_sums_balance(post, watch, event):
    first, other = event(), event()
    changed = {**first, "data": {**first["data"], "confidence": 0.1}}
    post(watch, first)

    response = post(watch, [other, first, changed, {"no": "event"}, other])

    assert response.status_code == 202
    answer = response.json()
    assert outcomes(response) == ["accepted", "duplicate", "conflict", "rejected", "duplicate"]
    assert [r["index"] for r in answer["results"]] == [0, 1, 2, 3, 4]
    assert answer["received"] == 5
    assert (answer["accepted"], answer["duplicate"]) == (1, 2)
    assert (answer["conflict"], answer["rejected"]) == (1, 1)
    assert answer["results"][0]["signal"] == answer["results"][4]["signal"]
    assert float(Signal.objects.get(event_id=first["id"]).confidence) == 0.9
    balance = IntakeBalance.objects.get()
    assert (balance.received, balance.accepted, balance.duplicate) == (6, 2, 2)
    assert (balance.conflict, balance.rejected) == (1, 1)


def test_the_second_of_two_equal_ids_in_a_batch_with_other_content_is_a_conflict(
    post, watch, event
):
    first = event()
    response = post(watch, [first, {**first, "subject": "account/fl-other"}])

    assert outcomes(response) == ["accepted", "conflict"]
    assert Signal.objects.get().account_ref == "fl-ac45b2"


def test_spelling_does_not_make_another_content(post, watch, event):
    first = event(evidence={"distinct_ips": 6, "distinct_asns": 2})
    again = json.loads(json.dumps(first))
    again["time"] = "2026-10-10T14:00:00+02:00"
    again["data"]["evidence"] = dict(reversed(again["data"]["evidence"].items()))
    again["traceparent"] = "00-1-2-3"

    assert outcomes(post(watch, first)) == ["accepted"]
    assert outcomes(post(watch, again)) == ["duplicate"]


def test_a_finding_without_a_fingerprint_gets_one_from_its_evidence(post, watch, event):
    post(watch, [event(), event(), event(evidence={"distinct_ips": 7})])

    prints = list(Signal.objects.order_by("event_id").values_list("fingerprint", flat=True))
    assert prints[0] == prints[1] != prints[2]
    assert all(p.startswith("c-") for p in prints)


def test_unknown_evidence_and_extension_attributes_are_kept(post, watch, event):
    post(watch, event(evidence={"distinct_ips": 6, "shoe": "left"}, traceparent="00-1"))

    signal = Signal.objects.get()
    assert signal.data["evidence"]["shoe"] == "left"
    assert signal.extensions == {"traceparent": "00-1"}


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"specversion": "0.3"}, "/specversion", "bad_format"),
        ({"specversion": 1.0}, "/specversion", "wrong_type"),
        ({"id": ""}, "/id", "bad_format"),
        ({"id": "x" * 256}, "/id", "bad_format"),
        ({"id": "a\u202eb"}, "/id", "bad_format"),
        ({"id": "a\n"}, "/id", "bad_format"),
        ({"source": "/detectors/other"}, "/source", "wrong_source"),
        ({"type": "login.nothing_like_it"}, "/type", "unknown_type"),
        ({"type": 7}, "/type", "wrong_type"),
        ({"subject": "device/d1"}, "/subject", "bad_format"),
        ({"subject": "account/"}, "/subject", "bad_format"),
        ({"subject": "account/a b"}, "/subject", "bad_format"),
        ({"subject": "account/fl-1\n"}, "/subject", "bad_format"),
        ({"subject": "account/<script>"}, "/subject", "bad_format"),
        ({"time": "2026-10-10"}, "/time", "bad_format"),
        ({"time": "2026-10-10T12:00:00"}, "/time", "bad_format"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "/time", "bad_format"),
        ({"time": "9999-12-31T23:59:59-12:00"}, "/time", "bad_format"),
        ({"time": 1}, "/time", "wrong_type"),
        ({"datacontenttype": "text/xml"}, "/datacontenttype", "bad_format"),
    ],
)
def test_attributes_are_checked_and_each_error_points_at_its_place(
    post, watch, event, change, pointer, code
):
    response = post(watch, event(**change))

    assert response.status_code == 422
    errors = response.json()["results"][0]["errors"]
    assert (pointer, code) in [(e["pointer"], e["code"]) for e in errors]
    assert not Signal.objects.exists()


def test_data_that_is_no_object_is_rejected(post, watch, event):
    errors = post(watch, {**event(), "data": []}).json()["results"][0]["errors"]
    assert {"pointer": "/data", "code": "wrong_type"}.items() <= errors[0].items()


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time", "data"])
def test_an_attribute_that_is_missing_is_named(post, watch, event, name):
    broken = event()
    del broken[name]

    errors = post(watch, broken).json()["results"][0]["errors"]

    assert {"pointer": f"/{name}", "code": "required"}.items() <= errors[0].items()


@pytest.mark.parametrize(
    ("data", "pointer", "code"),
    [
        ({"confidence": 1.1}, "/data/confidence", "out_of_range"),
        ({"confidence": -0.1}, "/data/confidence", "out_of_range"),
        ({"confidence": "high"}, "/data/confidence", "wrong_type"),
        ({"confidence": True}, "/data/confidence", "wrong_type"),
        ({"confidence": None}, "/data/confidence", "wrong_type"),
        ({"typology": "another"}, "/data/typology", "unknown_typology"),
        ({"fingerprint": "f" * 129}, "/data/fingerprint", "too_long"),
        ({"detector_version": "a\x07"}, "/data/detector_version", "bad_format"),
        ({"evidence": {"distinct_ips": "six"}}, "/data/evidence/distinct_ips", "wrong_type"),
        ({"evidence": {"distinct_ips": 1.5}}, "/data/evidence/distinct_ips", "wrong_type"),
        ({"evidence": {"ips": ["1.2.3.4", "x"]}}, "/data/evidence/ips/1", "bad_format"),
        ({"evidence": {"ips": ["1.2.3.999"]}}, "/data/evidence/ips/0", "bad_format"),
        ({"evidence": {"ips": ["::1", "1::2::3"]}}, "/data/evidence/ips/1", "bad_format"),
        ({"evidence": {"countries": ["de"]}}, "/data/evidence/countries/0", "bad_format"),
        ({"evidence": {"window_start": "noon"}}, "/data/evidence/window_start", "bad_format"),
        ({"evidence": {"successful_only": 1}}, "/data/evidence/successful_only", "wrong_type"),
        ({"evidence": []}, "/data/evidence", "wrong_type"),
    ],
)
def test_data_is_checked_against_the_indicators_fields(post, watch, event, data, pointer, code):
    response = post(watch, event(data=data))

    assert response.status_code == 422
    errors = response.json()["results"][0]["errors"]
    assert (pointer, code) in [(e["pointer"], e["code"]) for e in errors], errors


@pytest.mark.parametrize(
    "evidence",
    [
        {"religion": "x"},
        {"Ethnicity": "x"},
        {"userGender": "x"},
        {"SKIN-tone": "x"},
        {"age": 40},
        {"name_style": "x"},
        {"deep": [{"er": {"accent": "x"}}]},
        {"ｇｅｎｄｅｒ": "x"},
    ],
)
def test_evidence_that_says_who_somebody_is_is_refused(post, watch, event, evidence):
    response = post(watch, event(evidence=evidence))

    assert response.status_code == 422
    assert response.json()["results"][0]["errors"][0]["code"] == "refused_by_catalogue"
    assert not Signal.objects.exists()


def test_words_that_only_contain_a_refused_one_pass(post, watch, event):
    names = {"domain_age_days": 3, "message": "x", "session_pages": 4, "address": "x"}
    assert post(watch, event(evidence=names)).status_code == 202


def test_all_rejected_is_422_and_the_rejects_are_kept_with_their_bodies(post, watch, event):
    response = post(watch, [event(type="a.b"), event(type="c.d")])

    assert response.status_code == 422
    assert outcomes(response) == ["rejected", "rejected"]
    kept = RejectedItem.objects.order_by("pk")
    assert [item.codes for item in kept] == [["unknown_type"]] * 2
    assert json.loads(kept[0].body)["type"] == "a.b"
    assert IntakeBalance.objects.get().rejected == 2
    assert not IntakeBatch.objects.exists()


def test_only_the_newest_rejects_of_a_detector_are_kept(post, watch, event, settings):
    settings.REJECTS_KEPT = 3
    for _ in range(3):
        post(watch, [event(type="a.b"), event(type="c.d")])

    assert RejectedItem.objects.count() == 3


@pytest.mark.parametrize(
    ("media", "body", "status"),
    [
        ("text/plain", "{}", 415),
        ("application/xml", "{}", 415),
        ("application/json; charset=utf-16", "{}", 415),
        ("application/cloudevents+json", "[]", 400),
        ("application/cloudevents-batch+json", "{}", 400),
        ("application/json", "7", 400),
        ("application/json", " ", 400),
        ("application/json", "[1,", 400),
        ("application/json", b"\xff\xfe{\x00", 400),
        ("application/json", "[" * 100_000, 400),
        ("application/json", "[" + ",".join(["{}"] * 1001) + "]", 413),
        ("application/json", '"' + "x" * 9_000_000 + '"', 413),
    ],
)
def test_a_body_that_cannot_be_taken_is_one_problem_and_nothing_is_stored(
    post, watch, media, body, status
):
    response = post(watch, body, media=media)

    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    assert response.json()["detail"]
    assert not IntakeBalance.objects.exists()


def test_an_empty_batch_is_fine(post, watch):
    response = post(watch, [])

    assert response.status_code == 202
    assert response.json()["received"] == 0


def test_gzip_is_understood_and_a_bomb_is_not_unpacked(post, watch, event):
    packed = gzip.compress(json.dumps(event()).encode())
    assert post(watch, packed, **{"Content-Encoding": "gzip"}).status_code == 202

    bomb = gzip.compress(b'"' + b"x" * 50_000_000 + b'"')
    assert post(watch, bomb, **{"Content-Encoding": "gzip"}).status_code == 413
    assert post(watch, packed[:-9], **{"Content-Encoding": "gzip"}).status_code == 400
    assert post(watch, b"no gzip", **{"Content-Encoding": "gzip"}).status_code == 400
    assert post(watch, packed, **{"Content-Encoding": "br"}).status_code == 415


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer x",
        "Bearer x.y",
        "Basic abc",
        "Bearer " + "p" * 50 + ".s",
        "Bearer ü.ü",
    ],
)
def test_nobodys_key_is_401_and_says_how_to_do_it(client, watch, authorization):
    response = client.post(
        "/api/v1/signals/", "{}", "application/json", headers={"Authorization": authorization}
    )
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_two_keys_work_side_by_side_and_a_revoked_one_stops_at_once(post, watch, event):
    second = keys.make(watch, actor=None)
    assert post(watch, event()).status_code == 202
    assert post(second.text, event()).status_code == 202

    keys.revoke(watch.keys.get(prefix=watch.key_text.split(".")[0]), actor=None)

    assert post(watch, event()).status_code == 401
    assert post(second.text, event()).status_code == 202


def test_a_third_key_needs_a_revocation_and_rotation_makes_room(watch):
    keys.make(watch, actor=None)
    with pytest.raises(keys.TooManyKeys):
        keys.make(watch, actor=None)

    keys.rotate(watch, actor=None)

    assert watch.keys.live().count() == 2


def test_an_expired_key_is_refused(post, watch, event):
    watch.keys.update(expires_at="2020-01-01T00:00:00Z")
    assert post(watch, event()).status_code == 401


def test_last_used_is_written_now_and_then_not_on_each_request(post, watch, event):
    post(watch, event())
    first = watch.keys.get().last_used_at
    assert first is not None
    post(watch, event())
    assert watch.keys.get().last_used_at == first


def test_a_switched_off_detector_reads_the_reason(post, watch, event):
    detectors.switch(watch, "off", actor=None, reason="floods us")

    response = post(watch, event())

    assert response.status_code == 403
    assert response.json()["reason"] == "floods us"
    assert not Signal.objects.exists()


def test_a_shadow_detectors_signals_are_stored_and_counted_as_shadow(post, watch, event):
    detectors.switch(watch, "shadow", actor=None)

    assert post(watch, event()).json()["accepted"] == 1
    assert Signal.objects.get().shadow


def test_only_a_platform_posts_activity(post, watch, platform, fact):
    response = post(watch, fact(), kind="activity")
    assert response.status_code == 403
    assert response.json()["code"] == "platform_only"

    assert post(platform, fact(), kind="activity").status_code == 202
    assert ActivityEvent.objects.get().subject_ref == "fl-ac45b2"


def test_a_detector_reports_only_what_it_may(post, make_detector, event):
    narrow = make_detector(allowed_indicators=["login.vpn_exit"])

    response = post(narrow, [event(), event(type="login.vpn_exit", evidence={})])

    assert outcomes(response) == ["rejected", "accepted"]
    assert response.json()["results"][0]["errors"][0]["code"] == "type_not_allowed"


def test_over_quota_is_429_with_a_time_and_nothing_is_taken(post, make_detector, event):
    slow = make_detector(quota_per_minute=3, quota_per_day=4)
    assert post(slow, [event(), event()]).status_code == 202

    response = post(slow, [event(), event()])

    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60
    assert post(slow, event()).status_code == 202
    assert Signal.objects.count() == 3


def test_too_far_behind_is_503_before_anything_is_taken(post, watch, event, settings):
    settings.DOOR_PENDING_BATCHES_MAX = 1
    post(watch, event())
    post(watch, event())

    response = post(watch, event())

    assert response.status_code == 503
    assert int(response["Retry-After"]) >= 1
    assert Signal.objects.count() == 2
    assert IntakeBalance.objects.get().received == 2


def test_other_methods_are_405(client, watch):
    assert client.put("/api/v1/signals/").status_code == 405
    assert client.get("/api/v1/activity/").status_code == 405
    assert client.put("/api/v1/activity/").status_code == 405


@pytest.mark.parametrize("size", [2, 300])
def test_the_number_of_queries_does_not_grow_with_the_batch(post, watch, event, size):
    post(watch, event())
    known = [event() for _ in range(size)]
    post(watch, known)
    mixed = [*known, *(event() for _ in range(size)), *(event(type="a.b") for _ in range(size))]

    with CaptureQueriesContext(connection) as queries:
        assert post(watch, mixed).status_code == 202

    statements = [q["sql"] for q in queries if "SAVEPOINT" not in q["sql"]]
    assert len(statements) <= 9, statements
