"""Opening list files: packed or not, and XML without entities, one element at a time."""

import bz2
import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import Element, ParseError, iterparse
from xml.parsers import expat

_PROLOG_LIMIT = 1 << 20


class Unreadable(Exception):
    """The file is not what it was said to be. The message says why, for the operator."""


def open_bytes(path: Path) -> IO[bytes]:
    """The file's content, unpacked by what it begins with rather than by its name."""
    try:
        with path.open("rb") as handle:
            magic = handle.read(3)
    except OSError as problem:
        raise Unreadable(f"cannot open {path.name}: {problem.strerror}") from problem
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(path, "rb")
    if magic == b"BZh":
        return bz2.open(path, "rb")
    return path.open("rb")


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file with a header."""
    with open_bytes(path) as raw:
        try:
            yield from csv.DictReader(io.TextIOWrapper(raw, "utf-8-sig", newline=""))
        except (UnicodeDecodeError, csv.Error, EOFError, OSError) as problem:
            raise Unreadable(f"{path.name}: {problem}") from problem


class _DoctypeFound(Exception):
    pass


class _RootFound(Exception):
    pass


def _refuse_doctype(handle: IO[bytes]) -> bytes:
    """Read up to the root element and give back the bytes read.

    Entities can only be declared in a DOCTYPE, and a DOCTYPE only stands before the root
    element: a file whose prolog has none cannot expand anything.
    """

    def doctype(*_: object) -> None:
        raise _DoctypeFound

    def root(*_: object) -> None:
        raise _RootFound

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = root
    head = b""
    while len(head) < _PROLOG_LIMIT:
        chunk = handle.read(16_384)
        head += chunk
        try:
            parser.Parse(chunk, not chunk)
        except _DoctypeFound:
            raise Unreadable("the file declares a DOCTYPE, which no published list does") from None
        except _RootFound:
            return head
        except expat.ExpatError as problem:
            raise Unreadable(f"not XML: {problem}") from problem
        if not chunk:
            break
    raise Unreadable("no XML element found")


class _Joined(io.RawIOBase):
    """The bytes already read, then the rest."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self.head, self.rest = head, rest

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self.head:
            out, self.head = self.head, b""
            return out
        return self.rest.read(size)


def elements(path: Path, wanted: frozenset[str]) -> Iterator[tuple[str, Element]]:
    """The root when it begins, then each finished element whose local name is `wanted`.

    An element is freed once the caller goes on.
    Namespaces are dropped from tags: the lists have changed theirs, not their elements.
    """
    with open_bytes(path) as handle:
        try:
            head = _refuse_doctype(handle)
            depth: list[Element] = []
            keep = 0
            events = iterparse(_Joined(head, handle), ("start", "end"))  # noqa: S314 (no DOCTYPE)
            for event, element in events:
                if event == "start":
                    _, _, element.tag = element.tag.rpartition("}")
                    if not depth:
                        yield element.tag, element
                    keep += element.tag in wanted
                    depth.append(element)
                    continue
                depth.pop()
                if element.tag in wanted:
                    keep -= 1
                    if not keep:
                        yield element.tag, element
                if not keep:
                    element.clear()
                    if depth:
                        depth[-1].clear()
        except ParseError as problem:
            raise Unreadable(f"{path.name} is not well-formed XML: {problem}") from problem
        except (EOFError, OSError) as problem:
            raise Unreadable(f"{path.name} is cut off or damaged: {problem}") from problem


def text(element: Element | None, name: str = "") -> str:
    """The stripped text of `element`, or of its child `name`; empty when there is none."""
    found = element if element is None or not name else element.find(name)
    return " ".join((found.text or "").split()) if found is not None else ""
