"""Collect the static files, but only when something that goes into them changed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support import say
from support.places import ROOT
from support.say import Failed


def collect(env: Mapping[str, str]) -> None:
    target = Path(env["STATIC_ROOT"])
    stamp = target / ".collected"
    wanted = _fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    with say.step("Collecting the static files"):
        done = subprocess.run(
            [sys.executable, "manage.py", "collectstatic", "--noinput", "--clear", "-v", "0"],
            env=dict(env),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise Failed("The static files could not be collected.", done.stderr.strip()[-1500:])
        stamp.write_text(wanted)


def _fingerprint() -> str:
    """Names, sizes and contents of our own files, and the versions of everybody else's."""
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    digest.update((ROOT / "tsportal" / "settings.py").read_bytes())
    for path in sorted((ROOT / "static").rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(ROOT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()
