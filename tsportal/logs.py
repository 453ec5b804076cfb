"""Structured logs: one JSON object per line, a request id on each, nothing personal in any."""

import logging
import re
import time
import uuid
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")
# Names under which personal data or secrets travel. Their values never reach a log line.
PRIVATE = re.compile(
    r"(password|secret|token|authorization|cookie|session|email|phone|display_?name|first_?name"
    r"|last_?name|username|holder|address|document|number|evidence|payload|body|(\A|_)ips?(_|\Z))",
    re.IGNORECASE,
)
# Our own words that PRIVATE would catch.
PUBLIC = frozenset({"event", "level", "logger", "timestamp", "exception", "request_id"})

log = structlog.get_logger("tsportal.requests")


def hide_private(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace the value of every key that names something private, at any depth."""
    for key, value in event.items():
        if key not in PUBLIC:
            event[key] = _hidden(key, value)
    return event


def _hidden(key: str, value: Any) -> Any:
    if PRIVATE.search(key):
        return "[hidden]"
    if isinstance(value, dict):
        return {name: _hidden(str(name), inner) for name, inner in value.items()}
    return value


def drop_request(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Django puts the request itself on its records; its path and query stay out of the logs."""
    record = event.get("_record")
    if record is not None and record.name == "django.request":
        request = getattr(record, "request", None)
        match = getattr(request, "resolver_match", None)
        event["event"] = f"request_failed_{getattr(record, 'status_code', '')}"
        event["route"] = match.route if match else "unknown"
    return event


SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def configure(*, level: str, plain: bool) -> dict[str, Any]:
    """Set structlog up, and return Django's LOGGING to go with it."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=False)
        if plain
        else structlog.processors.JSONRenderer(ensure_ascii=True)
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": SHARED,
                "processors": [
                    drop_request,
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    hide_private,
                    renderer,
                ],
            }
        },
        "handlers": {"stream": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stream"], "level": level},
        "loggers": {
            "django.server": {"handlers": ["stream"], "level": "WARNING", "propagate": False},
            # Tells each statement with its values when DEBUG is on: personal data.
            "django.db.backends": {"level": "INFO"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "kombu": {"level": "WARNING"},
            "faker": {"level": "WARNING"},
        },
    }


class RequestLog:
    """Give each request an id, say it in `X-Request-ID`, and log how the request went.

    A caller's own id is kept when it is well-formed, so that logs of both sides can be joined.
    The route is logged instead of the path, the user by number.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if _GIVEN.match(given) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        took = (time.perf_counter() - started) * 1000
        if log.isEnabledFor(logging.INFO):
            match = request.resolver_match
            log.info(
                "request",
                method=request.method,
                route=match.route if match else "",
                status=response.status_code,
                ms=round(took, 1),
                user=_person(request),
            )
        return response


def _person(request: HttpRequest) -> int | None:
    """The number of whoever was signed in; not looked up for the log's sake."""
    user = getattr(request, "_cached_user", None)
    if user is None and not isinstance(request.__dict__.get("user"), SimpleLazyObject):
        user = request.__dict__.get("user")  # put there by the API: somebody with a token
    return getattr(user, "pk", None)
