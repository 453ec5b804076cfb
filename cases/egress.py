"""The one way out: every request that the portal makes to somebody else's address.

An address that a person or a detector typed may point anywhere, also at ourselves. So: the scheme,
port and host must be allowed, the name is resolved once, *every* address that it has must be
public, and the connection goes to the address that was checked, not to the name again. Redirects
are answers, not instructions. Time and size are bounded as a whole, so that neither a hang nor a
slow drip holds a worker.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], list[str]]

ANSWER_CAP = 64 * 1024
TOTAL_SECONDS = 20.0
CONNECT_SECONDS = 5.0
# Status line, headers and chunk framing that may come on top of the body.
_FRAMING_CAP = 128 * 1024

_IN_LINE = re.compile(r"[\x00-\x20\x7f\\]")
_HEADER_NAME = re.compile(r"[A-Za-z0-9-]+")

# The registries of special-purpose addresses, spelled out: what the standard library calls global
# differs between its versions.
_REFUSED_V4 = [
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",  # a cloud's host agent, on an address that looks public
    )
]
_REFUSED_V6 = [
    IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20", "2620:4f:8000::/48")
]
_UNICAST_V6 = IPv6Network("2000::/3")
_MAPPED = IPv6Network("::ffff:0:0/96")
_TRANSLATED = IPv6Network("::ffff:0:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_SIX_TO_FOUR = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")


class Refused(Exception):
    """The address is not one that the portal talks to. Trying again changes nothing."""


class Unreachable(Exception):
    """The other side did not answer properly or in time. Trying again may help."""


@dataclass(frozen=True)
class Answer:
    """What came back, at most `ANSWER_CAP` bytes of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool
    address: str


@dataclass(frozen=True)
class Target:
    """A URL taken apart and found allowed; `addresses` were checked and are used as they are."""

    scheme: str
    host: str
    port: int
    path: str
    addresses: tuple[str, ...]

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _default_port(self.scheme) else f"{host}:{self.port}"


def is_public(address: str | Address) -> bool:
    """Whether a packet to `address` leaves for the open internet, whatever it is wrapped in."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return _is_public_v4(parsed)
    if parsed.scope_id is not None:
        return False
    if parsed in _MAPPED or parsed in _NAT64:
        return _is_public_v4(_low_v4(parsed))
    if parsed in _SIX_TO_FOUR:
        return _is_public_v4(IPv4Address((int(parsed) >> 80) & 0xFFFFFFFF))
    return _is_public_v6(parsed) and all(_is_public_v4(inner) for inner in embedded(parsed))


def embedded(address: IPv6Address) -> list[IPv4Address]:
    """Every IPv4 address that a transition form of `address` carries."""
    found = []
    if any(address in net for net in (_MAPPED, _TRANSLATED, _COMPATIBLE, _NAT64)):
        found.append(_low_v4(address))
    if address in _SIX_TO_FOUR:
        found.append(IPv4Address((int(address) >> 80) & 0xFFFFFFFF))
    if address in _TEREDO:
        found.append(IPv4Address((int(address) >> 64) & 0xFFFFFFFF))
        found.append(IPv4Address(~int(address) & 0xFFFFFFFF))
    if (int(address) >> 32) & 0xFDFFFFFF == 0x5EFE:  # ISATAP, with or without the global bit
        found.append(_low_v4(address))
    return found


def system_resolver(host: str, port: int) -> list[str]:
    """Every address of `host`, as the system's resolver gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_url(url: str) -> tuple[str, str, int, str]:
    """`url` as scheme, host, port and path if its form, scheme, port and host are allowed."""
    if not isinstance(url, str) or len(url) > 2000 or _IN_LINE.search(url):
        raise Refused("the URL has a form that is not accepted")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise Refused("the URL cannot be read") from exc
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    if scheme not in ("http", "https"):
        raise Refused("only http and https addresses are called")
    if not host or "@" in parts.netloc or "%" in host:
        raise Refused("the URL needs a plain host name, without user name or zone")
    host = _ascii_host(host)
    port = port if port is not None else _default_port(scheme)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise Refused("the path of the URL must be percent-encoded")
    if not _is_named_private(host, port):
        _check_policy(scheme, host, port)
    return scheme, host, port, path


def resolve(
    url: str, *, resolver: Resolver | None = None, seconds: float = CONNECT_SECONDS
) -> Target:
    """Where a request to `url` would go. One name lookup; refused if any address is not public."""
    scheme, host, port, path = check_url(url)
    addresses = _look_up(resolver or system_resolver, host, port, seconds)
    if not addresses:
        raise Unreachable("the host name has no address")
    if not _is_named_private(host, port) and not all(is_public(each) for each in addresses):
        # One bad address among good ones refuses them all: that mixture is how a guard is fooled.
        raise Refused("the host is not at a public address")
    return Target(scheme, host, port, path, tuple(addresses))


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    seconds: float = TOTAL_SECONDS,
    cap: int = ANSWER_CAP,
    resolver: Resolver | None = None,
) -> Answer:
    """One request and its answer, redirects included as they are.

    Raises `Refused` for an address that we do not call and `Unreachable` for everything that can
    go wrong on the way. Never takes longer than about `seconds`, never keeps more than `cap` bytes.
    """
    deadline = time.monotonic() + seconds
    target = resolve(url, resolver=resolver, seconds=min(CONNECT_SECONDS, seconds))
    request = _request_bytes(method, target, headers or {}, body)
    try:
        with _connect(target, deadline) as sock:
            sock.settimeout(_left(deadline))
            sock.sendall(request)
            return _read_answer(sock, method, deadline, cap, str(sock.getpeername()[0]))
    except TimeoutError as exc:
        raise Unreachable("no complete answer in time") from exc
    except ssl.SSLError as exc:
        raise Unreachable(f"no secure connection: {exc.reason or 'TLS error'}") from exc
    except OSError as exc:
        raise Unreachable(f"no connection: {exc.strerror or type(exc).__name__}") from exc
    except (http.client.HTTPException, ValueError, LookupError) as exc:
        raise Unreachable(f"the answer is not HTTP: {type(exc).__name__}") from exc


def _low_v4(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)


def _is_public_v4(address: IPv4Address) -> bool:
    return not (
        any(address in net for net in _REFUSED_V4)
        or address.is_multicast
        or address.is_reserved
        or not address.is_global
    )


def _is_public_v6(address: IPv6Address) -> bool:
    return (
        address in _UNICAST_V6
        and not any(address in net for net in _REFUSED_V6)
        and address.is_global
        and not address.is_multicast
    )


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _ascii_host(host: str) -> str:
    if ":" in host:
        try:
            return str(IPv6Address(host))
        except ValueError as exc:
            raise Refused("the host is not an IPv6 address") from exc
    try:
        ascii_host = host.encode("idna").decode("ascii").lower()
    except UnicodeError as exc:
        raise Refused("the host name cannot be read") from exc
    if not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", ascii_host):
        raise Refused("the host name has characters that do not belong there")
    return ascii_host


def _is_named_private(host: str, port: int) -> bool:
    """Whether the operator listed exactly this host and port as a private receiver."""
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return shown in settings.EGRESS_ALLOW_PRIVATE


def _check_policy(scheme: str, host: str, port: int) -> None:
    if scheme not in settings.EGRESS_SCHEMES:
        raise Refused(f"{scheme} addresses are not called here")
    if port not in settings.EGRESS_PORTS:
        raise Refused(f"port {port} is not called here")
    allowed = settings.EGRESS_HOSTS
    if allowed and not any(
        host == entry or (entry.startswith(".") and host.endswith(entry)) for entry in allowed
    ):
        raise Refused("the host is not on the list of allowed hosts")


def _look_up(resolver: Resolver, host: str, port: int, seconds: float) -> list[str]:
    """The resolver's answer, or `Unreachable` when it takes too long (it cannot be interrupted)."""
    result: list[list[str] | BaseException] = []

    def ask() -> None:
        try:
            result.append(list(resolver(host, port)))
        except (OSError, UnicodeError) as exc:
            result.append(exc)

    thread = threading.Thread(target=ask, daemon=True, name="egress-resolver")
    thread.start()
    thread.join(max(seconds, 0.01))
    if not result:
        raise Unreachable("the host name could not be looked up in time")
    if isinstance(result[0], BaseException):
        raise Unreachable("the host name could not be looked up") from result[0]
    return result[0]


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@lru_cache(maxsize=4)
def _tls(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _connect(target: Target, deadline: float) -> socket.socket:
    """A connection to one of the checked addresses; the name is only used to verify the peer."""
    problem: OSError = TimeoutError()
    for address in target.addresses[:4]:
        try:
            sock = socket.create_connection(
                (address, target.port), timeout=min(CONNECT_SECONDS, _left(deadline))
            )
        except OSError as exc:
            problem = exc
            continue
        if target.scheme == "http":
            return sock
        try:
            sock.settimeout(_left(deadline))
            return _tls(settings.EGRESS_CA_FILE).wrap_socket(sock, server_hostname=target.host)
        except OSError:
            sock.close()
            raise
    raise problem


def _request_bytes(method: str, target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.host_header}"]
    lines += ["Connection: close", "Accept-Encoding: identity", f"Content-Length: {len(body)}"]
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or re.search(r"[\r\n\x00]", value):
            raise Refused(f"the header {name!r} cannot be sent")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


class _Incoming(io.RawIOBase):
    """What a socket sends, cut off at a deadline and a number of bytes."""

    def __init__(self, sock: socket.socket, deadline: float, cap: int) -> None:
        self._sock, self._deadline, self._room = sock, deadline, cap

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        self._sock.settimeout(_left(self._deadline))
        count = self._sock.recv_into(buffer, min(len(buffer), 16384))
        self._room -= count
        if self._room < 0:
            raise OSError("the answer is too long")
        return count


class _Wire:
    """As much of a socket as `HTTPResponse` asks for."""

    def __init__(self, incoming: _Incoming) -> None:
        self._incoming = incoming

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._incoming)


def _read_answer(
    sock: socket.socket, method: str, deadline: float, cap: int, address: str
) -> Answer:
    incoming = _Incoming(sock, deadline, cap + _FRAMING_CAP)
    response = http.client.HTTPResponse(_Wire(incoming), method=method)  # type: ignore[arg-type]
    response.begin()
    try:
        body = response.read(cap + 1)
    except http.client.IncompleteRead as exc:
        # The status says what became of our request; a body cut short does not change that.
        body = exc.partial
    headers = {name.lower(): value[:1000] for name, value in response.getheaders()[:100]}
    return Answer(response.status, headers, body[:cap], len(body) > cap, address)
