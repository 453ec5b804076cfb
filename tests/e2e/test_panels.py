"""Compliance, decision and what people find and attach: no axe violations in both themes."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from cases import decisions, holds, notes
from tests.cases.views.conftest import find, make_ring, threat  # noqa: F401
from tests.e2e.test_console import complaints_of, open_as, pytestmark  # noqa: F401


@pytest.fixture
def walled(make_case, make_account, find, sam, lee):  # noqa: F811
    account = make_account("fl-abc123", identity="stolen")
    find(account)
    case = make_case("in_compliance", account=account, assignee=sam)
    case.flags = {"keep_open": {"until": "2999-01-01T00:00:00+00:00", "reference": "A-17"}}
    case.save(update_fields=["flags"])
    holds.set_hold(account, "blocked_property", actor=sam, reason="a listed owner", case=case)
    notes.add(case, "seen", actor=sam)
    for wall in (True, False):
        notes.attach(
            case, actor=sam, name="letter.txt", content=b"a letter", content_type="text/plain",
            wall=wall,
        )  # fmt: skip
    other = make_account("fl-abc124")
    find(other)
    second = make_case("in_compliance", account=other, assignee=sam)
    proposal = decisions.propose(
        second, "offboarded", actor=sam, reason_code="false_identity", reason="another's papers"
    )
    return case, proposal


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_compliance_sees_has_no_axe_violations(open_as, sam, kim, lee, aud, walled, theme):  # noqa: F811
    case, proposal = walled
    found, said = {}, []
    for person in (sam, kim, lee, aud):
        page = open_as(person, theme)
        for address in (
            "/compliance/",
            f"/cases/{case.ref}/",
            f"/decisions/{proposal.pk}/",
            f"/accounts/{case.account.ref}/",
        ):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            for violation in Axe().run(page).response["violations"]:
                nodes = [node["html"][:160] for node in violation["nodes"][:3]]
                found[person.username, address, violation["id"]] = nodes
        said += complaints_of(page)
    assert found == {}
    assert said == []
