"""Load for the benches: bodies made beforehand, clients in processes of their own, waiting."""

from __future__ import annotations

import json
import multiprocessing
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from support.bench.context import Context
from support.places import ROOT
from support.say import Failed

SOURCES = {"signals": "/detectors/demo", "activity": "/platform/demo"}
BEGAN = datetime(2026, 10, 1, tzinfo=UTC)
CODE, EVIDENCE = "login.vpn_exit", {"provider": "commercial"}
FORK = multiprocessing.get_context("fork")


def signal(number: int, mark: str, ref: str, code: str = CODE, **data: Any) -> dict[str, Any]:
    """A finding about `ref`, as a detector would post it."""
    told = {
        "confidence": 0.4,
        "detector_version": "1.0.0",
        "fingerprint": f"{mark}{number:x}",
        "typology": "dprk_itw",
        "evidence": EVIDENCE,
    }
    return _event(SOURCES["signals"], number, mark, code, ref, told | data)


def fact(number: int, mark: str, type_: str, ref: str, **data: Any) -> dict[str, Any]:
    return _event(SOURCES["activity"], number, mark, type_, ref, data)


def login(number: int, mark: str, ref: str, ip: str, device: str) -> dict[str, Any]:
    return fact(
        number, mark, "login.attempted", ref, success=True, ip=ip, device_id=device,
        ip_country="DE", asn=64500, session_minutes=30,
    )  # fmt: skip


def _event(source, number, mark, type_, ref, data) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{mark}-{number}",
        "source": source,
        "type": type_,
        "subject": f"account/{ref}",
        "time": (BEGAN + timedelta(seconds=number % 2_000_000)).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": data,
    }


def references(rng: random.Random, count: int) -> list[str]:
    return [f"fl-{rng.getrandbits(40):010x}" for _ in range(count)]


def bodies(events: Iterator[dict[str, Any]] | list[dict[str, Any]], size: int) -> list[bytes]:
    """The events as bodies of `size` each, so that no client spends its time on making them."""
    found, batch = [], []
    for event in events:
        batch.append(event)
        if len(batch) == size:
            found.append(json.dumps(batch, separators=(",", ":")).encode())
            batch = []
    if batch:
        found.append(json.dumps(batch, separators=(",", ":")).encode())
    return found


def post_all(
    port: int, kind: str, key: str, sent: list[bytes], *, clients: int
) -> tuple[float, list[float]]:
    """Post every body, with `clients` processes: the time until the last answer, each latency."""
    queue = FORK.Queue()
    ready = FORK.Barrier(clients + 1)
    workers = [
        FORK.Process(target=_client, args=(port, kind, key, sent[n::clients], ready, queue))
        for n in range(clients)
    ]
    for each in workers:
        each.start()
    ready.wait()
    began = time.perf_counter()
    latencies: list[float] = []
    for _ in workers:
        fault, took = queue.get(timeout=900)
        if fault:
            raise Failed(f"A post to {kind} was refused.", fault)
        latencies += took
    spent = time.perf_counter() - began
    for each in workers:
        each.join()
    return spent, latencies


def _client(port, kind, key, sent, ready, queue) -> None:
    """Post over one connection; bare sockets, for the clients share the machine's cores."""
    line = socket.create_connection(("127.0.0.1", port), timeout=120)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    head = (
        f"POST /api/v1/{kind}/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {key}\r\n"
        "Content-Type: application/cloudevents-batch+json\r\nContent-Length: %d\r\n\r\n"
    )
    requests = [(head % len(body)).encode() + body for body in sent]
    took, fault = [], ""
    ready.wait()
    for request in requests:
        began = time.perf_counter()
        try:
            line.sendall(request)
            answer, text = _answer(line)
        except OSError as exc:
            fault = repr(exc)
            break
        took.append(time.perf_counter() - began)
        if not answer.startswith(b"HTTP/1.1 202"):
            fault = f"{answer[:40]!r}: {text[:300]!r}"
            break
    queue.put((fault, took))


def _answer(line: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one answer, whose length its head tells."""
    found = b""
    while b"\r\n\r\n" not in found:
        found += _part(line)
    head, _, body = found.partition(b"\r\n\r\n")
    told = [row for row in head.lower().split(b"\r\n") if row.startswith(b"content-length:")]
    if not told:
        raise OSError(f"an answer without its length: {head[:200]!r}")
    parts, missing = [body], int(told[0].split(b":")[1]) - len(body)
    while missing > 0:
        parts.append(_part(line))
        missing -= len(parts[-1])
    return head, b"".join(parts)


def _part(line: socket.socket) -> bytes:
    part = line.recv(262_144)
    if not part:
        raise ConnectionError("the server closed the connection")
    return part


@contextmanager
def correlating(ctx: Context) -> Iterator[None]:
    """One correlator in a process of its own, going on until the end of the block."""
    command = [sys.executable, "manage.py", "correlate", "--watch", "--interval", "0.02"]
    env = {**ctx.environment, "DATABASE_POOL": "0"}
    running = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        running.terminate()
        running.wait(timeout=30)


def correlated(ctx: Context, *, limit: float = 900) -> None:
    """Wait until nothing that was accepted waits any more."""
    end = time.monotonic() + limit
    with ctx.connect() as db:
        while db.execute(
            "SELECT count(*) FROM signals_intakebatch WHERE done_at IS NULL"
        ).fetchone()[0]:
            if time.monotonic() > end:
                raise Failed("Correlation did not finish in time.", f"{limit:.0f} s")
            time.sleep(0.02)


def through(ctx: Context, port: int, kind: str, sent: list[bytes], *, clients: int = 2) -> float:
    """Seconds from the first post until everything is worked in."""
    began = time.perf_counter()
    post_all(port, kind, ctx.keys[SOURCES[kind]], sent, clients=clients)
    correlated(ctx)
    return time.perf_counter() - began


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def timed(work: Callable[[], Any], times: int) -> list[float]:
    """Milliseconds of each of `times` runs, after one that does not count."""
    work()
    took = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return took


median = statistics.median
