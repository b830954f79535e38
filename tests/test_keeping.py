"""Labs outlive a reload, a killed server, and a change of server, in real Chromium."""

import os
import signal

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import QUIET, Person, Server, chromium

if chromium() is None:
    if os.environ.get("DIGITLAB_BROWSER") == "required":
        pytest.fail("Chromium is required here and is not installed", pytrace=False)
    pytest.skip("Chromium is not installed", allow_module_level=True)

LONG = 120_000  # ms


@pytest.fixture(scope="module")
def page():
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=QUIET.split())
        yield browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        browser.close()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request, tmp_path):
    return request.getfixturevalue("postgres") if request.param == "postgres" else f"sqlite:///{tmp_path / 'labs.sqlite'}"


def everything_is_there(person):
    """On the page that is open: five drawings and a run, whose model answers."""
    page = person.page
    side = page.locator("[data-testid=stSidebar]")
    side.get_by_text("5 drawings labelled").wait_for(timeout=LONG)
    side.get_by_text("Model in use: run 1").wait_for()
    side.get_by_text("Saved").wait_for()
    assert "Traceback" not in page.inner_text("body")


def test_nothing_is_lost(page, store, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    first = Server(tmp_path / "one", DIGITLAB_STORE=store)
    second = None
    try:
        person = Person(page, first.url)
        person.begin()
        for number in range(1, 6):
            digit = (1, 4, 7)[number % 3]
            person.draw(digit)
            person.press(f"label_{digit}")
            page.get_by_text(f"Your drawings: {number}").wait_for()
            person.until_blank()
            page.wait_for_timeout(500)
        person.go("Train")
        person.press("train")
        page.get_by_text("Trained on your 5 drawings and 500 MNIST digits").wait_for(timeout=LONG)
        assert "lab=" in page.url
        everything_is_there(person)

        page.reload()
        everything_is_there(person)
        page.get_by_text("Trained on your 5 drawings").wait_for()

        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        second = Server(tmp_path / "two", DIGITLAB_STORE=store)
        page.goto(page.url.replace(first.url, second.url))
        everything_is_there(person)
        person.go("Draw")
        page.get_by_text("Your drawings: 5").wait_for()
        assert person.draw(4)
    finally:
        first.stop()
        if second:
            second.stop()


def test_an_open_page_works_again_after_a_restart(page, tmp_path):
    server = again = None
    try:
        server = Server(tmp_path)
        person = Person(page, server.url)
        person.begin()
        person.draw(4)
        person.press("label_4")
        page.get_by_text("Your drawings: 1").wait_for()
        page.wait_for_timeout(1000)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        again = Server(tmp_path, STREAMLIT_SERVER_PORT=str(server.port))
        page.wait_for_event("load", timeout=LONG)
        page.get_by_text("Your drawings: 1").wait_for(timeout=LONG)
        person.at_canvas()
        page.wait_for_timeout(2000)
        person.draw(4)
        person.press("label_4")
        page.get_by_text("Your drawings: 2").wait_for()
    finally:
        for running in filter(None, (server, again)):
            running.stop()


def test_a_training_goes_on_over_a_reload(page, tmp_path):
    server = Server(tmp_path)
    try:
        person = Person(page, server.url)
        person.begin()
        person.draw(4)
        person.press("label_4")
        page.get_by_text("Your drawings: 1").wait_for()
        person.go("Train")
        page.locator(".st-key-mnist_samples input[type=range]").first.focus()
        page.keyboard.press("End")
        page.get_by_text("55,000 of MNIST").wait_for()
        page.wait_for_timeout(500)
        person.press("train")
        page.locator(".st-key-training").get_by_role("button", name="Stop").wait_for(timeout=LONG)
        page.wait_for_timeout(3000)
        page.reload()
        page.locator(".st-key-training").get_by_text("s left").wait_for(timeout=LONG)
    finally:
        server.stop()
