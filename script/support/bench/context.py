"""What a bench works with: databases, servers, workers, a seed, and the end of all of them."""

from __future__ import annotations

import importlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from support import posting, programs, say
from support.children import Child
from support.places import ROOT
from support.say import Failed
from support.services import Services


@dataclass
class Web:
    """A running web server; `port` on this machine."""

    port: int
    program: programs.Program

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def door(self, kind: str, key: str) -> posting.Door:
        return posting.Door(self.port, kind, key)


@dataclass
class Context:
    """Given to each bench. `quick` asks for small sizes; `size(big, small)` picks one."""

    services: Services
    quick: bool
    seed: int
    name: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    people: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def database(self) -> str:
        """One name for all benches, made anew for each: Django is set up once per process."""
        return "bench"

    @property
    def database_url(self) -> str:
        return self.environment["DATABASE_URL"]

    @property
    def environment(self) -> dict[str, str]:
        """For processes of the portal that work on this bench's database."""
        return programs.portal_environment(self.services, database=self.database) | {
            "DEMO": "true",
            "LOG_LEVEL": "WARNING",
            "DATABASE_POOL": os.environ.get("DATABASE_POOL", "8"),
        }

    def size(self, big: int, small: int) -> int:
        return small if self.quick else big

    def random(self) -> random.Random:
        return random.Random(f"{self.seed}/{self.name}")

    def connect(self) -> psycopg.Connection:
        """A plain connection to this bench's database, autocommit."""
        return psycopg.connect(self.database_url, autocommit=True)

    @contextmanager
    def web(self, *, processes: int = 2, threads: int = 4) -> Iterator[Web]:
        """The real web server on a free port, until the end of the block."""
        port = programs.any_port()
        program = programs.web(self.environment, port=port, processes=processes, threads=threads)
        child = program.start(self.services.children)
        try:
            programs.wait_ready(port, child)
            yield Web(port, program)
        finally:
            self.services.children.stop(program.child or child)

    @contextmanager
    def workers(self, *, with_beat: bool = True) -> Iterator[list[programs.Program]]:
        """The Celery workers and, unless told otherwise, the schedule."""
        running = programs.workers(self.environment)
        if with_beat:
            running.append(programs.beat(self.environment, self.services))
        started: list[Child] = [each.start(self.services.children) for each in running]
        try:
            yield running
        finally:
            for child in reversed(started):
                if child in self.services.children.running:
                    self.services.children.stop(child)

    def django(self) -> None:
        """Set Django up in this process, on this bench's database.

        Without a pool: its threads do not live on in the processes that benches fork.
        """
        os.environ.update(self.environment | {"DATABASE_POOL": "0"})
        sys.path.insert(0, str(ROOT))
        importlib.import_module("django").setup()


# Prepared once in a run and copied for each bench: migrations take longer than most benches.
ORIGIN = "bench_origin"
_prepared: dict[Path, str] = {}


def fresh(ctx: Context) -> dict[str, Any]:
    """An empty, migrated database with people, keys and the catalogue for `ctx`."""
    postgres = ctx.services.postgres
    if postgres is None:
        raise Failed(
            "This makes and drops databases of its own, so it runs on the embedded PostgreSQL.",
            "Unset DATABASE_URL and run it again.",
        )
    credentials = ctx.services.places.state / "bench-credentials.json"
    postgres.drop_database(ctx.database)
    if _prepared.get(postgres.data) != ctx.database_url:
        postgres.drop_database(ORIGIN)
        postgres.ensure_database(ctx.database)
        credentials.unlink(missing_ok=True)
        _manage_once(ctx.environment, credentials)
        postgres.copy_database(ORIGIN, ctx.database)
        _prepared[postgres.data] = ctx.database_url
    else:
        postgres.copy_database(ctx.database, ORIGIN)
    found = read_credentials(credentials)
    ctx.keys, ctx.people = found["keys"], found["users"]
    return found


def drop(ctx: Context) -> None:
    if "django.db" in sys.modules and "DATABASE_URL" in os.environ:
        sys.modules["django.db"].connections.close_all()
    if ctx.services.postgres is not None:
        ctx.services.postgres.drop_database(ctx.database)


def read_credentials(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))


def _manage_once(env: Mapping[str, str], credentials: Path) -> None:
    command = [sys.executable, "-m", "support.prepare", "--credentials", str(credentials)]
    done = subprocess.run(
        command,
        env={**env, "PYTHONPATH": f"{ROOT / 'script'}:{ROOT}"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed("The database could not be prepared.", done.stderr.strip()[-2000:])
    say.line("  a fresh database is ready")
