"""Answers that refuse a whole request: RFC 9457, each saying what to do."""

import json
from typing import Any

from django.http import HttpResponse

TITLES = {
    400: "The body cannot be read",
    401: "No valid detector key",
    403: "Not for this detector",
    405: "Method not allowed",
    411: "Length required",
    413: "Too large",
    415: "Media type not understood",
    422: "Every item was rejected",
    429: "Over quota",
    503: "Not taken now",
}


class Problem(Exception):
    """The request is refused as a whole; nothing (more) of it is stored."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retry_after: int | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(1, retry_after))
        self.more = more

    def response(self, instance: str, request_id: str) -> HttpResponse:
        body = {
            "type": f"urn:tsportal:problem:{self.code}",
            "title": TITLES[self.status],
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "instance": instance,
            "request_id": request_id,
            **self.more,
        }
        return HttpResponse(json.dumps(body), self.headers_type, self.status, headers=self.headers)

    headers_type = "application/problem+json"
