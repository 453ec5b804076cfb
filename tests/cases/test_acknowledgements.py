"""The platform says later what became of a message, and proves that it is the platform."""

import json

import pytest
from django.test import Client

from cases import receivers, signatures, webhooks
from cases.models import AuditEvent, WebhookDelivery

pytestmark = pytest.mark.django_db
URL = "/api/v1/acknowledgements/"


@pytest.fixture
def sent(settings):
    settings.EGRESS_ALLOW_PRIVATE = ["127.0.0.1:1"]
    _, secret = receivers.add("platform", "http://127.0.0.1:1/", actor=None)
    (delivery,) = webhooks.enqueue("test.hold", {"account": "fl-1"}, order_key="case/1")
    delivery.secret = secret
    return delivery


def tell(body, secret, *, client=None, **headers):
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = {**signatures.headers("ack_1", text, [secret]), **headers}
    client = client or Client(enforce_csrf_checks=True)
    return client.post(URL, text, content_type="application/json", headers=signed)


def test_a_signed_acknowledgement_is_taken_once(sent):
    body = {"delivery": sent.public_id, "acknowledged": True, "reference": "plat-9"}

    answers = [tell(body, sent.secret) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == {"delivery": sent.public_id, "state": "acknowledged"}
    sent.refresh_from_db()
    assert (sent.state, sent.platform_reference) == ("acknowledged", "plat-9")
    webhooks.deliver(sent.pk)
    sent.refresh_from_db()
    assert sent.attempts == 0


def test_the_first_final_word_stays(sent):
    tell({"delivery": sent.public_id, "acknowledged": True}, sent.secret)
    answer = tell({"delivery": sent.public_id, "acknowledged": False}, sent.secret)
    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"


def test_a_refusal_says_why(sent):
    body = {"delivery": sent.public_id, "acknowledged": False, "reason": "unknown account"}
    assert tell(body, sent.secret).json()["state"] == "refused"
    sent.refresh_from_db()
    assert "unknown account" in sent.last_error


def test_a_foreign_signature_and_an_unknown_message_look_the_same(sent):
    other = signatures.new_secret()
    foreign = tell({"delivery": sent.public_id, "acknowledged": True}, other)
    unknown = tell({"delivery": "msg_0", "acknowledged": True}, sent.secret)
    unsigned = Client().post(
        URL,
        {"delivery": sent.public_id, "acknowledged": True},
        content_type="application/json",
    )

    def said(answer):
        return {k: v for k, v in answer.json().items() if k not in ("request_id",)}

    assert foreign.status_code == unknown.status_code == unsigned.status_code == 401
    assert said(foreign) == said(unknown) == said(unsigned)
    assert WebhookDelivery.objects.get().state == "waiting"


def test_an_old_or_changed_message_is_not_taken(sent):
    body = {"delivery": sent.public_id, "acknowledged": True}
    late = signatures.headers("ack_1", json.dumps(body).encode(), [sent.secret], timestamp=1)
    assert tell(body, sent.secret, **late).status_code == 401
    good = signatures.headers("ack_1", json.dumps(body).encode(), [sent.secret])
    assert tell({**body, "reference": "x"}, sent.secret, **good).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * 9000,
        b"null",
        b"[]",
        b"{}",
        b'{"delivery": 5}',
        b'{"delivery": "a\\u0000b", "acknowledged": true}',
        b'{"delivery": "' + b"x" * 20_000 + b'"}',
    ],
)
def test_a_malformed_body_is_a_problem_and_no_fault_of_ours(sent, body):
    answer = tell(body, sent.secret)
    assert 400 <= answer.status_code < 500
    assert answer["Content-Type"] == "application/problem+json"


def test_what_it_says_must_have_its_form(sent):
    for fields in (
        {},
        {"acknowledged": "perhaps"},
        {"acknowledged": True, "reference": "x" * 201},
        {"acknowledged": True, "reference": {"a": 1}},
    ):
        assert tell({"delivery": sent.public_id, **fields}, sent.secret).status_code == 422
    assert not AuditEvent.objects.filter(verb="webhook.dead").exists()


def test_only_posting_is_understood(sent):
    for method in ("get", "put", "patch", "delete"):
        assert getattr(Client(), method)(URL).status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["x\\ud800", "x\\u0000", "\\u2028", "é"])
def test_a_message_nobody_could_have_named_is_refused(client, name):
    body = f'{{"delivery": "{name}", "acknowledged": true}}'
    answer = client.post("/api/v1/acknowledgements/", body, "application/json")
    assert answer.status_code == 400
