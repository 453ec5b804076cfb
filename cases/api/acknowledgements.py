"""Where the platform says later what became of a message: signed like the message itself."""

from __future__ import annotations

import json

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cases import crypto, receivers, signatures, webhooks
from cases.api import problems
from cases.models import WebhookDelivery

_LONGEST = 16 * 1024


class AcknowledgementIn(serializers.Serializer):
    """`acknowledged: false` says that the platform did not do it, and why."""

    delivery = serializers.CharField(max_length=40)
    acknowledged = serializers.BooleanField()
    reference = serializers.CharField(max_length=200, required=False, allow_blank=True)
    reason = serializers.CharField(max_length=500, required=False, allow_blank=True)


class AcknowledgementOut(serializers.Serializer):
    delivery = serializers.CharField()
    state = serializers.CharField()


class Acknowledgements(APIView):
    """POST what became of a message. Safe to repeat; the first final word stays."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    renderer_classes = (JSONRenderer,)

    def get_exception_handler(self):
        return problems.exception_handler

    def get_authenticate_header(self, request: Request) -> str:
        return "StandardWebhooks"

    @extend_schema(
        summary="Acknowledge a message",
        description=(
            "Signed by Standard Webhooks 1.0.0 with the receiver's secret: `webhook-id`, "
            "`webhook-timestamp` and `webhook-signature` over the body as it is sent."
        ),
        auth=[],
        request=AcknowledgementIn,
        responses={
            200: AcknowledgementOut,
            401: OpenApiResponse(description="The signature does not fit."),
            409: OpenApiResponse(description="Another final word came first."),
        },
    )
    def post(self, request: Request) -> Response:
        delivery, given = _verified(request)
        fields = AcknowledgementIn(data=given)
        fields.is_valid(raise_exception=True)
        try:
            row = webhooks.acknowledge(delivery, fields.validated_data)
        except webhooks.NotPossible as exc:
            raise problems.Conflict(str(exc)) from exc
        return Response(AcknowledgementOut({"delivery": row.public_id, "state": row.state}).data)


def _verified(request: Request) -> tuple[WebhookDelivery, dict]:
    """The message that is meant and the body, once the signature fits its receiver's secret.

    A message that does not exist and a signature that does not fit look the same from outside.
    """
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > _LONGEST:
        raise problems.TooLarge()
    body = request.body
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise ParseError("The body is not JSON.") from exc
    public_id = given.get("delivery") if isinstance(given, dict) else None
    # Ours are plain ASCII; nothing else is asked for in the database.
    if not isinstance(public_id, str) or not (public_id.isascii() and public_id.isprintable()):
        raise ParseError("The body names no delivery.")
    # Nobody is signed in here: the signature decides, not `visible_to`.
    delivery = webhooks.by_public_id(public_id)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        known = receivers.live_secrets(delivery.endpoint) if delivery is not None else []
        signatures.verify(headers, body, known or [_NOBODYS])
    except (signatures.Unverified, crypto.Unreadable) as exc:
        raise AuthenticationFailed("The signature does not fit.") from exc
    assert delivery is not None
    return delivery, given


# Verified against when there is nothing to verify against, so that it takes as long.
_NOBODYS = signatures.new_secret()
