"""The people of the demo: one login and one token per role, kept in a file between runs.

The file is the demo's `.demo/credentials.json`. Passwords and tokens are made at random at the
first run and stay as long as they work.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from cases.auth import tokens
from cases.models import User

# What the file calls them, the login, the name on the pages, the role.
PEOPLE = (
    ("analyst", "rita", "Rita Marsh", "analyst"),
    ("analyst_2", "ravi", "Ravi Anand", "analyst"),
    ("senior", "ana", "Ana Brook", "senior"),
    ("officer", "sam", "Sam Okafor", "officer"),
    ("officer_2", "kim", "Kim Lindqvist", "officer"),
    ("legal", "lee", "Lee Duarte", "legal"),
    ("engineer", "dee", "Dee Novak", "engineer"),
    ("auditor", "aud", "Audrey Stone", "auditor"),
    ("administrator", "adm", "Adam Reyes", "administrator"),
)


def read(file: Path) -> dict[str, Any]:
    """What the file holds; empty when it is not there or not ours."""
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write(file: Path, data: dict[str, Any]) -> None:
    """Replace the file as a whole, readable by its owner alone."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        json.dump(data, out, indent=2)
        out.write("\n")
    beside.replace(file)


@transaction.atomic
def ensure(known: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Everybody of `PEOPLE`, able to sign in; what `known` says is kept where it still works."""
    return {
        key: _ensure(username, name, role, known.get(key) or {})
        for key, username, name, role in PEOPLE
    }


def _ensure(username: str, name: str, role: str, known: dict[str, str]) -> dict[str, str]:
    user, _ = User.objects.get_or_create(
        username=username,
        defaults={"display_name": name, "email": f"{username}@portal.example"},
    )
    user.groups.set([Group.objects.get(name=role)])
    password = known.get("password") or secrets.token_urlsafe(12)
    if not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    token = known.get("token", "")
    holder = tokens.holder(token) if token else None
    if holder is None or holder.user_id != user.pk:
        _, token = tokens.make(user, "demo", signs=True)
    return {"username": username, "password": password, "token": token}
