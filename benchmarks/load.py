"""Measure latency and memory while thirty people draw at the same time and a training runs.

    python benchmarks/load.py [--people 30] [--seconds 60]
    python benchmarks/load.py --lab 4900 [--seconds 60]
    python benchmarks/load.py --silent 1100

Each person is a websocket with Streamlit's protocol. It opens the Draw page, sends the canvas after each stroke as a browser
does, and waits for the HTML of the new prediction. During a stroke the browser sends nothing. The training is started in
Chromium, where another person draws, and the time from pen-up to the prediction is measured there as well. Then everyone leaves,
and later another person comes, because Streamlit frees expired sessions when the next session begins.

With --lab, one person draws alone, and then beside a person who labels a drawing every two seconds in a lab with this number of
drawings. No browser is used. With --silent, this number of connections send nothing, and the health check is asked.
"""

import argparse
import asyncio
import base64
import contextlib
import functools
import gc
import io
import json
import multiprocessing
import random
import socket
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
import websockets
from PIL import Image, ImageDraw
from playwright.sync_api import sync_playwright
from streamlit.components.v2.bidi_component.constants import EVENT_DELIM
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX

from benchmarks.latency import measure, start_long_training, visit
from benchmarks.report import null_ratio
from benchmarks.storage import large_lab
from digitcore.storage.database import LabStore, new_token
from tests.support.browser import CHROMIUM_ARGS, SHAPES, Server, chromium

PAUSE = 2.0  # s, mean time between two strokes of one person
SESSION_TIMEOUT = 140  # s until the sessions of people who left have expired: Streamlit keeps them for 120 s
HEALTH_CHECKS = 25
WARM_UP = 5  # s until the other person has opened the lab
LAST_VISIT = 10  # s that the last person draws
CANVAS, LABELS, ANSWER = "drawable_canvas", "digit-lab-labels", 'data-testid="prediction"'
MAX_MESSAGE_SIZE = 50_000_000  # bytes

T = TypeVar("T")


class Visitor:
    """A websocket on the Draw page."""

    def __init__(self, url: str, seed: int, query: str = ""):
        self.query = query
        self.url = url.replace("http://", "ws://") + "/_stcore/stream"
        self.random = random.Random(seed)
        self.components: dict[str, str] = {}  # name → id
        self.fragments: dict[str, str] = {}  # id of a component → id of its fragment
        self.widgets: dict[str, str] = {}  # label or key of a button, a text input or a toggle → id
        self.page_hash = ""
        self.waits: list[float] = []
        self.errors = 0

    @contextlib.asynccontextmanager
    async def connect(self):
        """Open the websocket, and close it at the end."""
        async with websockets.connect(self.url, subprotocols=["streamlit"], max_size=MAX_MESSAGE_SIZE) as self.socket:
            yield

    async def draw(self, seconds: float):
        """Open the page, draw for the given number of seconds, and leave."""
        async with self.connect():
            await self.send(BackMsg(rerun_script={"page_name": "Draw", "query_string": self.query}))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                await self.draw_digit(self.random.choice(list(SHAPES)), end)

    async def draw_digit(self, digit, end):
        """Draw the strokes of a digit. The canvas is not cleared, so the next digit is drawn over it."""
        shift = self.random.choice([-20, 0, 20]), self.random.choice([-20, 0, 20])
        strokes = [tuple((x + shift[0], y + shift[1]) for x, y in points) for points in SHAPES[digit]]
        for number in range(1, len(strokes) + 1):
            pause = self.random.uniform(0.5, 1.5) * PAUSE
            await asyncio.sleep(pause)
            if time.monotonic() > end:
                return
            started = time.monotonic()
            if await self.send(self.stroke(strokes[:number])):
                self.waits.append(time.monotonic() - started)
            else:
                self.errors += 1

    def stroke(self, strokes):
        """Return the message that a browser sends on pen-up."""
        state = json.dumps({"drawing": {"raw": {"objects": [{"path": []}] * len(strokes)}, "data": to_data_url(tuple(strokes))}})
        message = BackMsg(rerun_script={"page_name": "Draw", "fragment_id": self.fragments[self.find(CANVAS)]})
        widget = message.rerun_script.widget_states.widgets.add()
        widget.id, widget.json_value = self.find(CANVAS), state
        return message

    def find(self, name: str) -> str:
        """Return the id of the first component whose name contains `name`, or "" if there is none."""
        return next((found for known, found in self.components.items() if name in known), "")

    def trigger(self, message: BackMsg, name: str, event: str, value: object) -> None:
        """Add an event of a component to a message, as the browser does."""
        widget = message.rerun_script.widget_states.widgets.add()
        widget.id = f"{STREAMLIT_INTERNAL_KEY_PREFIX}_{self.find(name)}{EVENT_DELIM}events"
        widget.json_trigger_value = json.dumps([{"event": event, "value": value}])

    def press(self, message: BackMsg, name: str) -> None:
        """Add a click on a button, by its label or key, to a message."""
        widget = message.rerun_script.widget_states.widgets.add()
        widget.id, widget.trigger_value = self.widgets[name], True

    async def send(self, message) -> bool:
        """Send a message and read the responses until the script has run. Return whether they contain a new prediction."""
        answered = False
        await self.socket.send(message.SerializeToString())
        async with asyncio.timeout(60):
            while True:
                reply, is_answer = await self.receive()
                answered |= is_answer
                is_end = reply.WhichOneof("type") == "script_finished"
                if is_end and reply.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    return answered

    async def receive(self) -> tuple[ForwardMsg, bool]:
        """Read a message. Return it, and whether it is a new prediction."""
        reply = ForwardMsg()
        async with asyncio.timeout(60):
            reply.ParseFromString(await self.socket.recv())
        self.on_message(reply)
        return reply, reply.WhichOneof("type") == "delta" and self.is_answer(reply.delta)

    def on_message(self, reply) -> None:
        """Record which page runs."""
        if reply.WhichOneof("type") == "navigation":
            self.page_hash = reply.navigation.page_script_hash

    def is_answer(self, delta) -> bool:
        """Record the components and widgets, and return whether the delta is a prediction."""
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind in ("text_input", "button", "checkbox"):
            widget = getattr(element, kind)
            self.widgets[widget.label] = self.widgets[widget.id.rpartition("-")[2]] = widget.id
        if kind == "bidi_component":
            component = element.bidi_component
            self.components[component.component_name] = component.id
            self.fragments[component.id] = delta.fragment_id
        return kind == "html" and ANSWER in element.html.body


class Labeller(Visitor):
    """A websocket that draws a digit and labels it, again and again."""

    n_labels = 0
    shifts: Sequence[int] = range(-30, 31)  # px, by which a drawing is moved to the side

    async def draw_digit(self, digit, end):
        """Draw a digit and label it, then pause."""
        await self.draw_and_label(digit)
        await asyncio.sleep(PAUSE)

    async def draw_and_label(self, digit) -> None:
        """Draw a digit and label it, with two messages."""
        x = self.random.choice(self.shifts)
        message = self.stroke([tuple((px + x, py) for px, py in points) for points in SHAPES[digit]])
        message.rerun_script.page_script_hash = self.page_hash
        await self.send(message)
        message.rerun_script.fragment_id = self.fragments[self.find(LABELS)]  # The state of the canvas is sent again.
        self.trigger(message, LABELS, "label", digit)
        await self.send(message)
        self.n_labels += 1


@functools.lru_cache(maxsize=2000)
def to_data_url(strokes) -> str:
    """Return a canvas with these strokes as the data URL of a PNG."""
    image = Image.new("RGBA", (280, 280), "black")
    pen = ImageDraw.Draw(image)
    for points in strokes:
        pen.line(points, fill="white", width=20, joint="curve")
    file = io.BytesIO()
    image.save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def run_visitors(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine. Without the freeze, full garbage collections of this process would count as waits for the server."""
    gc.collect()
    gc.freeze()
    return asyncio.run(work)


def draw_together(url: str, people: int, seconds: float) -> list[dict]:
    """Let everyone draw at the same time. Return the waits and errors of each person."""
    visitors = [Visitor(url, seed) for seed in range(people)]

    async def together():
        return await asyncio.gather(*(one.draw(seconds) for one in visitors), return_exceptions=True)

    outcomes = run_visitors(together())
    return [
        {
            "waits": one.waits,
            "errors": one.errors + isinstance(outcome, BaseException),
        }
        for one, outcome in zip(visitors, outcomes, strict=True)
    ]


def measure_beside_lab(n_samples: int, seconds: float) -> None:
    """Print the waits of one person alone, and beside a person who labels in a lab with `n_samples` drawings."""
    with tempfile.TemporaryDirectory() as folder:
        url, token = f"sqlite:///{folder}/labs.sqlite", new_token()
        store = LabStore.from_url(url)
        store.save(token, large_lab(n_samples, 0))
        server = Server(Path(folder), DIGITLAB_STORE=url)

        async def draw(beside: bool) -> tuple[Visitor, Labeller]:
            person, other = Visitor(server.url, seed=1), Labeller(server.url, 2, query=f"lab={token}")
            async with asyncio.TaskGroup() as group:
                if beside:
                    group.create_task(other.draw(seconds + WARM_UP))
                await asyncio.sleep(WARM_UP)
                await person.draw(seconds)
            return person, other

        try:
            run_visitors(draw(beside=False))  # The first strokes of a server take longer.
            alone, _ = run_visitors(draw(beside=False))
            beside, other = run_visitors(draw(beside=True))
            stored = store.load(token)
        finally:
            server.stop()
    n_stored = len(stored.snapshot.samples) if stored else 0
    medians = [1000 * statistics.median(one.waits) for one in (alone, beside)]
    slowest = [1000 * max(one.waits) for one in (alone, beside)]
    print(f"strokes answered: {len(alone.waits)} alone, {len(beside.waits)} beside a lab of {n_samples:,} drawings")
    print(f"labels of the other person: {other.n_labels}, {n_stored - n_samples} of them stored")
    print(f"pen-up to answer, median: {medians[0]:.0f} ms alone, {medians[1]:.0f} ms beside ({medians[1] / medians[0]:.2f} ×)")
    print(f"pen-up to answer, maximum: {slowest[0]:.0f} ms alone, {slowest[1]:.0f} ms beside")


def measure_silent(n: int) -> None:
    """Open connections that send nothing, ask the health check, and print the answers and the size of the log."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        server = Server(Path(folder))
        stack.callback(server.stop)
        address = "127.0.0.1", int(server.url.rpartition(":")[2])
        for _ in range(n):
            stack.enter_context(socket.create_connection(address, timeout=10))
        waits = []
        for _ in range(HEALTH_CHECKS):
            begin = time.monotonic()
            with urllib.request.urlopen(f"{server.url}/healthz", timeout=10) as answer:
                assert answer.status == 200
            waits.append(1000 * (time.monotonic() - begin))
            time.sleep(1)
        log = sum(file.stat().st_size for file in Path(folder).glob("*.log"))
        n_left = len(psutil.Process(server.process.pid).net_connections("tcp"))
    print(f"{n:,} silent connections: {len(waits)} of {HEALTH_CHECKS} health checks answered, {max(waits):.0f} ms at most")
    print(f"connections after {HEALTH_CHECKS} s: {n_left:,}; log: {log:,} bytes")


def megabytes(server) -> float:
    """Return the memory of the server's process in MB."""
    return psutil.Process(server.process.pid).memory_info().rss / 1e6


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--lab", type=int, default=0, metavar="N", help="measure strokes beside a lab with N drawings")
    parser.add_argument("--silent", type=int, default=0, metavar="N", help="ask the health check beside N silent connections")
    options = parser.parse_args()
    if options.silent:
        measure_silent(options.silent)
        return
    if options.lab:
        measure_beside_lab(options.lab, options.seconds)
        return
    # The visitors run in a separate process, so that this process can measure a real page at the same time.
    apart = multiprocessing.get_context("spawn").Pool(1)
    with sync_playwright() as play, tempfile.TemporaryDirectory() as folder, apart as others:
        browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        server = Server(Path(folder))
        try:
            person = visit(browser, server)
            start_long_training(person)
            alone, before = measure(person, 10), megabytes(server)
            visitors, seen, during = beside(others, server, options, person)
            browser.close()
            time.sleep(SESSION_TIMEOUT)
            others.apply(draw_together, (server.url, 1, LAST_VISIT))
            after = megabytes(server)
        finally:
            server.stop()
    waits = np.array([wait for visitor in visitors for wait in visitor["waits"]]) * 1000
    print(f"people: {options.people}, strokes answered: {len(waits)}, errors: {sum(visitor['errors'] for visitor in visitors)}")
    print(f"pen-up to answer over the websocket: median {np.median(waits):.0f} ms, p95 {np.quantile(waits, 0.95):.0f} ms")
    print(
        f"in Chromium, training on: median {statistics.median(alone):.0f} ms alone, {statistics.median(seen):.0f} ms with "
        f"everyone, {max(seen):.0f} ms at most"
    )
    print(f"server: {before:.0f} MB before, {during:.0f} MB with everyone ({(during - before) / options.people:.1f} MB each),")
    print(f"{after:.0f} MB {SESSION_TIMEOUT} s after they left ({after / before:.2f} × before)")
    print(f"null ratio of the time in Chromium, alone: {null_ratio(alone):.2f} ×")


def beside(others, server, options, person):
    """Run the visitors beside a real page. Return the visitors' results, the page's waits, and the server's memory in MB."""
    coming = others.apply_async(draw_together, (server.url, options.people, options.seconds))
    time.sleep(options.seconds / 3)
    seen = measure(person, 15)
    coming.wait(options.seconds)
    during = megabytes(server)
    return coming.get(), seen, during


if __name__ == "__main__":
    main()
