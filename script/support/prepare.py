"""What a database needs before the portal starts, in one process: `python -m support.prepare`."""

from __future__ import annotations

import argparse
import hashlib
import json
from io import StringIO
from pathlib import Path

import django
from django.apps import apps
from django.core.management import call_command

from support.secret_files import write_private


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--credentials", type=Path)
    parser.add_argument("--platform-url")
    parser.add_argument("--platform-secret", type=Path)
    asked = parser.parse_args()
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    call_command("load_typologies", verbosity=0)
    if asked.credentials is not None:
        call_command("demo_people", file=asked.credentials, verbosity=0)
        _ensure_keys(asked.credentials)
        call_command("demo_lists", no_screening=True, stdout=StringIO())
    if asked.platform_url:
        _tell_platform(asked.platform_url, asked.platform_secret.read_text().strip())


def _ensure_keys(file: Path) -> None:
    """A key for each of the demo's sources in the file; keys that open the door are kept."""
    known = json.loads(file.read_text())
    keys = known.get("keys") or {}
    if len(keys) < 4 or not all(_opens(source, key) for source, key in keys.items()):
        said = StringIO()
        call_command("demo_detectors", stdout=said)
        known["keys"] = json.loads(said.getvalue())
        write_private(file, json.dumps(known, indent=2) + "\n")


def _opens(source: str, key: str) -> bool:
    prefix, _, secret = key.partition(".")
    row = apps.get_model("signals.DetectorKey").objects.live().filter(prefix=prefix).first()
    digest = hashlib.sha256(secret.encode()).digest()
    return row is not None and row.detector.source == source and bytes(row.secret_hash) == digest


def _tell_platform(url: str, secret: str) -> None:
    """The stand-in for the platform as the receiver of all messages."""
    from cases import receivers

    known = apps.get_model("cases.WebhookEndpoint").objects.filter(name="Demo platform").first()
    if known is None:
        receivers.add("Demo platform", url, actor=None, secret=secret)
    elif known.url != url:
        receivers.change(known, actor=None, url=url, event_types=known.event_types)


if __name__ == "__main__":
    main()
