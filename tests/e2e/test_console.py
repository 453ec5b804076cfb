"""The console in a real Chromium: nothing blocked by the policy, no axe violations, keys, focus."""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import sync_playwright

from tests.cases.views.conftest import find, make_ring, threat  # noqa: F401

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
pytestmark = pytest.mark.django_db(transaction=True)
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
if not os.path.exists(CHROMIUM):
    pytestmark = [pytestmark, pytest.mark.skip(reason="needs Chromium")]


@pytest.fixture
def open_as(live_server):
    """A page of a browser in which somebody is signed in; what it complains of is kept."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)

        def open_page(person, theme="light", width=1366):
            client = Client()
            backend = "allauth.account.auth_backends.AuthenticationBackend"
            client.force_login(person, backend=backend)
            context = browser.new_context(
                base_url=live_server.url,
                color_scheme=theme,
                viewport={"width": width, "height": 768},
            )
            name = settings.SESSION_COOKIE_NAME
            value = client.cookies[name].value
            context.add_cookies([{"name": name, "value": value, "url": live_server.url}])
            page = context.new_page()
            page.complaints = []
            page.on(
                "console",
                lambda said: page.complaints.append(said.text) if said.type == "error" else None,
            )
            page.on("pageerror", lambda fault: page.complaints.append(str(fault)))
            return page

        yield open_page
        browser.close()


@pytest.fixture
def world(rita, make_ring, make_case, find):  # noqa: F811
    ring = make_ring(3)
    members = list(ring.members.order_by("pk"))
    for member in members:
        find(member)
    case = make_case("in_review", account=members[0], assignee=rita)
    make_case(account=members[1], severity=4)
    return ring, case


def complaints_of(page) -> list[str]:
    return [said for said in page.complaints if "favicon" not in said]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_main_pages_have_no_axe_violations_and_break_no_policy(open_as, rita, world, theme):
    ring, case = world
    page = open_as(rita, theme)
    found = {}
    addresses = [
        "/", "/queue/", "/queue/?severity=1", f"/cases/{case.ref}/", f"/rings/{ring.pk}/",
        f"/accounts/{case.account.ref}/", "/rings/", "/policy/", "/preferences/", "/help/",
        "/find/?q=fl",
    ]  # fmt: skip
    for address in addresses:
        page.goto(address)
        page.wait_for_load_state("networkidle")
        for violation in Axe().run(page).response["violations"]:
            nodes = [node["html"][:160] for node in violation["nodes"][:3]]
            found[address, violation["id"]] = nodes
    assert found == {}
    assert complaints_of(page) == []


PAGES_OF = {
    "sam": ["/compliance/", "/compliance/?severity=9", "/screening/", "/screening/lists/"],
    "dee": ["/detectors/", "/detectors/new/", "/catalogue/", "/cases/C-999999/"],
    "aud": ["/audit/", "/webhooks/", "/people/"],
    "adm": ["/people/", "/webhooks/"],
    None: ["/sign-in/login/", "/sign-in/password/reset/"],
}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_of_the_other_roles_have_no_axe_violations(
    open_as, sam, dee, aud, adm, olu, world, theme
):
    _, case = world
    found = {}
    people = {"sam": sam, "dee": dee, "aud": aud, "adm": adm, None: olu}
    for name, addresses in PAGES_OF.items():
        page = open_as(people[name], theme)
        if name is None:
            page.context.clear_cookies()
        if name == "sam":
            addresses = [*addresses, f"/cases/{case.ref}/", f"/accounts/{case.account.ref}/"]
        for address in addresses:
            page.goto(address)
            page.wait_for_load_state("networkidle")
            for violation in Axe().run(page).response["violations"]:
                nodes = [node["html"][:160] for node in violation["nodes"][:3]]
                found[name, address, violation["id"]] = nodes
        page.context.close()
    assert found == {}


def test_the_page_reflows_at_320_pixels(open_as, rita, world):
    _, case = world
    page = open_as(rita, width=320)
    for address in ("/", "/queue/", f"/cases/{case.ref}/"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320, address


def test_keys_move_open_and_explain(open_as, rita, world):
    page = open_as(rita)
    page.goto("/queue/")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.className") == "row-link"
    page.keyboard.press("?")
    shown = page.locator("#keys-dialog").inner_text()
    assert "Next row" in shown
    assert "Escalate" not in shown
    page.keyboard.press("Escape")
    page.keyboard.press("o")
    page.wait_for_url("**/cases/**")


def test_keys_are_silent_while_one_types_and_when_switched_off(open_as, rita, world):
    _, case = world
    page = open_as(rita)
    page.goto(f"/cases/{case.ref}/")
    page.locator("#note_text").fill("")
    page.locator("#note_text").press_sequentially("me c n e")
    assert page.locator("#note_text").input_value() == "me c n e"
    assert page.locator("dialog[open]").count() == 0
    rita.preferences = {"keys": "off"}
    rita.save(update_fields=["preferences"])
    page.goto(f"/cases/{case.ref}/")
    page.keyboard.press("e")
    assert page.locator("dialog[open]").count() == 0


def test_the_palette_finds_and_opens(open_as, rita, world):
    _, case = world
    page = open_as(rita)
    page.goto("/")
    page.keyboard.press("Control+k")
    page.locator("#palette-q").press_sequentially(case.ref)
    page.locator("#palette-results [role=option]").first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cases/{case.ref}/")


def test_a_note_keeps_the_page_and_focus_lands_on_something_named(open_as, rita, world):
    _, case = world
    page = open_as(rita)
    page.goto(f"/cases/{case.ref}/")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("m")
    page.locator("#note_text").press_sequentially("seen twice")
    page.keyboard.press("Control+Enter")
    page.locator("#activity .said", has_text="seen twice").wait_for()
    page.wait_for_timeout(300)
    assert page.evaluate("document.activeElement !== document.body")
    assert complaints_of(page) == []


def test_a_proposal_needs_no_pointer(open_as, rita, world):
    _, case = world
    page = open_as(rita)
    page.goto(f"/cases/{case.ref}/")
    page.wait_for_load_state("networkidle")
    page.keyboard.press("1")
    page.locator("dialog[open] select[name=reason_code]").select_option("innocent_reading_holds")
    page.locator("dialog[open] textarea[name=reason]").fill("one device in a library")
    page.keyboard.press("Control+Enter")
    page.locator("#rail", has_text="waits for a second person").wait_for()
    assert complaints_of(page) == []
