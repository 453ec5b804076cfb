"""Detectors, their keys, and one way to post."""

import json
from itertools import count

import pytest

from signals import detectors, keys, typology_store
from signals.door import access

SECOND = "2026-10-10T12:00:00Z"


@pytest.fixture(autouse=True)
def _nothing_remembered():
    access._waiting = (0.0, 0)


@pytest.fixture
def catalogue(db):
    """The shipped typology, loaded."""
    for folder in typology_store.folders(typology_store.SHIPPED):
        typology_store.load(folder)


@pytest.fixture
def make_detector(catalogue):
    """Register a detector and give it a key: `detector.key_text` opens the door."""

    def make(source="/detectors/watch", **values):
        detector = detectors.register(source, actor=None, **values)
        detector.key_text = keys.make(detector, actor=None).text
        return detector

    return make


@pytest.fixture
def watch(make_detector):
    return make_detector()


@pytest.fixture
def platform(make_detector):
    return make_detector("/platform/shop", kind="platform")


@pytest.fixture
def post(client):
    """Post events with a detector's key; text and bytes go as they are."""

    def send(detector, body, *, kind="signals", media=None, **headers):
        if not isinstance(body, str | bytes):
            media = media or (
                "application/cloudevents-batch+json"
                if isinstance(body, list)
                else "application/cloudevents+json"
            )
            body = json.dumps(body)
        key = detector if isinstance(detector, str) else detector.key_text
        return client.post(
            f"/api/v1/{kind}/",
            body,
            content_type=media or "application/json",
            headers={"Authorization": f"Bearer {key}", **headers},
        )

    return send


@pytest.fixture
def event():
    """Make an event of /detectors/watch; everything can be said otherwise."""
    numbers = count(1)

    def make(source="/detectors/watch", *, evidence=None, data=None, **attributes):
        return {
            "specversion": "1.0",
            "id": f"E{next(numbers):06d}",
            "source": source,
            "type": "login.many_ips_short_window",
            "subject": "account/fl-ac45b2",
            "time": SECOND,
            "datacontenttype": "application/json",
            "data": {
                "confidence": 0.9,
                "typology": "dprk_itw",
                "evidence": evidence if evidence is not None else {"distinct_ips": 6},
                **(data or {}),
            },
            **attributes,
        }

    return make


@pytest.fixture
def fact():
    """Make a fact of /platform/shop."""
    numbers = count(1)

    def make(type="login.attempted", *, subject="account/fl-ac45b2", data=None, **attributes):
        return {
            "specversion": "1.0",
            "id": f"F{next(numbers):06d}",
            "source": "/platform/shop",
            "type": type,
            "subject": subject,
            "time": SECOND,
            "data": data if data is not None else {"success": True, "ip": "192.0.2.7"},
            **attributes,
        }

    return make
