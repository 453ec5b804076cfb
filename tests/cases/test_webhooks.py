"""`cases.webhooks` and `cases.receivers`: the platform hears everything, once, in order, signed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from cases import crypto, egress, permissions, receivers, signatures, webhooks
from cases.demo_platform import Platform
from cases.models import AuditEvent, WebhookAttempt, WebhookDelivery, WebhookEndpoint

State = WebhookDelivery.State


@pytest.fixture(autouse=True)
def quick(settings):
    settings.WEBHOOK_TIMEOUT = timedelta(seconds=0.5)


@pytest.fixture
def platform(settings):
    receiver = Platform(lambda: receiver.keys).start()
    receiver.keys = [signatures.new_secret()]
    settings.EGRESS_ALLOW_PRIVATE = [f"127.0.0.1:{receiver.port}"]
    yield receiver
    receiver.stop()


@pytest.fixture
def endpoint(db, platform):
    made, _ = receivers.add("platform", platform.url, actor=None, secret=platform.keys[0])
    return made


@pytest.fixture
def results(monkeypatch):
    """What a step that listens to `test.` is told."""
    told = []
    monkeypatch.setattr(webhooks, "_listeners", [])
    webhooks.on_result("test.", lambda delivery, state: told.append((delivery.public_id, state)))
    return told


def send(event_type="test.hold", *, key="case/1", **payload):
    (delivery,) = webhooks.enqueue(event_type, payload or {"account": "fl-1"}, order_key=key)
    return delivery


def run(delivery):
    """Deliver now, whenever it was due, and give the row back."""
    WebhookDelivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now())
    webhooks.deliver(delivery.pk)
    delivery.refresh_from_db()
    return delivery


def test_a_message_is_signed_heard_and_acknowledged(endpoint, platform, results):
    delivery = run(send(account="fl-1", n=1))

    assert delivery.state == State.ACKNOWLEDGED
    assert delivery.platform_reference == "plat-000001"
    (call,) = platform.heard
    assert call["verified"]
    assert (call["id"], call["type"]) == (delivery.public_id, "test.hold")
    assert call["data"] == {"account": "fl-1", "n": 1}
    assert results == [(delivery.public_id, "acknowledged")]


def test_sending_twice_is_harmless(endpoint, platform, results):
    delivery = run(send())
    webhooks.deliver(delivery.pk)
    webhooks.sweep()

    assert len(platform.heard) == 1
    assert len(results) == 1


@pytest.mark.parametrize("mode", ["500", "redirect", "hang", "slow", "reset", "429"])
def test_a_receiver_that_fails_is_tried_again_with_the_same_id(endpoint, platform, results, mode):
    platform.mode = mode
    delivery = run(send())

    assert delivery.state == State.WAITING
    assert delivery.attempts == 1
    assert delivery.last_error
    assert delivery.due_at > timezone.now() + timedelta(seconds=3)
    assert results == []

    platform.mode = "ok"
    delivery = run(delivery)

    assert delivery.state == State.ACKNOWLEDGED
    assert {call["id"] for call in platform.heard} == {delivery.public_id}
    assert WebhookAttempt.objects.filter(delivery=delivery).count() == 2


def test_a_hostile_answer_with_a_good_status_counts_as_heard_and_no_more(endpoint, platform):
    platform.mode = "garbage"
    assert run(send()).state == State.DELIVERED


@pytest.mark.parametrize(
    ("answer", "state", "reference"),
    [
        (
            b'{"acknowledged": true, "reference": "a\\u0000b\\ud800"}',
            State.ACKNOWLEDGED,
            "a\ufffdb?",
        ),
        (b'{"acknowledged": true, "reference": {"a": 1}}', State.ACKNOWLEDGED, ""),
        (b'{"acknowledged": true, "reference": null}', State.ACKNOWLEDGED, ""),
        (b'{"acknowledged": "true"}', State.DELIVERED, ""),
        (b'{"acknowledged": 1}', State.DELIVERED, ""),
        (b"[true]", State.DELIVERED, ""),
        (b"null", State.DELIVERED, ""),
        (b"\xff\x00\xfe", State.DELIVERED, ""),
        (b"{" * 60_000, State.DELIVERED, ""),
        (b'{"acknowledged": false, "reason": [1]}', State.REFUSED, ""),
        (b"1" * 5000, State.DELIVERED, ""),
    ],
)
def test_whatever_the_answer_holds_the_row_stays_writable(endpoint, answer, state, reference):
    delivery = send()
    taken = WebhookDelivery.objects.take(delivery.pk, lease=timedelta(seconds=60))

    assert webhooks.settle(taken, webhooks.Reply(status=200, body=answer))

    delivery.refresh_from_db()
    assert (delivery.state, delivery.platform_reference) == (state, reference)


def test_a_busy_receiver_is_left_alone_as_long_as_it_asks(endpoint):
    for asked, least, most in (("7000", 6900, 7100), ("999999999", 80_000, 90_000), ("-5", 0, 60)):
        delivery = send(key=asked)
        taken = WebhookDelivery.objects.take(delivery.pk, lease=timedelta(seconds=60))
        webhooks.settle(taken, webhooks.Reply(status=503, error="busy", retry_after=asked))
        delivery.refresh_from_db()
        wait = (delivery.due_at - timezone.now()).total_seconds()
        assert least - 1 <= wait <= most


def test_gone_disables_the_receiver_and_loses_nothing(endpoint, platform, adm):
    platform.mode = "410"
    first, second = send(), send(key="case/2")
    run(first)

    endpoint.refresh_from_db()
    assert endpoint.state == WebhookEndpoint.State.DISABLED
    assert AuditEvent.objects.filter(verb="webhook.endpoint_disabled").count() == 1
    assert run(second).attempts == 0

    platform.mode = "ok"
    receivers.switch(endpoint, "on", actor=adm, note="back again")

    assert run(first).state == run(second).state == State.ACKNOWLEDGED


def test_after_the_last_attempt_a_person_decides(endpoint, platform, results, settings, adm):
    settings.WEBHOOK_RETRY_DELAYS = [timedelta(seconds=1)] * 2
    platform.mode = "500"
    delivery = send()
    for _ in range(3):
        run(delivery)

    assert delivery.state == State.DEAD
    assert results == [(delivery.public_id, "dead")]

    platform.mode = "ok"
    webhooks.replay(delivery, actor=adm, note="mended")

    assert run(delivery).state == State.ACKNOWLEDGED
    assert {call["id"] for call in platform.heard} == {delivery.public_id}
    assert results[-1] == (delivery.public_id, "acknowledged")
    with pytest.raises(webhooks.NotPossible):
        webhooks.replay(delivery, actor=adm)


def test_the_attempts_span_about_three_days(settings):
    span = sum(settings.WEBHOOK_RETRY_DELAYS, timedelta())
    assert timedelta(days=2.5) < span < timedelta(days=3.5)


def test_a_receiver_that_is_down_is_left_alone_and_costs_the_others_nothing(
    endpoint, platform, settings, adm
):
    settings.WEBHOOK_BREAKER_AFTER = 3
    platform.mode = "500"
    messages = [send(key=f"case/{n}") for n in range(6)]
    other, _ = receivers.add("other", platform.url, actor=None, event_types=["other"])
    for message in messages:
        run(message)

    assert [message.attempts for message in messages] == [1, 1, 1, 0, 0, 0]
    endpoint.refresh_from_db()
    assert timedelta(seconds=3) < endpoint.quiet_until - timezone.now() < timedelta(seconds=6)
    (aside,) = webhooks.enqueue("other.x", {}, order_key="o", endpoint=other)
    assert run(aside).attempts == 1

    platform.mode = "ok"
    WebhookEndpoint.objects.update(quiet_until=timezone.now())
    assert run(messages[3]).state == State.ACKNOWLEDGED
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.quiet_until) == (0, None)
    assert {run(message).state for message in messages} == {State.ACKNOWLEDGED}


def test_a_message_that_goes_with_its_change_is_never_sent(endpoint, platform):
    with transaction.atomic():
        send()
        transaction.set_rollback(True)
    assert not WebhookDelivery.objects.exists()


def test_without_a_receiver_a_message_waits_for_one(db, platform, results):
    delivery = send()
    assert run(delivery).attempts == 0

    receivers.add("platform", platform.url, actor=None, secret=platform.keys[0])

    assert run(delivery).state == State.ACKNOWLEDGED


def test_receivers_choose_types_by_their_beginning(db, platform):
    holds, _ = receivers.add("holds", platform.url, actor=None, event_types=["hold"])
    every, _ = receivers.add("all", platform.url + "/all", actor=None)

    assert receivers.of("hold.placed") == [holds, every]
    assert receivers.of("holdings.x") == [every]
    assert len(webhooks.enqueue("hold.placed", {}, order_key="k")) == 2


def test_messages_of_one_key_keep_their_order(endpoint, platform):
    first, second, other = send(), send(), send(key="case/2")

    assert run(second).attempts == 0
    assert run(other).state == State.ACKNOWLEDGED
    platform.mode = "500"
    assert run(first).state == State.WAITING
    assert run(second).attempts == 0
    platform.mode = "ok"
    assert run(first).state == State.ACKNOWLEDGED
    assert run(second).state == State.ACKNOWLEDGED


def test_a_secret_is_rotated_without_a_message_lost(endpoint, platform, adm):
    old = platform.keys[0]
    new = receivers.rotate(endpoint, actor=adm)
    endpoint.refresh_from_db()
    assert receivers.live_secrets(endpoint) == [new, old]

    for known in ([old], [new], [old, new]):
        platform.keys = known
        assert run(send(key=str(known))).state == State.ACKNOWLEDGED

    receivers.retire(endpoint, endpoint.secrets[1]["id"], actor=adm)
    platform.keys = [old]
    assert run(send(key="late")).state == State.WAITING
    assert platform.heard[-1]["verified"] is False


def test_an_old_secret_ends_by_itself_when_the_overlap_is_over(endpoint, adm):
    new = receivers.rotate(endpoint, actor=adm, overlap=timedelta(0))
    endpoint.refresh_from_db()
    assert receivers.live_secrets(endpoint) == [new]


def test_secrets_lie_sealed_and_open_only_in_their_own_row(endpoint, platform):
    other, _ = receivers.add("other", platform.url + "/2", actor=None)
    endpoint.refresh_from_db()
    assert platform.keys[0].removeprefix("whsec_") not in str(endpoint.secrets)

    other.secrets = endpoint.secrets
    with pytest.raises(crypto.Unreadable):
        receivers.live_secrets(other)


def test_a_receiver_at_a_private_address_is_refused(db, adm):
    for url in ("http://127.0.0.1:1/", "https://user@x.example.org/", "ftp://x.example.org/"):
        with pytest.raises(egress.Refused):
            receivers.add("x", url, actor=adm)


def test_only_who_may_manage_receivers_does(endpoint, rita, sam, aud):
    for person in (rita, sam, aud):
        with pytest.raises(permissions.Denied):
            receivers.rotate(endpoint, actor=person)
    with pytest.raises(permissions.Denied):
        webhooks.replay(send(), actor=aud)


def test_a_listener_that_fails_is_told_again(endpoint, platform, results, monkeypatch):
    def fail(delivery, state):
        raise RuntimeError

    listeners = webhooks._listeners[:]
    monkeypatch.setattr(webhooks, "_listeners", [("test.", fail)])
    delivery = run(send())
    assert (delivery.state, delivery.told) == (State.ACKNOWLEDGED, "")

    monkeypatch.setattr(webhooks, "_listeners", listeners)
    webhooks.sweep()
    webhooks.sweep()

    assert results == [(delivery.public_id, "acknowledged")]


def test_an_acknowledgement_may_come_later_and_only_counts_once(endpoint, platform, results):
    platform.mode = "silent"
    delivery = run(send())
    assert delivery.state == State.DELIVERED

    webhooks.acknowledge(delivery, {"acknowledged": True, "reference": "late-1"})
    webhooks.acknowledge(delivery, {"acknowledged": True, "reference": "late-2"})

    delivery.refresh_from_db()
    assert (delivery.state, delivery.platform_reference) == (State.ACKNOWLEDGED, "late-1")
    assert [state for _, state in results] == ["delivered", "acknowledged"]
    with pytest.raises(webhooks.NotPossible):
        webhooks.acknowledge(delivery, {"acknowledged": False})


def test_a_worker_that_lost_its_lease_changes_nothing(endpoint):
    delivery = send()
    first = WebhookDelivery.objects.take(delivery.pk, lease=timedelta(seconds=-1))
    second = WebhookDelivery.objects.take(delivery.pk, lease=timedelta(seconds=60))

    assert not webhooks.settle(first, webhooks.Reply(status=500, error="late"))
    assert webhooks.settle(second, webhooks.Reply(status=200, body=b'{"acknowledged": true}'))
    delivery.refresh_from_db()
    assert delivery.state == State.ACKNOWLEDGED


@pytest.mark.django_db(transaction=True)
def test_many_workers_and_a_bad_receiver_lose_nothing_and_keep_the_order(
    platform, results, settings
):
    """120 messages of 12 cases, three in ten calls failing, six workers taking what they find."""
    settings.WEBHOOK_RETRY_DELAYS = [timedelta(0)] * 40
    calls = iter(range(100_000))
    lock = threading.Lock()

    def misbehave(message_id):
        with lock:
            turn = next(calls)
        return {0: "500", 3: "reset", 7: "redirect"}.get(turn % 10)

    platform.misbehave = misbehave
    receivers.add("platform", platform.url, actor=None, secret=platform.keys[0])
    for n in range(10):
        for case in range(12):
            send(key=f"case/{case}", case=case, n=n)

    def work(_):
        try:
            for _ in range(400):
                ids = list(WebhookDelivery.objects.ready().values_list("pk", flat=True)[:12])
                if not ids and not WebhookDelivery.objects.filter(state=State.WAITING).exists():
                    return
                for pk in ids:
                    webhooks.deliver(pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))

    assert set(WebhookDelivery.objects.values_list("state", flat=True)) == {State.ACKNOWLEDGED}
    assert len(platform.done) == 120
    assert len(results) == len(set(results)) == 120
    for case in range(12):
        done = [
            c["data"]["n"]
            for c in platform.heard
            if c["mode"] == "ok" and c["data"]["case"] == case
        ]
        assert done == list(range(10))


def test_the_specifications_own_example_is_signed_alike():
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    at = 1614265330

    headers = signatures.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", body, [secret], timestamp=at)

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signatures.verify(headers, body, [secret], now=at + 299)


def test_a_changed_stretched_or_foreign_message_is_not_accepted():
    secret, other = signatures.new_secret(), signatures.new_secret()
    body, at = b'{"a":1}', 1_700_000_000
    good = signatures.headers("msg_1", body, [secret], timestamp=at)
    bad = [
        (good, b'{"a":2}', at),
        (good, body, at + 301),
        (good, body, at - 301),
        ({**good, "webhook-id": "msg_2"}, body, at),
        ({**good, "webhook-timestamp": str(at + 1)}, body, at),
        ({**good, "webhook-timestamp": "x"}, body, at),
        ({**good, "webhook-signature": ""}, body, at),
        ({**good, "webhook-signature": "v1,AAAA v2," + "é"}, body, at),
        ({k: v for k, v in good.items() if k != "webhook-id"}, body, at),
        (signatures.headers("msg_1", body, [other], timestamp=at), body, at),
    ]
    for headers, text, now in bad:
        with pytest.raises(signatures.Unverified):
            signatures.verify(headers, text, [secret], now=now)
    assert signatures.verify(good, body, [other, secret], now=at) == "msg_1"


@pytest.mark.parametrize("secret", ["whsec_", "whsec_AAAA", "whsec_!!!", "x" * 9])
def test_a_secret_that_is_too_short_or_no_secret_is_refused(secret):
    with pytest.raises(ValueError, match="webhook secret"):
        signatures.secret_bytes(secret)
