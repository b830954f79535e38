"""Measure how long four models take to predict 10,000 digits with ten corruptions at five severities, and with a cached result.

    python benchmarks/robustness.py [--json]

A window in Chromium evaluates all digits. At the same time, a second window draws, and its strokes are timed as in
`latency.py`. Then a third window opens the same view, whose results are in the cache.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.latency import measure, visit
from tests.support.browser import CHROMIUM_ARGS, Person, Server, chromium

MODELS = ("genius", "plain", "salt-pepper", "fast")
TIMEOUT = 1_800_000  # ms
IS_COMPLETE = (
    "[...document.querySelectorAll('.st-key-comparison')].some(place => place.innerText.includes('Of 10,000 test digits'))"
)


def open_robustness_view(browser, server):
    """Open the Robustness view with the four models in a new window."""
    person = Person(browser.new_page(viewport={"width": 1280, "height": 900}), server.url)
    person.open("/Evaluate")
    page = person.page
    page.locator(".st-key-view").get_by_text("Robustness", exact=True).click()
    box = page.locator(".stMultiSelect input").first
    for name in MODELS[2:]:
        box.click()
        box.press_sequentially(name, delay=40)
        page.locator("[role=option]", has_text=name).first.click()
        page.locator(".stMultiSelect").get_by_text(name, exact=True).first.wait_for()
        page.wait_for_timeout(1000)
    page.keyboard.press("Escape")
    return person


def read_all(person):
    """Evaluate all digits, and return the seconds until the results of all models are shown."""
    began = time.perf_counter()
    person.page.locator(".st-key-robustness_all_digits label").click()
    person.page.wait_for_function(f"{IS_COMPLETE} && !document.querySelector('.st-key-stop_queries')", timeout=TIMEOUT)
    return time.perf_counter() - began


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder:
        browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        server = Server(Path(folder))
        try:
            drawing = visit(browser, server)
            quiet = statistics.median(measure(drawing, 10))
            reading = open_robustness_view(browser, server)
            reading.page.wait_for_timeout(3000)
            reading.page.locator(".st-key-robustness_all_digits label").click()
            began = time.perf_counter()
            drawing.use_tool("Clear")
            drawing.page.wait_for_timeout(1000)
            busy = statistics.median(measure(drawing, 10))
            reading.page.wait_for_function(f"{IS_COMPLETE} && !document.querySelector('.st-key-stop_queries')", timeout=TIMEOUT)
            first = time.perf_counter() - began
            again = open_robustness_view(browser, server)
            again.page.wait_for_timeout(3000)
            second = read_all(again)
        finally:
            server.stop()
            browser.close()
    found = {
        "models": len(MODELS),
        "digits_read": len(MODELS) * 10_000 * 51,
        "first_look_s": round(first, 1),
        "second_look_s": round(second, 2),
        "pen_up_quiet_ms": round(quiet),
        "pen_up_while_reading_ms": round(busy),
        "while_reading_over_quiet": round(busy / quiet, 2),
    }
    print(json.dumps(found, indent=2) if options.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
