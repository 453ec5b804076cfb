"""Everything that goes wrong under `/api/` is one RFC 9457 problem.

400 what could not be read at all, 401 who are you, 403 not you, 404 not there or not for you,
405 not this method, 409 too late or not now (with what changed), 413 too much, 415 not this
format, 422 read but not valid (one entry of `errors` for each fault), 429 too often.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from cases import context, rings, rules, transitions

MEDIA_TYPE = "application/problem+json"
TYPE = "urn:tsportal:problem:"
ERRORS_SHOWN = 100


class ProblemRenderer(JSONRenderer):
    """Renders a problem under its own media type, whatever was asked for."""

    media_type = MEDIA_TYPE


class Unprocessable(exceptions.APIException):
    """The request was read and understood; these fields of it are not valid."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "Some fields are not valid."
    default_code = "invalid"

    def __init__(self, *errors: dict[str, str]) -> None:
        super().__init__()
        self.errors = list(errors)


class Conflict(exceptions.APIException):
    """Too late, or not now. `changed` says what is different from what the caller saw."""

    status_code = status.HTTP_409_CONFLICT
    default_detail = "The object is not in a state that allows this."
    default_code = "not_allowed"

    def __init__(self, detail: str | None = None, code: str | None = None, **changed: Any) -> None:
        super().__init__(detail, code)
        self.changed = changed


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is too large."
    default_code = "too_large"


class BadJson(exceptions.ParseError):
    default_code = "bad_json"


def problem(
    request: HttpRequest, status_code: int, code: str, detail: str, **members: Any
) -> dict[str, Any]:
    """The body of a problem; `members` are its further members, empty ones left out."""
    body = {
        "type": f"{TYPE}{code}",
        "title": HTTPStatus(status_code).phrase,
        "status": status_code,
        "code": code,
        "detail": detail,
        "instance": request.path,
        "request_id": context.request_id(),
    }
    return body | {name: value for name, value in members.items() if value not in (None, [], {})}


def exception_handler(exc: Exception, where: dict[str, Any]) -> Response | None:
    """DRF's exception handler: one problem for what we know, None (a 500) for what we do not."""
    exc = _as_api_exception(exc)
    if exc is None:
        return None
    request = where["request"]
    # A serializer's fault was read and understood: 422, not DRF's 400.
    status_code = 422 if isinstance(exc, exceptions.ValidationError) else exc.status_code
    body = problem(request, status_code, _code(exc), _detail(exc), **_members(exc))
    response = Response(body, status=status_code, content_type=MEDIA_TYPE)
    if challenge := getattr(exc, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    if (wait := getattr(exc, "wait", None)) is not None:
        response["Retry-After"] = str(int(wait) + 1)
    return response


def _as_api_exception(exc: Exception) -> exceptions.APIException | None:
    if isinstance(exc, exceptions.APIException):
        return exc
    if isinstance(exc, Http404):
        return exceptions.NotFound()
    if isinstance(exc, PermissionDenied):
        return exceptions.PermissionDenied(str(exc) or None)
    if isinstance(exc, transitions.NotAllowed):
        return _refusal(exc)
    if isinstance(exc, rings.NotAllowed):
        return Conflict(str(exc))
    if isinstance(exc, rules.NoPolicy):
        return Conflict(str(exc), "no_policy")
    if isinstance(exc, OperationalError) and _is_lock_timeout(exc):
        return Conflict("Somebody else is changing this just now; try again.", "busy")
    return None


def _refusal(exc: transitions.NotAllowed) -> Conflict:
    if isinstance(exc, transitions.Stale):
        changes = [
            {"verb": each.verb, "who": each.who, "at": each.at.isoformat(), "note": each.note}
            for each in exc.changes
        ]
        return Conflict(str(exc), "stale", version=exc.case.version, changes=changes)
    if hasattr(exc, "decision"):
        return Conflict(str(exc), "evidence_changed", changes=exc.changes)
    return Conflict(str(exc), "claim_lost" if isinstance(exc, transitions.Lost) else "not_allowed")


def _is_lock_timeout(exc: OperationalError) -> bool:
    return getattr(exc.__cause__, "sqlstate", None) in ("55P03", "40P01", "40001")


def _code(exc: exceptions.APIException) -> str:
    if isinstance(exc, exceptions.ValidationError):
        return "invalid"
    codes = exc.get_codes()
    return codes if isinstance(codes, str) else exc.default_code


def _detail(exc: exceptions.APIException) -> str:
    if isinstance(exc, exceptions.ValidationError):
        return str(Unprocessable.default_detail)
    return str(exc.detail)


def _members(exc: exceptions.APIException) -> dict[str, Any]:
    if isinstance(exc, exceptions.ValidationError):
        return {"errors": [*_flatten(exc.get_full_details())][:ERRORS_SHOWN]}
    return {"errors": getattr(exc, "errors", None), **getattr(exc, "changed", {})}


def _flatten(detail: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    """Each fault of a serializer as `{pointer, detail, code}`, the pointer by RFC 6901."""
    if isinstance(detail, dict) and set(detail) == {"message", "code"}:
        yield {
            "pointer": pointer.removesuffix("/non_field_errors"),
            "detail": str(detail["message"]),
            "code": str(detail["code"]),
        }
    elif isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _flatten(inner, f"{pointer}/{escape(str(name))}")
    else:
        for index, inner in enumerate(detail):
            leaf = isinstance(inner, dict) and set(inner) == {"message", "code"}
            yield from _flatten(inner, pointer if leaf else f"{pointer}/{index}")


def escape(name: str) -> str:
    """`name` as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def answer(request: HttpRequest, status_code: int, code: str, detail: str) -> JsonResponse:
    """A problem for where DRF is not: unknown addresses and the last resort."""
    body = problem(request, status_code, code, detail)
    return JsonResponse(body, status=status_code, content_type=MEDIA_TYPE)


def is_api(request: HttpRequest) -> bool:
    """Does whoever asked expect JSON, by the address alone?"""
    return request.path.startswith("/api/")


def unknown_address(request: HttpRequest) -> JsonResponse:
    return answer(request, 404, "not_found", "There is nothing at this address.")


def server_error(request: HttpRequest) -> JsonResponse:
    """The last resort: says that it failed and under which id, and nothing of why."""
    return answer(request, 500, "server_error", "The portal failed; the request id finds it.")
