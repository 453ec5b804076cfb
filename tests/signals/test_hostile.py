"""Hostile bodies: whatever comes, the door answers below 500 and the sums balance."""

import json
import random

import pytest
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signals.door import views as door
from signals.models import IntakeBalance, Signal

pytestmark = pytest.mark.django_db
quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NASTY = [
    "\u0000",
    "\ud800",
    "a\u202eb",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "{{7*7}}",
    "\r\nSet-Cookie: x",
    "x" * 5000,
    "٠١٢",
    "\ufeff",
]
texts = st.one_of(st.text(max_size=30), st.sampled_from(NASTY))
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**40), 10**40),
        st.floats(),
        texts,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)
ATTRIBUTES = ["specversion", "id", "source", "type", "subject", "time", "data", "datacontenttype"]


def check(response):
    assert response.status_code < 500, response.content
    if response.status_code in (202, 422):
        answer = response.json()
        parts = ("accepted", "duplicate", "conflict", "rejected")
        assert answer["received"] == sum(answer[part] for part in parts)
        assert len(answer["results"]) == answer["received"]
    return response


@quick
@given(body=st.binary(max_size=300))
def test_any_bytes(post, watch, body):
    check(post(watch, body, media="application/json"))
    check(post(watch, body, media="application/x-ndjson"))
    check(post(watch, body, **{"Content-Encoding": "gzip"}))


@quick
@given(body=values)
def test_any_json(post, watch, body):
    check(post(watch, json.dumps(body), media="application/json"))


@quick
@given(name=st.sampled_from(ATTRIBUTES), value=values)
def test_any_value_of_an_attribute(post, watch, event, name, value):
    good = event()
    answer = check(post(watch, json.dumps([{**event(), name: value}, good]))).json()
    assert answer["results"][1]["outcome"] in ("accepted", "duplicate", "conflict")


@quick
@given(evidence=st.dictionaries(texts, values, max_size=5))
def test_any_evidence(post, watch, event, evidence):
    answer = check(post(watch, json.dumps([event(evidence=evidence), event()]))).json()
    assert answer["results"][1]["outcome"] == "accepted"


@quick
@given(data=values)
def test_any_data_of_a_fact(post, platform, fact, data):
    for kind in ("account.registered", "relation.declared", "login.attempted"):
        check(post(platform, json.dumps(fact(kind, data={"x": data})), kind="activity"))


def test_mutants_of_a_good_body(post, watch, event):
    """Bytes flipped, cut, doubled and swapped: never a 5xx, and every item in one sum."""
    chance = random.Random(7)
    good = json.dumps([event() for _ in range(3)]).encode()
    for _ in range(1500):
        body = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(len(body))
            match chance.randrange(4):
                case 0:
                    body[place] = chance.randrange(256)
                case 1:
                    del body[place : place + chance.randint(1, 40)]
                case 2:
                    body[place:place] = body[place : place + chance.randint(1, 40)]
                case 3:
                    body[place:place] = chance.choice(
                        [b"\\u0000", b"\\ud800", b"1e999", b"NaN", b"[[[[", b'"', b"9" * 50]
                    )
        check(post(watch, bytes(body), media="application/json"))
    for balance in IntakeBalance.objects.all():
        parts = balance.accepted + balance.duplicate + balance.conflict + balance.rejected
        assert balance.received == parts


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        (r'"\u0000"', "\u2400"),
        (r'"a\ud800b"', "a\ufffdb"),
        (r'"\u202eevil"', "\u202eevil"),
        (r'"\\u0000"', r"\u0000"),
    ],
)
def test_text_that_cannot_be_stored_is_made_harmless_and_kept(post, watch, event, raw, stored):
    body = json.dumps(event(evidence={"note": "HERE"})).replace('"HERE"', raw)

    assert check(post(watch, body)).status_code == 202
    assert Signal.objects.get().data["evidence"]["note"] == stored
    assert check(post(watch, body)).json()["duplicate"] == 1


@pytest.mark.parametrize("number", ["1e999", "-1e400", "NaN", "Infinity", "9" * 30, "9" * 5000])
def test_a_number_beyond_all_bounds_spoils_its_item_alone(post, watch, event, number):
    bad = json.dumps(event(evidence={"n": "HERE"})).replace('"HERE"', number)
    response = check(post(watch, f"[{bad},{json.dumps(event())}]"))

    if response.status_code == 202:
        assert [r["outcome"] for r in response.json()["results"]] == ["rejected", "accepted"]
    else:
        assert response.status_code == 400


@pytest.mark.parametrize("depth", [17, 100, 500, 900])
def test_deep_nesting_spoils_its_item_alone(post, watch, event, depth):
    deep = event(evidence={"n": "HERE"})
    body = json.dumps([deep, event()]).replace('"HERE"', "[" * depth + "]" * depth)

    response = check(post(watch, body))
    if response.status_code == 400:
        assert response.json()["code"] == "too_deep"
        return
    results = response.json()["results"]

    assert results[0]["errors"][0]["code"] == "too_deep"
    assert results[1]["outcome"] == "accepted"


def test_a_name_that_stands_twice_is_checked_as_it_is_stored(post, watch, event):
    body = json.dumps(event(evidence={"a": 1})).replace('"a": 1', '"religion": "x", "a": 1, "a": 2')
    assert check(post(watch, body)).status_code == 422

    body = json.dumps(event(evidence={"a": 1})).replace('"a": 1', '"a": 1, "a": 2')
    assert check(post(watch, body)).status_code == 202
    assert Signal.objects.get().data["evidence"]["a"] == 2


def test_a_byte_order_mark_and_white_space_are_passed_over(post, watch, event):
    body = b"\xef\xbb\xbf \n" + json.dumps(event()).encode() + b"\n "
    assert check(post(watch, body)).status_code == 202


def test_an_event_that_is_too_large_is_rejected_by_itself(post, watch, event):
    large = event(evidence={str(i): "x" * 3900 for i in range(20)})
    results = check(post(watch, [large, event()])).json()["results"]

    assert results[0]["errors"][0]["code"] == "too_large"
    assert results[1]["outcome"] == "accepted"


class _BadChunks:
    """A body as a web server hands it on: the first piece is fine, the next is no chunk."""

    def __init__(self) -> None:
        self.pieces = [b"["]

    def read(self, size: int = -1) -> bytes:
        if not self.pieces:
            raise RuntimeError("invalid chunk size")
        return self.pieces.pop()


@pytest.mark.django_db
@pytest.mark.parametrize("media", ["application/json", "application/x-ndjson"])
def test_chunks_that_make_no_sense_are_a_broken_body(watch, media):
    request = RequestFactory().post("/api/v1/signals/", b"[", media)
    request.META |= {
        "CONTENT_LENGTH": "",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "HTTP_AUTHORIZATION": f"Bearer {watch.key_text}",
        "wsgi.input_terminated": True,
        "wsgi.input": _BadChunks(),
    }
    answer = door.signals(request)
    assert answer.status_code == 400
    assert b"interrupted" in answer.content
