"""What machines ask: alive, ready, the figures; and what every answer carries."""

import json
from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.http import HttpResponse
from django.test import RequestFactory
from django.utils import timezone
from structlog.testing import capture_logs

from cases.models import WebhookDelivery, WebhookEndpoint
from tsportal import health, logs, metrics, middleware


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(health, "_broker_said", (0.0, ""))
    monkeypatch.setattr(metrics._database, "_kept", [])


@pytest.fixture
def late_delivery(db):
    endpoint = WebhookEndpoint.objects.create(name="platform", url="https://platform.example/")
    return WebhookDelivery.objects.create(
        public_id="msg_1",
        endpoint=endpoint,
        event_type="t",
        payload={},
        order_key="k",
        due_at=timezone.now() - timedelta(hours=1),
    )


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_probes_are_answered_by_address_whatever_the_host(client, db, path):
    assert client.get(path, headers={"host": "10.2.3.4"}).status_code == 200


def test_probes_take_no_post(client):
    assert client.post("/livez").status_code == 405


def test_ready_names_each_check(client, db):
    answer = client.get("/readyz").json()
    assert answer["status"] == "ok"
    assert set(answer["checks"]) == {"database", "migrations", "broker", "disk", "lag"}


def test_without_a_database_the_portal_is_alive_but_not_ready(client, monkeypatch):
    def gone():
        raise DatabaseError

    monkeypatch.setattr(health.connection, "cursor", gone)
    assert client.get("/livez").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"].startswith("failed")


def test_without_a_broker_the_portal_is_degraded_and_still_ready(client, db, monkeypatch, settings):
    monkeypatch.setattr(
        health.app, "connection_for_write", lambda: _broker("redis://127.0.0.1:1/0")
    )
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"


def _broker(url):
    from kombu import Connection

    return Connection(url, transport_options={"socket_connect_timeout": 1})


def test_work_that_waits_too_long_shows(client, late_delivery):
    answer = client.get("/readyz").json()
    assert answer["checks"]["lag"].startswith("degraded")


def test_a_full_disk_takes_no_more_work(client, db, settings):
    settings.DISK_FREE_LEAST = 1 << 62
    assert client.get("/readyz").status_code == 503


def test_the_figures_say_what_waits(client, late_delivery):
    text = client.get("/metrics").content.decode()
    assert 'portal_waiting_work{queue="webhooks"} 1.0' in text
    assert "portal_database_up 1.0" in text


def test_the_figures_are_not_for_strangers(client, db, settings):
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 403
    assert client.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"}).status_code == 403
    settings.METRICS_TOKEN = "m" * 32
    assert client.get("/metrics").status_code == 403
    answer = client.get("/metrics", headers={"authorization": f"Bearer {'m' * 32}"})
    assert answer.status_code == 200


def test_every_answer_has_a_request_id_and_a_good_one_is_kept(client, db):
    assert len(client.get("/sign-in/login/")["X-Request-ID"]) == 32
    given = client.get("/sign-in/login/", headers={"x-request-id": "gateway-0001"})
    assert given["X-Request-ID"] == "gateway-0001"
    forged = client.get("/sign-in/login/", headers={"x-request-id": "a b\x1b[31m"})
    assert forged["X-Request-ID"] != "a b\x1b[31m"


def test_pages_are_not_kept_and_carry_the_content_policy(client, db):
    answer = client.get("/sign-in/login/")
    assert "no-store" in answer["Cache-Control"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"


def test_nothing_private_reaches_a_log_line():
    event = {"event": "x", "email": "a@b.c", "ip": "1.2.3.4", "data": {"holder_name": "Ann"}}
    said = json.dumps(logs.hide_private(None, "info", event))
    assert "a@b.c" not in said
    assert "1.2.3.4" not in said
    assert "Ann" not in said


def test_a_request_is_logged_by_route_and_not_by_path(client, rita, monkeypatch):
    monkeypatch.setattr(logs, "log", logs.structlog.get_logger("tests"))
    monkeypatch.setattr(logs.logging.getLogger("tests"), "level", 20)
    client.force_login(rita)
    with capture_logs() as lines:
        client.get("/sign-in/sessions/?secret=1")
    line = next(line for line in lines if line["event"] == "request")
    assert line["route"] == "sign-in/sessions/"
    assert line["user"] == rita.pk
    assert "secret" not in json.dumps(line)


def test_a_browser_may_tell_what_the_policy_stopped(client):
    body = json.dumps({"csp-report": {"violated-directive": "script-src", "document-uri": "/x"}})
    answer = client.post("/csp-report/", body, content_type="application/csp-report")
    assert answer.status_code == 204
    assert client.post("/csp-report/", "[" * 9000, content_type="x/y").status_code == 204


# -- Sessions --------------------------------------------------------------------------------------


def _age(client, **keys):
    session = client.session
    session.update(keys)
    session.save()


def test_a_session_that_idled_too_long_is_over(client, rita, settings):
    client.force_login(rita)
    now = int(timezone.now().timestamp())
    _age(
        client,
        began_at=now - 60,
        seen_at=now - int(settings.SESSION_IDLE_LIMIT.total_seconds()) - 1,
    )
    assert client.get("/sign-in/sessions/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_session_that_is_too_old_is_over_however_busy_it_is(client, rita, settings):
    client.force_login(rita)
    now = int(timezone.now().timestamp())
    began = now - int(settings.SESSION_ABSOLUTE_LIMIT.total_seconds()) - 1
    _age(client, began_at=began, seen_at=now)
    client.get("/sign-in/sessions/")
    assert "_auth_user_id" not in client.session


def test_a_page_that_asks_by_itself_is_no_sign_of_life(client, rita):
    client.force_login(rita)
    then = int(timezone.now().timestamp()) - middleware.SEEN_EVERY - 5
    _age(client, began_at=then, seen_at=then)
    client.get("/sign-in/sessions/", headers={"x-background": "true"})
    assert client.session["seen_at"] == then
    client.get("/sign-in/sessions/")
    assert client.session["seen_at"] > then


def test_somebody_without_a_second_factor_is_led_to_making_one(client, rita, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    client.force_login(rita)
    answer = client.get("/api/schema/")
    assert (answer.status_code, answer["Location"]) == (302, "/sign-in/2fa/")


def test_nobody_signs_up(client, db):
    assert client.get("/sign-in/signup/").status_code == 404
    answer = client.post("/sign-in/signup/", {"username": "x", "password1": "y", "password2": "y"})
    assert answer.status_code == 404


def test_times_are_shown_in_the_zone_a_person_chose(rita):
    rita.time_zone = "Asia/Tokyo"
    request = RequestFactory().get("/")
    request.user = rita
    seen = []

    def view(request):
        seen.append(timezone.get_current_timezone_name())
        return HttpResponse()

    middleware.OwnTimeZone(view)(request)
    rita.time_zone = "Mars/Olympus"
    middleware.OwnTimeZone(view)(request)
    assert seen == ["Asia/Tokyo", "UTC"]
