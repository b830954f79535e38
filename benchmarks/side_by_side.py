"""Measure start, memory and latency of Digit Lab and of four alternative programs, in one run.

    python benchmarks/side_by_side.py [--strokes 12] [--rounds 3]
    python benchmarks/side_by_side.py --against COMMIT

All programs get the same strokes in Chromium on this machine and take turns, so that the ratios hold on a busy machine. They
are measured first without a training, then while the same network is trained. The other programs train as tutorials do, with
`model.fit` in a thread of the server. `make bench` installs the packages of the other programs into `.venv-peers`; without it,
only the programs with Streamlit are measured.

Digit Lab is measured twice, so the ratio of the second to the first shows the noise. With --against, the only other program is
Digit Lab at an earlier commit.
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

from benchmarks.checkout import ROOT, checkout
from benchmarks.latency import OBSERVE_ANSWERS, PAUSE, start_long_training
from benchmarks.report import table
from digitcore import mnist
from tests.support.browser import CHROMIUM_ARGS, Person, chromium, free_port

OURS, THEIRS = sys.executable, str(ROOT / ".venv-peers" / "bin" / "python")
STREAMLIT = (OURS, "-m", "streamlit", "run")
LAB, AGAIN = "Digit Lab", "Digit Lab again (null)"
HEAD = ("program", "start to drawable page (s)", "memory (MB)", "pen-up to prediction (ms)", "the same during a training (ms)")
FORMS = {"starts": ".2f", "megabytes": ".0f", "waits": ".0f", "busy": ".0f"}
TRAINING_DIGITS = 20_000  # digits


@dataclass
class Program:
    """A measured program: how it is started, where its page and its canvas are, and the results."""

    command: tuple[str, ...]
    path: str = "/"
    canvas: str = "canvas.upper-canvas"
    tool: str = ""  # selector of a button to press before drawing
    trains: bool = True
    folder: Path = ROOT
    starts: list[float] = field(default_factory=list)  # s from process start to a page with a canvas
    waits: list[float] = field(default_factory=list)  # ms from pen-up to the new prediction
    busy: list[float] = field(default_factory=list)  # the same while a training runs
    megabytes: list[float] = field(default_factory=list)  # memory of the server and its children after drawing


def digit_lab_twice() -> dict[str, Program]:
    """Return Digit Lab of this version twice."""
    return {name: Program((*STREAMLIT, "server.py"), "/Draw") for name in (LAB, AGAIN)}


def programs() -> dict[str, Program]:
    """Return the programs by their names; Flask and Gradio only if their packages are installed."""
    found = digit_lab_twice() | {
        "echo page (floor)": Program((*STREAMLIT, "benchmarks/peers/echo.py"), trains=False),
        "Streamlit + model.predict": Program((*STREAMLIT, "benchmarks/peers/streamlit_predict.py")),
    }
    if Path(THEIRS).exists():
        found["Flask + model.predict"] = Program((THEIRS, "benchmarks/peers/flask_predict.py"))
        found["Gradio Sketchpad + model.predict"] = Program(
            (THEIRS, "benchmarks/peers/gradio_predict.py"), canvas=".canvas canvas", tool=".canvas [aria-label=Brush]"
        )
    return found


def revisions(commit: str, stack: contextlib.ExitStack) -> dict[str, Program]:
    """Return Digit Lab twice, and Digit Lab at a commit, whose files are in a temporary folder until the stack is closed."""
    earlier = Program((*STREAMLIT, "server.py"), "/Draw", folder=stack.enter_context(checkout(commit)))
    return digit_lab_twice() | {f"{LAB} at {commit}": earlier}


def installed_environment() -> dict[str, str]:
    """Return this process's environment, in which Python keeps bytecode as it does in an installation.

    Without bytecode every start compiles all packages: that takes twice the processor time, and more memory.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextlib.contextmanager
def running(program: Program, folder: str, training: bool):
    """Run a program, and yield its process and address."""
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
    settings["PYTHONPATH"] = str(program.folder)
    process = subprocess.Popen(program.command, cwd=program.folder, env=installed_environment() | settings, **quiet)
    try:
        yield process, f"http://127.0.0.1:{port}"
    finally:
        for child in [*psutil.Process(process.pid).children(recursive=True), process]:
            child.kill()
        process.wait()


def until_drawable(page, url, program):
    """Open the program's page as soon as the server answers, and wait for its canvas."""
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
    """Return the milliseconds from pen-up to the changed prediction. The first two strokes warm up and do not count."""
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


def warm_up(program, browser):
    """Start a program once without measuring it, so that Python has the bytecode of all packages."""
    with tempfile.TemporaryDirectory() as folder, running(program, folder, False) as (_, url):
        page = browser.new_page()
        until_drawable(page, url, program)
        page.close()


def measure(program, browser, strokes):
    """Measure one start, one page and the given number of strokes, without a training."""
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
    """Measure strokes during a training. Digit Lab starts it on its page, the other programs at their start."""
    with tempfile.TemporaryDirectory() as folder, running(program, folder, True) as (_, url):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        until_drawable(page, url, program)
        if program.path == "/Draw":
            start_long_training(Person(page, url))
        page.wait_for_timeout(5000)
        program.busy += draw(page, program.canvas, strokes)
        page.close()


def report(found: dict[str, Program]) -> str:
    """Return a table of the medians, with Digit Lab's value as a multiple of each in brackets."""

    def cell(name, what):
        ours, theirs = getattr(found[LAB], what), getattr(found[name], what)
        if not theirs:
            return "–"
        figure = statistics.median(theirs)
        beside = f" ({statistics.median(ours) / figure:.2f} ×)" if name != LAB else ""
        return f"{figure:{FORMS[what]}}{beside}"

    return table(HEAD, [[name, *(cell(name, what) for what in FORMS)] for name in found])


def main():
    """Measure the programs in turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--against", metavar="COMMIT", help="compare Digit Lab with this commit instead of other programs")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        found = revisions(options.against, stack) if options.against else programs()
        play = stack.enter_context(sync_playwright())
        browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        for program in found.values():
            warm_up(program, browser)
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
    print("The value in brackets is Digit Lab's value as a multiple of the program's. The memory is that of the server. ", end="")
    print("Digit Lab trains in a separate worker, which takes 0.7 GB.")
    if not options.against:
        print("On the other Streamlit pages, the canvas waits 200 ms before it sends. Digit Lab sends at pen-up.")


if __name__ == "__main__":
    main()
