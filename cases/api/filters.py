"""What lists may be asked for: named filters with typed values, and nothing else.

A parameter that a list does not know is refused: a mistyped filter must not show everything.
"""

from datetime import datetime
from typing import Any

import django_filters as df
from django.core.validators import ProhibitNullCharactersValidator
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend, FilterSet
from rest_framework.request import Request

from cases import wall
from cases.api.problems import Unprocessable
from cases.models import (
    Account,
    Case,
    Decision,
    Finding,
    Ring,
    Verification,
)
from cases.models.verification import Outcome

PAGING = {"cursor", "page_size", "ordering"}
REF_MAX = 128


class StrictFilterBackend(DjangoFilterBackend):
    """django-filter, with 422 for parameters that are not known or not valid."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        filterset = self.get_filterset(request, queryset, view)
        known = PAGING | (set(filterset.get_form_class()().fields) if filterset else set())
        unknown = sorted(set(request.query_params) - known)
        if unknown:
            raise Unprocessable(
                *({"parameter": name, "detail": "Unknown.", "code": "unknown"} for name in unknown)
            )
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            raise Unprocessable(
                *(
                    {"parameter": name, "detail": fault.message, "code": fault.code or "invalid"}
                    for name, faults in filterset.errors.as_data().items()
                    for fault in faults
                )
            )
        return filterset.qs


def ref(field: str, **options: Any) -> df.CharFilter:
    """An exact text of bounded length."""
    return df.CharFilter(
        field_name=field,
        max_length=REF_MAX,
        validators=[ProhibitNullCharactersValidator()],
        **options,
    )


def choice(field: str, choices: Any, **options: Any) -> df.MultipleChoiceFilter:
    """One of a fixed list; given several times, any of them."""
    return df.MultipleChoiceFilter(field_name=field, choices=choices, distinct=False, **options)


def yes_no(field: str, lookup: str = "exact", **options: Any) -> df.TypedChoiceFilter:
    """`true` or `false`; anything else is a fault, not "no filter"."""
    return df.TypedChoiceFilter(
        field_name=field,
        lookup_expr=lookup,
        choices=[("true", "true"), ("false", "false")],
        coerce=lambda text: text == "true",
        **options,
    )


class AccountFilter(FilterSet):
    ring = df.NumberFilter(field_name="ring_id", min_value=1, max_value=2**63 - 1, decimal_places=0)
    kind = choice("kind", Account.Kind.choices)
    score_min = df.NumberFilter(field_name="score", lookup_expr="gte", min_value=0, max_value=99999)
    has_ring = yes_no("ring", "isnull", exclude=True)

    class Meta:
        model = Account
        fields: list[str] = []


class CaseFilter(FilterSet):
    account = ref("account__ref")
    state = choice("state", Case.State.choices, method="by_state")
    queue = choice("queue", Case.Queue.choices)
    severity = choice("severity", Case.Severity.choices)
    outcome = choice("outcome", Case.Outcome.choices)
    assignee = ref("assignee__username", method="by_assignee")
    typology = ref("typology_code")
    ring = df.NumberFilter(
        field_name="account__ring_id", min_value=1, max_value=2**63 - 1, decimal_places=0
    )
    due_before = df.IsoDateTimeFilter(field_name="due_at", method="by_deadline")
    opened_after = df.IsoDateTimeFilter(field_name="opened_at", lookup_expr="gte")
    is_open = yes_no("closed_at", "isnull")

    class Meta:
        model = Case
        fields: list[str] = []

    def by_state(self, rows: QuerySet, name: str, value: list[str]) -> QuerySet:
        return wall.in_shown_states(rows, value, self.request.user) if value else rows

    def by_assignee(self, rows: QuerySet, name: str, value: str) -> QuerySet:
        return wall.with_details(rows, self.request.user).filter(assignee__username=value)

    def by_deadline(self, rows: QuerySet, name: str, value: datetime) -> QuerySet:
        return wall.with_details(rows, self.request.user).filter(due_at__lt=value)


class RingFilter(FilterSet):
    account = ref("members__ref")
    size_min = df.NumberFilter(field_name="size", lookup_expr="gte", min_value=0, max_value=10**6)

    class Meta:
        model = Ring
        fields: list[str] = []


class DecisionFilter(FilterSet):
    case = ref("case__ref")
    account = ref("case__account__ref")
    state = choice("state", Decision.State.choices)
    outcome = choice("outcome", Case.Outcome.choices)

    class Meta:
        model = Decision
        fields: list[str] = []


class VerificationFilter(FilterSet):
    case = ref("case__ref")
    account = ref("account__ref")
    step = ref("step")
    outcome = choice("outcome", Outcome.choices)
    pending = yes_no("settled_at", "isnull")
    due_before = df.IsoDateTimeFilter(field_name="due_at", lookup_expr="lt")

    class Meta:
        model = Verification
        fields: list[str] = []


class FindingFilter(FilterSet):
    account = ref("account__ref")
    code = ref("code")
    family = ref("family")
    detector = ref("detector")
    shadow = yes_no("shadow")
    withdrawn = yes_no("withdrawn")

    class Meta:
        model = Finding
        fields: list[str] = []
