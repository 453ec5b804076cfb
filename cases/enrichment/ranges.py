"""Address ranges from plain text files, found by halving. No file is read until it is asked."""

import csv
import gzip
import io
import re
from bisect import bisect_right
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

_AS = re.compile(r"^(?:AS)?(\d+)", re.IGNORECASE)


class Ranges:
    """Sorted ranges of addresses with a label each. Of nested ranges the narrowest answers."""

    def __init__(self, ranges: Iterator[tuple[int, int, int, str]]) -> None:
        # Version first, so that an IPv4 address never falls into an IPv6 range.
        self._starts: list[tuple[int, int]] = []
        self._ends: list[int] = []
        self._labels: list[str] = []
        self._parents: list[int] = []
        open_ones: list[int] = []
        for version, start, end, label in sorted(set(ranges), key=lambda r: (r[0], r[1], -r[2])):
            number = len(self._starts)
            while open_ones and (
                self._starts[open_ones[-1]][0] != version or self._ends[open_ones[-1]] < start
            ):
                open_ones.pop()
            self._parents.append(open_ones[-1] if open_ones else -1)
            self._starts.append((version, start))
            self._ends.append(end)
            self._labels.append(label)
            open_ones.append(number)

    def __len__(self) -> int:
        return len(self._starts)

    def find(self, address: str) -> str | None:
        """The label of the narrowest range with `address`, or None."""
        parsed = ip_address(address)
        value = int(parsed)
        at = bisect_right(self._starts, (parsed.version, value)) - 1
        while at >= 0 and self._starts[at][0] == parsed.version:
            if self._ends[at] >= value:
                return self._labels[at]
            at = self._parents[at]
        return None


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if packed else path.open("rb") as handle:
        yield from io.TextIOWrapper(handle, "utf-8", errors="replace", newline="")


def text_ranges(path: Path, label: str) -> Iterator[tuple[int, int, int, str]]:
    """One network or address per line; what follows a "#" is a remark. Unreadable lines are
    passed over: one bad line must not switch the whole file off."""
    for line in _lines(path):
        entry = line.partition("#")[0].strip()
        if entry:
            try:
                network = ip_network(entry, strict=False)
            except ValueError:
                continue
            yield (
                network.version, int(network.network_address), int(network.broadcast_address), label
            )  # fmt: skip


def as_ranges(path: Path) -> Iterator[tuple[int, int, int, str]]:
    """Rows of "first address, last address, AS number, organisation"."""
    for row in csv.reader(_lines(path)):
        try:
            first, last = ip_address(row[0].strip()), ip_address(row[1].strip())
            label = f"AS{int(row[2])} {row[3].strip() if len(row) > 3 else ''}".strip()
        except (ValueError, IndexError):
            continue
        yield first.version, int(first), int(last), label


def country_ranges(path: Path) -> Iterator[tuple[int, int, int, str]]:
    """Rows of "network, country"."""
    for row in csv.reader(_lines(path)):
        try:
            network = ip_network(row[0].strip(), strict=False)
            country = row[1].strip().upper()
        except (ValueError, IndexError):
            continue
        if len(country) == 2:
            yield (
                network.version, int(network.network_address), int(network.broadcast_address),
                country,
            )  # fmt: skip


def as_numbers(path: Path) -> frozenset[int]:
    """AS numbers, one per line, with or without "AS" before and a remark behind."""
    found = (_AS.match(line.strip()) for line in _lines(path))
    return frozenset(int(match.group(1)) for match in found if match)
