"""The demo's logins, keys and file; the made-up population; what a bench prints."""

import json
import stat
import sys

import pytest
from django.conf import settings as project
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from cases import demo_people
from cases.auth import tokens
from cases.models import User
from cases.permissions import ROLES
from signals import keys
from signals.models import Detector
from tsportal import wsgi

sys.path.insert(0, str(project.BASE_DIR / "script"))

from support import population, secret_files
from support.bench.figures import Figure, table


@pytest.fixture
def demo(settings):
    settings.DEMO = True


@pytest.fixture
def file(tmp_path):
    return tmp_path / ".demo" / "credentials.json"


def test_people_with_known_passwords_are_refused_outside_the_demo(db, file, settings):
    settings.DEMO = False
    with pytest.raises(CommandError, match="demo only"):
        call_command("demo_people", file=file)
    assert not file.exists()


def test_every_role_gets_a_login_and_a_token_that_work(db, demo, file, client):
    call_command("demo_people", file=file, verbosity=0)
    users = json.loads(file.read_text())["users"]
    assert set(ROLES) <= set(users)
    for key, person in users.items():
        assert set(person) == {"username", "password", "token"}
        user = User.objects.get(username=person["username"])
        assert user.check_password(person["password"]), key
        assert tokens.holder(person["token"]).user == user
    assert {group.name for group in User.objects.get(username="sam").groups.all()} == {"officer"}


def test_the_file_is_its_owners_alone(db, demo, file):
    call_command("demo_people", file=file, verbosity=0)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_second_run_keeps_what_works_and_mends_what_does_not(db, demo, file):
    call_command("demo_people", file=file, verbosity=0)
    before = json.loads(file.read_text())["users"]
    User.objects.get(username="sam").tokens.all().delete()
    call_command("demo_people", file=file, verbosity=0)
    after = json.loads(file.read_text())["users"]
    assert after["analyst"] == before["analyst"]
    assert after["officer"]["token"] != before["officer"]["token"]
    assert after["officer"]["password"] == before["officer"]["password"]


def test_what_else_the_file_holds_stays(db, demo, file):
    demo_people.write(file, {"base_url": "http://127.0.0.1:8000", "keys": {"/platform/demo": "k"}})
    call_command("demo_people", file=file, verbosity=0)
    assert json.loads(file.read_text())["keys"] == {"/platform/demo": "k"}


def test_pages_of_the_demo_are_told_so(client, db, demo):
    assert client.get("/sign-in/login/").context["demo"] is True


def test_a_private_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "folder" / "secret"
    secret_files.write_private(path, "one")
    secret_files.write_private(path, "two")
    assert path.read_text() == "two"
    assert [each.name for each in path.parent.iterdir()] == ["secret"]


def test_the_same_seed_makes_the_same_population():
    def made(seed):
        facts, findings = population.make(50, seed=seed)
        return list(facts), list(findings)

    assert made(7) == made(7)
    assert made(7) != made(8)


def test_members_of_a_made_up_ring_share_a_payout_and_strangers_do_not():
    facts, _ = population.make(40, seed=3)
    payouts = {}
    for fact in facts:
        if fact["type"] == "payout_method.added":
            payouts.setdefault(fact["data"]["instrument_hash"], []).append(fact["subject"])
    sizes = sorted(len(each) for each in payouts.values())
    assert 4 <= sizes[-1] <= 8
    assert set(sizes[:-1]) == {1}


@pytest.fixture
def door(transactional_db):
    """Post a batch past the middleware, as web servers do; status, headers and answer."""
    call_command("load_typologies", verbosity=0)

    def post(source, kind, events):
        path = "/api/v1/activity/" if kind == "platform" else "/api/v1/signals/"
        detector = Detector.objects.create(source=source, name=source, kind=kind)
        key = keys.make(detector, actor=None).text
        body = json.dumps(events).encode()
        environ = RequestFactory().post(
            path,
            body,
            content_type="application/cloudevents-batch+json",
            headers={"authorization": f"Bearer {key}"},
        )
        answered = {}

        def start_response(status, headers, exc_info=None):
            answered.update(status=status, headers=dict(headers))

        answer = b"".join(wsgi.application(environ.environ, start_response))
        return answered["status"], answered["headers"], json.loads(answer)

    return post


def test_the_door_takes_the_made_up_facts_past_the_middleware(door):
    facts, _ = population.make(5, seed=1)
    status, headers, answer = door("/platform/demo", "platform", list(facts))
    assert status.startswith("202"), answer
    assert answer["accepted"] == answer["received"] > 15
    assert headers["X-Request-ID"]
    assert "Content-Security-Policy" not in headers
    assert "Set-Cookie" not in headers


def test_the_door_takes_the_made_up_findings(door):
    _, findings = population.make(30, seed=1)
    status, _, answer = door("/detectors/demo", "detector", list(findings))
    assert status.startswith("202"), answer
    assert answer["accepted"] == answer["received"] > 5


def test_figures_are_printed_beside_their_yardstick():
    figure = Figure("door_batch", 31000.0, "rows/s", 40000.0, 0.775, 50000, 1, "≥ 0.6", True)
    line = json.loads(figure.line())
    assert {"figure", "value", "unit", "yardstick", "ratio", "rows", "seed"} <= set(line)
    assert "31,000" in table([figure])
