"""An analyst's hand on a ring: each kept by recomputation, each undone with a reason."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from cases import rings
from cases.api import ring_rows
from cases.api.base import VerbView
from cases.api.problems import Unprocessable
from cases.api.serializers.rings import CutIn, PairIn, RingOut, UndoIn
from cases.models import Account, Ring, User


class RingVerb(VerbView):
    """POST on a ring; answers with the ring as it is then, which may be smaller or dissolved."""

    def answer(self, request: Request, **where: Any) -> Response:
        seen = Ring.objects.visible_to(request.user)
        ring = get_object_or_404(seen, pk=where["pk"])
        said = self.read(request)
        self.act(ring, actor=request.user, **said)
        ring = get_object_or_404(seen, pk=ring.pk)
        ring_rows.fill([ring], request.user)
        return Response(self.shown(RingOut, ring))

    def act(self, ring: Ring, *, actor: User, **said: Any) -> None:
        raise NotImplementedError

    def account(self, name: str, ref: str, *, of: Ring | None = None) -> Account:
        """The account that a field names, in `of` when it must be a member."""
        rows = Account.objects.visible_to(self.request.user).filter(ref=ref)
        found = (rows.filter(ring=of) if of is not None else rows).first()
        if found is None:
            fault = "The ring has no such member." if of is not None else "No such account."
            raise Unprocessable({"pointer": f"/{name}", "detail": fault, "code": "not_found"})
        return found


class Pin(RingVerb):
    """`account` belongs with the member `other`, whatever the links say. Takes an offer, too."""

    serializer_class = PairIn

    @extend_schema(tags=["rings"], responses={200: RingOut})
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk=pk)

    def act(self, ring: Ring, *, actor: User, account: str, other: str, reason: str) -> None:
        member = self.account("other", other, of=ring)
        rings.pin(self.account("account", account), member, actor=actor, reason=reason)


class Cut(RingVerb):
    """These members stay out of any ring with the others; cut together they may stay one."""

    serializer_class = CutIn

    @extend_schema(tags=["rings"], responses={200: RingOut})
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk=pk)

    def act(self, ring: Ring, *, actor: User, accounts: list[str], reason: str) -> None:
        members = [self.account("accounts", ref, of=ring) for ref in dict.fromkeys(accounts)]
        rings.cut(members, ring=ring, actor=actor, reason=reason)


class Decline(RingVerb):
    """The offered join of `account` with the member `other` was looked at and refused."""

    serializer_class = PairIn

    @extend_schema(tags=["rings"], responses={200: RingOut})
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk=pk)

    def act(self, ring: Ring, *, actor: User, account: str, other: str, reason: str) -> None:
        member = self.account("other", other, of=ring)
        rings.decline_offer(self.account("account", account), member, actor=actor, reason=reason)


class Undo(RingVerb):
    """Take a hand back: the ring is again what the links and the other hands make of it."""

    serializer_class = UndoIn

    @extend_schema(tags=["rings"], responses={200: RingOut})
    def post(self, request: Request, pk: int) -> Response:
        return super().post(request, pk=pk)

    def act(self, ring: Ring, *, actor: User, override: int, reason: str) -> None:
        found = ring_rows.overrides_of(ring, actor).get(override)
        if found is None:
            fault = {"pointer": "/override", "detail": "Not of this ring.", "code": "not_found"}
            raise Unprocessable(fault)
        rings.undo(found, actor=actor, reason=reason)
