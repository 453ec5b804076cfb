"""Read what was posted: media type, gzip with a cap, whole bodies and endless lines."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec
from django.conf import settings
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from signals.door.problems import Problem
from signals.door.texts import harmless

SINGLE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"
PLAIN = "application/json"
TYPES = (SINGLE, BATCH, LINES, PLAIN)
_SLICE = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_decode = msgspec.json.Decoder().decode


class Unreadable:
    """Stands for an item that is no JSON; it is rejected by itself."""

    def __init__(self, text: str, detail: str) -> None:
        self.text, self.detail = text, detail


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


def media_type(request: HttpRequest) -> str:
    """The body's media type; a Problem (415) when the door does not understand it."""
    media = request.content_type or ""
    charset = (request.content_params or {}).get("charset", "utf-8").lower()
    if media not in TYPES:
        detail = f"Send one of {', '.join(TYPES)}; this was {media[:80] or 'nothing'!r}."
        raise Problem(415, "media_type", detail, headers={"Accept": ", ".join(TYPES)})
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise Problem(415, "charset", "JSON is sent as UTF-8.")
    return media


def stream(request: HttpRequest) -> Readable:
    """The body as it comes in, decompressed, nothing of it held."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip"):
        detail = "Send the body plain or with Content-Encoding: gzip."
        raise Problem(415, "content_encoding", detail, headers={"Accept-Encoding": "gzip"})
    source = _raw(request)
    return _Gunzip(source) if "gzip" in encoding else source


def _raw(request: HttpRequest) -> Readable:
    if request.META.get("CONTENT_LENGTH"):
        return request
    if "chunked" not in request.headers.get("Transfer-Encoding", "").lower():
        return request
    if not request.META.get("wsgi.input_terminated"):
        detail = "Send a Content-Length; this server cannot tell where a chunked body ends."
        raise Problem(411, "length_required", detail)
    return _Chunked(request.META["wsgi.input"])


class _Chunked:
    """A chunked body, which the server takes apart; each server says in its own way that the
    chunks make no sense."""

    def __init__(self, source: Readable) -> None:
        self.source = source

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self.source.read(size)
        except Exception as exc:
            raise UnreadablePostError(str(exc)) from exc


class _Gunzip:
    """gzip, a little at a time: a small body that unpacks to a huge one is never unpacked whole."""

    def __init__(self, source: Readable) -> None:
        self.source = source
        self.unpack = zlib.decompressobj(wbits=31)
        self.waiting = b""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        while True:
            packed = self.waiting or self.source.read(_SLICE)
            try:
                if self.unpack.eof:
                    if not packed:
                        return b""
                    self.unpack = zlib.decompressobj(wbits=31)  # several members in a row
                if not packed:
                    if self.unpack.unconsumed_tail == b"" and not self.unpack.eof:
                        raise Problem(400, "gzip", "The gzip body ends too early; send it again.")
                    return b""
                plain = self.unpack.decompress(packed, size if size > 0 else _SLICE)
            except zlib.error as exc:
                raise Problem(400, "gzip", "The body is not gzip, or is damaged.") from exc
            self.waiting = self.unpack.unconsumed_tail or self.unpack.unused_data
            if plain:
                return plain


def whole(source: Readable, media: str) -> list[Any]:
    """The items of a body that is read at once."""
    limit = settings.DOOR_BODY_MAX
    parts: list[bytes] = []
    size = 0
    while part := source.read(min(_SLICE, limit + 1 - size)):
        parts.append(part)
        size += len(part)
        if size > limit:
            detail = (
                f"A body has at most {limit} bytes, unpacked. Send smaller batches, or a stream "
                f"of lines as {LINES}."
            )
            raise Problem(413, "body_too_large", detail)
    value = parse(b"".join(parts))
    if media == SINGLE and not isinstance(value, dict):
        raise Problem(400, "not_an_event", f"{SINGLE} is one JSON object; a batch is {BATCH}.")
    if media == BATCH and not isinstance(value, list):
        raise Problem(400, "not_a_batch", f"{BATCH} is a JSON array; one event is {SINGLE}.")
    items = value if isinstance(value, list) else [value]
    if not isinstance(value, list | dict):
        raise Problem(400, "not_an_event", "Send one event as an object, or an array of events.")
    if len(items) > settings.DOOR_BATCH_MAX:
        detail = (
            f"A batch has at most {settings.DOOR_BATCH_MAX} events, this one {len(items)}. "
            f"Split it, or send a stream of lines as {LINES}."
        )
        raise Problem(413, "batch_too_long", detail)
    return items


def parse(body: bytes) -> Any:
    """JSON as a value; a Problem (400) when it is none.

    What a strict decoder refuses and JSON's grammar allows (a lone surrogate, a number beyond a
    double) is read tolerantly and made harmless, so that one bad item does not spoil its batch.
    Of a name that stands twice the last one counts, for checking and for storing alike.
    """
    body = body.removeprefix(_BOM)
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return harmless(json.loads(body.decode("utf-8")))
    except UnicodeDecodeError as exc:
        raise Problem(400, "not_utf8", f"JSON is sent as UTF-8; byte {exc.start} is not.") from exc
    except RecursionError as exc:
        raise Problem(400, "too_deep", "This JSON is nested too deeply.") from exc
    except json.JSONDecodeError as exc:
        detail = f"This is not JSON: {exc.msg} at character {exc.pos}."
        raise Problem(400, "not_json", detail) from exc
    except ValueError as exc:  # a number of thousands of digits
        raise Problem(400, "not_json", "A number in this JSON is too long to be read.") from exc


def slices(source: Readable) -> Iterator[list[Any]]:
    """The items of a stream of lines, some thousand at a time. Holds one slice, whatever comes.

    A line that is no JSON, or too long, stands in its place as Unreadable.
    """
    items: list[Any] = []
    size = 0
    for line in _lines(source):
        if isinstance(line, Unreadable):
            items.append(line)
        else:
            size += len(line)
            items.append(_item(line))
        if len(items) >= settings.DOOR_SLICE_LINES or size >= settings.DOOR_BODY_MAX:
            yield items
            items, size = [], 0
    if items:
        yield items


def _item(line: bytes) -> Any:
    try:
        return parse(line)
    except Problem as problem:
        return Unreadable(line.decode("utf-8", "replace"), problem.detail)


def _lines(source: Readable) -> Iterator[bytes | Unreadable]:
    limit = settings.DOOR_LINE_MAX
    rest = b""
    skipping = False
    while part := source.read(_SLICE):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if skipping:
                skipping = False
                continue
            if len(line) > limit:
                yield _too_long(line, limit)
            elif line := line.strip(b"\r \t"):
                yield line
        if skipping:
            rest = b""
        elif len(rest) > limit:
            yield _too_long(rest, limit)
            rest, skipping = b"", True
    if not skipping and (rest := rest.strip(b"\r \t")):
        yield rest


def _too_long(line: bytes, limit: int) -> Unreadable:
    start = line[:2000].decode("utf-8", "replace")
    return Unreadable(start, f"A line has at most {limit} bytes.")
