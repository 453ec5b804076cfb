"""A figure beside its yardstick, as a line of JSON or a row of a table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured value. `ratio` is value to yardstick; `aim` says in words what is wanted."""

    figure: str
    value: float
    unit: str
    yardstick: float | None = None
    ratio: float | None = None
    rows: int = 0
    seed: int = 0
    aim: str = ""
    met: bool | None = None

    def line(self) -> str:
        """As `--json` prints it."""
        shown = asdict(self)
        for name in ("value", "yardstick", "ratio"):
            if shown[name] is not None:
                shown[name] = round(shown[name], 4)
        return json.dumps(shown)


def table(figures: Iterable[Figure]) -> str:
    head = ("figure", "value", "unit", "yardstick", "ratio", "rows", "aim", "met")
    rows = [head, *(_row(each) for each in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _row(each: Figure) -> tuple[str, ...]:
    met = "" if each.met is None else "yes" if each.met else "no"
    return (
        each.figure,
        _number(each.value),
        each.unit,
        _number(each.yardstick),
        "" if each.ratio is None else f"{each.ratio:.2f}",
        f"{each.rows:,}" if each.rows else "",
        each.aim,
        met,
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
