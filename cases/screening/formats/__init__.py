"""Readers for lists as their authorities publish them.

A reader takes a path and gives a `Source`: what the file says about itself and its entries one
by one. Files are read as streams (plain, gzip or bzip2); no file is held in memory.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from cases.screening.entries import Entry
from cases.screening.formats import ofac, uk, un, wallets
from cases.screening.formats.stream import Unreadable


@dataclass(frozen=True, slots=True)
class Format:
    """A published format: which list it carries and how it is read."""

    code: str
    title: str
    authority: str
    read: Callable[[Path, dict], Iterator[Entry]]


@dataclass(slots=True)
class Source:
    """An opened list: `about` fills while `entries` is read."""

    format: Format
    entries: Iterator[Entry]
    about: dict = field(default_factory=dict)

    @property
    def published(self) -> date | None:
        return self.about.get("published")


FORMATS = {
    "ofac_advanced": Format(
        "ofac_sdn", "OFAC Specially Designated Nationals", "US Treasury, OFAC", ofac.read
    ),
    "un": Format("un_sc", "UN Security Council consolidated list", "UN Security Council", un.read),
    "uk": Format("uk_sanctions", "UK Sanctions List", "UK FCDO", uk.read),
    "wallets": Format("wallets", "Listed wallet addresses", "US Treasury, OFAC", wallets.read),
}

__all__ = ["FORMATS", "Format", "Source", "Unreadable", "open_list"]


def open_list(format_name: str, path: Path) -> Source:
    """The list in `path`, opened for reading once. Raises `Unreadable` with what is wrong."""
    chosen = FORMATS[format_name]
    about: dict = {}
    return Source(chosen, chosen.read(Path(path), about), about)
