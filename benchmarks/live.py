"""Measure the predictions while the pen is down, in Chromium: their rate, their latency, and whether frames are dropped.

    python benchmarks/live.py [--strokes 8] [--json]
    python benchmarks/live.py --parity [--digits 10000] [--drawings 1000] [--json]

A slow stroke moves all the time. The changes of the bars are counted, together with the frames and with the messages that
the page sends to the server. This is measured on an idle server, then while a training runs. The page then asks for its progress.

With --parity, the predictions of the browser are compared with the predictions of the server for MNIST test digits and for pen
drawings on a canvas, with every shipped model and with two built networks.
"""

import argparse
import itertools
import json
import os
import statistics
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.latency import start_long_training, visit
from digitcore import mnist, models
from digitcore.models.network_spec import Block, NetworkSpec
from tests.support import javascript
from tests.support.browser import CHROMIUM_ARGS, SIDE, Person, Server, chromium

POINTS = 180  # number of points of a stroke
POINT_INTERVAL = 8  # ms between two points, as of a usual mouse
LONG_FRAME = 50  # ms
PAUSE = 800  # ms until a new canvas shows strokes while they are drawn
CHUNK = 250  # pictures that are compared at a time
BUILT = {
    "built with elu": NetworkSpec((Block("conv", 16, 5, pooling=True), Block("dense", 32)), "elu"),
    "built with batch normalization": NetworkSpec(
        (Block("conv", 8, batch_normalization=True, pooling=True), Block("conv", 12), Block("dense", 20)), "gelu"
    ),
}
WATCH = """() => {
  window.changes = []; window.frames = []; window.nSent = 0;
  const { send } = WebSocket.prototype;
  WebSocket.prototype.send = function (...all) { window.nSent += 1; return send.apply(this, all) };
  window.addEventListener('digit-lab-live', () => window.changes.push(performance.now()));
  const frame = now => { window.frames.push(now); requestAnimationFrame(frame) };
  requestAnimationFrame(frame);
}"""
# Moves the pen in the page, because Chromium gets too few events from outside on a busy machine.
MOVE = """async ([places, interval]) => {
  const begin = performance.now();
  const target = document.elementFromPoint(...places[0]);
  for (const [clientX, clientY] of places) {
    const options = { clientX, clientY, buttons: 1, bubbles: true, composed: true, view: window };
    target.dispatchEvent(new PointerEvent('pointermove', options));
    document.dispatchEvent(new MouseEvent('mousemove', options));
    await new Promise(resolve => setTimeout(resolve, interval));
  }
  return [begin, performance.now()];
}"""


def draw_slowly(person: Person, number: int) -> tuple[float, float, int]:
    """Draw a stroke like a 2. Return when it began and ended, in ms of the page's clock, and the number of messages sent."""
    page, box = person.page, person.canvas_box()
    turn = number * 7
    outline = [(70 + turn, 90), (120, 50), (190, 70), (180, 130), (110, 190), (70, 230), (150, 228), (215 - turn, 226)]
    places = []
    for i in range(POINTS):
        at = i * (len(outline) - 1) / (POINTS - 1)
        j, share = min(int(at), len(outline) - 2), at - min(int(at), len(outline) - 2)
        x, y = (outline[j][k] * (1 - share) + outline[j + 1][k] * share for k in (0, 1))
        places.append((box["x"] + x * box["width"] / SIDE, box["y"] + y * box["height"] / SIDE))
    page.mouse.move(*places[0])
    page.mouse.down()
    before = page.evaluate("window.nSent")
    begin, end = page.evaluate(MOVE, [places, POINT_INTERVAL])
    after = page.evaluate("window.nSent")
    page.mouse.up()
    person.settle()
    person.use_tool("Clear")
    person.wait_until_blank()
    person.settle(PAUSE)
    return begin, end, after - before


def measure(person: Person, strokes: int) -> dict[str, float]:
    """Draw the given number of strokes, and return the measured figures."""
    page = person.page
    seconds, n_predictions, n_sent, frames, gaps = 0.0, 0, 0, [], []
    for number in range(strokes):
        begin, end, sent = draw_slowly(person, number)
        changes, all_frames = page.evaluate("[window.changes, window.frames]")
        changes = [at for at in changes if begin <= at <= end]
        during = [at for at in all_frames if begin <= at <= end]
        frames += [after - before for before, after in itertools.pairwise(during)]
        gaps += [after - before for before, after in itertools.pairwise(changes)]
        n_predictions, n_sent, seconds = n_predictions + len(changes), n_sent + sent, seconds + (end - begin) / 1000
    return {
        "predictions_a_second": round(n_predictions / seconds, 1),
        "median_gap_ms": round(statistics.median(gaps), 1) if gaps else float("nan"),
        "messages_during_strokes": n_sent,
        "frames_over_50_ms": sum(frame > LONG_FRAME for frame in frames),
        "longest_frame_ms": round(max(frames), 1),
    }


def measure_rates(strokes: int) -> dict[str, dict[str, float]]:
    """Return the figures of an idle server and of a server with a training."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        server = Server(Path(folder))
        try:
            person = visit(play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS), server)
            person.settle()
            person.page.evaluate(WATCH)
            found = {"quiet": measure(person, strokes)}
            start_long_training(person)
            person.settle()
            found["training"] = measure(person, strokes)
        finally:
            server.stop()
    return found


def measure_parity(n_digits: int, n_drawings: int) -> dict[str, dict[str, float]]:
    """Return the largest differences between browser and server, by the names of the models."""
    from digitcore.models import litert, networks  # Imported here because only this measurement needs TensorFlow.

    files = {name: models.load(name).tflite_bytes for name in models.names()}
    files |= {name: litert.convert(networks.build(spec.to_json())) for name, spec in BUILT.items()}
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        running = [pool.submit(javascript.compare, files, part) for part in _parts(n_digits, n_drawings)]
        parities = [future.result() for future in running]
    return {
        "pixels": {"largest_difference": max(parity.pixels for parity in parities), "pictures": n_digits + n_drawings},
        **{
            name: {
                "largest_difference": max(parity.probabilities[name] for parity in parities),
                "other_digits": sum(parity.n_other_digits[name] for parity in parities),
            }
            for name in files
        },
    }


def _parts(n_digits: int, n_drawings: int) -> Iterator[np.ndarray]:
    """Yield the pictures in parts of at most `CHUNK`."""
    digits, drawings = mnist.load_test()[0][:n_digits], javascript.pen_pictures(n_drawings)
    for start in range(0, n_digits, CHUNK):
        yield javascript.mnist_pictures(digits[start : start + CHUNK])
    for start in range(0, n_drawings, CHUNK):
        yield drawings[start : start + CHUNK]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, default=8)
    parser.add_argument("--parity", action="store_true")
    parser.add_argument("--digits", type=int, default=10_000)
    parser.add_argument("--drawings", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure_parity(options.digits, options.drawings) if options.parity else measure_rates(options.strokes)
    print(json.dumps(found) if options.json else "\n".join(f"{name}: {values}" for name, values in found.items()))


if __name__ == "__main__":
    main()
