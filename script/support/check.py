"""All checks and all tests; with arguments, pytest alone with those arguments."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping

from support import say
from support.places import ROOT, places
from support.say import Failed
from support.services import Services, services

# A deployment as the documents describe it, with values that are nobody's.
PRODUCTION = {
    "SECRET_KEY": "only-for-the-check-" + "kQ7vZ2" * 8,
    "FIELD_KEYS": "k1:bm90LWEtc2VjcmV0LW9ubHktZm9yLXRlc3RzLS0tLTM=",
    "DATABASE_URL": "postgres://portal@db.example/portal",
    "CELERY_BROKER_URL": "amqp://broker.example",
    "ALLOWED_HOSTS": "portal.example",
}
PYTHON_PLACES = ["cases", "signals", "tsportal", "tests", "script", "manage.py"]


def main(given: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        # A PostgreSQL of their own: tests never meet the demo's data, and both may run at once.
        with services(places("test"), name="portal", quiet_stop=True) as running:
            if given:
                return _pytest(running, given)
            _browser()
            _checks(running)
            return _pytest(running, [])
    except KeyboardInterrupt:
        return 130
    except Failed as failure:
        return say.report(failure)


def _checks(running: Services) -> None:
    """Everything but the tests; the first that finds something stops."""
    env = running.environment() | {"DEBUG": "true"}
    manage = [sys.executable, "manage.py"]
    bare = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    _check("Style", ["ruff", "check", "."], env, "ruff check --fix . mends much of it.")
    _check("Format", ["ruff", "format", "--check", "."], env, "ruff format . mends it.")
    _check("Which way imports run", ["lint-imports"], env)
    _check("Types", ["mypy"], env)
    _check(
        "Migrations are complete",
        [*manage, "makemigrations", "--check", "--dry-run"],
        env,
        "manage.py makemigrations writes what is missing.",
    )
    deploy = [*manage, "check", "--deploy", "--fail-level", "WARNING"]
    _check("Deployment settings", deploy, bare | PRODUCTION)


def _check(title: str, command: list[str], env: Mapping[str, str], advice: str = "") -> None:
    with say.step(title):
        done = subprocess.run(
            command, env=dict(env), cwd=ROOT, capture_output=True, text=True, check=False
        )
    if done.returncode:
        words = (done.stdout + done.stderr).strip()
        raise Failed(f"{title}: {' '.join(command)} found something.", f"{words[-6000:]}\n{advice}")


def _pytest(running: Services, given: list[str]) -> int:
    env = running.environment()
    for name in ("SECRET_KEY_FILE", "FIELD_KEYS_FILE", "MEDIA_ROOT"):
        env.pop(name, None)  # tests bring their own
    # Several processes are slower on two cores and hide the order of things: one it is.
    process = subprocess.Popen([sys.executable, "-m", "pytest", *given], env=env, cwd=ROOT)
    try:
        return process.wait()
    except (KeyboardInterrupt, SystemExit):
        process.terminate()
        process.wait()
        raise


def _browser() -> None:
    """A Chromium for the browser tests. On a build machine there is no doing without."""
    if _chromium():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        with say.step("Installing Chromium for the browser tests"):
            env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            for command in (
                ["apt-get", "update", "-qq"],
                ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"],
            ):
                subprocess.run(command, env=env, capture_output=True, check=False)
    if _chromium():
        return
    if re.fullmatch(r"(?i)true|1", os.environ.get("CI", "")):
        raise Failed(
            "There is no Chromium, and the browser tests must run here.",
            "Install it (apt-get install chromium), or set PORTAL_CHROMIUM to its path.",
        )
    say.line("  No Chromium: the browser tests are skipped. Install it: apt-get install chromium")


def _chromium() -> str | None:
    given = os.environ.get("PORTAL_CHROMIUM")
    if given:
        return given if os.access(given, os.X_OK) else None
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return found
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
