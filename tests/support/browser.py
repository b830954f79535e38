"""A running dashboard and its user in Chromium, for tests and benchmarks."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from digitcore.values import with_article

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A server with these variables starts no worker at the first label. Use them for tests without a training.
WITHOUT_WORKER = {"DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:9"}
# Settings in an address, with which a training of the smallest network and its evaluation take a second instead of twelve.
QUICK = "network=mlp&mnist_samples=200&epochs=1&validation_samples=100"
CANVAS = "canvas.upper-canvas"
SIDE = 280  # px, side of the canvas in canvas units
ERRORS = "[data-testid=stException], [data-testid=stAlertContentError]"
ROW_HEIGHT = 35  # px, also of the header of a table
LONG = 300_000  # ms, for all that a person waits for; on a busy machine a worker starts slowly, and a page loads slowly
START_PATIENCE = 240  # s; a server starts in a few seconds on a quiet machine

# Streamlit's command with an addition: on SIGUSR1, the process writes the names of its loaded modules to a file.
SERVER = """
import signal, sys
modules = sys.argv.pop(1)
def write(*_):
    with open(modules, "w") as file: file.write("\\n".join(sorted(sys.modules)))
signal.signal(signal.SIGUSR1, write)
from streamlit.web.cli import main
sys.argv[0] = "streamlit"
main()
"""

# Pen paths on a 280 px canvas, each a list of strokes.
FOUR = [[(100, 50), (90, 90), (75, 150), (130, 152), (200, 148)], [(160, 90), (158, 160), (155, 235)]]
SEVEN = [[(80, 70), (130, 68), (200, 66), (170, 130), (140, 230)]]
ONE = [[(140, 50), (141, 120), (139, 230)]]
SHAPES = {4: FOUR, 7: SEVEN, 1: ONE}

# Records every element that moves without user input in window.shifts. Elements that are being replaced (stale) do not count.
# The score of an element is the share of the screen that it touches times its distance; an entry has one score for all elements.
# Source: "Layout Instability", draft of the W3C's community group WICG.
OBSERVE_SHIFTS = """window.shifts = [];
const distance = (before, after) => Math.hypot(before.x - after.x, before.y - after.y);
const moved = ({ node, previousRect: before, currentRect: after }) => node && node.dataset?.stale !== 'true'
  && before.width && after.width && distance(before, after) > 1;
const union = (start, end, before, after) => Math.max(before[end], after[end]) - Math.min(before[start], after[start]);
const area = (before, after) => union('left', 'right', before, after) * union('top', 'bottom', before, after);
const score = ({ previousRect: before, currentRect: after }) =>
  area(before, after) / (innerWidth * innerHeight) * distance(before, after) / Math.max(innerWidth, innerHeight);
new PerformanceObserver(list => { for (const one of list.getEntries()) for (const source of one.sources.filter(moved))
  window.shifts.push([score(source), source.previousRect.y, source.currentRect.y, (source.node.outerHTML ?? '').slice(0, 200)])
}).observe({ type: 'layout-shift', buffered: false });"""

# Waits until no script runs and the page has not changed for `quiet` ms.
SETTLED = """async quiet => {
  const busy = () => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState !== 'notRunning'
    || document.querySelector('[data-stale=true]');
  let changed = performance.now();
  const observer = new MutationObserver(() => { changed = performance.now() });
  observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  while (busy() || performance.now() - changed < quiet) await new Promise(resolve => setTimeout(resolve, 50));
  observer.disconnect();
}"""


def chromium() -> str | None:
    """Return the path of Chromium, or None."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A new dashboard server on an unused port."""

    def __init__(self, folder: Path, script: str = "server.py", **environment: str):
        self.port = int(environment.get("STREAMLIT_SERVER_PORT") or free_port())
        base_path = environment.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
        self.url = f"http://127.0.0.1:{self.port}" + (f"/{base_path}" if base_path else "")
        self.store = environment.get("DIGITLAB_STORE", f"sqlite:///{folder / 'labs.sqlite'}")
        self._modules = folder / "modules.txt"
        self.log = folder / "server.log"
        settings = {
            "STREAMLIT_SERVER_PORT": str(self.port),
            "STREAMLIT_SERVER_HEADLESS": "true",
            "DIGITLAB_STORE": self.store,
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVER, str(self._modules), "run", str(ROOT / script)],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | settings | environment,
            )
        self._wait_until_up()

    def _wait_until_up(self) -> None:
        end = time.monotonic() + START_PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                return
            time.sleep(0.1)
        self.kill()
        raise TimeoutError(self.log.read_text())

    def modules(self) -> set[str]:
        """Return the names of all modules that the server process has loaded."""
        self._modules.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if self._modules.exists() and (text := self._modules.read_text()):
                return set(text.split("\n"))
            time.sleep(0.1)
        raise TimeoutError("the server did not respond to the signal")

    def samples(self, address: str):
        """Return the stored samples of the lab with the address of a page."""
        from digitcore.storage.database import LabStore

        return LabStore.from_url(self.store).load(parse_qs(urlsplit(address).query)["lab"][0]).snapshot.samples

    def kill(self) -> None:
        """Kill the server, like a crash."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Stop the server and its child processes."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Person:
    """A user of a page, with a mouse or a touch screen."""

    def __init__(self, page, url: str, touch: bool = False):
        self.page, self.url, self.touch = page, url, touch
        page.context.set_default_timeout(LONG)

    def open(self, path: str = "/"):
        """Open a page by its address."""
        self.page.goto(self.url + path)

    def begin(self, path: str = "/Draw?start=genius"):
        """Open a page that leads to a canvas, and wait until the user can draw. By default, genius predicts."""
        self.open(path)
        self.find_canvas()
        self.settle()

    def settle(self, quiet: int = 300):
        """Wait until no script runs and the page has not changed for `quiet` ms."""
        self.page.evaluate(SETTLED, quiet)

    def find_canvas(self):
        """Wait for a canvas, and return its element."""
        canvas = self.page.locator(CANVAS).first
        canvas.wait_for()
        return canvas

    def canvas_box(self) -> dict[str, float]:
        """Return the position and size of the canvas on the screen, in px."""
        canvas = self.find_canvas()
        canvas.scroll_into_view_if_needed()
        return canvas.bounding_box()

    def stroke(self, points, box=None):
        """Draw a stroke, in canvas pixels. With a box, draw there without waiting for a canvas."""
        box = box or self.canvas_box()
        places = [(box["x"] + x * box["width"] / SIDE, box["y"] + y * box["height"] / SIDE) for x, y in points]
        if self.touch:
            self._touch(places)
        else:
            self.page.mouse.move(*places[0])
            self.page.mouse.down()
            for place in places[1:]:
                self.page.mouse.move(*place, steps=4)
            self.page.mouse.up()

    def _touch(self, places):
        session = self.page.context.new_cdp_session(self.page)
        for kind, place in [("touchStart", places[0]), *(("touchMove", place) for place in places[1:])]:
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": place[0], "y": place[1]}]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def answer(self) -> str:
        """Return the text of the prediction."""
        return self.page.locator(".st-key-answer").inner_text()

    def wait_for_other_answer(self, before: str) -> str:
        """Wait for another prediction, and return its text."""
        self.page.wait_for_function("before => document.querySelector('.st-key-answer').innerText !== before", arg=before)
        return self.answer()

    def wait_for_answer(self, expected: str) -> None:
        """Wait for a prediction with this text."""
        self.page.wait_for_function("expected => document.querySelector('.st-key-answer').innerText === expected", arg=expected)

    def predicted_digit(self) -> int:
        """Wait for a prediction, and return its digit."""
        digit = self.page.locator(".st-key-answer").get_by_test_id("predicted-digit").first
        digit.wait_for()
        return int(digit.inner_text())

    def draw(self, digit: int) -> list[str]:
        """Draw a digit, and return the text of the prediction after each stroke."""
        return [self.draw_stroke(points) for points in SHAPES[digit]]

    def draw_stroke(self, points) -> str:
        """Draw a stroke, wait for the prediction of the whole drawing, and return its text."""
        head = self.page.get_by_test_id("prediction-head")
        count = int(head.get_attribute("data-strokes") or 0)
        self.stroke(points)
        self.page.locator(f"[data-testid=prediction-head][data-strokes='{count + 1}']").wait_for()
        return self.answer()

    def wait_until_blank(self):
        """Wait until the page shows that the canvas is blank."""
        self.page.locator(".st-key-answer").get_by_text("Draw a digit.", exact=True).wait_for()

    def label(self, digit: int, count: int):
        """Press a label, and wait until the lab has `count` samples."""
        self.press_label(digit)
        self.wait_for_drawings(count)
        self.wait_until_blank()

    def press_label(self, digit: int):
        """Click or tap a label button."""
        button = self.page.locator(".st-key-labels").get_by_role("button", name=f"It is {with_article(digit)}")
        if self.touch:
            button.tap()
        else:
            button.click()

    def wait_for_drawings(self, count: int):
        """Wait until the bar above the page shows this number of drawings."""
        self.bar().get_by_text(re.compile(rf"^{count:,} drawings?$")).wait_for()

    def press(self, key: str):
        """Click or tap the button with this key."""
        button = self.page.locator(f".st-key-{key} button").first
        if self.touch:
            button.tap()
        else:
            button.click()

    def use_tool(self, name: str):
        """Press Undo, Redo or Clear on the corner of the canvas."""
        button = self.page.locator(".st-key-canvas").get_by_role("button", name=name, exact=True).last
        if self.touch:
            button.tap()
        else:
            button.click()

    def slide(self, key: str, *keys: str):
        """Move a slider with keys, and wait until the page has used its value."""
        self.page.locator(f".st-key-{key} input[type=range]").first.focus()
        for name in keys:
            self.page.keyboard.press(name)
        self.settle()

    def choose(self, label: str, text: str):
        """Choose an option of a select box. A scroll closes the list, and Chromium reports it a frame after it has happened."""
        box = self.page.get_by_role("combobox", name=label, exact=True)
        box.scroll_into_view_if_needed()
        self.settle()
        box.click()
        box.fill(text)  # A long list renders only some of its options.
        self.page.get_by_role("option", name=text, exact=True).click()
        if box.get_attribute("aria-expanded") == "true":  # The list of a box for several options stays open.
            self.page.keyboard.press("Escape")
        self.settle()

    def bar(self):
        """Return the bar above the page with the navigation and the state of the lab."""
        return self.page.locator(".st-key-bar")

    def go(self, name: str):
        """Open another page with the navigation."""
        self.bar().locator("a", has_text=name).click()
        self.page.wait_for_url(re.compile(rf"/{'' if name == 'My lab' else name}(\?|$)"), wait_until="commit")
        self.settle()

    def start_long_training(self):
        """Start a training with all MNIST digits on the Train page, and wait for its first epoch."""
        self.slide("mnist_samples", "End")
        self.page.locator(".st-key-mnist_samples").get_by_text("55,000").first.wait_for()
        self.press("train")
        training = self.page.locator(".st-key-training")
        training.get_by_text(re.compile(r"epoch 1 of", re.IGNORECASE)).wait_for()

    def select_row(self, row: int):
        """Click the checkbox of a row of the first table. Rows are counted from 0."""
        table = self.page.locator("[data-testid=stDataFrame]").first
        table.scroll_into_view_if_needed()
        table.click(position={"x": ROW_HEIGHT / 2, "y": (row + 1.5) * ROW_HEIGHT})

    def error_messages(self) -> list[str]:
        """Return the texts of the error messages and exceptions on the page."""
        return self.page.locator(ERRORS).all_inner_texts()

    def see(self, view: str):
        """Choose a view of the Evaluate page."""
        self.page.locator(".st-key-view").get_by_text(view, exact=True).click()
        self.settle()
