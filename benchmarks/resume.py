"""Whether a sweep of 24 trainings survives the kill of the server and of all its processes: none lost, none twice.

    python benchmarks/resume.py [--kills 2]

The lab is saved in SQLite; a real browser starts the sweep, and opens the page again after each kill.
"""

import argparse
import re
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.test_experiments import done, download, kill_all
from tests.support.browser import CHROMIUM_ARGS, LONG, Person, Server, chromium

NETWORK = '{"blocks":[{"kind":"conv","size":4,"pooling":true},{"kind":"dense","size":16}]}'
VALUES = {"blocks.1.size": "2 4 8", "blocks.2.dropout": "0 0.1 0.2 0.4"}
N_SEEDS = 2


def begin(person):
    """Start the sweep: three sizes, four dropouts, two seeds."""
    person.open(f"/Train?start=stupid&mnist_samples=200&epochs=1&network={NETWORK}")
    person.page.locator(".st-key-sweeping label").first.wait_for(timeout=LONG)
    person.settle()
    person.page.locator(".st-key-sweeping label").first.click()
    person.settle()
    for name, values in VALUES.items():
        box = person.page.locator(f"[class*='st-key-sweep_{name.replace('.', '-')}'] input").first
        for _ in range(2):
            box.press("Backspace")
            person.settle()
        for value in values.split():
            box.fill(value)
            box.press("Enter")
            person.settle()
    person.slide("sweep_seeds", *["ArrowRight"] * (N_SEEDS - 1))
    person.press("sweep")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=2)
    kills = parser.parse_args().kills
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        server = Server(Path(folder))
        browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        person = Person(browser.new_page(viewport={"width": 1280, "height": 1800}), server.url)
        begin(person)
        began = time.monotonic()
        for kill in range(kills):
            n = 6 * (kill + 1)
            person.page.get_by_text(re.compile(f"^({n}|{n + 1}|{n + 2}) of 24 trainings done")).wait_for(timeout=LONG)
            kill_all(server)
            server = Server(Path(folder), STREAMLIT_SERVER_PORT=str(server.port))
            person.page.reload()
        done(person, 24, 24)
        rows = download(person, "Download (CSV)")
        points = {(*(row[name] for name in VALUES), row["seed"]) for row in rows}
        scored = sum(row["status"] == "done" and float(row["mnist"]) > 0 for row in rows)
        seconds = time.monotonic() - began
        print(f"{kills} kills: {len(rows)} trainings, {len(points)} different, {scored} with a score, {seconds:.0f} s")
        browser.close()
        server.stop()


if __name__ == "__main__":
    main()
