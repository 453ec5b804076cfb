"""Rows for a spreadsheet that cannot be made to calculate."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\x00", "|", "%")


def cell(value: Any) -> str:
    """`value` as text; what a spreadsheet would take for a formula gets a quote in front."""
    text = "" if value is None else str(value).replace("\x00", "\ufffd")
    return f"'{text}" if text.lstrip(" ").startswith(_STARTS) else text


def lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """RFC 4180 lines, the head first."""
    for row in itertools.chain([head], rows):
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\r\n").writerow([cell(value) for value in row])
        yield buffer.getvalue()
