"""From the door's answer to the case on the analyst's page, while signals stream in."""

from __future__ import annotations

import http.client
import threading
import time

from support import posting
from support.bench._load import SOURCES, median, percentile, references, signal
from support.bench._pages import signed_in
from support.bench.context import Context
from support.bench.figures import Figure

RATE, BATCH = 500, 50
# What the first requests of new processes wait for (imports, connections) is not counted.
WARM = 3
# Opens a case by itself.
GRAVE = "account.returns_after_ban"
EVIDENCE = {"banned_account_id": "fl-banned", "matched": ["payout"], "days_since_ban": 3}


def run(ctx: Context) -> list[Figure]:
    seconds = ctx.size(100, 20)
    rng = ctx.random()
    refs, probes = references(rng, 5_000), references(rng, WARM + seconds)
    cookie = signed_in(ctx, "officer").cookies.output(header="", sep=";").strip().split(";")[0]
    took: list[float] = []
    with ctx.web(processes=2, threads=8) as web, ctx.workers():
        key = ctx.keys[SOURCES["signals"]]
        stop = threading.Event()
        stream = threading.Thread(target=_stream, args=(web.port, key, refs, stop))
        stream.start()
        try:
            time.sleep(2)
            door = posting.Door(web.port, "signals", key)
            for number, ref in enumerate(probes):
                told = {"confidence": 0.95, "evidence": EVIDENCE}
                answer = door.send([signal(number, "probe", ref, GRAVE, **told)])
                if answer["accepted"] != 1:
                    raise AssertionError(f"the probe was not accepted: {answer}")
                took.append(_until_shown(web.port, cookie, ref))
                time.sleep(0.25)
        finally:
            stop.set()
            stream.join()
    took = took[WARM:]
    p95 = percentile(took, 0.95)
    return [
        Figure(
            "door_to_page", p95, "s p95", median(took), None, len(took), ctx.seed,
            f"< 2 s at {RATE} signals/s", p95 < 2,
        )
    ]  # fmt: skip


def _stream(port: int, key: str, refs: list[str], stop: threading.Event) -> None:
    """`RATE` signals a second, as even as a thread can be."""
    door, number, due = posting.Door(port, "signals", key), 0, time.monotonic()
    while not stop.is_set():
        batch = [signal(number + n, "bg", refs[(number + n) % len(refs)]) for n in range(BATCH)]
        door.send(batch)
        number, due = number + BATCH, due + BATCH / RATE
        time.sleep(max(0.0, due - time.monotonic()))


def _until_shown(port: int, cookie: str, ref: str) -> float:
    """Seconds until the account's page names a case."""
    began = time.perf_counter()
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while time.perf_counter() - began < 60:
        line.request("GET", f"/api/v1/cases/?account={ref}", headers={"Cookie": cookie})
        answer = line.getresponse()
        text = answer.read()
        if answer.status == 200 and b'"C-' in text:
            return time.perf_counter() - began
        time.sleep(0.05)
    raise AssertionError(f"no case for {ref} within a minute")
