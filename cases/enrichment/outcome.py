"""What an analyzer gives back, and the strict reading of it."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

MOST_FINDINGS, MOST_HITS, LARGEST = 100, 200, 64_000


class Nonsense(Exception):
    """An analyzer gave back something that may not be stored. The message says what."""


@dataclass(slots=True)
class Found:
    """One finding, in the words of a typology's catalogue. Same `fingerprint`, same finding."""

    code: str
    confidence: float
    fingerprint: str
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Hit:
    """A listed party that something of the account looks like."""

    entry: int
    screened: str
    screened_kind: str
    score: float
    band: str
    explanation: dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """A sentence for the case page, facts to show below it, findings to score, hits to judge."""

    summary: str
    facts: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Found] = field(default_factory=list)
    hits: list[Hit] = field(default_factory=list)


def checked(outcome: Any, known_codes: frozenset[str]) -> Outcome:
    """`outcome` when every part of it may be stored; raises `Nonsense` otherwise."""
    if not isinstance(outcome, Outcome):
        raise Nonsense(f"gave back {type(outcome).__name__} instead of an outcome")
    if not isinstance(outcome.summary, str) or not 0 < len(outcome.summary) <= 500:
        raise Nonsense("has no summary of at most 500 letters")
    for name, kind, most in (
        ("facts", dict, MOST_FINDINGS), ("findings", Found, MOST_FINDINGS),
        ("hits", Hit, MOST_HITS),
    ):  # fmt: skip
        value = getattr(outcome, name)
        if not isinstance(value, list) or not all(isinstance(item, kind) for item in value):
            raise Nonsense(f"{name} is not a list of {kind.__name__}")
        if len(value) > most:
            raise Nonsense(f"{len(value)} {name}, at most {most} are believed")
    _storable("facts", outcome.facts)
    for found in outcome.findings:
        if found.code not in known_codes:
            raise Nonsense(f"{found.code!r} is in no active catalogue")
        _share(f"confidence of {found.code}", found.confidence)
        if not isinstance(found.fingerprint, str) or not 0 < len(found.fingerprint) <= 128:
            raise Nonsense(f"{found.code} has no fingerprint")
        _storable(f"evidence of {found.code}", found.evidence)
    for hit in outcome.hits:
        _share("score of a hit", hit.score)
        if hit.band not in ("alert", "review"):
            raise Nonsense(f"a hit in band {hit.band!r}")
        _storable("explanation of a hit", hit.explanation)
    return outcome


def _share(what: str, value: Any) -> None:
    # NaN compares false with everything, so it does not pass either.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise Nonsense(f"{what} is {value!r}, not between 0 and 1")


def _storable(what: str, value: Any) -> None:
    try:
        text = json.dumps(value, cls=DjangoJSONEncoder, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as problem:
        raise Nonsense(f"{what} cannot be stored: {problem}") from problem
    if len(text) > LARGEST:
        raise Nonsense(f"{what} is {len(text)} letters long, at most {LARGEST} are kept")
    if "\\u0000" in text:
        raise Nonsense(f"{what} contains a NUL character")
