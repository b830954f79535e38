"""Measure the time from pen-up to the new prediction in Chromium, on an idle server and during trainings.

    python benchmarks/latency.py [--strokes 15] [--json]

The time is taken in the page, from the browser's pointerup event to the change of the prediction's text. Two pages are
measured in turns in one run, so that the ratios hold on a busy machine. Digit Lab is measured when it is idle, while it trains,
and while it trains with a second session that waits and the sweep of a third session. The other page only echoes the canvas. A
null ratio compares every second stroke of a case with the others of the same case.
"""

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import psutil
from playwright.sync_api import sync_playwright

from benchmarks.report import null_ratio
from tests.support.browser import CHROMIUM_ARGS, Person, Server, chromium

OBSERVE_ANSWERS = """() => { window.waits = []; let up = 0, last = '';
  document.addEventListener('pointerup', () => { up = performance.now() }, true);
  const check = () => { const place = document.querySelector('.st-key-answer');
    const head = place?.querySelector('[data-testid=prediction-head]');
    // A prediction during the stroke, by the browser or at an earlier commit by the server, is no answer.
    const isUnderWay = head && (head.hasAttribute('data-live') || !head.dataset.strokes);
    const text = (head?.dataset.strokes ?? '') + (place ? place.innerText : '');
    if (!isUnderWay && text !== last) { last = text; if (up) window.waits.push(performance.now() - up); up = 0 }
    requestAnimationFrame(check) };
  check() }"""
PAUSE = 500  # ms between strokes, longer than the 200 ms that the canvas waits


def measure(person: Person, strokes: int) -> list[float]:
    """Return the milliseconds from pen-up to the changed prediction, one value for each stroke."""
    person.page.evaluate(OBSERVE_ANSWERS)
    waits = []
    for number in range(strokes):
        y = 20 + 240 * number / strokes
        before = person.page.evaluate("window.waits.length")
        person.stroke([(40 + 9 * number, y), (140, y + 12), (230 - 3 * number, y + 4)])
        person.page.wait_for_function(f"window.waits.length > {before}", timeout=5000)
        waits += person.page.evaluate(f"window.waits.slice({before}, {before + 1})")
        person.page.wait_for_timeout(PAUSE)
    return waits


def visit(browser, server, path="/Draw"):
    """Open a page with a canvas in a new window."""
    person = Person(browser.new_page(viewport={"width": 1280, "height": 900}), server.url)
    person.open(path)
    person.find_canvas()
    person.page.wait_for_timeout(1500)
    return person


def start_long_training(person):
    """Start a training with the largest settings, and return to Draw when it runs."""
    person.go("Train")
    person.start_long_training()
    person.page.wait_for_timeout(3000)
    person.go("Draw")
    person.find_canvas()
    person.page.wait_for_timeout(1500)


def start_other_sessions(browser, server):
    """Open a second session whose training waits in the queue, and a third session with a sweep."""
    second, third = visit(browser, server), visit(browser, server)
    second.go("Train")
    second.press("train")
    second.page.locator(".st-key-training").get_by_text("Waiting for").wait_for(timeout=60_000)
    third.go("Train")
    third.page.locator(".st-key-sweeping label").click()
    third.page.locator(".st-key-sweep button").wait_for()
    third.press("sweep")
    third.page.get_by_text("0 of 4 trials done").wait_for(timeout=60_000)


def main():
    """Measure and print the medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    waits = {}
    with sync_playwright() as play, tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        lab, echo = Server(Path(one)), Server(Path(two), "benchmarks/peers/echo.py")
        try:
            waits["echo"] = measure(visit(browser, echo, "/"), options.strokes)
            person = visit(browser, lab)
            waits["quiet"] = measure(person, options.strokes)
            start_long_training(person)
            person.use_tool("Clear")
            person.page.wait_for_timeout(1000)
            waits["training"] = measure(person, options.strokes)
            megabytes = psutil.Process(lab.process.pid).memory_info().rss / 1e6
            start_other_sessions(browser, lab)
            person.use_tool("Clear")
            person.page.wait_for_timeout(1000)
            waits["training_and_others"] = measure(person, options.strokes)
        finally:
            lab.stop()
            echo.stop()
            browser.close()
    medians = {name: statistics.median(values) for name, values in waits.items()}
    nulls = {name: null_ratio(values) for name, values in waits.items()}
    figures = {
        "medians_ms": {name: round(value) for name, value in medians.items()},
        "strokes_answered": {name: len(values) for name, values in waits.items()},
        "quiet_over_echo": round(medians["quiet"] / medians["echo"], 2),
        "training_over_quiet": round(medians["training"] / medians["quiet"], 2),
        "training_and_others_over_quiet": round(medians["training_and_others"] / medians["quiet"], 2),
        "null_ratios": {name: round(value, 2) for name, value in nulls.items()},
        "server_megabytes": round(megabytes),
    }
    print(json.dumps(figures, indent=2) if options.json else "\n".join(f"{name}: {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
