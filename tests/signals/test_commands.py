"""The commands that an operator types."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from signals.models import Detector, DetectorKey

pytestmark = pytest.mark.django_db


def run(*arguments, **options):
    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


def test_a_detector_is_registered_and_its_key_shown_once(catalogue, post, event):
    answer = json.loads(run("detector", "--json", "register", "/detectors/watch"))

    assert post(answer["key"], event()).status_code == 202
    assert "watch" in run("detector", "list")
    assert answer["key"].split(".")[1] not in run("detector", "list")


def test_keys_are_rotated_and_revoked_by_command(watch, post, event):
    text = json.loads(run("detector", "--json", "rotate", "/detectors/watch"))["key"]
    run("detector", "revoke", text.split(".")[0], "--reason", "test")

    assert post(text, event()).status_code == 401
    assert post(watch, event()).status_code == 202


@pytest.mark.parametrize(
    "arguments",
    [
        ("register", "no/slash"),
        ("register", "/detectors/watch"),
        ("register", "/detectors/new", "--typology", "none_such"),
        ("register", "/detectors/new", "--allow", "no.such_code"),
        ("switch", "/detectors/watch", "off"),
        ("switch", "/detectors/none", "on"),
        ("revoke", "nosuchprefix"),
    ],
)
def test_what_does_not_fit_is_said_and_nothing_changes(watch, arguments):
    with pytest.raises(CommandError):
        run("detector", *arguments)
    assert Detector.objects.count() == 1


def test_the_demo_gets_its_four_sources_again_and_again(catalogue, settings, post, event):
    with pytest.raises(CommandError):
        run("demo_detectors")
    settings.DEMO = True
    for _ in range(4):
        made = json.loads(run("demo_detectors"))

    assert len(made) == 4
    assert post(made["/detectors/demo"], event("/detectors/demo")).status_code == 202
    assert DetectorKey.objects.live().count() == 8
