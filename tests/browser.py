"""The running dashboard and a person at it: a fresh server, Chromium, and a pen. Used by tests and benchmarks."""

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

ROOT = Path(__file__).resolve().parent.parent
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync"
)
CANVAS = "canvas.upper-canvas"

# Streamlit's own command, with one addition: on SIGUSR1 it writes down which modules it has loaded.
SERVER = """
import signal, sys
modules = sys.argv.pop(1)
def note(*_):
    with open(modules, "w") as file: file.write("\\n".join(sorted(sys.modules)))
signal.signal(signal.SIGUSR1, note)
from streamlit.web.cli import main
sys.argv[0] = "streamlit"
main()
"""

# Pen paths on a 280 px canvas, each a list of strokes.
FOUR = [[(100, 50), (90, 90), (75, 150), (130, 152), (200, 148)], [(160, 90), (158, 160), (155, 235)]]
SEVEN = [[(80, 70), (130, 68), (200, 66), (170, 130), (140, 230)]]
ONE = [[(140, 50), (141, 120), (139, 230)]]
SHAPES = {4: FOUR, 7: SEVEN, 1: ONE}


def chromium():
    """Chromium's path, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A fresh dashboard on a free port."""

    def __init__(self, folder: Path, script: str = "streamlit_app.py", **environment: str):
        self.port = int(environment.get("STREAMLIT_SERVER_PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self._modules = folder / "modules.txt"
        self.log = folder / "server.log"
        settings = {
            "STREAMLIT_SERVER_PORT": str(self.port),
            "STREAMLIT_SERVER_HEADLESS": "true",
            "DIGITLAB_STORE": f"sqlite:///{folder / 'labs.sqlite'}",
        }
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVER, str(self._modules), "run", str(ROOT / script)],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | settings | environment,
            )
        self._until_it_answers()

    def _until_it_answers(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=1):
                return
            time.sleep(0.1)
        raise TimeoutError(self.log.read_text())

    def modules(self) -> set[str]:
        """The names of all modules that the server process has loaded."""
        self._modules.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if self._modules.exists() and (text := self._modules.read_text()):
                return set(text.split("\n"))
            time.sleep(0.1)
        raise TimeoutError("the server has not answered the signal")

    def stop(self):
        """End it, and all that it started."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Person:
    """Somebody with a mouse or a finger in front of a page."""

    def __init__(self, page, url: str, touch: bool = False):
        self.page, self.url, self.touch = page, url, touch

    def open(self, path: str = "/"):
        """Open a page by its address."""
        self.page.goto(self.url + path)

    def begin(self, path: str = "/Draw"):
        """Open a page that leads to a canvas, and wait for it."""
        self.open(path)
        self.at_canvas()

    def at_canvas(self):
        """Wait for a canvas that can be drawn on."""
        self.page.locator(CANVAS).first.wait_for(timeout=60_000)
        return self.page.locator(CANVAS).first

    def stroke(self, points):
        """One stroke, in canvas pixels."""
        canvas = self.at_canvas()
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        places = [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in points]
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
        for kind, where in [("touchStart", places[0]), *(("touchMove", place) for place in places[1:])]:
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": where[0], "y": where[1]}]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def answer(self) -> str:
        """What the answer says."""
        return self.page.locator(".st-key-answer").inner_text()

    def until_answer_differs(self, before: str) -> str:
        """Wait for another answer."""
        self.page.wait_for_function(
            "before => document.querySelector('.st-key-answer').innerText !== before", arg=before, timeout=15_000
        )
        return self.answer()

    def draw(self, digit: int) -> list[str]:
        """Draw a digit stroke by stroke, waiting for the answer to each; returns the answers."""
        answers = []
        for points in SHAPES[digit]:
            before = self.answer()
            self.stroke(points)
            answers.append(self.until_answer_differs(before))
        return answers

    def until_blank(self):
        """Wait until the answer is that nothing is drawn."""
        self.page.locator(".st-key-answer").get_by_text("Draw a digit").wait_for(timeout=15_000)

    def press(self, key: str):
        """Click or tap the button of this key."""
        button = self.page.locator(f".st-key-{key} button").first
        button.tap() if self.touch else button.click()

    def tool(self, name: str):
        """Press Undo, Redo or Clear beside the canvas."""
        button = self.page.locator(".st-key-canvas").get_by_role("button", name=name, exact=True).last
        button.tap() if self.touch else button.click()

    def go(self, name: str):
        """Change to another page by the navigation."""
        open_sidebar = self.page.locator('[data-testid="stExpandSidebarButton"]')
        if open_sidebar.is_visible():
            open_sidebar.click()
        self.page.locator('[data-testid="stSidebar"] a', has_text=name).click()
        self.page.wait_for_url(re.compile(rf"/{'' if name == 'Home' else name}(\?|$)"))
        if self.touch:
            self.page.locator('[data-testid="stSidebarCollapseButton"] button').click()
