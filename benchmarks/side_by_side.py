"""Start, memory and pen-up to answer of Digit Lab and of four programs that a user would pick instead, in one run.

    python benchmarks/side_by_side.py [--strokes 12] [--rounds 3]

All get the same strokes in Chromium on this machine and take turns, so that the ratios hold where it is busy; first quiet,
then with a training of the same network on, which the peers run as tutorials do: `model.fit` in a thread of the server.
`make bench` installs what the peers need into `.venv-peers`; without it only those on Streamlit are measured.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import sync_playwright

from benchmarks.latency import OBSERVE_ANSWERS, PAUSE, start_long_training
from benchmarks.report import table
from digitcore import mnist
from tests.support.browser import CHROMIUM_ARGS, Person, chromium, free_port

ROOT = Path(__file__).resolve().parent.parent
OURS, THEIRS = sys.executable, str(ROOT / ".venv-peers" / "bin" / "python")
STREAMLIT = (OURS, "-m", "streamlit", "run")
LAB = "Digit Lab"
HEAD = ("program", "start to drawable page (s)", "memory (MB)", "pen-up to answer (ms)", "the same, a training on (ms)")
FORMS = {"starts": ".1f", "megabytes": ".0f", "waits": ".0f", "busy": ".0f"}
TRAINING_DIGITS = 20_000  # digits


@dataclass
class Program:
    """One of those measured: how it is started, where its page and its canvas are, and what was found."""

    command: tuple[str, ...]
    path: str = "/"
    canvas: str = "canvas.upper-canvas"
    tool: str = ""  # what has to be pressed before one can draw
    trains: bool = True
    starts: list[float] = field(default_factory=list)  # s from process start to a page that can be drawn on
    waits: list[float] = field(default_factory=list)  # ms from pen-up to new answer
    busy: list[float] = field(default_factory=list)  # the same while a training runs
    megabytes: list[float] = field(default_factory=list)  # of the server after drawing, its children included


def programs() -> dict[str, Program]:
    """By name; those of the usual stack only where their packages are installed."""
    found = {
        LAB: Program((*STREAMLIT, "server.py"), "/Draw"),
        "echo page (floor)": Program((*STREAMLIT, "benchmarks/peers/echo.py"), trains=False),
        "Streamlit + model.predict": Program((*STREAMLIT, "benchmarks/peers/streamlit_predict.py")),
    }
    if Path(THEIRS).exists():
        found["Flask + model.predict"] = Program((THEIRS, "benchmarks/peers/flask_predict.py"))
        found["Gradio Sketchpad + model.predict"] = Program(
            (THEIRS, "benchmarks/peers/gradio_predict.py"), canvas=".canvas canvas", tool=".canvas [aria-label=Brush]"
        )
    return found


@contextlib.contextmanager
def running(program: Program, folder: str, training: bool):
    """The program's process and address."""
    port = free_port()
    settings = {
        "STREAMLIT_SERVER_PORT": str(port),
        "STREAMLIT_SERVER_HEADLESS": "true",
        "DIGITLAB_STORE": f"sqlite:///{folder}/labs.sqlite",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    if training:
        digits, labels = mnist.load().training
        np.savez(f"{folder}/digits.npz", digits=digits[:TRAINING_DIGITS], labels=labels[:TRAINING_DIGITS])
        settings["PEER_TRAINS"] = f"{folder}/digits.npz"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(program.command, cwd=ROOT, env=os.environ | settings, **quiet)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        for child in [*psutil.Process(process.pid).children(recursive=True), process]:
            child.kill()
        process.wait()


def until_drawable(page, url, program):
    """Open the program's page as soon as something answers there, and wait for its canvas."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        with contextlib.suppress(Exception):
            page.goto(url + program.path, timeout=60_000)
            break
        time.sleep(0.05)
    page.locator(program.canvas).first.wait_for(timeout=120_000)
    if program.tool:
        page.locator(program.tool).first.click()


def draw(page, canvas, strokes):
    """Milliseconds from pen-up to the answer's change; the first two strokes warm up and do not count."""
    page.wait_for_timeout(2000)
    page.evaluate(OBSERVE_ANSWERS)
    waits = []
    for number in range(strokes + 2):
        box = page.locator(canvas).first.bounding_box()
        before = page.evaluate("window.waits.length")
        y = box["y"] + (60 + 170 * number / (strokes + 2)) * box["height"] / 280
        page.mouse.move(box["x"] + (40 + 7 * number) * box["width"] / 280, y)
        page.mouse.down()
        page.mouse.move(box["x"] + 230 * box["width"] / 280, y + 9, steps=6)
        page.mouse.up()
        with contextlib.suppress(Exception):
            page.wait_for_function(f"window.waits.length > {before}", timeout=15_000)
            waits += page.evaluate(f"window.waits.slice({before}, {before + 1})")
        page.wait_for_timeout(PAUSE)
    return waits[2:]


def measure(program, browser, strokes):
    """One start, one page, so many strokes, nothing else going on."""
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        with running(program, folder, False) as (process, url):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            until_drawable(page, url, program)
            program.starts.append(time.monotonic() - begin)
            program.waits += draw(page, program.canvas, strokes)
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            program.megabytes.append(sum(one.memory_info().rss for one in family) / 1e6)
            page.close()


def measure_busy(program, browser, strokes):
    """So many strokes while a training runs: pressed in Digit Lab, on from the start in the others."""
    with tempfile.TemporaryDirectory() as folder, running(program, folder, True) as (_, url):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        until_drawable(page, url, program)
        if program.path == "/Draw":
            start_long_training(Person(page, url))
        page.wait_for_timeout(5000)
        program.busy += draw(page, program.canvas, strokes)
        page.close()


def report(found: dict[str, Program]) -> str:
    """Medians, and in brackets what part of each Digit Lab takes."""

    def cell(name, what):
        ours, theirs = getattr(found[LAB], what), getattr(found[name], what)
        if not theirs:
            return "–"
        figure = statistics.median(theirs)
        beside = f" ({statistics.median(ours) / figure:.2f} ×)" if name != LAB else ""
        return f"{figure:{FORMS[what]}}{beside}"

    return table(HEAD, [[name, *(cell(name, what) for what in FORMS)] for name in found])


def main():
    """Measure in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found = programs()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        for _ in range(options.rounds):
            for program in found.values():
                measure(program, browser, options.strokes)
        for program in found.values():
            if program.trains:
                measure_busy(program, browser, options.strokes)
        browser.close()
    print(report(found))
    print(
        f"\nMedians of {options.rounds} starts and {options.rounds * options.strokes} strokes ({options.strokes} while training)."
    )
    print(
        "In brackets: Digit Lab's figure as a multiple of this one. The canvas waits 200 ms before it sends, in every Streamlit"
    )
    print("page but ours, which presses its own button; memory is the server's: Digit Lab trains in a worker of its own, 0.7 GB.")


if __name__ == "__main__":
    main()
