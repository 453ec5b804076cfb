"""The database and the broker, ready to use: ours, or those that the environment names."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from support import say, secret_files
from support.children import Children
from support.places import Places
from support.postgres import Postgres, check_server
from support.say import Failed
from support.valkey import Valkey


@dataclass
class Services:
    """What runs, and the environment that the portal's processes get."""

    places: Places
    children: Children
    postgres: Postgres | None
    valkey: Valkey | None
    secrets: dict[str, Path]

    def environment(self, database: str = "portal") -> dict[str, str]:
        env = dict(os.environ)
        env["DJANGO_SETTINGS_MODULE"] = "tsportal.settings"
        if self.postgres is not None:
            env["DATABASE_URL"] = self.postgres.url(database)
        if self.valkey is not None:
            env["CELERY_BROKER_URL"] = self.valkey.broker_url
            env.setdefault("CACHE_URL", self.valkey.cache_url)
        for name in ("SECRET_KEY", "FIELD_KEYS"):
            if name not in env:
                env.setdefault(f"{name}_FILE", str(self.secrets[name]))
        env.setdefault("MEDIA_ROOT", str(self.places.state / "media"))
        return env


@contextmanager
def services(
    places: Places, *, name: str = "portal", quiet_stop: bool = False
) -> Iterator[Services]:
    """Start what is missing, and stop it at the end, whichever way the end comes.

    `quiet_stop` says nothing about stopping, for commands whose last word is somebody else's.
    """
    with alone(places):
        children = Children(places)
        secrets = secret_files.ensure(places.secrets)
        try:
            postgres, valkey = None, None
            if os.environ.get("DATABASE_URL"):
                check_server(os.environ["DATABASE_URL"])
            else:
                postgres = Postgres(places, children)
                with say.step("Starting PostgreSQL"):
                    postgres.start()
                    postgres.ensure_database(name)
            if not os.environ.get("CELERY_BROKER_URL"):
                valkey = Valkey(places, children)
                with say.step("Starting the broker"):
                    valkey.start()
            yield Services(places, children, postgres, valkey, secrets)
        finally:
            with nullcontext() if quiet_stop else say.step("Stopping"):
                children.stop_all()


@contextmanager
def alone(places: Places) -> Iterator[None]:
    """Only one of us works on these directories. The lock ends with the process in any case."""
    with (places.state / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failed(
                f"It runs already{_who(lock)}.",
                "Stop that one with Ctrl-C in its terminal, or set PORTAL_VAR to a directory.",
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                lock.seek(0)
                lock.truncate()


def _who(lock: IO[str]) -> str:
    lock.seek(0)
    pid = lock.read().strip()
    return f" (process {pid})" if pid.isdigit() else ""
