"""Each order of the list follows an index, so that a page costs the same at a million cases."""

import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from cases.models import Case
from cases.views.filters import CaseFilter

ORDERS = [
    ("", "case_open_list"),
    ("sort=deadline", "case_open_due"),
    ("sort=newest", "case_open_age"),
    ("sort=oldest", "case_open_age"),
    ("queue=compliance", "case_compliance"),
    ("state=closed", "case_closed"),
    ("state=closed&sort=deadline", "case_closed"),
    ("state=closed&sort=newest", "case_closed_age"),
    ("state=closed&sort=oldest", "case_closed_age"),
]


def plan_of(rows) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    return rows.explain()


@pytest.mark.parametrize(("query", "index"), ORDERS)
def test_an_order_of_the_list_follows_an_index(sam, query, index):
    request = RequestFactory().get(f"/queue/?{query}")
    request.user = sam
    seen = Case.objects.visible_to(sam)
    narrowing = CaseFilter(request.GET, queryset=seen, request=request)
    assert narrowing.is_valid()
    plan = plan_of(narrowing.qs.order_by(*narrowing.order)[:51])
    assert f"using {index} " in plan
    assert "Sort" not in plan


def test_late_cases_are_counted_along_their_deadline(sam):
    late = Case.objects.visible_to(sam).filter(state="open", due_at__lt=timezone.now())
    assert "using case_open_due " in plan_of(late.order_by("due_at", "id").values_list("pk")[:101])
