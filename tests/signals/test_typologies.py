"""Threats are data: loading, versions, clear errors, and a second one that no code knows."""

import json
import re
from pathlib import Path

import pytest
from django.conf import settings

from cases.models import Indicator, Policy, Typology
from signals import typology_store
from signals.catalogue_file import BadTypology, read
from signals.models import Signal

pytestmark = pytest.mark.django_db
TINY = Path(__file__).parent / "typologies" / "tiny"
SHIPPED = typology_store.SHIPPED / "dprk_itw"


@pytest.fixture
def folder(tmp_path):
    """A copy of the tiny typology that a test may spoil: `folder(change)`."""

    def make(change=lambda catalogue, policy: None):
        catalogue = json.loads((TINY / "catalogue.json").read_text())
        policy = json.loads((TINY / "policy.json").read_text())
        change(catalogue, policy)
        (tmp_path / "catalogue.json").write_text(json.dumps(catalogue))
        (tmp_path / "policy.json").write_text(json.dumps(policy))
        return tmp_path

    return make


def test_the_shipped_catalogue_has_96_indicators_each_with_its_innocent_reading():
    catalogue = read(SHIPPED).catalogue
    assert len(catalogue.indicators) == 96
    readings = {row.innocent for row in catalogue.indicators}
    assert len(readings) == 96
    assert min(len(reading) for reading in readings) > 50
    assert all(row.context_only == (row.weight <= 2) for row in catalogue.indicators)
    assert all(row.sources for row in catalogue.indicators)


def test_loading_again_changes_nothing_and_changed_content_is_a_new_version(folder):
    first = typology_store.load(folder())
    again = typology_store.load(folder())
    assert (first.typology_new, first.policy_new) == (True, True)
    assert (again.typology_new, again.policy_new) == (False, False)

    def heavier(catalogue, policy):
        catalogue["indicators"][0]["weight"] = 5

    changed = typology_store.load(folder(heavier))

    assert (changed.typology_version, changed.typology_new, changed.policy_new) == (2, True, False)
    assert list(Typology.objects.filter(active=True).values_list("version", flat=True)) == [2]
    weights = Indicator.objects.filter(code="review.bought").order_by("typology__version")
    assert [float(row.weight) for row in weights] == [4, 5]


def test_a_policy_that_people_replaced_is_not_brought_back_by_loading(folder):
    typology_store.load(folder())
    Policy.objects.update(active=False)
    Policy.objects.create(
        typology_code="tiny_fraud", version=2, data={}, content_hash="x", active=True
    )

    typology_store.load(folder())

    assert Policy.objects.get(active=True).version == 2


def test_a_dry_run_changes_nothing(folder):
    assert typology_store.load(folder(), dry_run=True).typology_new
    assert not Typology.objects.exists()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda c, p: c["indicators"].append(c["indicators"][0]), "twice"),
        (lambda c, p: c["indicators"][0].update(family="other"), "family"),
        (lambda c, p: c["indicators"][0].update(weight=11), "<= 10"),
        (lambda c, p: c["indicators"][0].update(colour="red"), "colour"),
        (lambda c, p: c["indicators"][0].pop("innocent"), "innocent"),
        (lambda c, p: c["indicators"][1].update(weight=3), "context only"),
        (lambda c, p: c["indicators"][0]["evidence"][0].update(type="inch"), "inch"),
        (
            lambda c, p: c["indicators"][0]["weight_rules"][0]["when"][0].update(field="x"),
            "no evidence field",
        ),
        (
            lambda c, p: c["indicators"][0]["weight_rules"][0]["when"][0].update(op="like"),
            "operator",
        ),
        (lambda c, p: p.pop("scoring"), "scoring"),
    ],
)
def test_what_makes_no_sense_is_named_and_not_loaded(folder, spoil, says):
    with pytest.raises(BadTypology, match=re.escape(says)):
        typology_store.load(folder(spoil))
    assert not Typology.objects.exists()


def test_the_door_serves_a_second_typology_that_no_code_knows(catalogue, post, watch, event):
    typology_store.load(TINY)

    def review(**evidence):
        return event(type="review.bought", data={"typology": "tiny_fraud"}, evidence=evidence)

    response = post(watch, [review(reviews=3), review(reviews=11, asked_for_help=True)])

    assert response.json()["accepted"] == 2, response.json()
    stored = Signal.objects.order_by("event_id")
    assert [(float(s.weight), s.accommodation) for s in stored] == [(4, False), (8, True)]
    refused = post(watch, review(shoe_size=44)).json()["results"][0]
    assert refused["errors"][0]["code"] == "refused_by_catalogue"


def test_a_code_of_two_typologies_must_say_which(catalogue, post, watch, make_detector, event):
    typology_store.load(TINY)
    plain = event(type="login.vpn_exit", evidence={})
    del plain["data"]["typology"]

    answer = post(watch, plain).json()["results"][0]
    assert answer["errors"][0]["pointer"] == "/data/typology"

    bound = make_detector("/detectors/tiny", typology="tiny_fraud")
    assert post(bound, {**plain, "source": "/detectors/tiny"}).status_code == 202
    assert Signal.objects.get().indicator.typology.code == "tiny_fraud"


def test_a_new_version_counts_from_the_next_request_on(folder, post, watch, event):
    signal = event(type="review.bought", data={"typology": "tiny_fraud"}, evidence={"reviews": 1})
    assert post(watch, signal).status_code == 422
    typology_store.load(folder())

    assert post(watch, signal).status_code == 202


def test_no_code_knows_the_first_typology():
    root = Path(settings.BASE_DIR)
    code = [
        path
        for app in ("cases", "signals", "tsportal")
        for path in (root / app).rglob("*.py")
        if "migrations" not in path.parts
    ]
    code += list((root / "templates").rglob("*.html"))
    first = read(SHIPPED).catalogue.code
    guilty = [str(path) for path in code if first in path.read_text().lower()]
    assert not guilty
