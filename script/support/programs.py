"""The portal's own processes: web, workers, schedule. Each is started again when it dies."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import sys
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from support import say
from support.children import Child, Children, wait_until
from support.places import ROOT
from support.say import Failed
from support.services import Services

QUEUES = "default,enrichment,webhooks,reports"
# A program that dies more often than this within a minute is not started again.
RESTARTS_PER_MINUTE = 6


@dataclass
class Program:
    """How to start one process, and when it was started lately."""

    name: str
    command: list[str]
    env: Mapping[str, str]
    patience: float = 25.0
    started: deque[float] = field(default_factory=lambda: deque(maxlen=RESTARTS_PER_MINUTE))
    child: Child | None = None

    def start(self, children: Children) -> Child:
        self.started.append(time.monotonic())
        self.child = children.start(
            self.name, self.command, env=self.env, cwd=ROOT, patience=self.patience
        )
        return self.child

    @property
    def falls_over(self) -> bool:
        return len(self.started) == RESTARTS_PER_MINUTE and time.monotonic() - self.started[0] < 60


def portal_environment(services: Services, *, database: str = "portal") -> dict[str, str]:
    """What the portal's processes need on a machine of one's own, without https."""
    metrics = services.places.run / "metrics"
    metrics.mkdir(exist_ok=True)
    return services.environment(database) | {
        "HTTPS": "false",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        "STATIC_ROOT": str(services.places.state / "static"),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "PYTHONPATH": str(ROOT),
    }


def forget_metrics(services: Services) -> None:
    """What processes of an earlier run counted is not ours. Call before any of ours starts."""
    shutil.rmtree(services.places.run / "metrics", ignore_errors=True)


def web(env: Mapping[str, str], *, port: int, processes: int = 2, threads: int = 4) -> Program:
    told = {"BIND": f"127.0.0.1:{port}", "WEB_PROCESSES": str(processes)}
    return Program(
        "web",
        [sys.executable, "-m", "gunicorn", "-c", "tsportal/gunicorn.py", "tsportal.wsgi"],
        {**env, **told, "WEB_THREADS": str(threads)},
    )


def workers(env: Mapping[str, str]) -> list[Program]:
    """Correlation has a worker to itself, so that slow work elsewhere never holds it up."""
    env = {**env, "C_FORCE_ROOT": "true", "DATABASE_POOL": "0"}
    return [
        _worker("correlation", "correlation", 1, env),
        _worker("worker", QUEUES, 2, env),
    ]


def beat(env: Mapping[str, str], services: Services) -> Program:
    folder = services.places.state / "beat"
    folder.mkdir(mode=0o700, exist_ok=True)
    command = [sys.executable, "-m", "celery", "-A", "tsportal", "beat", "--loglevel", "warning"]
    command += ["--schedule", str(folder / "schedule"), "--pidfile", ""]
    return Program("beat", command, env)


def _worker(name: str, queues: str, concurrency: int, env: Mapping[str, str]) -> Program:
    command = [sys.executable, "-m", "celery", "-A", "tsportal", "worker", "--queues", queues]
    command += ["--concurrency", str(concurrency), "--hostname", f"{name}@portal"]
    command += ["--loglevel", "warning", "--without-gossip", "--without-mingle"]
    return Program(name, command, env)


def free_port(wanted: int) -> int:
    """`wanted`, if nobody listens there; a clear word if somebody does."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError as exc:
            raise Failed(
                f"Port {wanted} is taken by another program.", "Choose another: --port 8010"
            ) from exc
        return int(probe.getsockname()[1])


def any_port() -> int:
    return free_port(0)


def get_json(port: int, path: str, *, token: str = "", timeout: float = 5) -> tuple[int, Any]:
    """Status and JSON of a GET; (0, None) when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None
    finally:
        connection.close()


def wait_ready(port: int, child: Child) -> None:
    """Until `/readyz` says that work can be accepted."""
    said: dict[str, Any] = {}

    def ready() -> bool:
        status, answer = get_json(port, "/readyz")
        said["last"] = answer
        return status == 200

    try:
        wait_until(ready, child, "The web server", within=90)
    except Failed as failure:
        raise Failed(failure.what, f"/readyz said: {said.get('last')}\n{failure.advice}") from None


def keep_running(children: Children, programs: list[Program], *, every: float = 0.5) -> None:
    """Watch until interrupted; start again what died. Returns only by an exception."""
    by_child = {id(program.child): program for program in programs}
    while True:
        time.sleep(every)
        dead = children.dead()
        if dead is None:
            continue
        program = by_child.pop(id(dead), None)
        code = dead.process.returncode
        if program is None:
            raise Failed(
                f"{dead.name} ended by itself (code {code}).", f"{dead.last_words()}\n{dead.log}"
            )
        if program.falls_over:
            raise Failed(
                f"{dead.name} ends again and again (code {code}).",
                f"{dead.last_words()}\nAll of its words: {dead.log}",
            )
        say.line(f"  {dead.name} ended (code {code}); starting it again")
        children.stop(dead)
        by_child[id(program.start(children))] = program
