"""A real browser, and what it must never do: complain, break the policy, ask another host."""

import os
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PASSWORD = "correct horse battery"  # of everybody in tests/conftest.py
POLICY = "addEventListener('securitypolicyviolation', e => console.error('CSP', e.blockedURI))"


class Seats:
    """People at their own browsers, signed in through the form. `faults` is everybody's."""

    def __init__(self, browser, base: str):
        self.browser, self.base, self.faults = browser, base, []

    def sign_in(self, username: str, *, pointer: bool = True, **context) -> Page:
        page = self.sit(**context)
        page.goto("/")
        if pointer:
            page.locator("input[name=login]").fill(username)
            page.locator("input[name=password]").fill(PASSWORD)
            page.get_by_role("button", name="Sign in", exact=True).click()
        else:
            page.keyboard.type(username)  # the first field has the focus
            page.keyboard.press("Tab")
            page.keyboard.type(PASSWORD)
            page.keyboard.press("Enter")
        page.get_by_role("heading", level=1).filter(has_not_text="Sign in").wait_for()
        # The heading shows before the modules have run: keys pressed until then are nobody's.
        page.wait_for_load_state("load")
        return page

    def sit(self, **context) -> Page:
        """A browser of one's own, nobody signed in."""
        place = {"base_url": self.base, "viewport": {"width": 1366, "height": 768}}
        page = self.browser.new_context(**{**place, **context}).new_page()
        page.set_default_timeout(15_000)
        page.add_init_script(POLICY)
        page.on("console", self._said)
        page.on("pageerror", lambda fault: self.faults.append(str(fault)))
        page.on("request", self._asked)
        return page

    def _said(self, said) -> None:
        if said.type == "error" and "favicon" not in said.text:
            self.faults.append(said.text)

    def _asked(self, request) -> None:
        if not request.url.startswith((self.base, "data:")):
            self.faults.append(f"another host: {request.url}")


@contextmanager
def seats(base: str):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield Seats(browser, base)
        browser.close()
