"""Measure how long a large lab takes to save and to open in SQLite, and whether strokes become slower.

    python benchmarks/storage.py [--samples 500] [--runs 30]

No two runs share model files, and the files are as large as real ones.
"""

import argparse
import functools
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.latency import measure
from digitcore import mnist, models
from digitcore.evaluation.score import Score
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.storage.database import LabStore, new_token
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from tests.support.browser import CHROMIUM_ARGS, Person, Server, chromium

SCORE = Score.from_counts(9972, 10_000)  # A run without a score would be evaluated while strokes are measured.
N_LABELS = 9


def large_lab(samples: int, runs: int) -> LabSnapshot:
    """Return a lab with drawings from MNIST and runs from genius. No two models share a file."""
    digits, labels = mnist.load_test()
    genius = models.load("genius")
    strokes = ['{"side":280,"width":20,"strokes":[' + ",".join(["[[10,20],[30,40],[50,60]]"] * 8) + "]}"] * samples
    history = [{"epoch": n / 100, "samples_seen": 10.0 * n, "seconds": n / 10, "loss": 0.1, "val_loss": 0.1} for n in range(200)]
    records = []
    for number in range(1, runs + 1):
        mark = number.to_bytes(4, "little")
        card = replace(genius.card, name=f"run {number}")
        model = ModelBundle(card, genius.keras_bytes + mark, genius.tflite_bytes + mark)
        run = Run(model, history, TrainSettings(), "genius", 2.0, mnist_before=SCORE, mnist_after=SCORE)
        records.append(RunRecord(run, genius))
    return LabSnapshot(
        SampleSet.from_arrays(digits[:samples], labels[:samples], None, strokes), tuple(records), (), {"run_counter": runs}
    )


def timed(work):
    """Return the seconds of a call, and its result."""
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def label_seconds(store: LabStore, token: str, lab: LabSnapshot) -> list[float]:
    """Save a lab after each of several labels, and return the seconds of each."""
    found = []
    for digit in lab.samples.digits[:N_LABELS]:
        more = replace(lab, samples=lab.samples.add(digit, 7))
        found.append(timed(functools.partial(store.save, token, more, lab))[0])
        lab = more
    return found


def open_draw_page(browser, url):
    """Open a Draw page. Return the seconds until the canvas and the number of drawings are shown, and the person on the page."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    begin = time.perf_counter()
    page.goto(url)
    page.locator("canvas.upper-canvas").first.wait_for()
    page.locator(".st-key-samples").wait_for()
    return time.perf_counter() - begin, Person(page, url.partition("/Draw")[0])


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=500)
    parser.add_argument("--runs", type=int, default=30)
    options = parser.parse_args()
    lab, token = large_lab(options.samples, options.runs), new_token()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        url = f"sqlite:///{folder}/labs.sqlite"
        store = LabStore.from_url(url)
        whole, _ = timed(lambda: store.save(token, lab))
        label = statistics.median(label_seconds(store, token, lab))
        load, _ = timed(lambda: store.load(token))
        disk = sum(file.stat().st_size for file in Path(folder).glob("labs.sqlite*"))
        server = Server(Path(folder), DIGITLAB_STORE=url)
        browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        try:
            open_draw_page(browser, f"{server.url}/Draw")[1].page.close()  # The first page of a server takes longer.
            empty, person = open_draw_page(browser, f"{server.url}/Draw")
            large, other = open_draw_page(browser, f"{server.url}/Draw?lab={token}")
            for one in (person, other):
                one.page.wait_for_timeout(1500)
            waits = [measure(one, 12) for one in (person, other, person)]
        finally:
            browser.close()
            server.stop()
    print(f"{options.samples} drawings, {options.runs} runs: {disk / 1e6:.1f} MB on disk")
    print(f"the first save takes {whole:.2f} s, another label {1000 * label:.0f} ms, loading the lab {load:.2f} s")
    print(f"a Draw page opens in {large:.2f} s with the lab, {empty:.2f} s without")
    without, with_lab, again = map(statistics.median, waits)
    print(f"pen-up to prediction: {with_lab:.0f} ms with the lab, {without:.0f} ms without ({with_lab / without:.2f} ×)")
    print(f"null ratio: {again / without:.2f} × (without the lab again)")


if __name__ == "__main__":
    main()
