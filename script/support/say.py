"""What the person at the terminal is told: each step, how long it took, what to do if it fails."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Failed(Exception):
    """A step failed. `advice` says what the person can do about it."""

    def __init__(self, what: str, advice: str = "") -> None:
        super().__init__(what)
        self.what, self.advice = what, advice


def line(text: str = "") -> None:
    print(text, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Say what is being done; a step of more than a second shows that it goes on."""
    live = sys.stdout.isatty()
    started = time.monotonic()
    over = threading.Event()

    def tick() -> None:
        while not over.wait(1):
            print(f"\r  {title} … {time.monotonic() - started:.0f} s", end="", flush=True)

    print(f"  {title} …", end="" if live else "\n", flush=True)
    ticker = threading.Thread(target=tick, daemon=True)
    if live:
        ticker.start()
    try:
        yield
    except BaseException:
        over.set()
        if live:
            print()
        raise
    over.set()
    took = time.monotonic() - started
    if live:
        ticker.join(0.2)
        print(f"\r  {title} ({took:.1f} s)\x1b[K", flush=True)
    elif took > 1:
        print(f"  {title} ({took:.1f} s)", flush=True)


def report(failure: Failed) -> int:
    print(f"\n{failure.what}", file=sys.stderr)
    for advice in filter(None, failure.advice.splitlines()):
        print(f"  {advice}", file=sys.stderr)
    return 1
