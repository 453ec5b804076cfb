"""The admin shows detectors to engineers, and changes nothing but keys."""

import pytest
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff_dee(dee):
    dee.is_staff = True
    dee.save(update_fields=["is_staff"])
    return dee


@pytest.mark.parametrize(
    "model",
    ["detector", "detectorkey", "intakebalance", "intakebatch", "rejecteditem"],
)
def test_an_engineer_reads_and_cannot_add(client, watch, post, event, staff_dee, model):
    post(watch, [event(), event(type="a.b")])
    client.force_login(staff_dee)

    assert client.get(reverse(f"admin:signals_{model}_changelist")).status_code == 200
    assert client.get(reverse(f"admin:signals_{model}_add")).status_code == 403


@pytest.mark.parametrize("model", ["signal", "activityevent"])
def test_an_engineer_sees_no_signal_and_no_activity(client, watch, staff_dee, model):
    client.force_login(staff_dee)
    assert client.get(reverse(f"admin:signals_{model}_changelist")).status_code == 403


def test_a_signal_is_shown_masked(client, watch, post, event, rita):
    post(watch, event(evidence={"distinct_ips": 6, "holder_name": "Rosa Vessel"}))
    rita.is_staff = True
    rita.save(update_fields=["is_staff"])
    client.force_login(rita)
    page = client.get(reverse("admin:signals_signal_changelist"))
    pk = page.context["cl"].result_list[0].pk

    body = client.get(reverse("admin:signals_signal_change", args=[pk])).content.decode()

    assert "distinct_ips" in body
    assert "Rosa" not in body


def test_a_key_is_rotated_from_the_list(client, watch, post, staff_dee):
    client.force_login(staff_dee)
    form = {"action": "rotate_key", "_selected_action": [watch.pk]}
    page = client.post(reverse("admin:signals_detector_changelist"), form)

    assert b"shown this once" in page.content
    assert watch.keys.count() == 2
