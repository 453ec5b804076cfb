"""The queue: what it shows, in which order, and at what cost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cases.views.paging import decode


def refs(response) -> list[str]:
    return [case.ref for case in response.context["page"].rows]


@pytest.fixture
def three(make_case):
    now = timezone.now()
    return [
        make_case(severity=2, due_at=now + timedelta(days=1), opened_at=now - timedelta(days=3)),
        make_case(severity=4, due_at=now + timedelta(days=5), opened_at=now - timedelta(days=2)),
        make_case(severity=2, due_at=now - timedelta(hours=2), opened_at=now - timedelta(days=1)),
    ]


def test_the_most_urgent_stands_first(as_, rita, three):
    low, critical, late = three
    assert refs(as_(rita).get("/queue/")) == [critical.ref, late.ref, low.ref]


@pytest.mark.parametrize(
    ("sort", "order"), [("deadline", [2, 0, 1]), ("oldest", [0, 1, 2]), ("newest", [2, 1, 0])]
)
def test_the_url_says_the_order(as_, rita, three, sort, order):
    assert refs(as_(rita).get(f"/queue/?sort={sort}")) == [three[i].ref for i in order]


def test_filters_stand_in_the_url(as_, rita, ana, three, make_case):
    mine = make_case("in_review", assignee=rita)
    browser = as_(rita)
    assert refs(browser.get("/queue/?who=me")) == [mine.ref]
    assert refs(browser.get("/queue/?severity=4")) == [three[1].ref]
    assert refs(browser.get("/queue/?late=yes")) == [three[2].ref]
    assert refs(browser.get(f"/queue/?account={three[0].account.ref}")) == [three[0].ref]


def test_a_filter_that_is_not_ours_is_refused_in_words(as_, rita, three):
    answer = as_(rita).get("/queue/?severity=99")
    assert answer.status_code == 422
    assert "Clear the filters" in answer.content.decode()


@pytest.mark.parametrize("cursor", ["", "x", "e30", "W10", "W251bGwsbnVsbCxudWxsXQ", "A" * 400])
def test_a_cursor_mended_by_hand_begins_at_the_start(as_, rita, three, cursor):
    assert decode(cursor, 3) is None
    assert len(refs(as_(rita).get(f"/queue/?after={cursor}"))) == 3


def test_pages_follow_each_other_without_a_gap(as_, rita, make_case, make_account):
    now = timezone.now()
    made = [
        make_case(severity=1 + i % 4, due_at=now + timedelta(hours=i % 7)).ref for i in range(120)
    ]
    browser, seen, address = as_(rita), [], "/queue/"
    while address:
        answer = browser.get(address)
        seen += refs(answer)
        onward = answer.context["page"].next_href
        address = f"/queue/{onward}" if onward else ""
    assert len(seen) == len(set(seen)) == len(made)
    assert set(seen) == set(made)


def test_a_count_is_honest_about_where_it_stops(as_, rita, make_case):
    for _ in range(101):
        make_case()
    assert "100+ cases" in as_(rita).get("/queue/").content.decode()


def test_three_empty_lists_say_three_things(as_, rita, dee, make_case):
    assert "No cases yet" in as_(rita).get("/queue/").content.decode()
    closed = make_case("closed")
    assert "Every case here is closed" in as_(rita).get("/queue/").content.decode()
    assert "No case matches" in as_(rita).get("/queue/?severity=4").content.decode()
    assert closed.ref in as_(rita).get("/queue/?state=closed").content.decode()
    assert "Your role reads no cases" in as_(dee).get("/queue/").content.decode()


def test_what_sets_a_row_apart_is_said_in_words(as_, rita, make_case, make_account, find):
    account = make_account()
    find(account)
    earlier = timezone.now() - timedelta(hours=2)
    make_case(
        account=account, score_at_opening=1, reopened_because="a new family", opened_at=earlier
    )
    page = as_(rita).get("/queue/").content.decode()
    assert "reopened" in page
    assert "rising" in page


def test_restricted_cases_are_not_in_the_list_of_an_analyst(as_, rita, sam, make_case):
    hidden = make_case(restricted=True)
    assert refs(as_(rita).get("/queue/")) == []
    assert refs(as_(sam).get("/queue/")) == [hidden.ref]


def queries(browser, address: str) -> int:
    with CaptureQueriesContext(connection) as caught:
        assert browser.get(address).status_code == 200
    return len(caught)


@pytest.mark.parametrize("address", ["/queue/", "/"])
def test_more_rows_cost_no_more_queries(as_, rita, make_case, make_account, find, address):
    for _ in range(2):
        account = make_account()
        find(account)
        make_case("in_review", account=account, assignee=rita)
    browser = as_(rita)
    queries(browser, address)
    few = queries(browser, address)
    for _ in range(25):
        account = make_account()
        find(account)
        make_case("in_review", account=account, assignee=rita)
    assert queries(browser, address) == few <= 20


def test_claiming_the_next_case_leads_to_it(as_, rita, make_case):
    case = make_case(severity=4)
    make_case(severity=1)
    answer = as_(rita).post("/queue/claim-next/", {"queue": "review"})
    assert answer.url == f"/cases/{case.ref}/"
    case.refresh_from_db()
    assert case.assignee == rita


def test_an_empty_queue_says_so(as_, rita):
    answer = as_(rita).post("/queue/claim-next/", {"queue": "review"}, follow=True)
    assert "nothing waits that you may take" in answer.content.decode()


def test_htmx_gets_the_list_alone(as_, rita, three):
    headers = {"HX-Request": "true", "HX-Target": "list"}
    page = as_(rita).get("/queue/", headers=headers).content.decode()
    assert "<html" not in page
    assert 'id="list"' in page
