"""Secrets made at the first start: random, readable by their owner alone, never committed."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

MAKERS: dict[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(64),
    "FIELD_KEYS": lambda: f"k1:{base64.b64encode(secrets.token_bytes(32)).decode()}",
    "AUDIT_SIGNING_KEY": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "PLATFORM_SECRET": lambda: f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}",
}


def ensure(folder: Path) -> dict[str, Path]:
    """The file of each secret; what is missing is made. A secret that exists is never changed."""
    return {name: _ensure(folder / name.lower(), make) for name, make in MAKERS.items()}


def write_private(path: Path, text: str) -> None:
    """Replace `path` as a whole; at no moment is it half written or open to others."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _ensure(path: Path, make: Callable[[], str]) -> Path:
    if not path.exists() or not path.read_text().strip():
        write_private(path, make())
    return path
