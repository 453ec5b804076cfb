"""The pages of the trail and of the messages: who sees what, and what a look leaves behind."""

import csv
import io
import re

import pytest
from django.urls import reverse

from cases import audit, receivers, webhooks
from cases.models import AuditEvent, WebhookDelivery, WebhookEndpoint
from cases.sheet import cell

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(settings):
    settings.EGRESS_ALLOW_PRIVATE = ["127.0.0.1:1"]
    made, _ = receivers.add("platform", "http://127.0.0.1:1/", actor=None)
    return made


@pytest.fixture
def delivery(endpoint):
    (made,) = webhooks.enqueue("hold.placed", {"account": "fl-secret"}, order_key="case/1")
    return made


@pytest.mark.parametrize(
    ("who", "status"),
    [("aud", 200), ("adm", 200)] + [(w, 403) for w in ("rita", "ana", "sam", "lee", "dee", "olu")],
)
def test_who_may_search_the_trail(request, sign_in, who, status):
    person = request.getfixturevalue(who)
    assert sign_in(person).get(reverse("cases:audit")).status_code == status
    verb = "read" if status == 200 else "denied"
    assert AuditEvent.objects.filter(verb=verb, actor=person).count() == 1


def test_the_trail_is_searched_by_what_it_holds(sign_in, aud, rita, make_case):
    case = make_case()
    audit.record("claim", actor=rita, case=case, note="first <b>words</b>")
    audit.record("escalate", actor=None, case=make_case())
    client = sign_in(aud)

    def rows(**query):
        page = client.get(reverse("cases:audit"), query)
        assert page.status_code == 200
        return re.findall(
            r'<tr id="event-\d+">.*?<code>([^<]+)</code>', page.content.decode(), re.S
        )

    assert rows(verb="cla") == ["claim"]
    assert rows(person="rita") == ["claim"]
    assert rows(case=case.ref) == ["claim"]
    assert rows(account=case.account.ref) == ["claim"]
    assert rows(since="2100-01-01") == []
    assert rows(since="nonsense") == []
    assert rows(verb="\x00") == []
    assert b"<b>words" not in client.get(reverse("cases:audit"), {"verb": "claim"}).content


def test_an_administrator_searches_without_seeing_cases(sign_in, adm, rita, make_case):
    audit.record("claim", actor=rita, case=make_case())
    audit.record("person.roles", actor=adm, obj=rita)
    page = sign_in(adm).get(reverse("cases:audit")).content.decode()
    assert "person.roles" in page
    assert "<code>claim</code>" not in page


def test_if_the_look_cannot_be_recorded_nothing_is_shown(sign_in, aud, monkeypatch):
    client = sign_in(aud)
    client.raise_request_exception = False

    def fail(*args, **kwargs):
        raise RuntimeError

    monkeypatch.setattr(audit, "record", fail)
    assert client.get(reverse("cases:audit")).status_code == 500


def test_an_export_needs_a_reason_and_cannot_calculate(sign_in, aud, rita, make_case):
    audit.record("claim", actor=rita, case=make_case(), note='=HYPERLINK("http://x")')
    client = sign_in(aud)
    address = reverse("cases:audit-export") + "?verb=claim"

    assert client.post(address, {}).status_code == 422
    assert not AuditEvent.objects.filter(verb="exported").exists()
    answer = client.post(address, {"reason": "yearly sample"})

    head, row = csv.reader(io.StringIO(answer.content.decode()))
    assert (row[head.index("verb")], row[head.index("note")][:2]) == ("claim", "'=")
    event = AuditEvent.objects.get(verb="exported")
    assert (event.note, event.data["count"]) == ("yearly sample", 1)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\r=1", " =1", "%0", "|x"])
def test_a_cell_never_begins_a_formula(text):
    assert cell(text).startswith("'")


def test_an_export_asks_again_who_is_there(sign_in, aud):
    client = sign_in(aud, ago=3600)
    answer = client.post(reverse("cases:audit-export"), {"reason": "x"})
    assert answer.status_code == 302
    assert not AuditEvent.objects.filter(verb="exported").exists()


@pytest.mark.parametrize(
    "address",
    ["/accounts/%00/", "/cases/a%00b/", "/catalogue/dprk_itw/%00/", "/webhooks/messages/%00/"],
)
def test_an_address_with_a_nul_names_nothing(sign_in, sam, address):
    answer = sign_in(sam).get(address)
    assert answer.status_code == 404
    assert "Content-Security-Policy" in answer.headers
    assert sign_in(sam).get("/find/", {"q": "a\x00b"}).status_code == 200


@pytest.mark.parametrize("query", ["until=9999-12-31", "until=9999-12-30", "since=0001-01-01"])
def test_the_trail_is_searched_to_the_end_of_time(sign_in, aud, query):
    assert sign_in(aud).get(f"/audit/?{query}").status_code == 200


def test_the_history_of_a_case_stops_at_the_wall(sign_in, rita, sam, olu, make_case):
    case, secret = make_case(), make_case(restricted=True)
    audit.record("claim", actor=rita, case=case)
    audit.record("report.filed", actor=sam, case=case, wall=True)
    address = reverse("cases:case-audit", args=[case.ref])

    page = sign_in(rita).get(address).content.decode()
    assert "claim" in page
    assert "report.filed" not in page
    assert sign_in(rita).get(reverse("cases:case-audit", args=[secret.ref])).status_code == 404
    assert sign_in(olu).get(address).status_code == 404
    assert "report.filed" in sign_in(sam).get(address).content.decode()
    fragment = sign_in(rita).get(address, {"all": "1"}, headers={"hx-request": "true"})
    assert b"<html" not in fragment.content
    assert b"<code>read</code>" in fragment.content


@pytest.mark.parametrize(
    ("who", "status"),
    [("adm", 200), ("sam", 200), ("aud", 200)]
    + [(w, 403) for w in ("rita", "ana", "lee", "dee", "olu")],
)
def test_who_sees_the_messages(request, sign_in, who, status, endpoint, delivery):
    client = sign_in(request.getfixturevalue(who))
    for address in (
        reverse("cases:webhooks"),
        reverse("cases:webhook", args=[endpoint.pk]),
        reverse("cases:delivery", args=[delivery.public_id]),
    ):
        assert client.get(address).status_code == status


def test_an_administrator_sees_that_a_message_went_and_not_what_it_says(
    sign_in, adm, sam, delivery
):
    address = reverse("cases:delivery", args=[delivery.public_id])
    assert b"fl-secret" not in sign_in(adm).get(address).content
    assert b"fl-secret" in sign_in(sam).get(address).content
    assert AuditEvent.objects.filter(verb="read", actor=sam).exists()


def test_a_receiver_is_added_and_its_secret_shown_once(sign_in, adm, endpoint):
    client = sign_in(adm)
    fields = {"name": "eu", "url": "https://hooks.example.org/in", "event_types": "hold action"}
    page = client.post(reverse("cases:webhook-add"), fields).content.decode()

    secret = re.search(r"whsec_[\w+/=]+", page).group()
    made = WebhookEndpoint.objects.get(name="eu")
    assert receivers.live_secrets(made) == [secret]
    assert made.event_types == ["hold", "action"]
    assert secret not in client.get(reverse("cases:webhook", args=[made.pk])).content.decode()
    assert client.post(reverse("cases:webhook-add"), fields).status_code == 422
    for url in ("http://169.254.169.254/", "https://x@y.example.org/", "x"):
        bad = client.post(reverse("cases:webhook-add"), {"name": "bad", "url": url})
        assert bad.status_code == 422


def test_a_receiver_is_changed_paused_and_its_secret_rotated(sign_in, adm, endpoint):
    client = sign_in(adm)

    def act(name, *more, **fields):
        return client.post(reverse(f"cases:{name}", args=[endpoint.pk, *more]), fields).status_code

    assert act("webhook-rotate") == 200
    endpoint.refresh_from_db()
    assert len(endpoint.secrets) == 2
    assert act("webhook-retire", endpoint.secrets[1]["id"]) == 302
    assert act("webhook-switch", state="paused", note="night") == 302
    assert act("webhook-switch", state="paused") == 422
    assert act("webhook-change", url="https://h.example.org/", event_types="hold") == 302
    endpoint.refresh_from_db()
    assert (endpoint.state, endpoint.url, len(endpoint.secrets)) == (
        "paused",
        "https://h.example.org/",
        1,
    )


def test_an_officer_replays_and_does_not_manage(sign_in, sam, endpoint, delivery):
    WebhookDelivery.objects.filter(pk=delivery.pk).update(state="dead")
    client = sign_in(sam)
    address = reverse("cases:delivery-replay", args=[delivery.public_id])

    assert client.post(address, {}).status_code == 422
    assert client.post(address, {"note": "mended"}).status_code == 302
    assert WebhookDelivery.objects.get().state == "waiting"
    WebhookDelivery.objects.update(state="acknowledged")
    assert client.post(address, {"note": "again"}).status_code == 409
    assert client.post(reverse("cases:webhook-rotate", args=[endpoint.pk])).status_code == 403


def test_hostile_answers_are_shown_as_text(sign_in, sam, delivery):
    webhooks.settle(
        WebhookDelivery.objects.take(delivery.pk, lease=webhooks.settings.WEBHOOK_LEASE),
        webhooks.Reply(status=500, error="<img src=x>", body=b"<script>alert(1)</script>"),
    )
    page = sign_in(sam).get(reverse("cases:delivery", args=[delivery.public_id])).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "<img src=x>" not in page
