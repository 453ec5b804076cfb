from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from cases import audit, transitions
from cases.api.base import ListView, PersonView
from cases.api.filters import CaseFilter
from cases.api.serializers.cases import CaseDetailOut, CaseOut
from cases.models import Case, Decision, Note, Verification


def cases_of(request: Request) -> QuerySet[Case]:
    rows = Case.objects.visible_to(request.user)
    return rows.select_related("account", "assignee", "reopened_from")


def find(request: Request, ref: str) -> Case:
    """The case, or 404 for what is not there and for what is not for this person."""
    return get_object_or_404(cases_of(request), ref=ref)


@extend_schema(tags=["cases"])
class CaseList(ListView):
    """Cases that the person may see; ordered as the queue is when `ordering=urgent`."""

    serializer_class = CaseOut
    filterset_class = CaseFilter
    orderings = {
        "newest": ("-id",),
        "oldest": ("id",),
        "urgent": ("-severity", "due_at", "id"),
        "due": ("due_at", "id"),
        "opened": ("-opened_at", "-id"),
    }

    def get_queryset(self) -> QuerySet[Case]:
        return cases_of(self.request)


@extend_schema(tags=["cases"])
class CaseDetail(PersonView):
    """One case with its notes and what the reader may do with it. Reading it is recorded."""

    serializer_class = CaseDetailOut

    def get(self, request: Request, ref: str) -> Response:
        case = find(request, ref)
        audit.read(request.user, case, "case")
        return Response(self.shown(CaseDetailOut, dressed(case, request)))


def dressed(case: Case, request: Request) -> Case:
    """The case with what hangs on it, as far as the person may see it."""
    user = request.user
    case.shown_notes = (
        Note.objects.visible_to(user).filter(case=case).select_related("author").order_by("id")
    )
    decided = Decision.objects.visible_to(user).filter(case=case).order_by("id")
    case.shown_decisions = list(decided.values_list("pk", flat=True))
    asked = Verification.objects.visible_to(user).filter(case=case).order_by("id")
    case.shown_verifications = list(asked.values_list("pk", flat=True))
    case.shown_verbs = [
        {"verb": str(verb.value), "allowed": allowed, "why_not": why}
        for verb, allowed, why in transitions.available(case, user)
    ]
    return case
