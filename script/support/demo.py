"""The whole portal on this machine, with scenario Lantern come in through its doors."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support import population, posting, programs, say, secret_files, static_files
from support.places import ROOT, Places, forget, places
from support.say import Failed
from support.services import Services, alone, services

CREDENTIALS = ROOT / ".demo" / "credentials.json"
LANTERN = ROOT / "demo" / "lantern"
NETWORK = ROOT / "demo" / "network"
NETWORK_FILES = {
    "COUNTRY": "country.csv",
    "ASN": "asn.csv",
    "HOSTING": "hosting.txt",
    "HOSTING_ASN": "hosting_asn.txt",
    "VPN": "vpn.txt",
    "TOR": "tor.txt",
}


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/demo",
        description="Start the portal with made-up people and scenario Lantern. Ctrl-C stops it; "
        "run again, it goes on where it was.",
    )
    parser.add_argument("--port", type=int, default=8000, help="the web address's port (8000)")
    parser.add_argument("--fresh", action="store_true", help="forget everything and begin anew")
    parser.add_argument("--empty", action="store_true", help="do not post scenario Lantern")
    parser.add_argument(
        "--load", type=int, default=0, metavar="N", help="add a made-up population of N accounts"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the population (1)")
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    asked = arguments(given)
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _interrupt)
    began = time.monotonic()
    try:
        port = programs.free_port(asked.port)
        found = places()
        if asked.fresh:
            _begin_anew(found)
        with services(found) as running:
            _run(running, port, asked, began)
    except KeyboardInterrupt:
        say.line("Stopped. Run script/demo again to go on where it was.")
    except Failed as failure:
        return say.report(failure)
    return 0


def _run(running: Services, port: int, asked: argparse.Namespace, began: float) -> None:
    programs.forget_metrics(running)
    platform_port = programs.any_port()
    env = _environment(running, platform_port)
    secret = running.secrets["PLATFORM_SECRET"]
    with say.step("Preparing the database, people and keys"):
        _prepare(env, platform_port, secret)
    static_files.collect(env)
    base_url = f"http://127.0.0.1:{port}"
    credentials = json.loads(CREDENTIALS.read_text())
    # The order that readers of the file know: the address, the people, the keys.
    credentials = {"base_url": base_url, "users": credentials["users"], "keys": credentials["keys"]}
    secret_files.write_private(CREDENTIALS, json.dumps(credentials, indent=2) + "\n")

    started = [
        _platform(env, platform_port, secret),
        *programs.workers(env),
        programs.beat(env, running),
        programs.web(env, port=port),
    ]
    for program in started:
        program.start(running.children)
    with say.step("Starting the web server, workers and schedule"):
        web = started[-1].child
        assert web is not None
        programs.wait_ready(port, web)
    _fill(port, credentials, asked, running.places)
    _tell(base_url, credentials, time.monotonic() - began)
    programs.keep_running(running.children, started)


def _environment(running: Services, platform_port: int) -> dict[str, str]:
    return programs.portal_environment(running) | {
        "DEMO": "true",
        **{f"NETWORK_{kind}_FILES": str(NETWORK / name) for kind, name in NETWORK_FILES.items()},
        "EGRESS_SCHEMES": "https,http",
        "EGRESS_PORTS": f"443,8443,{platform_port}",
        "EGRESS_ALLOW_PRIVATE": f"127.0.0.1:{platform_port}",
    }


def _prepare(env: Mapping[str, str], platform_port: int, secret: Path) -> None:
    command = [sys.executable, "-m", "support.prepare", "--credentials", str(CREDENTIALS)]
    command += ["--platform-url", f"http://127.0.0.1:{platform_port}/hooks"]
    command += ["--platform-secret", str(secret)]
    paths = f"{ROOT / 'script'}:{ROOT}"
    done = subprocess.run(
        command,
        env={**env, "PYTHONPATH": paths, "LOG_LEVEL": "WARNING"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(
            "The database could not be prepared.",
            f"{done.stderr.strip()[-2000:]}\nAfter a change of migrations: script/demo --fresh",
        )


def _platform(env: Mapping[str, str], port: int, secret: Path) -> programs.Program:
    """The stand-in for the platform, which acknowledges what the portal tells it."""
    command = [sys.executable, "manage.py", "demo_platform", "--port", str(port)]
    command += ["--secret-file", str(secret), "--log", str(ROOT / ".demo" / "platform.jsonl")]
    return programs.Program("platform", command, env, patience=3)


def _fill(port: int, credentials: dict[str, Any], asked: argparse.Namespace, found: Places) -> None:
    keys = credentials["keys"]
    posted = found.state / "lantern-posted"
    if not asked.empty and not posted.exists():
        with say.step("Posting scenario Lantern: 4,787 facts and 56 findings"):
            door = posting.Door(port, "activity", keys["/platform/lantern"])
            posting.send_all(door, posting.lines(LANTERN / "activity.ndjson"))
            door = posting.Door(port, "signals", keys["/detectors/lantern-demo"])
            posting.send_all(door, posting.lines(LANTERN / "signals.ndjson"))
        posted.touch()
    if asked.load:
        facts, findings = population.make(asked.load, seed=asked.seed)
        with say.step(f"Posting a made-up population of {asked.load:,} accounts"):
            posting.send_all(posting.Door(port, "activity", keys["/platform/demo"]), facts)
            posting.send_all(posting.Door(port, "signals", keys["/detectors/demo"]), findings)
    with say.step("Waiting until everything is worked in"):
        wait_worked_in(port, credentials["users"]["analyst"]["token"])


def wait_worked_in(port: int, token: str, *, within: float = 3600) -> None:
    """Until `/api/v1/status/` shows nothing that is accepted and not yet worked in."""
    until = time.monotonic() + within
    while True:
        status, answer = programs.get_json(port, "/api/v1/status/", token=token, timeout=30)
        if status == 200 and all(part["waiting"] == 0 for part in answer.values()):
            return
        if time.monotonic() > until:
            raise Failed(
                "The portal is not done with what it accepted.", f"/api/v1/status/: {answer}"
            )
        time.sleep(0.3)


def _tell(base_url: str, credentials: dict[str, Any], took: float) -> None:
    say.line()
    say.line(f"The portal is ready at {base_url}/ ({took:.0f} s)")
    say.line()
    for key, person in credentials["users"].items():
        say.line(f"  {key:<14} {person['username']:<6} {person['password']}")
    say.line()
    say.line("  All of it, with tokens and detectors' keys: .demo/credentials.json")
    say.line("  Made-up people and no second factor: for this machine only. Ctrl-C stops it.")


def _begin_anew(found: Places) -> None:
    with alone(found):
        forget(found)
    CREDENTIALS.unlink(missing_ok=True)


def _interrupt(signum: int, frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
