"""Reads `tests/permissions.yaml`: who gets which answer at which address."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from tests.permission_world import SIDES, SIGNED_IN, WHO

FILE = Path(__file__).with_name("permissions.yaml")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# What an address may answer to a method that the file does not list for it.
NOT_SERVED = {"sign-in", 401, 403, 404, 405}
READERS = ("analyst", "senior", "officer", "legal", "auditor")


@dataclass(frozen=True)
class Rule:
    """One method at one address: what is sent, and what each asks for gets."""

    answers: dict[str, Any]
    body: dict[str, Any] | None = None

    def expected(self, who: str, side: str) -> set[int | str]:
        """The statuses that `who` may get for an object of `side`; the most exact line counts."""
        for table in (self.answers.get(side) or {}, self.answers):
            for name in (who, *_groups_of(who)):
                if name in table:
                    found = table[name]
                    return set(found) if isinstance(found, list) else {found}
        return set()


def _groups_of(who: str) -> tuple[str, ...]:
    groups = []
    if who in READERS:
        groups.append("readers")
    if who in SIGNED_IN:
        groups.append("people")
    return (*groups, "any")


class Policy:
    """The whole file. An address that ends in `**` stands for all that begin so."""

    def __init__(self, text: str | None = None) -> None:
        self.data = yaml.safe_load(text if text is not None else FILE.read_text())
        self._check()

    @cached_property
    def listed(self) -> dict[str, dict[str, Rule]]:
        return {
            route: {method: self._rule(entry) for method, entry in methods.items()}
            for route, methods in self.data["routes"].items()
        }

    def find(self, route: str) -> dict[str, Rule] | None:
        if route in self.listed:
            return self.listed[route]
        starts = [
            each for each in self.listed if each.endswith("**") and route.startswith(each[:-2])
        ]
        return self.listed[max(starts, key=len)] if starts else None

    def _rule(self, entry: Any) -> Rule:
        if isinstance(entry, str):
            return Rule(self.data["answers"][entry])
        table = dict(self.data["answers"].get(entry.get("as"), {}))
        table |= {k: v for k, v in entry.items() if k not in ("as", "body")}
        return Rule(table, entry.get("body"))

    def _check(self) -> None:
        names = {*WHO, *SIDES, "readers", "people", "any", "as", "body"}
        for route, methods in self.data["routes"].items():
            for method, entry in methods.items():
                assert method in METHODS, f"{route}: no such method {method}"
                unknown = set(entry) - names if isinstance(entry, dict) else set()
                assert not unknown, f"{route} {method}: unknown {sorted(unknown)}"
