"""Check that a sweep of 24 trainings survives when the server and its worker are killed: no training is lost or run twice.

    python benchmarks/resume.py [--kills 2]

The lab is saved in SQLite. A browser starts the sweep, and reloads the page after each kill.
"""

import argparse
import re
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.test_experiments import EAGER, START, choose, done, download, kill_all
from tests.support.browser import CHROMIUM_ARGS, LONG, Person, Server, chromium

PARAMETERS = ("blocks.1.size", "blocks.3.dropout", "learning_rate")  # two values each
N_SEEDS = 3
N_TRIALS = 24


def begin(person):
    """Start a sweep of three parameters of a built network."""
    person.open(START)
    choose(person, "Network", "Build my own")
    person.page.locator(".st-key-sweeping label").first.click()
    person.settle()
    choose(person, "Parameters to try", "Learning rate")
    person.slide("sweep_seeds", *["ArrowRight"] * (N_SEEDS - 1))
    person.press("sweep")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=2)
    kills = parser.parse_args().kills
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        server = Server(Path(folder), **EAGER)
        browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        person = Person(browser.new_page(viewport={"width": 1280, "height": 1800}), server.url)
        begin(person)
        for kill in range(kills):
            n = (kill + 1) * N_TRIALS // (kills + 1)
            some = "|".join(str(number) for number in range(n, N_TRIALS))
            person.page.get_by_text(re.compile(f"^({some}) of {N_TRIALS} trials done")).wait_for(timeout=LONG)
            kill_all(server)
            server = Server(Path(folder), STREAMLIT_SERVER_PORT=str(server.port), **EAGER)
            person.page.reload()
        done(person, N_TRIALS, N_TRIALS)
        rows = download(person, "Download (CSV)")
        points = {(*(row[name] for name in PARAMETERS), row["seed"]) for row in rows}
        n_scored = sum(row["status"] == "done" and float(row["validation"]) > 0 for row in rows)
        print(f"{kills} kills: {len(rows)} trainings, {len(points)} distinct, {n_scored} with a score")
        browser.close()
        server.stop()


if __name__ == "__main__":
    main()
