from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from cases import audit
from cases.api.base import ListView, PersonView
from cases.api.filters import FindingFilter
from cases.api.serializers.findings import FindingDetailOut, FindingOut
from cases.models import Finding


def findings_of(request: Request) -> QuerySet[Finding]:
    return Finding.objects.visible_to(request.user).select_related("account")


@extend_schema(tags=["findings"])
class FindingList(ListView):
    """What detectors, enrichment and verification found about accounts."""

    serializer_class = FindingOut
    filterset_class = FindingFilter

    def get_queryset(self) -> QuerySet[Finding]:
        return findings_of(self.request)


@extend_schema(tags=["findings"])
class FindingDetail(PersonView):
    """One finding with its evidence. Reading it is recorded."""

    serializer_class = FindingDetailOut

    def get(self, request: Request, pk: int) -> Response:
        finding = get_object_or_404(findings_of(request), pk=pk)
        audit.read(request.user, finding.account, "finding evidence", finding=finding.pk)
        return Response(self.shown(FindingDetailOut, finding))
