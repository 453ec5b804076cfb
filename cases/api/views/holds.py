"""The money of an account: asking for a hold, and being the second person."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from cases import holds
from cases.api.base import ListView, Strict, VerbView
from cases.api.problems import Unprocessable
from cases.api.serializers.holds import HoldIn, HoldOut, HoldRequestOut, ReasonIn
from cases.api.step_up import require_fresh
from cases.api.views.accounts import find
from cases.models import Case, HoldRequest


class SetHold(VerbView):
    """Change what the account's money is under. 202: a second person must agree first."""

    serializer_class = HoldIn

    @extend_schema(tags=["holds"], responses={200: HoldOut, 202: HoldRequestOut})
    def post(self, request: Request, ref: str) -> Response:
        return super().post(request, ref=ref)

    def answer(self, request: Request, **where: Any) -> Response:
        account = find(request, where["ref"])
        said = self.read(request)
        case = _case(request, account, said.pop("case", None))
        made = holds.set_hold(account, said.pop("level"), actor=request.user, case=case, **said)
        if isinstance(made, HoldRequest):
            return Response(self.shown(HoldRequestOut, made), status=202)
        return Response(self.shown(HoldOut, made))


def _case(request: Request, account: Any, ref: str | None) -> Case | None:
    cases = Case.objects.visible_to(request.user).filter(account=account)
    if ref is None:
        return cases.filter(closed_at=None).first()
    found = cases.filter(ref=ref).first()
    if found is None:
        fault = "The account has no such case."
        raise Unprocessable({"pointer": "/case", "detail": fault, "code": "not_found"})
    return found


def requests_of(request: Request) -> QuerySet[HoldRequest]:
    rows = HoldRequest.objects.visible_to(request.user)
    return rows.select_related("account", "case", "asked_by", "ended_by")


@extend_schema(tags=["holds"])
class HoldRequestList(ListView):
    """Changes of holds that one person asked for, for compliance, legal and auditors."""

    serializer_class = HoldRequestOut

    def get_queryset(self) -> QuerySet[HoldRequest]:
        return requests_of(self.request)


class Confirm(VerbView):
    """Agree, as the second person; it is done at once."""

    serializer_class = Strict

    @extend_schema(tags=["holds"], request=None, responses={200: HoldOut})
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk=pk)

    def answer(self, request: Request, **where: Any) -> Response:
        asked = get_object_or_404(requests_of(request), pk=where["pk"])
        self.read(request)
        require_fresh(request)
        return Response(self.shown(HoldOut, holds.confirm(asked, actor=request.user)))


class Refuse(VerbView):
    """Turn a request down, or take one's own back. The money stays as it is."""

    serializer_class = ReasonIn

    @extend_schema(tags=["holds"], responses={200: HoldRequestOut})
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk=pk)

    def answer(self, request: Request, **where: Any) -> Response:
        asked = get_object_or_404(requests_of(request), pk=where["pk"])
        said = self.read(request)
        made = holds.refuse(asked, actor=request.user, **said)
        return Response(self.shown(HoldRequestOut, made))
