"""Post events through the portal's real doors, as a detector would: batches, retries, patience."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from support.say import Failed

BATCH = 500


class Door:
    """One door (`signals` or `activity`) and the key that opens it."""

    def __init__(self, port: int, kind: str, key: str) -> None:
        self.port, self.path, self.key = port, f"/api/v1/{kind}/", key
        self._connection: http.client.HTTPConnection | None = None

    def send(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        """Post one batch and return the door's answer. Busy or away: try again for a while."""
        for attempt in range(60):
            status, headers, answer = self.post(events)
            if status in (202, 422) and isinstance(answer, dict) and "results" in answer:
                return answer
            if status not in (0, 429, 503):
                raise Failed(f"POST {self.path} was refused: {status}", json.dumps(answer)[:600])
            time.sleep(min(float(headers.get("Retry-After", "") or 0.2 * (attempt + 1)), 10))
        raise Failed(f"POST {self.path} was refused for minutes", json.dumps(answer)[:600])

    def post(self, events: list[dict[str, Any]]) -> tuple[int, dict[str, str], Any]:
        """One attempt: status, headers, answer; status 0 when the line broke."""
        body = json.dumps(events, separators=(",", ":")).encode()
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Content-Type": "application/cloudevents-batch+json",
        }
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            self._connection.request("POST", self.path, body, headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            return 0, {}, None
        try:
            return answer.status, dict(answer.headers), json.loads(text)
        except ValueError:
            return answer.status, dict(answer.headers), text[:300].decode(errors="replace")


def send_all(door: Door, events: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Post everything in batches; the sums of the outcomes. The first rejected item stops it."""
    sums = dict.fromkeys(("received", "accepted", "duplicate", "conflict", "rejected"), 0)
    for batch in batches(events, BATCH):
        answer = door.send(batch)
        for name in sums:
            sums[name] += answer[name]
        if answer["rejected"]:
            wrong = next(each for each in answer["results"] if each["outcome"] == "rejected")
            raise Failed(
                f"{door.path} rejected {answer['rejected']} items.", json.dumps(wrong)[:800]
            )
    return sums


def batches(events: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    running = iter(events)
    while batch := list(islice(running, size)):
        yield batch


def lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for row in file:
            yield json.loads(row)
