"""Take the pictures of the documentation on a fresh dashboard: python docs/take_screenshots.py"""

import re
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.support.browser import CHROMIUM_ARGS, Person, Server, chromium

HERE = Path(__file__).resolve().parent
VIEWS = ("Map", "Errors", "Curves", "Handwriting", "Confusion", "Compare two", "Confidence", "Robustness", "MNIST")
QUIET = 2500  # ms without a change, after which a page is at rest
DESK, PHONE = {"width": 1280, "height": 720}, {"width": 390, "height": 844}


def shoot(person, name, tall=False):
    """Save a screenshot when the page is at rest. With `tall`, save the whole page instead of the visible part."""
    page, usual = person.page, person.page.viewport_size
    person.settle(QUIET)
    page.mouse.move(5, 5)
    main = page.locator("[data-testid=stMain]")
    main.evaluate("place => place.scrollTo(0, 0)")
    page.wait_for_timeout(500)
    if tall:
        height = main.evaluate("place => place.scrollHeight")
        page.set_viewport_size({"width": usual["width"], "height": height})
        page.wait_for_timeout(1000)
    page.screenshot(path=HERE / f"{name}.png")
    page.set_viewport_size(usual)


def train(person):
    """Label a few drawings and train on them from random weights, so that the charts show a training."""
    for digit in (4, 7, 1, 4, 7):
        person.draw(digit)
        person.press_label(digit)
        person.page.locator(".st-key-answer").get_by_text("Draw a digit.", exact=True).wait_for()
        person.page.wait_for_timeout(800)
    person.go("Train")
    person.page.locator(".st-key-start_from label", has_text="A new network").click()
    person.page.wait_for_timeout(1000)
    person.press("train")
    person.page.locator(".st-key-training").get_by_text(re.compile("clearly|about the same")).wait_for(timeout=900_000)


def look(person, view):
    """Open a view of Evaluate, and wait until it has all results."""
    page = person.page
    page.locator(".st-key-view").get_by_text(view, exact=True).click()
    person.settle(QUIET)
    while page.locator(".st-key-stop_queries").count():  # A view may ask for more results when it has the first ones.
        person.settle(QUIET)


def evaluate(person, scheme):
    """Take a picture of each view, with the run, the model it started from, genius, plain and salt-pepper."""
    page = person.page
    for name in ("genius", "plain", "salt-pepper"):
        page.locator(".stMultiSelect input").first.click()
        page.keyboard.type(name, delay=40)
        page.locator("[role=option]", has_text=name).first.click()
        page.wait_for_timeout(1000)
    page.keyboard.press("Escape")
    for view in VIEWS:
        look(person, view)
        if view in ("Compare two", "Errors", "Handwriting"):
            page.locator(".grid button").first.click()
        shoot(person, f"evaluate-{view.lower().replace(' ', '-')}-{scheme}", tall=True)


def visit(browser, url, view, scheme, touch=False):
    """Open the Draw page in a new session."""
    person = Person(browser.new_context(viewport=view, color_scheme=scheme, has_touch=touch).new_page(), url, touch)
    person.begin()
    return person


def main():
    """Take all pictures, light and dark."""
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser, server = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS), Server(Path(folder))
        try:
            for scheme in ("light", "dark"):
                phone = visit(browser, server.url, PHONE, scheme, touch=True)
                phone.draw(7)
                shoot(phone, f"draw-phone-{scheme}")
                person = visit(browser, server.url, DESK, scheme)
                train(person)
                shoot(person, f"train-{scheme}")
                person.go("Draw")
                person.page.locator(".st-key-comparing label").click()
                person.draw(4)
                shoot(person, f"draw-{scheme}")
                person.go("Evaluate")
                evaluate(person, scheme)
                phone.go("Evaluate")
                look(phone, "Errors")
                phone.page.locator(".grid button").first.tap()
                shoot(phone, f"evaluate-phone-{scheme}", tall=True)
        finally:
            server.stop()
            browser.close()


if __name__ == "__main__":
    main()
