from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from cases import audit
from cases.api.base import ListView, PersonView
from cases.api.filters import VerificationFilter
from cases.api.serializers.verifications import VerificationDetailOut, VerificationOut
from cases.models import Verification


def verifications_of(request: Request) -> QuerySet[Verification]:
    rows = Verification.objects.visible_to(request.user)
    return rows.select_related("account", "case", "requested_by", "waived_by")


def detail(view: PersonView, verification: Verification) -> Response:
    """The step with every attempt, once the reading is on record."""
    audit.read(
        view.request.user, verification.account, "verification", verification=verification.pk
    )
    verification.shown_attempts = verification.attempts.select_related(
        "performed_by", "recorded_by", "second_reviewer"
    ).order_by("number")
    return Response(view.shown(VerificationDetailOut, verification))


@extend_schema(tags=["verifications"])
class VerificationList(ListView):
    """Steps asked of account holders; `?pending=true` for those without a result."""

    serializer_class = VerificationOut
    filterset_class = VerificationFilter
    orderings = {"newest": ("-id",), "oldest": ("id",), "due": ("due_at", "id")}

    def get_queryset(self) -> QuerySet[Verification]:
        return verifications_of(self.request)


@extend_schema(tags=["verifications"])
class VerificationDetail(PersonView):
    """One step with every attempt. Reading it is recorded."""

    serializer_class = VerificationDetailOut

    def get(self, request: Request, pk: int) -> Response:
        return detail(self, get_object_or_404(verifications_of(request), pk=pk))
