from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from cases import audit
from cases.api.base import ListView, PersonView
from cases.api.filters import DecisionFilter
from cases.api.serializers.decisions import DecisionDetailOut, DecisionOut
from cases.models import Decision


def decisions_of(request: Request) -> QuerySet[Decision]:
    rows = Decision.objects.visible_to(request.user)
    return rows.select_related("case__account", "proposed_by", "approved_by", "ended_by")


def detail(view: PersonView, decision: Decision) -> Response:
    return Response(view.shown(DecisionDetailOut, dressed(decision)))


def dressed(decision: Decision) -> Decision:
    decision.shown_actions = decision.actions.order_by("position")
    return decision


@extend_schema(tags=["decisions"])
class DecisionList(ListView):
    """Proposals and decisions of the cases that the person may see."""

    serializer_class = DecisionOut
    filterset_class = DecisionFilter

    def get_queryset(self) -> QuerySet[Decision]:
        return decisions_of(self.request)


@extend_schema(tags=["decisions"])
class DecisionDetail(PersonView):
    """One decision with its plan and how far it is carried out. Reading it is recorded."""

    serializer_class = DecisionDetailOut

    def get(self, request: Request, pk: int) -> Response:
        decision = get_object_or_404(decisions_of(request), pk=pk)
        audit.read(request.user, decision.case, "decision", decision=decision.pk)
        return detail(self, decision)
