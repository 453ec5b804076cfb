"""Make `.venv` hold exactly what a lock file says. Needs a bare Python 3.11 and nothing else.

The registry is the one that pip is configured for: its settings are handed to uv at run time and
written nowhere. Only wheels are installed, so no compiler is needed.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from support import say

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCKS = {"run": ROOT / "requirements.txt", "dev": ROOT / "requirements-dev.txt"}
UV = "uv==0.13.8"


def main(arguments: list[str]) -> int:
    what, *rest = arguments
    try:
        if what == "lock":
            lock(rest)
        else:
            sync(what)
    except say.Failed as failure:
        return say.report(failure)
    return 0


def sync(kind: str) -> None:
    """Install the lock of `kind`, unless it is installed. The tests' lock holds the other too."""
    stamp = VENV / "portal-installed"
    wanted = {_fingerprint(kind)} | ({_fingerprint("dev")} if kind == "run" else set())
    if PYTHON.exists() and stamp.exists() and stamp.read_text() in wanted:
        return
    _make_environment()
    stamp.unlink(missing_ok=True)
    with say.step("Installing the dependencies"):
        _install(LOCKS[kind])
    stamp.write_text(_fingerprint(kind))


def lock(options: list[str]) -> None:
    """Write both lock files from their .in files, without the address of any registry."""
    _make_environment()
    uv = _uv()
    if uv is None:
        raise say.Failed("uv could not be installed", "Install uv, then run script/lock again.")
    common = [uv, "pip", "compile", "--universal", "--python-version", "3.11", "--generate-hashes"]
    common += ["--no-emit-index-url", "--no-emit-find-links", "--no-build", "--quiet"]
    common += ["--custom-compile-command", "script/lock", *options]
    registry = _registry(main_only=True)
    for extra, name in (([], "requirements"), (["-c", "requirements.txt"], "requirements-dev")):
        with say.step(f"Pinning {name}.txt"):
            _run([*common, *extra, "-o", f"{name}.txt", f"{name}.in"], "uv", env=registry)


def _make_environment() -> None:
    if not _works(PYTHON):
        with say.step("Making the environment .venv"):
            _run([sys.executable, "-m", "venv", "--clear", str(VENV)], "python -m venv")


def _install(lock_file: Path) -> None:
    """uv is several times faster; pip does it too, where uv cannot."""
    uv = _uv()
    if uv is not None:
        command = [uv, "pip", "sync", "--quiet", "--require-hashes", "--no-build"]
        command += ["--python", str(PYTHON), str(lock_file)]
        done = subprocess.run(command, env=_registry(), cwd=ROOT, capture_output=True, text=True)
        if done.returncode == 0:
            return
        say.line("  uv could not do it; trying pip, which takes longer")
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--require-hashes", "--only-binary", ":all:", "-r", str(lock_file)]
    _run(command, "pip install")


def _uv() -> str | None:
    """uv in our environment, of our version; None when it cannot be had."""
    uv = VENV / "bin" / "uv"
    if not uv.exists():
        command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        done = subprocess.run(
            [*command, "--only-binary", ":all:", UV], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return None
    return str(uv)


def _registry(*, main_only: bool = False) -> dict[str, str]:
    """This environment, with uv told what pip is configured to do. Values stay in memory.

    Like pip, uv then looks at all indexes alike; what it may take is settled by the hashes. A
    lock is made from the main index alone, so that it holds what everybody can get.
    """
    env = dict(os.environ)
    done = subprocess.run(
        [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, str] = {}
    for row in done.stdout.splitlines():
        key, _, value = row.partition("=")
        section, _, name = key.strip().rpartition(".")
        # Later wins, as in pip: global, then install, then the environment.
        if section in ("global", "install", ":env:"):
            found[name] = " ".join(shlex.split(value)) if value else ""
    for option, variable in (
        ("index-url", "UV_DEFAULT_INDEX"),
        ("extra-index-url", "UV_INDEX"),
        ("find-links", "UV_FIND_LINKS"),
        ("cert", "SSL_CERT_FILE"),
    ):
        if found.get(option) and not (main_only and option in ("extra-index-url", "find-links")):
            env.setdefault(variable, " ".join(found[option].split()))
    env.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    env.setdefault("UV_SYSTEM_CERTS", "true")
    env.setdefault("UV_NO_PROGRESS", "1")
    env["VIRTUAL_ENV"] = str(VENV)
    return env


def _fingerprint(kind: str) -> str:
    return f"{kind} {hashlib.sha256(LOCKS[kind].read_bytes()).hexdigest()}"


def _works(python: Path) -> bool:
    if not python.exists():
        return False
    code = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    return (
        subprocess.run([str(python), "-c", code], capture_output=True, check=False).returncode == 0
    )


def _run(command: list[str], name: str, *, env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines()[-12:]
        raise say.Failed(
            f"{name} failed",
            "\n".join(told) + "\nIs the package registry reachable, and is there room on the disk? "
            "A registry of your own is set with `pip config set global.index-url …`."
            "\nRemove .venv to begin anew.",
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
