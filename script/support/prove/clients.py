"""Clients that post findings without pause, and post again what was not acknowledged."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from support.posting import Door
from support.prove.accounts import ClientLog

THREADS = 8
# Strong and weak ones: some open a case by themselves, some only add to a score.
KINDS: tuple[tuple[str, float, dict[str, Any]], ...] = (
    ("login.many_ips_short_window", 0.9, {"distinct_ips": 6, "distinct_countries": 4}),
    ("login.vpn_exit", 0.4, {"provider": "commercial"}),
    ("payout.crypto_requested", 0.4, {"asset": "USDT"}),
    ("interview.voice_only_technical_excuse", 0.8, {"interview_id": "I1"}),
)


@dataclass
class Clients:
    """Eight threads with events of their own; `stop` waits until all of them are acknowledged."""

    port: int
    key: str
    source: str
    seed: int
    accounts: int
    pause: float = 0.0
    log: ClientLog = field(default_factory=ClientLog)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _posted: int = 0

    def start(self) -> None:
        for number in range(THREADS):
            thread = threading.Thread(target=self._work, args=(number,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(120)

    @property
    def acknowledged(self) -> int:
        return len(self.log.acknowledged)

    def _work(self, number: int) -> None:
        rng = random.Random(f"{self.seed}/client/{number}")
        door = Door(self.port, "signals", self.key)
        turn = 0
        while not self._stopping.is_set():
            batch = [self._event(number, turn, place, rng) for place in range(rng.randint(10, 60))]
            turn += 1
            self._until_acknowledged(door, batch, rng)
            if self.pause:
                time.sleep(self.pause * rng.random())

    def _until_acknowledged(
        self, door: Door, batch: list[dict[str, Any]], rng: random.Random
    ) -> None:
        """Post the same until the door has answered for it, as the contract tells clients to."""
        until = time.monotonic() + 100
        while time.monotonic() < until:
            status, _, answer = door.post(batch)
            if status == 202:
                self.log.attempt(answer)
                # Now and then the same once more: a client that did not see the answer.
                if rng.random() < 0.05:
                    status, _, answer = door.post(batch)
                    self.log.attempt(answer if status == 202 else None)
                return
            self.log.attempt(None)
            time.sleep(0.05 + 0.2 * rng.random())

    def _event(self, number: int, turn: int, place: int, rng: random.Random) -> dict[str, Any]:
        code, confidence, evidence = rng.choice(KINDS)
        mark = f"k{self.seed}-{number}-{turn}-{place}"
        return {
            "specversion": "1.0",
            "id": mark,
            "source": self.source,
            "type": code,
            "subject": f"account/fl-k{rng.randrange(self.accounts):06d}",
            "time": "2026-10-10T12:00:00Z",
            "datacontenttype": "application/json",
            "data": {
                "confidence": confidence,
                "detector_version": "1.0.0",
                "fingerprint": mark,
                "typology": "dprk_itw",
                "evidence": evidence,
            },
        }
