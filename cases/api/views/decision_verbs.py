"""The second person's verbs on a proposal, and its author's."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from cases import decisions
from cases.api.base import VerbView
from cases.api.serializers.decisions import ApproveIn, DecisionDetailOut, RejectIn, WithdrawIn
from cases.api.step_up import require_fresh
from cases.api.views.decisions import decisions_of, detail
from cases.models import Decision, User


class DecisionVerb(VerbView):
    """POST on a proposal. `version` is that of the case as the caller saw it."""

    def answer(self, request: Request, **where: Any) -> Response:
        decision = get_object_or_404(decisions_of(request), pk=where["pk"])
        said = self.read(request)
        self.act(decision, actor=request.user, **said)
        return detail(self, get_object_or_404(decisions_of(request), pk=decision.pk))

    def act(self, decision: Decision, *, actor: User, **said: Any) -> Any:
        raise NotImplementedError


class Approve(DecisionVerb):
    """Sign as the second person. 409 `evidence_changed`: the proposal is void, and why.

    `digest` is that of the proposal that the caller read.
    """

    serializer_class = ApproveIn

    @extend_schema(tags=["decisions"], responses={200: DecisionDetailOut})
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk=pk)

    def act(self, decision: Decision, *, actor: User, digest: str, **said: Any) -> None:
        require_fresh(self.request)
        if digest != decision.digest:
            raise decisions.NotAllowed("This is not the proposal that you read; look at it again.")
        decisions.approve(decision, actor=actor, **said)


class Reject(DecisionVerb):
    """Say no as the second person; the case goes back to who proposed."""

    serializer_class = RejectIn

    @extend_schema(tags=["decisions"], responses={200: DecisionDetailOut})
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk=pk)

    def act(self, decision: Decision, *, actor: User, **said: Any) -> None:
        decisions.reject(decision, actor=actor, **said)


class Withdraw(DecisionVerb):
    """Take one's own proposal back."""

    serializer_class = WithdrawIn

    @extend_schema(tags=["decisions"], responses={200: DecisionDetailOut})
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk=pk)

    def act(self, decision: Decision, *, actor: User, **said: Any) -> None:
        decisions.withdraw(decision, actor=actor, **said)
