"""Why an account is here: the score line by line, and the innocent reading of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from cases import scores
from cases.models import Account
from cases.scores import ScoreLine


@dataclass
class Why:
    """`lines` add up to `total`; `quiet` is kept on record and adds nothing."""

    lines: list[dict[str, Any]]
    quiet: list[dict[str, Any]]
    total: Decimal
    policy: str
    new: int = 0
    aside: int = 0


def explained(account: Account, since: datetime | None = None) -> Why:
    """The account's score as the policy made it. `since`: mark what was found after."""
    every = scores.score_lines(account)
    lines = [dressed(line, since) for line in every if line.line_points]
    return Why(
        lines=lines,
        quiet=[dressed(line, since) for line in every if not line.line_points],
        total=sum((line.line_points for line in every), Decimal("0.00")),
        policy=str(account.score_policy or ""),
        new=sum(line["new"] for line in lines),
        aside=scores.kept_aside(account),
    )


def dressed(line: ScoreLine, since: datetime | None) -> dict[str, Any]:
    finding = line.finding
    return {
        "pk": finding.pk,
        "code": finding.code,
        "title": line.title or finding.code,
        "points": line.line_points,
        "how": how(line),
        "innocent": line.innocent,
        "sources": sources(line.source),
        "detector": finding.detector,
        "times": finding.times,
        "first_at": finding.first_at,
        "last_at": finding.last_at,
        "context_only": line.context,
        "new": bool(since and finding.created_at > since),
    }


def how(line: ScoreLine) -> str:
    """`weight 8 × confidence 0.9 = 7.2, a further finding of its family: a third, 2.4`."""
    finding = line.finding
    said = (
        f"weight {short(finding.weight)} × confidence {short(finding.confidence)}"
        f" = {short(finding.points)}"
    )
    if line.share not in (0, 1):
        said += f" × share {short(line.share)}"
    return f"{said}; {line.reason}"


def short(number: Decimal) -> str:
    """Without trailing zeros: `7.20` is `7.2`, `8.0` is `8`."""
    text = f"{number:.4f}".rstrip("0").rstrip(".")
    return text or "0"


def sources(rows: list[Any]) -> str:
    tags = (row.get("tag", "") if isinstance(row, dict) else str(row) for row in rows)
    return ", ".join(tag for tag in tags if tag)
