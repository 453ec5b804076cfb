"""Lantern through the real doors: posted over HTTP, worked in by the job, read as cases."""

import pytest

from cases.models import AuditEvent, Case, EnrichmentJob
from signals.correlation.tasks import correlate
from signals.models import IntakeBatch
from tests.signals.correlation import feed

pytestmark = pytest.mark.django_db


def test_lantern_comes_out_exactly_through_the_real_doors(make_detector, post, settings):
    settings.DOOR_NUDGES = False
    activity, signals, expected = feed.lantern()
    platform = make_detector("/platform/lantern", kind="platform")
    demo = make_detector("/detectors/lantern-demo")
    for kind, detector, events in (("activity", platform, activity), ("signals", demo, signals)):
        for start in range(0, len(events), 500):
            answer = post(detector, events[start : start + 500], kind=kind)
            assert answer.status_code == 202
            assert answer.json()["accepted"] == len(events[start : start + 500])
    # a retried batch changes nothing
    post(demo, signals, kind="signals")
    correlate()

    assert not IntakeBatch.objects.pending().exists()
    ring = {*expected["ring"], expected["ring_client"]}
    assert [set(members) for members in feed.rings().values()] == [ring]
    assert set(Case.objects.values_list("account__ref", flat=True)) == ring
    assert AuditEvent.objects.filter(verb="case.opened").count() == 8
    assert EnrichmentJob.objects.filter(case__isnull=False).exists()
