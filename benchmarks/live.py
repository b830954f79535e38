"""Measure the predictions while the pen is down, in Chromium: their rate, their latency, and whether frames are dropped.

    python benchmarks/live.py [--strokes 8] [--json]

A slow stroke moves all the time. Each picture that the page takes of it is timed until the bars change. Frames are counted at
the same time. This is measured on an idle server, then while a training runs.
"""

import argparse
import itertools
import json
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.latency import start_long_training, visit
from tests.support.browser import CHROMIUM_ARGS, SIDE, Person, Server, chromium

POINTS = 120  # number of points of a stroke
POINT_INTERVAL = 12  # ms between two points
LONG_FRAME = 50  # ms
PAUSE = 800  # ms until a new canvas shows strokes while they are drawn
WATCH = """() => {
  window.pictures = []; window.changes = []; window.frames = [];
  const toDataURL = HTMLCanvasElement.prototype.toDataURL;
  HTMLCanvasElement.prototype.toDataURL = function (...all) {
    if (this.width === 112) window.pictures.push(performance.now());
    return toDataURL.apply(this, all);
  };
  new MutationObserver(() => window.changes.push(performance.now())).observe(document.querySelector('.st-key-labels'),
    { subtree: true, attributes: true, attributeFilter: ['style'] });
  const frame = now => { window.frames.push(now); requestAnimationFrame(frame) };
  requestAnimationFrame(frame);
}"""


def draw_slowly(person: Person, number: int) -> tuple[float, float]:
    """Draw a stroke like a 2. Return when it began and ended, in ms of the page's clock."""
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
    begin = page.evaluate("performance.now()")
    for place in places[1:]:
        page.mouse.move(*place)
        page.wait_for_timeout(POINT_INTERVAL)
    end = page.evaluate("performance.now()")
    page.mouse.up()
    person.settle()
    person.use_tool("Clear")
    person.wait_until_blank()
    person.settle(PAUSE)
    return begin, end


def measure(person: Person, strokes: int) -> dict[str, float]:
    """Draw the given number of strokes, and return the measured figures."""
    page = person.page
    page.evaluate(WATCH)
    seconds, waits, frames = 0.0, [], []
    for number in range(strokes):
        begin, end = draw_slowly(person, number)
        pictures, changes, all_frames = page.evaluate("[window.pictures, window.changes, window.frames]")
        pictures = [at for at in pictures if begin <= at <= end]
        for picture, following in itertools.pairwise([*pictures, end]):
            answer = next((at for at in changes if picture < at <= following + 1), None)
            if answer is not None:
                waits.append(answer - picture)
        during = [at for at in all_frames if begin <= at <= end]
        frames += [after - before for before, after in itertools.pairwise(during)]
        seconds += (end - begin) / 1000
    return {
        "answers_a_second": round(len(waits) / seconds, 1),
        "median_ms": round(statistics.median(waits), 1) if waits else float("nan"),
        "frames_over_50_ms": sum(frame > LONG_FRAME for frame in frames),
        "longest_frame_ms": round(max(frames), 1),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        server = Server(Path(folder))
        try:
            browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
            person = visit(browser, server)
            person.settle()
            found = {"quiet": measure(person, options.strokes)}
            start_long_training(person)
            person.settle()
            found["training"] = measure(person, options.strokes)
        finally:
            server.stop()
    print(json.dumps(found) if options.json else "\n".join(f"{name}: {values}" for name, values in found.items()))


if __name__ == "__main__":
    main()
