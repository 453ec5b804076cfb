"""Nineteen real login rows, one account tried from eight addresses in a minute and never entered.

Source: the head of the "Login Data Set for Risk-Based Authentication" (doi 10.1145/3546069).
"""

import csv
from pathlib import Path

import pytest
from django.conf import settings

from cases.models import Account, Case, Finding, Link, Sighting
from signals.correlation import correlator
from signals.models import ActivityEvent

ROWS = Path(settings.BASE_DIR).parent / "shared/data/rba/rba-dataset-head19.csv"

pytestmark = pytest.mark.skipif(
    not ROWS.exists(), reason="the login data set is not beside the project (../shared/data/rba)"
)


def _events() -> list[dict]:
    with ROWS.open() as file:
        rows = list(csv.DictReader(file))
    return [
        {
            "specversion": "1.0",
            "id": f"rba-{row['index']}",
            "source": "/platform/shop",
            "type": "login.attempted",
            "subject": f"account/u{row['User ID']}",
            "time": row["Login Timestamp"].replace(" ", "T") + "Z",
            "data": {
                "success": row["Login Successful"] == "True",
                "ip": row["IP Address"],
                "asn": int(row["ASN"]),
                "ip_country": row["Country"],
                "user_agent": row["User Agent String"],
            },
        }
        for row in rows
    ]


@pytest.mark.django_db
def test_real_logins_come_in_and_nobody_is_suspected_of_them(post, platform):
    events = _events()
    busy = _busiest(events)
    assert len({event["data"]["ip"] for event in busy}) == 8
    assert not any(event["data"]["success"] for event in busy)

    answer = post(platform, events, kind="activity")
    assert answer.status_code == 202, answer.content
    assert answer.json()["accepted"] == len(events) == 19
    correlator.correlate()

    assert ActivityEvent.objects.count() == 19
    assert Account.objects.count() == len({event["subject"] for event in events})
    for model in (Link, Finding, Case):
        assert not model.objects.exists()
    ref = busy[0]["subject"].removeprefix("account/")
    assert not Sighting.objects.filter(account__ref=ref).exists(), "a failed login is no use"


@pytest.mark.django_db
def test_the_busy_account_would_be_sighted_had_it_got_in(post, platform):
    events = _events()
    busy = _busiest(events)
    for event in busy:
        event["data"]["success"] = True
    post(platform, events, kind="activity")
    correlator.correlate()
    ref = busy[0]["subject"].removeprefix("account/")
    assert Sighting.objects.filter(account__ref=ref, trait__kind="ip").count() == 8


def _busiest(events: list[dict]) -> list[dict]:
    """The events of the account that was tried from the most addresses."""
    by_subject: dict[str, list[dict]] = {}
    for event in events:
        by_subject.setdefault(event["subject"], []).append(event)
    return max(by_subject.values(), key=lambda each: len({e["data"]["ip"] for e in each}))
