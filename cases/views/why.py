"""Why an account is here: each finding, how its points came about, its innocent reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from cases.models import Account, Finding, User


@dataclass
class Why:
    opened: str
    lines: list[dict[str, Any]]
    quiet: list[dict[str, Any]]
    total: Decimal
    policy: str
    new: int = 0


def findings(account: Account, user: User) -> list[Finding]:
    rows = Finding.objects.visible_to(user).filter(account=account).select_related("indicator")
    return list(rows.order_by("-points", "id")[:300])


def explained(account: Account, user: User, since: datetime | None = None) -> Why:
    lines, quiet = [], []
    for finding in findings(account, user):
        line = dressed(finding, since)
        scored = not (finding.shadow or finding.withdrawn or finding.accommodation)
        (lines if scored else quiet).append(line)
    return Why(
        opened="",
        lines=lines,
        quiet=quiet,
        total=account.score,
        policy=str(account.score_policy or ""),
        new=sum(line["new"] for line in lines),
    )


def dressed(finding: Finding, since: datetime | None) -> dict[str, Any]:
    indicator = finding.indicator
    return {
        "code": finding.code,
        "title": indicator.title or finding.code,
        "points": finding.points,
        "how": f"weight {finding.weight:.1f} × confidence {finding.confidence:.2f}",
        "innocent": indicator.innocent,
        "sources": sources(indicator.sources),
        "context_only": indicator.context_only,
        "new": bool(since and finding.created_at > since),
    }


def sources(rows: list[Any]) -> str:
    tags = (row.get("tag", "") if isinstance(row, dict) else str(row) for row in rows)
    return ", ".join(tag for tag in tags if tag)
