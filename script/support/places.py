"""Where things are kept between runs.

PostgreSQL refuses to run as root. As root its files therefore lie outside the checkout, under
/var/lib, and belong to a system user; for anybody else everything is in `var/` of the checkout.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.say import Failed

ROOT = Path(__file__).resolve().parent.parent.parent
SERVICE_USER = "portal-pg"
# The longest path of a unix socket is 107 bytes; the names of ours need up to 20 of them.
LONGEST_SOCKET_DIR = 85


@dataclass(frozen=True)
class Places:
    """The directories of one set of services. `owner` is set when they run as another user."""

    state: Path
    run: Path
    owner: pwd.struct_passwd | None = None

    @property
    def logs(self) -> Path:
        return self.state / "log"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets"

    @property
    def as_owner(self) -> dict[str, Any]:
        """What `subprocess` needs to start a program as that user."""
        if self.owner is None:
            return {}
        return {"user": self.owner.pw_uid, "group": self.owner.pw_gid, "extra_groups": []}

    @property
    def people(self) -> tuple[str, ...]:
        """System users that may open the database."""
        mine = getpass.getuser() if self.owner is None else pwd.getpwuid(os.geteuid()).pw_name
        return (mine,) if self.owner is None else (mine, self.owner.pw_name)

    def child(self, name: str) -> Path:
        """A directory for one service, open to its user alone."""
        path = self.state / name
        path.mkdir(mode=0o700, exist_ok=True)
        if self.owner is not None:
            os.chown(path, self.owner.pw_uid, self.owner.pw_gid)
        return path


def places(kind: str = "") -> Places:
    """The directories of this checkout. `kind` keeps the tests' services apart from the demo's."""
    owner = _service_user() if os.geteuid() == 0 else None
    given = os.environ.get("PORTAL_VAR")
    if given:
        state = Path(given).resolve()
    elif owner is None:
        state = ROOT / "var"
    else:
        state = Path("/var/lib") / f"portal-{_mark(ROOT)}"
    state = state / kind if kind else state
    closed = [path for path in state.parents if owner and path.exists() and not _open(path, owner)]
    if closed:
        raise Failed(
            f"The user {owner.pw_name if owner else ''} cannot pass through {closed[0]}.",
            "Set PORTAL_VAR to a directory that others may pass through, such as /var/lib/portal.",
        )
    for path in (state.parent, state) if kind else (state,):
        path.mkdir(parents=True, exist_ok=True)
        _only_for(path, owner)
    found = Places(state, _socket_dir(state, owner), owner)
    found.logs.mkdir(mode=0o700, exist_ok=True)
    found.secrets.mkdir(mode=0o700, exist_ok=True)
    return found


def forget(found: Places) -> None:
    """Remove everything that was kept, the data included."""
    for name in ("pg", "valkey", "secrets", "log", "media", "static", "beat", "lantern-posted"):
        path = found.state / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    found.logs.mkdir(mode=0o700, exist_ok=True)
    found.secrets.mkdir(mode=0o700, exist_ok=True)


def _socket_dir(state: Path, owner: pwd.struct_passwd | None) -> Path:
    run = state / "run"
    if len(os.fsencode(run)) > LONGEST_SOCKET_DIR:
        run = Path(tempfile.gettempdir()) / f"portal-{os.geteuid()}-{_mark(state)}"
    run.mkdir(mode=0o700, exist_ok=True)
    status = run.lstat()
    if run.is_symlink() or status.st_uid not in {os.geteuid(), owner.pw_uid if owner else -1}:
        raise Failed(f"{run} belongs to somebody else", "Remove it, or set TMPDIR.")
    _only_for(run, owner, 0o770)
    return run


def _only_for(path: Path, owner: pwd.struct_passwd | None, mode: int = 0o710) -> None:
    """The service user may pass through; nobody else may look."""
    if owner is not None:
        os.chown(path, 0, owner.pw_gid)
        path.chmod(mode)


def _open(path: Path, owner: pwd.struct_passwd) -> bool:
    status = path.stat()
    return bool(status.st_mode & 0o001) or status.st_gid == owner.pw_gid


def _service_user() -> pwd.struct_passwd:
    for name in (SERVICE_USER, "postgres"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            if name == SERVICE_USER and _add_user(name):
                return pwd.getpwnam(name)
    raise Failed(
        "PostgreSQL refuses to run as root, and a system user for it could not be made.",
        f"Make one (useradd --system --no-create-home {SERVICE_USER}), run this as an ordinary "
        "user,\nor set DATABASE_URL to a PostgreSQL of your own.",
    )


def _add_user(name: str) -> bool:
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        return False
    command = [useradd, "--system", "--no-create-home", "--user-group"]
    command += ["--shell", "/usr/sbin/nologin", name]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _mark(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:8]
