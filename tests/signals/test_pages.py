"""The pages about detectors and the catalogue, and the fragments of account pages."""

import pytest
from django.urls import reverse

from cases.models import AuditEvent
from signals import detectors
from signals.models import Detector, RejectedItem, Signal

pytestmark = pytest.mark.django_db


def test_an_engineer_registers_a_detector_makes_keys_and_rotates(client, catalogue, dee, post):
    client.force_login(dee)
    form = {"source": "/detectors/new", "kind": "detector", "name": "New", "quota_per_day": 9}
    response = client.post(reverse("signals:register"), form)
    detector = Detector.objects.get()
    assert response.status_code == 302
    assert detector.owner == dee

    page = reverse("signals:detector", args=[detector.pk])
    keys_page = reverse("signals:make-key", args=[detector.pk])
    shown = client.post(keys_page, {"days": 30})
    key = shown.context["new_key"].text
    assert key in shown.content.decode()
    assert key not in client.get(page).content.decode()
    client.post(keys_page, {"days": 30})
    assert client.post(keys_page, {"days": 30}).status_code == 409
    assert client.post(keys_page, {"days": 30, "rotate": "1"}).status_code == 200
    assert post(key, []).status_code == 401
    verbs = list(AuditEvent.objects.values_list("verb", flat=True))
    assert verbs.count("detector_key_made") == 3
    assert "detector_key_revoked" in verbs


def test_a_detector_is_switched_off_only_with_a_reason(client, watch, dee):
    client.force_login(dee)
    address = reverse("signals:switch", args=[watch.pk])

    refused = client.post(address, {"state": "off", "reason": " "})
    assert refused.status_code == 422
    assert b"its owner reads it" in refused.content
    assert client.post(address, {"state": "off", "reason": "floods"}).status_code == 302
    watch.refresh_from_db()
    assert (watch.state, watch.off_reason) == ("off", "floods")


def test_limits_are_changed_and_what_is_not_in_the_catalogue_is_refused(client, watch, dee):
    client.force_login(dee)
    address = reverse("signals:limits", args=[watch.pk])
    form = {"name": "Watch", "allowed_indicators": "login.vpn_exit\nno.such"}

    assert client.post(address, form).status_code == 422
    form["allowed_indicators"] = "login.vpn_exit"
    assert client.post(address, form).status_code == 302
    watch.refresh_from_db()
    assert watch.allowed_indicators == ["login.vpn_exit"]
    assert watch.quota_per_minute is None


def test_a_refused_event_is_mended_on_its_page(client, post, watch, event, dee):
    post(watch, event(evidence={"distinct_ips": "six", "holder_name": "Rosa Vessel"}))
    item = RejectedItem.objects.get()
    client.force_login(dee)
    page = client.get(reverse("signals:reject", args=[watch.pk, item.pk])).content.decode()
    assert "/data/evidence/distinct_ips" in page
    assert "Rosa" not in page

    address = reverse("signals:replay", args=[watch.pk, item.pk])
    assert client.post(address, {"value0": "six"}).status_code == 422
    assert client.post(address, {"value0": "7.5"}).status_code == 422
    assert client.post(address, {"value0": "6"}).status_code == 200
    assert Signal.objects.get().data["evidence"]["distinct_ips"] == 6
    assert client.post(address, {"value0": "6"}).status_code == 409


@pytest.mark.parametrize("who", ["rita", "aud", "olu", "adm"])
def test_only_engineers_change_detectors(client, watch, request, who):
    client.force_login(request.getfixturevalue(who))
    for name, args, data in [
        ("register", [], {"source": "/detectors/x", "kind": "detector", "name": "x"}),
        ("switch", [watch.pk], {"state": "shadow"}),
        ("limits", [watch.pk], {"name": "x"}),
        ("make-key", [watch.pk], {}),
        ("revoke-key", [watch.pk, watch.keys.get().prefix], {}),
    ]:
        assert client.post(reverse(f"signals:{name}", args=args), data).status_code == 403, name
    watch.refresh_from_db()
    assert watch.state == "on"
    assert watch.keys.live().count() == 1


def test_strangers_see_neither_detectors_nor_the_catalogue(client, watch, olu):
    client.force_login(olu)
    for address in ("/detectors/", "/catalogue/", "/catalogue/dprk_itw/login.vpn_exit/"):
        assert client.get(address).status_code == 403
    assert client.get(f"/detectors/{watch.pk}/").status_code == 404


def test_lists_and_figures_are_shown_to_people_who_may(client, post, watch, event, rita):
    post(watch, [event(), event(type="a.b")])
    client.force_login(rita)

    listing = client.get("/detectors/").content.decode()
    page = client.get(f"/detectors/{watch.pk}/")

    assert "/detectors/watch" in listing
    assert page.context["balance"][0]["rejected"] == 1
    assert b"Make a key" not in page.content


def test_the_catalogue_is_filtered_and_an_indicator_explains_itself(client, catalogue, rita):
    client.force_login(rita)
    assert len(client.get("/catalogue/").context["indicators"]) == 96
    found = client.get("/catalogue/?family=login&weight=7&q=sanctioned").context["indicators"]
    assert [row.code for row in found] == ["login.sanctioned_geo"]
    assert b"Nothing matches" in client.get("/catalogue/?q=zzzz%00").content

    page = client.get("/catalogue/dprk_itw/login.many_ips_short_window/").content.decode()

    assert "distinct_countries is at least 3" in page
    assert "The innocent reading" in page
    assert "Guidance on DPRK IT Workers" in page
    assert client.get("/catalogue/dprk_itw/no.such/").status_code == 404


def test_every_indicator_has_a_page(client, catalogue, rita):
    client.force_login(rita)
    for row in client.get("/catalogue/").context["indicators"]:
        assert client.get(f"/catalogue/dprk_itw/{row.code}/").status_code == 200, row.code


def test_signals_of_an_account_are_shown_escaped_masked_and_recorded(
    client, post, watch, event, rita, make_account
):
    make_account("fl-ac45b2")
    nasty = "<script>alert(1)</script>\u202eevil"
    post(watch, event(evidence={"distinct_ips": 6, "note": nasty, "holder_name": "Rosa Vessel"}))
    client.force_login(rita)

    page = client.get("/accounts/fl-ac45b2/signals/", headers={"HX-Request": "true"})
    text = page.content.decode()

    assert "&lt;script&gt;" in text
    assert "<script>" not in text
    assert "\u202e" not in text
    assert "\\u202e" in text
    assert "Rosa" not in text
    assert "The innocent reading" in text
    assert AuditEvent.objects.filter(verb="read", account__ref="fl-ac45b2").count() == 1
    assert b"<html" in client.get("/accounts/fl-ac45b2/signals/").content


def test_logins_tell_failed_from_successful_and_name_gaps(
    client, post, platform, fact, rita, make_account
):
    make_account("fl-ac45b2")
    facts = [
        fact(time="2026-10-01T10:00:00Z", data={"success": True, "ip_country": "PL"}),
        fact(time="2026-10-20T10:00:00Z", data={"success": False, "ip_country": "SG"}),
    ]
    post(platform, facts, kind="activity")
    client.force_login(rita)

    page = client.get("/accounts/fl-ac45b2/logins/", headers={"HX-Request": "true"})

    assert [row["success"] for row in page.context["rows"]] == [False, True]
    assert page.context["rows"][0]["gap_days"] == 19
    assert page.context["rows"][0]["new_country"]
    assert b"19 days without an attempt" in page.content
    failed = client.get("/accounts/fl-ac45b2/logins/?show=failed", headers={"HX-Request": "true"})
    assert len(failed.context["rows"]) == 1
    assert client.get("/accounts/fl-ac45b2/logins/?before=x").status_code == 404


@pytest.mark.parametrize("who", ["dee", "olu", "adm"])
def test_who_may_not_see_accounts_sees_no_fragment(client, request, make_account, who):
    make_account("fl-ac45b2")
    client.force_login(request.getfixturevalue(who))
    assert client.get("/accounts/fl-ac45b2/signals/").status_code == 404
    assert client.get("/accounts/fl-ac45b2/logins/").status_code == 404


def test_the_number_of_queries_of_a_fragment_does_not_grow(
    client, post, watch, event, rita, make_account, django_assert_max_num_queries
):
    make_account("fl-ac45b2")
    post(watch, [event() for _ in range(60)])
    client.force_login(rita)
    with django_assert_max_num_queries(14):
        client.get("/accounts/fl-ac45b2/signals/", headers={"HX-Request": "true"})


def test_a_shadow_platform_makes_no_sense(platform):
    with pytest.raises(Exception, match="shadow"):
        detectors.switch(platform, "shadow", actor=None)
