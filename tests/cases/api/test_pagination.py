from datetime import timedelta

import pytest
from django.utils import timezone

from cases.api.pagination import after
from cases.models import Case


def walk(client, url, step="next"):
    """Every page from `url` on: the references, page by page."""
    pages = []
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.json()
        pages.append([row["ref"] for row in answer.json()["results"]])
        url = answer.json()[step]
    return pages


@pytest.fixture
def many(make_case):
    """Thirteen cases with few severities and deadlines, so that most are ties."""
    now = timezone.now()
    return [
        make_case(severity=1 + n % 2, due_at=now + timedelta(days=n % 3), opened_at=now)
        for n in range(13)
    ]


@pytest.mark.parametrize("ordering", ["newest", "oldest", "urgent", "due", "opened"])
def test_every_row_comes_once_in_order_and_back(api, rita, many, ordering):
    client = api(rita)
    pages = walk(client, f"/api/v1/cases/?page_size=3&ordering={ordering}")
    seen = [ref for page in pages for ref in page]
    whole = walk(client, f"/api/v1/cases/?page_size=200&ordering={ordering}")

    assert [seen] == whole
    assert sorted(seen) == sorted(case.ref for case in many)

    url, back = f"/api/v1/cases/?page_size=3&ordering={ordering}", []
    while True:
        page = client.get(url).json()
        if not page["next"]:
            break
        url = page["next"]
    while True:
        page = client.get(url).json()
        back[:0] = [row["ref"] for row in page["results"]]
        if not page["previous"]:
            break
        url = page["previous"]
    assert back == seen


def test_a_row_that_comes_meanwhile_is_neither_missed_nor_twice(api, rita, many, make_case):
    first = api(rita).get("/api/v1/cases/?page_size=5").json()
    make_case()
    rest = walk(api(rita), first["next"])

    seen = [row["ref"] for row in first["results"]] + [ref for page in rest for ref in page]
    assert sorted(seen) == sorted(case.ref for case in many)


def test_the_maximum_of_a_page_holds(api, rita, many):
    assert len(api(rita).get("/api/v1/cases/?page_size=999999").json()["results"]) == 13


@pytest.mark.parametrize(
    "query",
    [
        "page_size=0",
        "page_size=-1",
        "page_size=x",
        "page_size=99999999999999999999",
        "ordering=password",
        "ordering=-id",
        "cursor=x",
        "cursor=" + "A" * 5000,
        "cursor=WyJuIiwiMSIsIjIiXQ",
        "cursor=WyJuIiwxZTk5OTk5OV0",
        "cursor=W1tbW1tbW1tbW1tb",
        "cursor=%00",
        "state=nonsense",
        "is_open=perhaps",
        "due_before=yesterday",
        "ring=1e400",
        "ring=NaN",
        "account=%00",
        "account=" + "x" * 200,
        "account__password=x",
        "password=x",
        "state__in=open",
        "limit=10",
    ],
)
def test_what_a_list_does_not_know_is_a_422_and_shows_nothing(api, rita, make_case, query):
    make_case()
    answer = api(rita).get(f"/api/v1/cases/?{query}")

    assert answer.status_code == 422, answer.json()
    assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]


def test_a_cursor_of_another_ordering_is_refused(api, rita, many):
    page = api(rita).get("/api/v1/cases/?page_size=3&ordering=urgent").json()
    moved = page["next"].replace("ordering=urgent", "ordering=newest")

    assert api(rita).get(moved).status_code == 422


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=open", {"a"}),
        ("state=open&state=closed", {"a", "c"}),
        ("account=fl-b", {"b"}),
        ("queue=compliance", {"b"}),
        ("is_open=true", {"a", "b"}),
        ("outcome=cleared", {"c"}),
        ("assignee=rita", set()),
        ("account=fl-b&state=open", set()),
    ],
)
def test_filters_of_cases(api, sam, rita, make_case, make_account, query, expected):
    made = {
        "a": make_case(account=make_account("fl-a")),
        "b": make_case("escalated", account=make_account("fl-b")),
        "c": make_case("closed", account=make_account("fl-c")),
    }
    answer = api(sam).get(f"/api/v1/cases/?{query}").json()

    assert {row["ref"] for row in answer["results"]} == {made[name].ref for name in expected}


def test_the_condition_can_use_the_index_of_the_queue():
    condition = after(("-severity", "due_at", "id"), [3, timezone.now(), 7])
    assert str(Case.objects.filter(condition).query).count("severity") >= 2


def test_the_number_of_queries_does_not_grow_with_the_page(
    api, rita, many, django_assert_max_num_queries
):
    client = api(rita)
    client.get("/api/v1/cases/")
    for size in (1, 13):
        with django_assert_max_num_queries(6):
            client.get(f"/api/v1/cases/?page_size={size}")
