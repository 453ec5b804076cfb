"""What an event should know of the request that it happens in, without passing it around."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

_ip: ContextVar[str | None] = ContextVar("client_ip", default=None)


def request_id() -> str:
    """The id that the log lines of this request or task carry, or nothing outside of one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))[:64]


def client_ip() -> str | None:
    return _ip.get()


@contextmanager
def from_ip(address: str | None) -> Iterator[None]:
    """Let events inside the block carry `address`."""
    token = _ip.set(address)
    try:
        yield
    finally:
        _ip.reset(token)


def ip_of(request: HttpRequest) -> str | None:
    """The client's address: the peer, or what the innermost trusted proxy says about it.

    With NUM_PROXIES = n the n-th entry from the right of X-Forwarded-For counts; what stands
    further left was written by whoever sent the request.
    """
    address = request.META.get("REMOTE_ADDR", "")
    proxies = settings.NUM_PROXIES
    if proxies:
        hops = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
        if len(hops) >= proxies:
            address = hops[-proxies]
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return None


class RequestContext:
    """Middleware: events written while a request is served carry the client's address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with from_ip(ip_of(request)):
            return self.get_response(request)
