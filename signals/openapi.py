"""The door in OpenAPI. Its views are plain Django for speed, so nothing can read this off them."""

from typing import Any

from django.conf import settings

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
CLOUD_EVENT = {
    "type": "object",
    "description": "CloudEvents 1.0. `(source, id)` names the event for ever.",
    "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
    "additionalProperties": True,
    "properties": {
        "specversion": {"type": "string", "enum": ["1.0"]},
        "id": {"type": "string", "minLength": 1, "maxLength": 255},
        "source": {"type": "string", "example": "/detectors/login-watch"},
        "type": {"type": "string", "description": "An indicator's code, or a type of activity"},
        "subject": {"type": "string", "example": "account/fl-ac45b2"},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string", "enum": ["application/json"]},
        "data": {"type": "object", "additionalProperties": True},
    },
}
SIGNAL_DATA = {
    "type": "object",
    "required": ["confidence"],
    "additionalProperties": True,
    "properties": {
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "detector_version": {"type": "string"},
        "fingerprint": {"type": "string", "description": "Names the finding, not the event"},
        "typology": {"type": "string"},
        "evidence": {"type": "object", "additionalProperties": True},
    },
}
RECEIPT = {
    "type": "object",
    "description": "received = accepted + duplicate + conflict + rejected",
    "required": ["received", "accepted", "duplicate", "conflict", "rejected"],
    "properties": {
        **{
            name: {"type": "integer", "minimum": 0}
            for name in ("received", "accepted", "duplicate", "conflict", "rejected")
        },
        "results": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "outcome"],
                "properties": {
                    "index": {"type": "integer"},
                    "id": {"type": "string"},
                    "outcome": {
                        "type": "string",
                        "enum": ["accepted", "duplicate", "conflict", "rejected"],
                    },
                    "signal": {"type": "string", "description": "Ours, a ULID"},
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["pointer", "code", "detail"],
                            "properties": {
                                "pointer": {"type": "string"},
                                "code": {"type": "string"},
                                "detail": {"type": "string"},
                            },
                        },
                    },
                },
            },
        },
    },
}
REFUSALS = {
    "400": "The body cannot be read; nothing was stored.",
    "401": "No valid detector key.",
    "403": "The detector is switched off, or may not post this.",
    "405": "Only POST.",
    "413": "Too large, or too many items.",
    "415": "Media type or encoding not understood.",
    "429": "Over quota; `Retry-After` says when.",
    "503": "Behind too far, or no database; nothing was taken.",
}


def add_door(result: dict, generator: Any, request: Any, public: bool) -> dict:
    """Add the two addresses where detectors and the platform post."""
    components = result["components"]
    components["securitySchemes"]["detectorKey"] = {
        "type": "http",
        "scheme": "bearer",
        "description": "A detector's key `prefix.secret`; it opens the door and nothing else.",
    }
    signal = {**CLOUD_EVENT, "properties": {**CLOUD_EVENT["properties"], "data": SIGNAL_DATA}}
    components["schemas"] |= {
        "SignalEvent": signal,
        "ActivityEvent": CLOUD_EVENT,
        "Receipt": RECEIPT,
    }
    result["paths"].setdefault("/api/v1/signals/", {})["post"] = _operation(
        "signals", "SignalEvent", "Findings of a detector."
    )
    result["paths"]["/api/v1/activity/"] = {
        "post": _operation("activity", "ActivityEvent", "Facts that the platform reports.")
    }
    result["paths"]["/api/v1/detectors/self/"] = {
        "get": {
            "operationId": "detector_self",
            "tags": ["door"],
            "description": "What a detector may know of itself: balance, precision, quota.",
            "security": [{"detectorKey": []}],
            "responses": {
                "200": {
                    "description": "As it stands now.",
                    "content": {"application/json": {"schema": {"type": "object"}}},
                },
                **{
                    status: {"description": REFUSALS[status], "content": PROBLEM}
                    for status in ("401", "403", "405")
                },
            },
        }
    }
    result["paths"] = dict(sorted(result["paths"].items()))
    return result


def _operation(name: str, schema: str, says: str) -> dict:
    one = {"$ref": f"#/components/schemas/{schema}"}
    many = {"type": "array", "maxItems": settings.DOOR_BATCH_MAX, "items": one}
    lines = {"type": "string", "description": "One event to a line, as many as you like"}
    receipt = {"application/json": {"schema": {"$ref": "#/components/schemas/Receipt"}}}
    return {
        "operationId": f"post_{name}",
        "tags": ["door"],
        "description": (
            f"{says} Sending the same again is safe: `duplicate`, same answer. "
            "A bad item does not spoil its batch. `Content-Encoding: gzip` is understood."
        ),
        "security": [{"detectorKey": []}],
        "requestBody": {
            "required": True,
            "content": {
                "application/cloudevents+json": {"schema": one},
                "application/cloudevents-batch+json": {"schema": many},
                "application/x-ndjson": {"schema": lines},
                "application/json": {"schema": {"oneOf": [one, many]}},
            },
        },
        "responses": {
            "202": {"description": "Everything accepted is stored.", "content": receipt},
            "422": {"description": "Every item was rejected.", "content": {**receipt, **PROBLEM}},
            **{
                status: {"description": reason, "content": PROBLEM}
                for status, reason in REFUSALS.items()
            },
        },
    }
