"""What people add to a case: notes, and the outcome that they propose."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from cases import decisions, notes
from cases.api.problems import Unprocessable
from cases.api.serializers.cases import NoteIn, NoteOut, ProposeIn
from cases.api.serializers.decisions import DecisionDetailOut
from cases.api.views.case_verbs import CaseVerb
from cases.api.views.decisions import dressed
from cases.models import Case, Note, User


class WriteNote(CaseVerb):
    """Write a note. A correction is a new note that replaces one's old one."""

    serializer_class = NoteIn

    @extend_schema(tags=["cases"], responses={201: NoteOut})
    def post(self, request: Request, ref: str) -> Response:
        return super().post(request, ref=ref)

    def act(self, case: Case, *, actor: User, text: str, replaces: int | None = None) -> Response:
        old = None
        if replaces is not None:
            old = Note.objects.visible_to(actor).filter(case=case, pk=replaces).first()
            if old is None:
                fault = {"pointer": "/replaces", "detail": "No such note.", "code": "not_found"}
                raise Unprocessable(fault)
        note = notes.add(case, text, actor=actor, replaces=old)
        return Response(self.shown(NoteOut, note), status=status.HTTP_201_CREATED)


class Propose(CaseVerb):
    """Propose an outcome; what needs a second person waits for one, the rest is final."""

    serializer_class = ProposeIn

    @extend_schema(tags=["cases"], responses={201: DecisionDetailOut})
    def post(self, request: Request, ref: str) -> Response:
        return super().post(request, ref=ref)

    def act(self, case: Case, *, actor: User, **said: Any) -> Response:
        outcome = said.pop("outcome")
        decision = decisions.propose(case, outcome, actor=actor, **said)
        shown = self.shown(DecisionDetailOut, dressed(decision))
        return Response(shown, status=status.HTTP_201_CREATED)
