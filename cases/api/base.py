"""What every view for people shares: who asks, how it is read, refused and answered."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import ErrorDetail
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import UserRateThrottle

from cases import permissions
from cases.api import idempotency, problems
from cases.api.filters import StrictFilterBackend
from cases.api.pagination import KeysetPagination
from cases.api.parsing import StrictJSONParser
from cases.auth.tokens import PersonalToken


class HasRight(IsAuthenticated):
    """Signed in, and with the right that the view needs for reading; refusals are recorded."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view):
            return False
        if view.needs:
            permissions.require(request.user, view.needs)
        return True


class PersonView(GenericAPIView):
    """A view for signed-in people, by personal token or session. A detector's key is nobody here.

    `needs` is the right without which nothing is shown; rows come from `visible_to` alone.
    """

    authentication_classes = [PersonalToken, SessionAuthentication]
    permission_classes = [HasRight]
    renderer_classes = [JSONRenderer]
    parser_classes = [StrictJSONParser]
    throttle_classes = [UserRateThrottle]
    filter_backends: ClassVar[list] = []
    pagination_class = None
    http_method_names = ["get", "head", "post"]
    needs: str | None = permissions.VIEW

    def get_exception_handler(self):
        return problems.exception_handler

    def handle_known(self, exc: Exception) -> Response:
        """The problem that `exc` is answered with; raises it when nobody knows it."""
        response = problems.exception_handler(exc, self.get_exception_handler_context())
        if response is None:
            raise exc
        return response

    def shown(self, serializer: type[serializers.BaseSerializer], obj: Any) -> dict:
        return serializer(obj, context=self.get_serializer_context()).data


class ListView(ListModelMixin, PersonView):
    """GET: a page of the rows that the person may see, filtered and ordered by allow-lists."""

    filter_backends = [StrictFilterBackend]
    pagination_class = KeysetPagination
    orderings: ClassVar[dict[str, tuple[str, ...]]] = {"newest": ("-id",), "oldest": ("id",)}

    def get(self, request: Request) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        self.prepare(rows)
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    def prepare(self, rows: list) -> None:
        """Fetch what the whole page needs, in a fixed number of queries."""


class VerbView(PersonView):
    """POST: one verb on one object, as the pages do it, once per `Idempotency-Key`."""

    def post(self, request: Request, **where: Any) -> Response:
        return idempotency.once(request, lambda: self.answer(request, **where), self.handle_known)

    def answer(self, request: Request, **where: Any) -> Response:
        """Find the object, read the body, call the verb, show the object as it is now."""
        raise NotImplementedError

    def read(self, request: Request) -> dict[str, Any]:
        """The body by the view's serializer, or a 422 that names each fault."""
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        return dict(body.validated_data)


class Strict(serializers.Serializer):
    """A body with these fields and no others: what it does not know, it refuses."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = sorted(set(data) - set(self.fields))
            if unknown:
                raise serializers.ValidationError(
                    {name: [_unknown()] for name in unknown[: problems.ERRORS_SHOWN]}
                )
        return super().to_internal_value(data)


def _unknown() -> Any:
    return ErrorDetail("There is no such field here.", code="unknown")
