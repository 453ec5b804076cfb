"""Streams of lines: endless in, bounded in memory and in the answer."""

import json
import resource
import tracemalloc
from pathlib import Path

import pytest

from cases.models import Typology
from signals.door import views
from signals.door.accept import checker_for
from signals.door.access import Caller
from signals.models import ActivityEvent, IntakeBatch, Signal

pytestmark = pytest.mark.django_db
LINES = "application/x-ndjson"


def lines(events):
    return "\n".join(json.dumps(one) for one in events)


def test_lines_are_taken_and_answered_like_a_batch(post, watch, event):
    first = event()
    body = lines([first, event()]) + "\n\n{broken\n" + lines([first]) + "\r\n[1]\n"

    response = post(watch, body, media=LINES)

    assert response.status_code == 202
    answer = response.json()
    assert [r["outcome"] for r in answer["results"]] == [
        "accepted",
        "accepted",
        "rejected",
        "duplicate",
        "rejected",
    ]
    assert answer["results"][2]["errors"][0]["code"] == "not_json"
    assert Signal.objects.count() == 2


def test_a_line_that_is_too_long_is_rejected_and_the_next_is_read(post, watch, event, settings):
    settings.DOOR_LINE_MAX = 1000
    body = json.dumps(event(evidence={"x": "y" * 200_000})) + "\n" + json.dumps(event())

    answer = post(watch, body, media=LINES).json()

    assert [r["outcome"] for r in answer["results"]] == ["rejected", "accepted"]


def test_a_long_stream_lists_only_what_was_not_accepted(post, watch, event, settings):
    settings.DOOR_STREAM_RESULTS = 10
    settings.DOOR_SLICE_LINES = 7
    events = [event() for _ in range(40)]
    events[33]["type"] = "a.b"

    answer = post(watch, lines(events), media=LINES).json()

    assert (answer["received"], answer["accepted"], answer["rejected"]) == (40, 39, 1)
    assert [r["index"] for r in answer["results"]] == [33]
    assert answer["results_left_out"] == 39
    assert IntakeBatch.objects.count() == 6


def test_a_stream_over_quota_says_how_far_it_came(post, make_detector, event, settings):
    settings.DOOR_SLICE_LINES = 5
    slow = make_detector(quota_per_minute=12)
    events = [event() for _ in range(20)]

    response = post(slow, lines(events), media=LINES)

    assert response.status_code == 429
    assert response.json()["accepted"] == 10 == Signal.objects.count()


class Endless:
    """A body of `size` lines that is never in memory as a whole."""

    def __init__(self, event, size):
        text = json.dumps(event("/detectors/watch"))
        self.head, self.tail = text.split(json.loads(text)["id"], 1)
        self.numbers = iter(range(size))

    def read(self, size=-1):
        part = []
        for number in self.numbers:
            part.append(f"{self.head}N{number}{self.tail}\n")
            if len(part) == 150:
                break
        return "".join(part).encode()


def test_the_memory_of_a_stream_does_not_grow_with_its_length(watch, event, settings):
    settings.DOOR_SLICE_LINES = 500
    caller = Caller(
        id=watch.pk, source=watch.source, kind="detector", state="on", catalogue=_active()
    )

    def peak(size):
        tracemalloc.start()
        response = views._stream(checker_for("signals", caller), Endless(event, size))
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert json.loads(response.content)["received"] == size
        assert len(response.content) < 400_000
        return top

    peak(1_500)
    short, long = peak(3_000), peak(15_000)

    assert long < short * 1.25 + 500_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 2_000_000


def _active():
    return tuple(Typology.objects.filter(active=True).values_list("pk", flat=True))


def test_a_scenario_comes_in_through_the_door(post, make_detector, request):
    folder = Path(request.config.rootpath) / "demo" / "lantern"
    if not folder.is_dir():
        pytest.skip("the scenario is not in this checkout")
    platform = make_detector("/platform/lantern", kind="platform", quota_per_minute=None)
    detector = make_detector("/detectors/lantern-demo", quota_per_minute=None)

    facts = post(
        platform, (folder / "activity.ndjson").read_bytes(), kind="activity", media=LINES
    ).json()
    found = post(detector, (folder / "signals.ndjson").read_bytes(), media=LINES).json()

    assert (facts["accepted"], facts["rejected"]) == (4787, 0), facts["results"][:3]
    assert (found["accepted"], found["rejected"]) == (56, 0), found["results"][:3]
    assert ActivityEvent.objects.count() == 4787
