"""Reading over the API: people by role, a detector about itself, rejects mended and replayed."""

import pytest

from cases.models import AuditEvent
from signals import detectors
from signals.models import RejectedItem, Signal

pytestmark = pytest.mark.django_db


def test_a_detector_reads_its_own_balance_quota_and_precision(client, post, watch, event):
    post(watch, [event(), event(type="a.b")])
    detectors.switch(watch, "off", actor=None, reason="a test")

    response = client.get(
        "/api/v1/detectors/self/", headers={"Authorization": f"Bearer {watch.key_text}"}
    )

    assert response.status_code == 200, response.content
    answer = response.json()
    assert answer["source"] == "/detectors/watch"
    assert answer["off_reason"] == "a test"
    assert (answer["balance"][0]["accepted"], answer["balance"][0]["rejected"]) == (1, 1)
    assert answer["quota"]["used"]["day"] == 2
    assert answer["quota"]["used"]["minute"] in (0, 2)  # the minute may have passed since
    assert answer["precision"]["value"] is None


def test_a_key_opens_nothing_else(client, watch):
    bearer = {"Authorization": f"Bearer {watch.key_text}"}
    for path in ("detectors/", "signals/?account=x", "status/", f"detectors/{watch.pk}/rejects/"):
        assert client.get(f"/api/v1/{path}", headers=bearer).status_code in (401, 403), path
    assert client.get("/api/v1/detectors/self/").status_code == 401


def test_status_says_what_waits(client, post, watch, platform, event, fact, olu):
    post(watch, [event(), event()])
    post(platform, fact(), kind="activity")
    client.force_login(olu)

    assert client.get("/api/v1/status/").json() == {
        "signals": {"waiting": 2},
        "activity": {"waiting": 1},
        "enrichment": {"waiting": 0},
        "webhooks": {"waiting": 0},
    }


def test_people_read_signals_of_an_account_and_it_is_recorded(
    client, post, watch, event, rita, make_account
):
    make_account("fl-ac45b2")
    ulid = post(watch, event()).json()["results"][0]["signal"]
    client.force_login(rita)

    one = client.get(f"/api/v1/signals/{ulid}/").json()
    many = client.get("/api/v1/signals/?account=fl-ac45b2").json()["results"]

    assert one["id"] == ulid
    assert one == many[0]
    assert one["evidence"] == {"distinct_ips": 6}
    assert len(one["sha256"]) == 64
    assert AuditEvent.objects.filter(verb="read", actor=rita).count() == 2
    assert client.get("/api/v1/signals/").status_code == 422
    assert client.get("/api/v1/signals/nonsense/").status_code == 404


def test_names_in_evidence_are_masked_for_programs_too(
    client, post, watch, event, rita, make_account
):
    make_account("fl-ac45b2")
    ulid = post(watch, event(evidence={"distinct_ips": 6, "account_name": "Rosa Marsh"})).json()[
        "results"
    ][0]["signal"]
    client.force_login(rita)
    for path in (f"/api/v1/signals/{ulid}/", "/api/v1/signals/?account=fl-ac45b2"):
        assert "Rosa" not in client.get(path).content.decode(), path


def test_who_builds_detectors_sees_them_and_no_signal(client, post, watch, event, dee, olu):
    ulid = post(watch, event()).json()["results"][0]["signal"]
    client.force_login(dee)
    assert client.get("/api/v1/detectors/").json()["results"][0]["source"] == "/detectors/watch"
    assert client.get(f"/api/v1/detectors/{watch.pk}/").json()["balance"][0]["accepted"] == 1
    assert client.get(f"/api/v1/signals/{ulid}/").status_code in (403, 404)
    client.force_login(olu)
    assert client.get("/api/v1/detectors/").status_code == 403


def test_a_reject_is_seen_masked_mended_and_replayed_once(client, post, watch, event, dee):
    post(watch, event(evidence={"distinct_ips": "six", "account_name": "Rosa"}))
    client.force_login(dee)
    address = f"/api/v1/detectors/{watch.pk}/rejects/"

    item = client.get(address).json()["results"][0]
    assert "Rosa" not in item["body"]
    again = f"{address}{item['id']}/replay/"
    assert client.post(again, {}, "application/json").status_code == 422
    changes = {"changes": {"/data/evidence/distinct_ips": 6}}
    done = client.post(again, changes, "application/json")

    assert done.status_code == 200, done.content
    assert Signal.objects.get().data["evidence"]["account_name"] == "Rosa"
    assert RejectedItem.objects.get().replay_outcome == "accepted"
    assert client.post(again, changes, "application/json").status_code == 409


def test_only_engineers_see_and_replay_rejects(client, post, watch, event, rita):
    post(watch, event(type="a.b"))
    client.force_login(rita)
    address = f"/api/v1/detectors/{watch.pk}/rejects/"

    assert client.get(address).status_code == 403
    pk = RejectedItem.objects.get().pk
    assert client.post(f"{address}{pk}/replay/", {}, "application/json").status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"changes": {"nowhere": 1}},
        {"changes": {"/data/evidence/x/y/z": 1}},
        {"changes": {"/data/evidence/distinct_ips": "\ud800\u0000"}},
        {"changes": {"/id": "\ud800"}},
        {"changes": {"": "not an event"}},
        {"changes": {"": None}},
        {"remove": [""]},
        {"remove": ["data"]},
        {"remove": ["/data"]},
    ],
)
def test_a_replay_mended_with_nonsense_is_refused_in_words(client, post, watch, event, dee, body):
    post(watch, event(evidence={"distinct_ips": "six"}))
    client.force_login(dee)
    pk = RejectedItem.objects.get().pk
    answer = client.post(
        f"/api/v1/detectors/{watch.pk}/rejects/{pk}/replay/", body, "application/json"
    )
    assert answer.status_code in (409, 422), answer.content
    assert not Signal.objects.exists()


def test_a_number_beyond_a_double_is_no_way_around_the_door(client, post, watch, event, dee):
    post(watch, event(evidence={"distinct_ips": "six"}))
    client.force_login(dee)
    pk = RejectedItem.objects.get().pk
    answer = client.post(
        f"/api/v1/detectors/{watch.pk}/rejects/{pk}/replay/",
        '{"changes": {"/data/evidence/distinct_ips": 6, "/data/evidence/x": 1e999}}',
        "application/json",
    )
    assert answer.status_code == 422, answer.content
