"""Conditional weights of the catalogue, compiled from data. What does not apply changes nothing."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Evidence = Mapping[str, Any]


def _number(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def test(found: Any, value: Any) -> bool:
        if isinstance(found, bool) or not isinstance(found, int | float):
            return False
        return compare(found, value)

    return test


def _count(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda found, value: isinstance(found, list) and compare(_distinct(found), value)


def _distinct(items: list) -> int:
    """How many different entries; the same tool named twice is one tool."""
    return len({repr(item) for item in items})


def _present(found: Any, value: Any) -> bool:
    return (found not in (None, "", [], False)) is bool(value)


TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda found, value: type(found) is type(value) and found == value,
    "ne": lambda found, value: found is not None and found != value,
    "gt": _number(operator.gt),
    "gte": _number(operator.ge),
    "lt": _number(operator.lt),
    "lte": _number(operator.le),
    "in": lambda found, value: found in value,
    "present": _present,
    "count_gte": _count(operator.ge),
    "count_lte": _count(operator.le),
}


def holds(when: Sequence[Mapping[str, Any]], evidence: Evidence) -> bool:
    """Whether every condition of `when` is met."""
    return all(TESTS[c["op"]](evidence.get(c["field"]), c["value"]) for c in when)


def weight_of(base: Decimal, rules: Sequence[Mapping[str, Any]], evidence: Evidence) -> float:
    """The weight of the first rule whose conditions are all met, else the indicator's own."""
    for rule in rules:
        if holds(rule["when"], evidence):
            return float(rule["weight"])
    return float(base)


def sentence(when: Sequence[Mapping[str, Any]]) -> str:
    """A condition as a person reads it on the indicator's page."""
    words = {
        "eq": "is",
        "ne": "is not",
        "gt": "is more than",
        "gte": "is at least",
        "lt": "is less than",
        "lte": "is at most",
        "in": "is one of",
        "count_gte": "has at least",
        "count_lte": "has at most",
    }

    def one(condition: Mapping[str, Any]) -> str:
        field, op, value = condition["field"], condition["op"], condition["value"]
        if op == "present":
            return f"{field} is {'given' if value else 'absent'}"
        if isinstance(value, bool):
            value = "yes" if value else "no"
        if isinstance(value, list):
            value = ", ".join(map(str, value))
        tail = " entries" if op.startswith("count") else ""
        return f"{field} {words[op]} {value}{tail}"

    return " and ".join(one(condition) for condition in when)
