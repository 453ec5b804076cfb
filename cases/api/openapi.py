"""What drf-spectacular cannot see by itself: tokens, problems, the key of a repeated request."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

PROBLEM = {
    "type": "object",
    "description": "RFC 9457. Further members say what changed (409).",
    "required": ["type", "title", "status", "code", "detail", "instance", "request_id"],
    "additionalProperties": True,
    "properties": {
        "type": {"type": "string", "example": "urn:tsportal:problem:stale"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail", "code"],
                "properties": {
                    "pointer": {"type": "string", "description": "Into the body, RFC 6901"},
                    "parameter": {"type": "string", "description": "Of the query, or a header"},
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                },
            },
        },
    },
}
REASONS = {
    "400": "The body cannot be read.",
    "401": "Nobody is signed in.",
    "403": "Not for this person.",
    "404": "Not there, or not for this person.",
    "405": "Not this method.",
    "409": "Too late, or not now; says what changed.",
    "413": "The body is too large.",
    "415": "Only application/json.",
    "422": "Read, but not valid.",
    "429": "Too often; `Retry-After` says when.",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "The same request again under the same key gets the first answer.",
}


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "cases.auth.tokens.PersonalToken"
    name = "personalToken"

    def get_security_definition(self, auto_schema: Any) -> dict:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A personal token: it can do what its person can.",
        }


def complete(result: dict, generator: Any, request: Any, public: bool) -> dict:
    """Add the problems and the idempotency key to each operation of the API for people."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM
    # Its name differs between http and https; the description should not.
    result["components"]["securitySchemes"]["cookieAuth"]["name"] = "session"
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            answers = operation["responses"]
            for status in _problems(path, method):
                answers.setdefault(status, _problem(status))
            operation["responses"] = dict(sorted(answers.items()))
            if method == "post":
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    return result


def _problems(path: str, method: str) -> list[str]:
    found = ["401", "403", "405", "422", "429"]
    if "{" in path:
        found.append("404")
    if method == "post":
        found += ["400", "409", "413", "415"]
    return found


def _problem(status: str) -> dict:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": REASONS[status], "content": content}
