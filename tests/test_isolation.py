"""Two browsers on one server: neither ever sees the other's work, whatever address it tries."""

import os
import re

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import QUIET, Person, Server, chromium

if chromium() is None:
    if os.environ.get("DIGITLAB_BROWSER") == "required":
        pytest.fail("Chromium is required here and is not installed", pytrace=False)
    pytest.skip("Chromium is not installed", allow_module_level=True)


def labelled(person, digit):
    """Draw and label; the lab's token."""
    person.begin()
    person.draw(digit)
    person.press(f"label_{digit}")
    person.page.get_by_text("Your drawings: 1").wait_for()
    person.page.wait_for_url(re.compile("lab="))
    return person.page.url.partition("lab=")[2]


def test_two_browsers_see_nothing_of_each_other(tmp_path):
    server = Server(tmp_path, "server.py")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=QUIET.split())
        try:
            ann, bob = (Person(browser.new_context().new_page(), server.url) for _ in range(2))
            tokens = labelled(ann, 4), labelled(bob, 7)
            assert tokens[0] != tokens[1] and min(map(len, tokens)) >= 22
            for guess in (
                tokens[0][:-1],
                tokens[0][:-1] + ("A" if tokens[0][-1] != "A" else "B"),
                "1",
                "%00",
                "' OR '1'='1",
                "../x",
            ):
                bob.page.goto(f"{server.url}/Draw?lab={guess}")
                bob.at_canvas()
                bob.page.get_by_text("no lab under this address").wait_for()
                assert "0 drawings labelled" in bob.page.locator("[data-testid=stSidebar]").inner_text()
            ann.page.reload()
            ann.page.get_by_text("1 drawing labelled").wait_for()
            bob.page.goto(f"{server.url}/Draw?lab={tokens[1]}")
            bob.page.get_by_text("Your drawings", exact=True).click()
            bob.page.locator(".grid button", has_text="a 7").wait_for()
            assert bob.page.locator(".grid button").count() == 1
        finally:
            browser.close()
            server.stop()
