"""What a list of cases may be narrowed to. Fields and operators are named here, not by the URL."""

from __future__ import annotations

import django_filters as filters
from django import forms
from django.db.models import QuerySet
from django.utils import timezone

from cases import wall
from cases.models import Case

ORDERS = {
    "urgency": ["-severity", "due_at", "id"],
    "deadline": ["due_at", "id"],
    "newest": ["-opened_at", "-id"],
    "oldest": ["opened_at", "id"],
}
# What is closed is late for nothing and urgent to nobody: there the last closed come first.
CLOSED_ORDERS = {
    **ORDERS,
    "urgency": ["-closed_at", "-id"],
    "deadline": ["-closed_at", "-id"],
}
ORDER_WORDS = {
    "urgency": "Most urgent first",
    "deadline": "Deadline",
    "newest": "Newest first",
    "oldest": "Oldest first",
}


class CaseFilter(filters.FilterSet):
    state = filters.ChoiceFilter(
        label="State",
        choices=[("active", "All but closed"), *Case.State.choices],
        method="by_state",
        empty_label="All but closed",
    )
    severity = filters.ChoiceFilter(
        label="Severity", choices=Case.Severity.choices, empty_label="Any"
    )
    queue = filters.ChoiceFilter(label="Queue", choices=Case.Queue.choices, empty_label="Any")
    who = filters.ChoiceFilter(
        label="Assignee",
        choices=[("me", "Me"), ("nobody", "Nobody"), ("others", "Others")],
        method="by_assignee",
        empty_label="Anybody",
    )
    late = filters.ChoiceFilter(
        label="Deadline", choices=[("yes", "Late")], method="by_lateness", empty_label="Any"
    )
    snoozed = filters.ChoiceFilter(
        label="Snoozed",
        choices=[("yes", "Only snoozed"), ("no", "Not snoozed")],
        method="by_snooze",
        empty_label="Either",
    )
    account = filters.CharFilter(
        label="Account", field_name="account__ref", lookup_expr="exact", max_length=128
    )
    sort = filters.ChoiceFilter(
        label="Order",
        choices=[(key, said) for key, said in ORDER_WORDS.items() if key != "urgency"],
        method="leave",
        empty_label=ORDER_WORDS["urgency"],
    )

    class Meta:
        model = Case
        fields: list[str] = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.form.fields["account"].widget = forms.TextInput(attrs={"placeholder": "fl-…"})

    @property
    def order(self) -> list[str]:
        said = self.form.cleaned_data if self.form.is_valid() else {}
        orders = CLOSED_ORDERS if said.get("state") == Case.State.CLOSED else ORDERS
        return orders.get(said.get("sort") or "urgency", orders["urgency"])

    @property
    def narrowed(self) -> bool:
        """Whether anything but the order is chosen."""
        names = set(self.filters) - {"sort"}
        return any(self.data.get(name) for name in names)

    def filter_queryset(self, queryset: QuerySet) -> QuerySet:
        if self.form.cleaned_data.get("state") != "closed":
            queryset = queryset.exclude(state=Case.State.CLOSED)
        return super().filter_queryset(queryset)

    def by_state(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        if value == "active":
            return queryset
        return wall.in_shown_states(queryset, [value], self.request.user)

    def by_assignee(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        if value == "me":
            return queryset.filter(assignee=self.request.user)
        queryset = wall.with_details(queryset, self.request.user)
        if value == "nobody":
            return queryset.filter(assignee=None)
        return queryset.exclude(assignee=None).exclude(assignee=self.request.user)

    def by_lateness(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return wall.with_details(queryset, self.request.user).filter(due_at__lt=timezone.now())

    def by_snooze(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        now = timezone.now()
        queryset = wall.with_details(queryset, self.request.user)
        if value == "yes":
            return queryset.filter(snoozed_until__gt=now)
        return queryset.exclude(snoozed_until__gt=now)

    def leave(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        return queryset
