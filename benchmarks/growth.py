"""How waits and memory grow with drawings, with runs in the history and with people at once.

    python benchmarks/growth.py [samples] [runs] [sessions] [--to FOLDER]

Each point has a fresh server with a lab from its store, open in three windows. Drawings are MNIST's test digits; each run has
model files of its own, as large as real ones. People are websockets as in `crowd.py`. --to also saves a plot of each as SVG.
"""

import argparse
import statistics
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import altair as alt
import pandas as pd
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.crowd import crowd, megabytes
from benchmarks.keeping import large_lab, opened
from benchmarks.pen_up import measure
from benchmarks.report import table
from digitcore import store
from digitcore.colours import BLUE
from tests.browser import QUIET, Server, chromium

FAMILIES = {
    "samples": ("drawings", (10, 100, 1000, 5000)),
    "runs": ("runs in the history", (1, 20, 100)),
    "sessions": ("people at once", (1, 10, 30)),
}
STROKES, SECONDS = 12, 20
OPENS, WAIT, MEMORY = "Draw page opens (s)", "pen-up to answer (ms)", "memory of the server (MB)"
ANSWER = "answer at the websocket, no browser (ms)"


def with_lab(browser, samples: int, runs: int) -> dict[str, float]:
    """A Draw page that opens a lab of this size."""
    with tempfile.TemporaryDirectory() as folder:
        url, token = f"sqlite:///{folder}/labs.sqlite", store.token()
        store.Store.at(url).save(token, large_lab(samples, runs))
        server = Server(Path(folder), "server.py", DIGITLAB_STORE=url)
        try:
            opened(browser, f"{server.url}/Draw")[1].page.close()  # the server's own first page
            seconds, person = zip(*(opened(browser, f"{server.url}/Draw?lab={token}") for _ in range(3)), strict=True)
            person[-1].page.wait_for_timeout(1500)
            waits = measure(person[-1], STROKES)
            return {OPENS: statistics.median(seconds), WAIT: statistics.median(waits), MEMORY: megabytes(server)}
        finally:
            for one in browser.contexts:
                one.close()
            server.stop()


def with_people(people: int) -> dict[str, float]:
    """So many websockets that draw; nothing trains."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), "server.py")
        try:
            with get_context("spawn").Pool(1) as pool:
                coming = pool.apply_async(crowd, (server.url, people, SECONDS))
                time.sleep(SECONDS - 2)
                size = megabytes(server)
                waits = [1000 * wait for one in coming.get() for wait in one["waits"]]
            return {ANSWER: statistics.median(waits), MEMORY: size}
        finally:
            server.stop()


def points(browser, family: str) -> pd.DataFrame:
    """One row a size."""
    what, sizes = FAMILIES[family]
    measured = {
        "samples": lambda size: with_lab(browser, size, 0),
        "runs": lambda size: with_lab(browser, 10, size),
        "sessions": with_people,
    }[family]
    return pd.DataFrame([{what: size, **measured(size)} for size in sizes])


def plot(found: pd.DataFrame) -> alt.HConcatChart:
    """A small chart for each figure."""
    what, *figures = found.columns
    line = alt.Chart(found, width=220, height=160).mark_line(point=True, color=BLUE)
    return alt.hconcat(*(line.encode(x=alt.X(f"{what}:Q"), y=alt.Y(f"{one}:Q")) for one in figures))


def main():
    """Measure, print and plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"some of {', '.join(FAMILIES)} (default: all)")
    parser.add_argument("--to", type=Path, help="folder for the plots")
    asked = parser.parse_args()
    if unknown := set(asked.families) - set(FAMILIES):
        parser.error(f"there is nothing called {', '.join(unknown)}")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=QUIET.split())
        for family in asked.families or FAMILIES:
            found = points(browser, family)
            print(table(list(found), found.map("{:,.4g}".format).to_numpy()), flush=True)
            if asked.to:
                asked.to.mkdir(parents=True, exist_ok=True)
                plot(found).save(asked.to / f"growth-{family}.svg")
                print(f"\n![Growth with {FAMILIES[family][0]}]({asked.to.name}/growth-{family}.svg)")
            print()
        browser.close()


if __name__ == "__main__":
    main()
