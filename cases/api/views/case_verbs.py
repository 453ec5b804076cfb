"""The verbs on a case: each calls the function that its page calls, and shows the case after."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from cases import queue, transitions
from cases.api.base import VerbView
from cases.api.problems import Unprocessable
from cases.api.serializers.cases import (
    AssignIn,
    CaseOut,
    ClaimIn,
    ClaimNextIn,
    FenceIn,
    Reasoned,
    SnoozeIn,
)
from cases.api.views.cases import cases_of, find
from cases.models import Case, User
from cases.states import Queue, Verb


class CaseVerb(VerbView):
    """POST on a case. 409 with what changed when the caller saw an older version."""

    def answer(self, request: Request, **where: Any) -> Response:
        case = find(request, where["ref"])
        said = self.read(request)
        return self.act(case, actor=request.user, **said) or self.case(case)

    def act(self, case: Case, *, actor: User, **said: Any) -> Response | None:
        raise NotImplementedError

    def case(self, case: Case) -> Response:
        fresh = cases_of(self.request).filter(pk=case.pk).first()
        if fresh is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(self.shown(CaseOut, fresh))


def verb(tag: str = "cases", **options: Any) -> Any:
    """Document a verb that answers with the case."""
    return extend_schema(tags=[tag], responses={200: CaseOut}, **options)


class Claim(CaseVerb):
    """Take this case under a lease; whoever holds it already renews the lease."""

    serializer_class = ClaimIn

    @verb()
    def post(self, request: Request, ref: str) -> Response:
        return super().post(request, ref=ref)

    def act(self, case: Case, *, actor: User, version: int | None = None) -> None:
        queue.claim(case, actor=actor, version=version)


class ClaimNext(VerbView):
    """Take the most urgent case of a queue; 204 when there is none."""

    serializer_class = ClaimNextIn

    @extend_schema(
        tags=["cases"],
        responses={200: CaseOut, 204: OpenApiResponse(description="The queue is empty.")},
    )
    def post(self, request: Request) -> Response:
        return super().post(request)

    def answer(self, request: Request, **where: Any) -> Response:
        wanted = self.read(request).get("queue", Queue.REVIEW)
        case = queue.claim_next(request.user, wanted)
        if case is None:
            return Response(status=status.HTTP_204_NO_CONTENT)
        return Response(self.shown(CaseOut, cases_of(request).get(pk=case.pk)))


class Renew(CaseVerb):
    """Prolong one's claim. The fence says which claim; one that was lost is not taken back."""

    serializer_class = FenceIn

    @verb()
    def post(self, request: Request, ref: str) -> Response:
        return super().post(request, ref=ref)

    def act(self, case: Case, *, actor: User, fence: int) -> None:
        queue.renew(case, actor=actor, fence=fence)


class Release(CaseVerb):
    """Put the case back into its queue."""

    serializer_class = FenceIn

    @verb()
    def post(self, request: Request, ref: str) -> Response:
        return super().post(request, ref=ref)

    def act(self, case: Case, *, actor: User, fence: int) -> None:
        queue.release(case, actor=actor, fence=fence)


class Assign(CaseVerb):
    """Give the case to somebody who works in its queue."""

    serializer_class = AssignIn

    @verb()
    def post(self, request: Request, ref: str) -> Response:
        return super().post(request, ref=ref)

    def act(self, case: Case, *, actor: User, assignee: str, version: int, note: str, **_: Any):
        queue.assign(case, colleague(assignee, case), actor, version=version, note=note)


class Snooze(CaseVerb):
    """Put the case aside until a time; its deadline does not move."""

    serializer_class = SnoozeIn

    @verb()
    def post(self, request: Request, ref: str) -> Response:
        return super().post(request, ref=ref)

    def act(self, case: Case, *, actor: User, note: str, **said: Any) -> None:
        queue.snooze(case, actor=actor, reason=note, **said)


class Escalate(CaseVerb):
    """Hand the case to sanctions compliance, saying why."""

    serializer_class = Reasoned

    @verb()
    def post(self, request: Request, ref: str) -> Response:
        return super().post(request, ref=ref)

    def act(self, case: Case, *, actor: User, note: str, **said: Any) -> None:
        transitions.apply(case, Verb.ESCALATE, actor=actor, note=note, **said)


class Return(CaseVerb):
    """Hand the case back from compliance to review, saying why."""

    serializer_class = Reasoned

    @verb()
    def post(self, request: Request, ref: str) -> Response:
        return super().post(request, ref=ref)

    def act(self, case: Case, *, actor: User, **said: Any) -> None:
        transitions.apply(case, Verb.RETURN, actor=actor, **said)


def colleague(username: str, case: Case) -> User:
    """Who works in the case's queue under that name; anybody else is nobody here."""
    right = queue.RIGHT[case.queue].split(".")[1]
    found = User.objects.filter(
        username=username, is_active=True, groups__permissions__codename=right
    ).first()
    if found is None:
        fault = "Nobody of that name works in this queue."
        raise Unprocessable({"pointer": "/assignee", "detail": fault, "code": "not_found"})
    return found
