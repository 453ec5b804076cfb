"""The wall from the outside: nothing that an analyst can ask tells what compliance does."""

import re

import pytest
from django.utils import timezone

from cases import holds, permissions, transitions
from cases.models import AuditEvent, Case, Decision, Hold
from cases.views import money_out
from cases.views.rail import shown_level

pytestmark = pytest.mark.django_db


@pytest.fixture
def proposed(make_case, sam):
    """A case on which an officer proposed something: only compliance knows."""
    case = make_case("pending_approval", assignee=sam, queue="compliance")
    Decision.objects.create(
        case=case, outcome="offboarded", reason_code="r", reason="-", digest="0" * 64, score=9,
        wall=True, proposed_by=sam, proposed_at=timezone.now(),
    )  # fmt: skip
    return case


@pytest.fixture
def held(sam, kim):
    """Put an account's money under a level, as two officers would."""

    def hold(account, level):
        blocked = {"second_by": kim, "blocked_at": timezone.now(), "report_due_at": timezone.now()}
        return Hold.objects.create(
            account=account, level=level, reason="-", set_by=sam, set_at=timezone.now(),
            **(blocked if level == "blocked_property" else {}),
        )  # fmt: skip

    return hold


def page(client, address, **query):
    return client.get(address, query).content.decode()


def without_choices(text):
    return re.sub(r"<option.*?</option>", "", text, flags=re.DOTALL)


def test_no_page_says_that_compliance_proposes_something(sign_in, rita, sam, proposed):
    addresses = [
        "/queue/",
        f"/find/?q={proposed.ref}",
        f"/cases/{proposed.ref}/",
        f"/accounts/{proposed.account.ref}/",
        f"/cases/{proposed.ref}/audit/?all=1",
    ]
    for address in addresses:
        shown = without_choices(page(sign_in(rita), address))
        assert proposed.ref in shown, address
        assert "ending approval" not in shown, address
        assert "Sam" not in shown, address
    assert "ending approval" in without_choices(page(sign_in(sam), f"/cases/{proposed.ref}/"))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=pending_approval", False),
        ("state=in_compliance", True),
        ("state=executing", False),
        ("who=others", False),
        ("who=nobody", False),
        ("late=yes", False),
        ("snoozed=yes", False),
    ],
)
def test_filters_of_the_queue_tell_no_more_than_the_rows(sign_in, rita, proposed, query, found):
    Case.objects.filter(pk=proposed.pk).update(
        due_at=timezone.now() - timezone.timedelta(days=1),
        snoozed_until=timezone.now() + timezone.timedelta(days=1),
    )
    shown = page(sign_in(rita), f"/queue/?{query}")
    assert (proposed.ref in shown) is found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=pending_approval", 0),
        ("state=in_compliance", 1),
        ("state=executing&state=pending_approval", 0),
        ("assignee=sam", 0),
        ("due_before=2999-01-01T00:00:00Z", 0),
        ("queue=compliance", 1),
    ],
)
def test_filters_of_the_api_tell_no_more_than_the_rows(sign_in, rita, proposed, query, found):
    rows = sign_in(rita).get(f"/api/v1/cases/?{query}").json()["results"]
    assert len(rows) == found
    assert [row["state"] for row in rows] == ["in_compliance"] * found


def test_officers_filter_by_what_they_see(sign_in, sam, proposed):
    client = sign_in(sam)
    for query in ("state=pending_approval", "assignee=sam", "due_before=2999-01-01T00:00:00Z"):
        assert len(client.get(f"/api/v1/cases/?{query}").json()["results"]) == 1, query
    assert client.get("/api/v1/cases/?state=in_compliance").json()["results"] == []


@pytest.mark.parametrize("verb", ["claim", "escalate", "propose", "approve", "return", "reopen"])
def test_a_refused_verb_tells_as_little(make_case, rita, sam, proposed, verb):
    at_work = make_case("in_compliance", assignee=sam)
    told = []
    for case in (proposed, at_work):
        with pytest.raises((transitions.NotAllowed, permissions.Denied)) as refused:
            transitions.apply(case, verb, actor=rita, note="x")
        told.append((type(refused.value), str(refused.value)))
    assert told[0] == told[1]


def test_what_may_be_done_reads_the_same_at_every_step(make_case, rita, sam, proposed):
    at_work = make_case("in_compliance", assignee=sam)
    assert transitions.available(proposed, rita) == transitions.available(at_work, rita)


def test_that_an_officer_looked_is_for_compliance(sign_in, rita, sam, proposed):
    sign_in(sam).get(f"/cases/{proposed.ref}/")
    sign_in(rita).get(f"/cases/{proposed.ref}/")
    seen = AuditEvent.objects.visible_to(rita).filter(case=proposed, verb="read")
    assert {event.actor_id for event in seen} == {rita.pk}


@pytest.mark.parametrize("level", ["soft_hold", "compliance_hold", "returned_to_client"])
def test_a_refused_change_of_a_hold_does_not_tell_its_level(make_account, held, rita, level):
    told = []
    for at in ("soft_hold", "compliance_hold", "blocked_property"):
        account = make_account()
        held(account, at)
        with pytest.raises((transitions.NotAllowed, permissions.Denied)) as refused:
            holds.set_hold(account, level, actor=rita, reason="x")
        told.append((type(refused.value), str(refused.value)))
    assert len(set(told)) == 1, told


def test_a_blocked_account_looks_held_and_no_more(sign_in, rita, held, make_case):
    case = make_case("in_review", assignee=rita)
    held(case.account, "blocked_property")
    shown = page(sign_in(rita), f"/cases/{case.ref}/")
    money = shown[shown.index('id="money"') - 60 : shown.index('id="money"')]
    assert "tone-danger" not in money
    assert "locked property" not in shown


def test_what_went_back_to_the_client_reads_as_held(rita, sam, lee):
    hold = Hold(level="returned_to_client", acknowledged_at=timezone.now())
    assert money_out.answer(hold, shown_level(hold.level, lee))[0] == "muted"
    assert money_out.answer(hold, shown_level(hold.level, rita))[1].startswith(
        "No. Payouts are held"
    )


def test_a_proposals_evidence_leaves_out_what_screening_found(sign_in, rita, ana, sam, make_case):
    case = make_case("pending_approval", assignee=rita)
    decision = Decision.objects.create(
        case=case, outcome="restricted", reason_code="r", reason="-", digest="0" * 64, score=9,
        proposed_by=rita, proposed_at=timezone.now(),
        evidence={"hits": {"1": {"state": "same"}}, "hold": "blocked_property", "account": "a"},
    )  # fmt: skip
    address = f"/api/v1/decisions/{decision.pk}/"
    assert sign_in(ana).get(address).json()["evidence"] == {"hold": "soft_hold", "account": "a"}
    assert "hits" in sign_in(sam).get(address).json()["evidence"]
