"""The walk of `tests/test_walk.py` as people take it: in a browser, with the mouse and without."""

import json
import os
import re
import urllib.request

import pytest
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import expect

from cases import transitions
from cases.enrichment import jobs
from cases.models import Account, Case, EnrichmentJob, Hold, VerificationAttempt
from signals.correlation import correlator
from tests.e2e.browser import CHROMIUM, PASSWORD, seats
from tests.test_walk import OUR_ACCOUNT, carry, doors, facts, finding, platform  # noqa: F401

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not os.path.exists(CHROMIUM), reason="needs Chromium"),
]


@pytest.fixture
def people(live_server):
    with seats(live_server.url) as found:
        yield found
        assert found.faults == []


@pytest.fixture
def case(live_server, doors):  # noqa: F811
    """What a detector and the platform posted over HTTP, correlated and enriched."""
    detector_key, platform_key = doors
    assert post(live_server, "activity", platform_key, facts())["accepted"] == 6
    assert post(live_server, "signals", detector_key, [finding()])["accepted"] == 1
    correlator.correlate()
    for job in EnrichmentJob.objects.filter(state="waiting"):
        jobs.run(job.pk)
    return Case.objects.get(account__ref=OUR_ACCOUNT)


def post(live_server, kind: str, key: str, events: list[dict]) -> dict:
    request = urllib.request.Request(  # noqa: S310
        f"{live_server.url}/api/v1/{kind}/",
        data=json.dumps(events).encode(),
        headers={
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/cloudevents-batch+json",
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        assert answer.status == 202
        return json.load(answer)


def test_people_walk_a_signal_to_an_off_boarding(people, case, platform, rita, sam, kim):  # noqa: F811
    # The analyst asks for the next case and gets the most urgent one, with its reasons.
    analyst = people.sign_in("rita")
    analyst.get_by_role("button", name="Claim next case").first.click()
    expect(analyst.get_by_role("heading", level=1)).to_contain_text(case.ref)
    why = analyst.locator("#why")
    expect(why).to_contain_text("Document number used twice")
    expect(why).to_contain_text("Innocent reading:")
    expect(why.locator("footer")).to_contain_text(f"Sum {case.account.score}")
    expect(analyst.locator("#ring")).to_contain_text("Document number")
    expect(analyst.locator("#money")).to_contain_text("payouts go out")

    # The mandated video authentication is refused, and refused again after an alternative.
    for number in (1, 2):
        verification = analyst.locator("#verification > .body > ul > li", has_text="Video")
        verification.get_by_text("Record an attempt").first.click()
        dialog = analyst.locator("dialog[open]")
        dialog.get_by_label("Outcome").select_option("refused")
        dialog.get_by_label("Excuse that was given").fill("The camera is broken.")
        dialog.get_by_role("button", name="Record this attempt").click()
        expect(verification.get_by_text("The camera is broken.")).to_have_count(number)
    assert refusals() == 2

    # Escalated with a reason; without one the form stays and says so.
    analyst.locator("#rail").get_by_text("Escalate", exact=False).first.click()
    dialog = analyst.locator("dialog[open]")
    dialog.get_by_role("textbox").fill("Two passports, one scan.")
    dialog.get_by_role("button", name=f"Escalate {case.ref}").click()
    analyst.locator("#rail", has_text="Escalated").wait_for()

    # An officer takes it in compliance, sees whether money can leave, and holds it.
    officer = people.sign_in("sam")
    officer.get_by_role("button", name="Claim next in compliance").first.click()
    expect(officer.get_by_role("heading", level=1)).to_contain_text(case.ref)
    officer.locator("#money").get_by_text("Change the hold", exact=True).click()
    dialog = officer.locator("dialog[open]")
    dialog.get_by_label("The money becomes").select_option("compliance_hold")
    dialog.get_by_label("Why").fill("Reused number.")
    dialog.get_by_role("button", name="Tell the platform").click()
    expect(officer.locator("#money")).to_contain_text("Compliance hold")
    expect(officer.locator("#money")).to_contain_text("Nothing releases them by itself")

    # They propose; the page shows what would be done, and that somebody else must sign.
    officer.locator("#rail").get_by_text("Propose an outcome", exact=False).first.click()
    dialog = officer.locator("dialog[open]")
    dialog.get_by_label("Off-boarded").check()
    dialog.get_by_label("Reason", exact=True).select_option("false_identity")
    dialog.get_by_label("In your words", exact=False).fill("The document is somebody else's.")
    dialog.get_by_role("button", name=f"Propose for {case.ref}").click()
    officer.locator("#rail", has_text="waits for a second person").wait_for()
    officer.locator("#rail").get_by_role("link", name="Offboarded").click()
    expect(officer.locator("#actions")).to_contain_text("in this order")
    refused = officer.get_by_role("button", name=re.compile("^Approve"))
    expect(refused).to_have_attribute("aria-disabled", "true")
    expect(officer.locator("#why-approve-why")).to_contain_text("proposed")

    # The second officer proves again who they are, reads the same, and signs.
    second = people.sign_in("kim")
    forget_proof(second)
    second.locator("#approvals").get_by_role("link", name=case.ref).click()
    approve(second)
    second.get_by_label("Password").fill(PASSWORD)
    second.locator("main form").get_by_role("button").first.click()
    expect(second.get_by_role("heading", level=1)).to_contain_text(case.ref)
    approve(second)
    expect(second.locator("#sign-title + *, .rail")).to_contain_text("approved")

    # The platform acknowledges each step, and the case closes.
    carry()
    second.goto(f"/cases/{case.ref}/")
    expect(second.locator("#case-head")).to_contain_text("Offboarded")
    steps = second.locator("#decide ol li")
    assert steps.count() >= 4
    for step in steps.all():
        expect(step).to_contain_text("Acknowledged")
    second.locator("#decide").get_by_role("link", name="Offboarded").click()
    rows = second.locator("#actions tbody tr")
    expect(rows.filter(has_text="acknowledged")).to_have_count(rows.count())
    case.refresh_from_db()
    assert (case.state, case.outcome) == ("closed", "offboarded")
    assert "action.suspend_account" in [call["type"] for call in platform.heard]
    assert Hold.objects.get(account__ref=OUR_ACCOUNT, live=True).level == "compliance_hold"


def approve(page) -> None:
    page.locator("#rail summary", has_text="Approve").click()
    page.locator("dialog[open]").get_by_role("button", name=re.compile("^Approve")).click()
    page.wait_for_load_state()


def forget_proof(page) -> None:
    """As if the sign-in of this browser lay an hour back."""
    (cookie,) = [row for row in page.context.cookies() if row["name"] == "session"]
    session = SessionStore(cookie["value"])
    for record in session["account_authentication_methods"]:
        record["at"] -= 3600
    session.save()


def test_an_analyst_needs_no_pointer(people, case, rita):
    page = people.sign_in("rita", pointer=False)
    keys = page.keyboard
    keys.press("n")
    page.wait_for_url(f"**/cases/{case.ref}/")
    page.wait_for_load_state("networkidle")

    # The second panel is the verification; Tab finds its form, letters choose the outcome.
    for number in (1, 2):
        page.evaluate("document.activeElement.blur()")
        keys.press("]")
        keys.press("]")
        assert focused(page) == "verification-title"
        tab_to(page, "Record an attempt", near="Video")
        keys.press("Enter")
        keys.type("Refused")
        tab_to(page, "Excuse that was given")
        keys.type("No camera here: c n e.")
        keys.press("Control+Enter")
        said = page.locator("#verification", has_text="No camera here: c n e.")
        said.wait_for()
        expect(said.get_by_text("No camera here: c n e.")).to_have_count(number)
        page.locator("#verification-title:focus").wait_for()

    # A note, then the escalation, each sent with Ctrl and Enter.
    page.evaluate("document.activeElement.blur()")
    keys.press("m")
    keys.type("Asked twice, offered a phone.")
    keys.press("Control+Enter")
    page.locator("#activity", has_text="offered a phone").wait_for()
    page.evaluate("document.activeElement.blur()")
    keys.press("e")
    keys.type("Two passports, one scan.")
    keys.press("Control+Enter")
    page.locator("#rail", has_text="Escalated").wait_for()

    # Next: the twin's case, by one key; claimed and put back by another.
    keys.press("n")
    page.wait_for_url(lambda address: case.ref not in address and "/cases/" in address)
    page.locator("#rail", has_text="Yours").wait_for()
    page.wait_for_load_state("load")
    keys.press("c")
    page.locator("#rail", has_text="Claim C-").wait_for()
    case.refresh_from_db()
    assert case.state == "escalated"
    assert refusals() == 2


def test_a_stale_page_is_told_what_changed_and_keeps_what_was_typed(people, case, rita):
    page = people.sign_in("rita")
    page.get_by_role("button", name="Claim next case").first.click()
    page.locator("#rail", has_text="Yours").wait_for()
    page.wait_for_load_state("load")
    page.keyboard.press("s")
    page.keyboard.press("Tab")
    page.locator("dialog[open] textarea").fill("The bank answers on Monday.")
    transitions.apply(case, "escalate", actor=rita, note="Done from another tab.")
    page.keyboard.press("Control+Enter")
    alert = page.locator("#rail [role=alert]")
    expect(alert.first).to_contain_text("The bank answers on Monday.")
    expect(page.locator("#rail")).to_contain_text("Done from another tab.")
    (conflict,) = people.faults
    assert "409" in conflict
    people.faults.clear()


def test_forms_work_without_javascript(people, case, rita):
    page = people.sign_in("rita", java_script_enabled=False)
    page.get_by_role("button", name="Claim next case").first.click()
    page.locator("#note_text").fill("Written by hand.")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator("#activity")).to_contain_text("Written by hand.")
    page.locator("#rail summary", has_text="Escalate").click()
    page.locator("#escalate textarea").fill("Two passports.")
    page.get_by_role("button", name=f"Escalate {case.ref}").click()
    expect(page.locator("#case-head")).to_contain_text("Escalated")


def refusals() -> int:
    """Attempts on record as refused, once they have become a finding of their own."""
    account = Account.objects.get(ref=OUR_ACCOUNT)
    rows = VerificationAttempt.objects.filter(verification__account=account)
    assert set(rows.values_list("outcome", flat=True)) == {"refused"}
    assert account.findings.filter(code="interview.refused_video").exists()
    return rows.count()


def focused(page) -> str:
    return page.evaluate("document.activeElement.id")


def tab_to(page, words: str, near: str = "") -> None:
    """Press Tab until the focused thing says `words`, in an item about `near`."""
    says = """([words, near]) => { const e = document.activeElement;
        return ((e.innerText || "").includes(words)
            || [...(e.labels || [])].some(label => label.innerText.includes(words)))
            && (e.closest("li") || document.body).innerText.includes(near) }"""
    for _ in range(60):
        if page.evaluate(says, [words, near]):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never came to {words!r}")
