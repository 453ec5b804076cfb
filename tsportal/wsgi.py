"""The way in for web servers: the whole portal, and a short way to the door for detectors.

Detectors post thousands of events; sessions, CSRF and page headers are nothing to them. Posts to
the door's addresses therefore run without the middleware stack, with a request id and the
caller's address and nothing else. The addresses stand in `urls.py` too, so that there is one list
of all of them.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tsportal.settings")
# Threads of a web process share connections; all other processes keep one of their own.
os.environ.setdefault("DATABASE_POOL", "8")

from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse

from cases.context import RequestContext
from tsportal.logs import RequestLog

DOOR = frozenset({"/api/v1/signals/", "/api/v1/activity/"})


def _with_length(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[..., Any]:
    """Say how long the answer is; without that the server sends it in chunks, one write more."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Length", str(len(response.content)))
        return response

    return answer


class DoorHandler(WSGIHandler):
    """Django's handler with a request id in place of the middleware stack."""

    def load_middleware(self, is_async: bool = False) -> None:
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        # `_get_response` is Django's inner handler, which its stubs do not tell of.
        inner: Any = convert_exception_to_response(self._get_response)  # type: ignore[attr-defined]
        self._middleware_chain = convert_exception_to_response(
            RequestLog(RequestContext(_with_length(inner)))
        )


portal = get_wsgi_application()
door = DoorHandler()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ.get("REQUEST_METHOD") == "POST" and environ.get("PATH_INFO") in DOOR:
        return door(environ, start_response)
    return portal(environ, start_response)
