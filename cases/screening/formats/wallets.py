"""Plain lists of listed wallet addresses: one per line, the ticker in the file's name.

Given one file (`sanctioned_addresses_XBT.txt`) or a folder of them. One address can stand under
several tickers: it is one entry.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from cases.screening.entries import WALLET, Entry, Identifier, Name, normal_identifier
from cases.screening.formats.stream import Unreadable, open_bytes

_ADDRESS = re.compile(r"[0-9A-Za-z:]{20,120}")


def read(path: Path, about: dict) -> Iterator[Entry]:
    files = sorted(path.glob("*_addresses_*.txt")) if path.is_dir() else [path]
    found: dict[str, Entry] = {}
    for file in files:
        ticker = file.stem.rpartition("_")[2].upper()
        for address in _addresses(file):
            normal = normal_identifier("wallet", address)
            entry = found.setdefault(normal, Entry(normal, WALLET, [Name(address)]))
            entry.identifiers.append(Identifier("wallet", address, ticker))
    if not found:
        raise Unreadable("no wallet addresses found")
    for entry in found.values():
        yield entry.tidy()


def _addresses(file: Path) -> Iterator[str]:
    with open_bytes(file) as handle:
        try:
            for number, raw in enumerate(handle, 1):
                address = raw.decode("ascii", "replace").strip()
                if not address or address.startswith("#"):
                    continue
                if not _ADDRESS.fullmatch(address):
                    raise Unreadable(f"{file.name}, line {number}: not a wallet address")
                yield address
        except (EOFError, OSError) as problem:
            raise Unreadable(f"{file.name} is cut off or damaged: {problem}") from problem
