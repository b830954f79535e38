"""Measure how latency and memory grow with the number of drawings, of runs in the history, and of people at once.

    python benchmarks/growth.py [samples] [runs] [sessions] [--to FOLDER]
    python benchmarks/growth.py --leaks [--cycles 300]

Each point is measured on a fresh server with a lab from its database, which is open in three windows. The drawings are MNIST's
test digits. No two runs share model files, and the files are as large as real ones. People are websockets as in `load.py`. --to
saves an SVG plot of each.

--leaks prints the memory per cycle of drawing, labelling and taking the label back, per opened lab and per training, as the slope
of a line with its 95 % interval. It also ends the server, the worker, the nanny and the scheduler by SIGTERM and SIGKILL, and
prints how many file descriptors, processes and files are left.
"""

import argparse
import statistics
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import altair as alt
import pandas as pd
from playwright.sync_api import sync_playwright

from benchmarks.latency import measure
from benchmarks.leaks import print_leaks
from benchmarks.load import draw_together, megabytes
from benchmarks.report import table
from benchmarks.storage import large_lab, open_draw_page
from digitcore.palette import BLUE
from digitcore.storage.database import LabStore, new_token
from tests.support.browser import CHROMIUM_ARGS, Server, chromium

FAMILIES = {
    "samples": ("drawings", (10, 100, 1000, 5000)),
    "runs": ("runs in the history", (1, 20, 100)),
    "sessions": ("people at once", (1, 10, 30)),
}
STROKES, SECONDS = 12, 20
OPENS, WAIT, MEMORY = "Draw page opens (s)", "pen-up to answer (ms)", "memory of the server (MB)"
ANSWER = "answer at the websocket, no browser (ms)"


def with_lab(browser, samples: int, runs: int) -> dict[str, float]:
    """Measure a Draw page that opens a lab with the given size."""
    with tempfile.TemporaryDirectory() as folder:
        url, token = f"sqlite:///{folder}/labs.sqlite", new_token()
        LabStore.from_url(url).save(token, large_lab(samples, runs))
        server = Server(Path(folder), DIGITLAB_STORE=url)
        try:
            open_draw_page(browser, f"{server.url}/Draw")[1].page.close()  # The first page of a server takes longer.
            seconds, person = zip(*(open_draw_page(browser, f"{server.url}/Draw?lab={token}") for _ in range(3)), strict=True)
            person[-1].page.wait_for_timeout(1500)
            waits = measure(person[-1], STROKES)
            return {OPENS: statistics.median(seconds), WAIT: statistics.median(waits), MEMORY: megabytes(server)}
        finally:
            for one in browser.contexts:
                one.close()
            server.stop()


def with_people(people: int) -> dict[str, float]:
    """Measure websockets that draw, without a training."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            with get_context("spawn").Pool(1) as pool:
                coming = pool.apply_async(draw_together, (server.url, people, SECONDS))
                time.sleep(SECONDS - 2)
                size = megabytes(server)
                waits = [1000 * wait for one in coming.get() for wait in one["waits"]]
            return {ANSWER: statistics.median(waits), MEMORY: size}
        finally:
            server.stop()


def points(browser, family: str) -> pd.DataFrame:
    """Return a table with one row for each size."""
    what, sizes = FAMILIES[family]
    measured = {
        "samples": lambda size: with_lab(browser, size, 0),
        "runs": lambda size: with_lab(browser, 10, size),
        "sessions": with_people,
    }[family]
    return pd.DataFrame([{what: size, **measured(size)} for size in sizes])


def plot(found: pd.DataFrame) -> alt.HConcatChart:
    """Return a small chart for each measured quantity."""
    what, *figures = found.columns
    line = alt.Chart(found, width=220, height=160).mark_line(point=True, color=BLUE)
    return alt.hconcat(*(line.encode(x=alt.X(f"{what}:Q"), y=alt.Y(f"{one}:Q")) for one in figures))


def main():
    """Measure and print a table for each family, and save its plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"some of {', '.join(FAMILIES)} (default: all)")
    parser.add_argument("--to", type=Path, help="folder to save the plots in")
    parser.add_argument("--leaks", action="store_true", help="measure leaks instead")
    parser.add_argument("--cycles", type=int, default=300, help="cycles and opened labs of --leaks")
    options = parser.parse_args()
    if options.leaks:
        print_leaks(options.cycles)
        return
    if unknown := set(options.families) - set(FAMILIES):
        parser.error(f"There is no family called {', '.join(unknown)}. The families are {', '.join(FAMILIES)}.")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        for family in options.families or FAMILIES:
            found = points(browser, family)
            print(table(list(found), found.map("{:,.4g}".format).to_numpy()), flush=True)
            if options.to:
                options.to.mkdir(parents=True, exist_ok=True)
                plot(found).save(options.to / f"growth-{family}.svg")
                print(f"\n![Growth with {FAMILIES[family][0]}]({options.to.name}/growth-{family}.svg)")
            print()
        browser.close()


if __name__ == "__main__":
    main()
