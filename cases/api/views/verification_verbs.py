"""Recording what came of a verification, and being its second reviewer."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from cases import verification
from cases.api.base import VerbView
from cases.api.problems import Unprocessable
from cases.api.serializers.verifications import AttemptIn, AttemptOut, ReviewIn
from cases.api.views.verifications import verifications_of
from cases.models import Account, User


class RecordAttempt(VerbView):
    """Add one try. An adverse one counts only after a second person has looked at it."""

    serializer_class = AttemptIn

    @extend_schema(tags=["verifications"], responses={201: AttemptOut})
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk=pk)

    def answer(self, request: Request, **where: Any) -> Response:
        step = get_object_or_404(verifications_of(request), pk=where["pk"])
        said = self.read(request)
        said["performed_by"] = _self_or_nobody(request.user, said.get("performed_by"))
        said["attested_by"] = _account(request.user, said.get("attested_by"))
        made = verification.record_attempt(step, actor=request.user, **said)
        return Response(self.shown(AttemptOut, made), status=status.HTTP_201_CREATED)


class ReviewAttempt(VerbView):
    """Be the second reviewer of an adverse attempt."""

    serializer_class = ReviewIn

    @extend_schema(tags=["verifications"], responses={200: AttemptOut})
    def post(self, request: Request, pk: int, number: int) -> Response:
        return super().post(request, pk=pk, number=number)

    def answer(self, request: Request, **where: Any) -> Response:
        step = get_object_or_404(verifications_of(request), pk=where["pk"])
        attempt = get_object_or_404(step.attempts, number=where["number"])
        said = self.read(request)
        made = verification.review_attempt(attempt, actor=request.user, **said)
        return Response(self.shown(AttemptOut, made))


def _self_or_nobody(user: User, username: str | None) -> User | None:
    """Who performed it: the caller, or somebody outside. Nobody is named in another's place."""
    if username is None:
        return None
    if username != user.username:
        fault = "Only your own name, or none for somebody outside."
        raise Unprocessable({"pointer": "/performed_by", "detail": fault, "code": "not_you"})
    return user


def _account(user: User, ref: str | None) -> Account | None:
    if ref is None:
        return None
    found = Account.objects.visible_to(user).filter(ref=ref).first()
    if found is None:
        fault = {"pointer": "/attested_by", "detail": "No such account.", "code": "not_found"}
        raise Unprocessable(fault)
    return found
