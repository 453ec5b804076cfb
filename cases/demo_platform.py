"""A stand-in for the platform: hears our messages, checks their signatures, says that it did them.

For the demo and the tests. It answers on this machine only, keeps what it heard in memory and, if
asked, as lines of a file, and can be told to behave as badly as receivers do.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cases import signatures

MODES = (
    "ok", "silent", "refuse", "500", "429", "410", "redirect", "hang", "slow", "reset", "garbage",
)  # fmt: skip
_LONGEST = 1024 * 1024


class Platform(ThreadingHTTPServer):
    """The receiver. `heard` lists every call in order; a message sent twice is done once."""

    daemon_threads = True

    def __init__(
        self,
        secrets: Callable[[], Sequence[str]],
        *,
        port: int = 0,
        log: Path | None = None,
        mode: str = "ok",
        misbehave: Callable[[str], str | None] | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.secrets, self.log, self.mode = secrets, log, mode
        # Asked with each message's id; a mode that it returns counts for this call alone.
        self.misbehave = misbehave
        self.heard: list[dict[str, Any]] = []
        self.done: dict[str, str] = {}
        self.stopping = threading.Event()
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def note(self, entry: dict[str, Any]) -> None:
        """Remember a call, and write it to the log."""
        with self._lock:
            self.heard.append(entry)
            if self.log is not None:
                with self.log.open("a") as file:
                    file.write(json.dumps(entry) + "\n")

    def carry_out(self, message_id: str) -> str:
        """The platform's reference for a message: the same however often it comes."""
        with self._lock:
            return self.done.setdefault(message_id, f"plat-{len(self.done) + 1:06d}")

    def start(self) -> Platform:
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is part of the game."""


class _Handler(BaseHTTPRequestHandler):
    server: Platform
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _LONGEST:
            self._say(413, {})
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        entry: dict[str, Any] = {"at": time.time(), "id": headers.get("webhook-id", "")}
        try:
            signatures.verify(headers, body, self.server.secrets())
        except signatures.Unverified as exc:
            self.server.note({**entry, "verified": False, "because": str(exc), "status": 401})
            self._say(401, {"error": str(exc)})
            return
        message = json.loads(body)
        mode = self.server.mode
        if self.server.misbehave is not None:
            mode = self.server.misbehave(entry["id"]) or mode
        entry |= {
            "verified": True,
            "type": message.get("type"),
            "data": message.get("data"),
            "mode": mode,
            "again": entry["id"] in self.server.done,
        }
        self.server.note(entry)
        getattr(self, f"_when_{mode}")(entry["id"])

    def do_PUT(self) -> None:
        """`PUT /mode` with one of the modes as the body."""
        mode = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 20)).decode()
        if self.path == "/mode" and mode in MODES:
            self.server.mode = mode
            self._say(200, {"mode": mode})
        else:
            self._say(404, {"modes": list(MODES)})

    def do_GET(self) -> None:
        """What was heard lately, for people to look at."""
        self._say(200, {"mode": self.server.mode, "heard": self.server.heard[-50:][::-1]})

    def _when_ok(self, message_id: str) -> None:
        self._say(200, {"acknowledged": True, "reference": self.server.carry_out(message_id)})

    def _when_silent(self, message_id: str) -> None:
        self._say(202, {})

    def _when_refuse(self, message_id: str) -> None:
        self._say(200, {"acknowledged": False, "reason": "the account is unknown here"})

    def _when_500(self, message_id: str) -> None:
        self._say(500, {"error": "told to fail"})

    def _when_429(self, message_id: str) -> None:
        self._say(429, {"error": "told to be busy"}, {"Retry-After": "7"})

    def _when_410(self, message_id: str) -> None:
        self._say(410, {"error": "told to be gone"})

    def _when_redirect(self, message_id: str) -> None:
        self._say(302, {}, {"Location": "http://169.254.169.254/latest/meta-data/"})

    def _when_hang(self, message_id: str) -> None:
        self.server.stopping.wait(120)
        self.close_connection = True

    def _when_slow(self, message_id: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(100_000):
            self.wfile.write(b" ")
            self.wfile.flush()
            if self.server.stopping.wait(0.05):
                break
        self.close_connection = True

    def _when_reset(self, message_id: str) -> None:
        self.close_connection = True
        self.connection.close()

    def _when_garbage(self, message_id: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n" + b"[" * 40_000)
        self.close_connection = True

    def _say(
        self, status: int, answer: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """The log is `note`."""
