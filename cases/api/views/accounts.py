from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from cases import audit
from cases.api import account_rows
from cases.api.base import ListView, PersonView
from cases.api.filters import AccountFilter
from cases.api.serializers.accounts import AccountDetailOut, AccountOut
from cases.models import Account


def accounts_of(request: Request) -> QuerySet[Account]:
    return Account.objects.visible_to(request.user).select_related("score_policy")


def find(request: Request, ref: str) -> Account:
    return get_object_or_404(accounts_of(request), ref=ref)


def detail(view: PersonView, account: Account) -> Response:
    """The account with its score explained, once the reading is on record."""
    audit.read(view.request.user, account, "account")
    account_rows.fill_detail(account, view.request.user)
    return Response(view.shown(AccountDetailOut, account))


@extend_schema(tags=["accounts"])
class AccountList(ListView):
    """Accounts with score, ring, case and hold; no personal data."""

    serializer_class = AccountOut
    filterset_class = AccountFilter
    orderings = {"newest": ("-id",), "oldest": ("id",), "score": ("-score", "-id")}

    def get_queryset(self) -> QuerySet[Account]:
        return accounts_of(self.request)

    def prepare(self, rows: list[Any]) -> None:
        account_rows.fill(rows, self.request.user)


@extend_schema(tags=["accounts"])
class AccountDetail(PersonView):
    """One account, its score line by line. Personal data is masked; reading is recorded."""

    serializer_class = AccountDetailOut

    def get(self, request: Request, ref: str) -> Response:
        return detail(self, find(request, ref))
