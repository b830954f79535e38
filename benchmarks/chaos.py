"""Inject faults while people label drawings, and check that no label that was reported as saved is lost.

    python benchmarks/chaos.py [--minutes 10] [--seed 0] [--browsers 3] [--sockets 10] [--pupils 5]

Browsers and websockets draw, label and train. Pupils join a class, draw and label. At seeded times, the worker, the scheduler,
PostgreSQL and the server are killed or stopped, a table of the database is locked, and its disk is full. At the end, each lab is
opened by its address and read from the database, the pupils of the class are read, the server is stopped, and remaining processes
and files are counted. This needs the programs of PostgreSQL and Chromium. The full disk also needs permission to mount a tmpfs;
without it, this fault is omitted and the output says so.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import parse_qs

import psutil
import websockets
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.classroom import join
from benchmarks.faults import OUTAGE, Faults, small_disk
from benchmarks.load import Visitor
from digitcore.classroom.rules import ClassOptions
from digitcore.storage.classes import ClassStore, StoredClass
from digitcore.storage.database import LabStore, new_token, token_hash
from digitcore.storage.snapshot import LabSnapshot
from tests.support.browser import CHROMIUM_ARGS, SHAPES, Person, Server, chromium
from tests.support.postgres import PostgresServer

PAUSE = 12, 25  # s, shortest and longest time between two faults
QUIET = 40  # s from the last fault to the count of the labels
PATIENCE = 20  # s that a person waits until a label is reported as saved
STATUS = """() => {
  if (document.querySelector('[data-testid=stApp]')?.dataset.testScriptState !== 'notRunning') return ['', ''];
  const bar = document.querySelector('.st-key-bar')?.innerText ?? '';
  return [bar, location.search];
}"""
COUNT = re.compile(r"(\d+)(?: of [\d,]+)? drawings?\b")
MAX_DRAWINGS = 1000  # of a pupil


class Lab:
    """A lab, its address, and the largest number of drawings that a page reported as saved."""

    def __init__(self, name: str):
        self.name, self.address, self.saved, self.pressed, self.interruptions = name, "", 0, 0, 0

    def note(self, status: str, address: str) -> bool:
        """Record what a page shows, and return whether it reports everything as saved."""
        found = COUNT.search(status)
        is_saved = bool(found) and "Saved" in status
        if is_saved and "lab=" in address:
            self.address = address.lstrip("?")
            self.saved = max(self.saved, int(found[1]))
        return is_saved


class LabVisitor(Visitor):
    """A websocket that labels its drawings, and reconnects with the address of its lab after an interruption."""

    def __init__(self, url: str, seed: int):
        super().__init__(url, seed)
        self.lab = Lab(f"websocket {seed}")
        self.query, self.status = "", ""

    async def label_until(self, end: float) -> None:
        """Draw and label until the end, and reconnect if the connection fails."""
        while time.monotonic() < end:
            try:
                async with self.connect():
                    await self.begin()
                    while time.monotonic() < end:
                        await self.draw_and_label(end)
            except (OSError, TimeoutError, websockets.WebSocketException):
                self.lab.interruptions += 1
                await asyncio.sleep(1)

    async def begin(self) -> None:
        """Open the lab, or a new lab."""
        await self.rerun()

    async def draw_and_label(self, end: float) -> None:
        """Draw and label a digit, and wait until it is reported as saved."""
        digit = self.random.choice(list(SHAPES))
        await self.draw_digit(digit, end)
        self.lab.pressed += 1
        await self.rerun(digit)
        deadline = time.monotonic() + PATIENCE
        while not self.lab.note(self.status, self.query) and time.monotonic() < deadline:
            await asyncio.sleep(1)
            await self.rerun()

    async def rerun(self, label: int | None = None) -> None:
        """Run the whole page, with a label button pressed if `label` is given."""
        self.status = ""
        message = BackMsg(rerun_script={"page_name": "Draw", "query_string": self.query})
        if label is not None:
            self.trigger(message, "digit-lab-labels", "label", label)
        await self.send(message)

    def on_message(self, reply: ForwardMsg) -> None:
        """Record the address of the page and the status in its bar."""
        super().on_message(reply)
        if reply.WhichOneof("type") == "page_info_changed":
            self.query = reply.page_info_changed.query_string
        element = reply.delta.new_element
        if element.WhichOneof("type") == "html" and 'class="status"' in element.html.body:
            self.status = element.html.body


class Pupil(LabVisitor):
    """A websocket that joins a class, and then labels its drawings in the lab of the pupil."""

    def __init__(self, url: str, seed: int, code: str):
        super().__init__(url, seed)
        self.lab, self.code = Lab(f"pupil {seed}"), code

    async def begin(self) -> None:
        """Open the lab. Join the class if there is no lab yet, with another nickname after each interruption."""
        if self.lab.address:
            self.query = self.lab.address
        else:
            self.query = ""
            await join(self, self.code, f"Pupil {self.random.randrange(10**6)}")
        await self.rerun()


def browse(url: str, lab: Lab, seed: int, end: float) -> None:
    """Draw, label, wait until the label is reported as saved, and sometimes train, in a browser."""
    chance = random.Random(seed)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
        person = Person(browser.new_page(), url)
        person.page.set_default_timeout(PATIENCE * 1000)
        while time.monotonic() < end:
            try:
                person.begin(f"/Draw?{lab.address}")
                while time.monotonic() < end:
                    draw_and_label(person, lab, chance)
            except (PlaywrightError, AssertionError):
                lab.interruptions += 1
                time.sleep(1)
        browser.close()


def draw_and_label(person: Person, lab: Lab, chance: random.Random) -> None:
    """Draw and label a digit, and start a training one time in four."""
    digit = chance.choice(list(SHAPES))
    person.draw(digit)
    lab.pressed += 1
    person.press_label(digit)
    person.wait_until_blank()
    deadline = time.monotonic() + PATIENCE
    while not lab.note(*person.page.evaluate(STATUS)) and time.monotonic() < deadline:
        person.page.wait_for_timeout(500)
    if chance.random() < 0.25:
        person.go("Train")
        person.press("train")
        person.go("Draw")


async def open_lab(url: str, address: str) -> int:
    """Return how many drawings the page shows for the address of a lab."""
    visitor = LabVisitor(url, 0)
    visitor.query = address
    async with visitor.connect():
        await visitor.rerun()
    found = COUNT.search(visitor.status)
    if not found or not int(found[1]):
        print(f"{address} shows: {visitor.status}")
    return int(found[1]) if found else 0


def left_behind(folder: Path) -> list[str]:
    """Return the processes of the dashboard that still run, and the files in its temporary folder."""
    found = [str(path) for path in (folder / "tmp").iterdir()]
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("TMPDIR", "").startswith(str(folder)):
                found.append(" ".join(process.cmdline())[:120])
    return found


def run(faults: Faults, options: argparse.Namespace, code: str) -> list[Lab]:
    """Run the people and the faults together until the time is over, then wait without faults.

    Args:
        faults: The faults, and the running dashboard.
        options: Options of the command.
        code: Join code of the class.

    Returns:
        The labs of all people.
    """
    chance, url = random.Random(options.seed), faults.server.url
    end = time.monotonic() + options.minutes * 60
    visitors = [LabVisitor(url, seed) for seed in range(options.sockets)]
    visitors += [Pupil(url, options.sockets + number, code) for number in range(options.pupils)]
    labs = [Lab(f"browser {seed}") for seed in range(options.browsers)]

    async def together():
        await asyncio.gather(*(visitor.label_until(end + QUIET / 2) for visitor in visitors))

    threads = [threading.Thread(target=asyncio.run, args=(together(),))]
    threads += [threading.Thread(target=browse, args=(url, lab, seed, end + QUIET / 2)) for seed, lab in enumerate(labs)]
    for thread in threads:
        thread.start()
    while time.monotonic() + PAUSE[1] + OUTAGE < end:
        time.sleep(chance.uniform(*PAUSE))
        faults.inject(chance)
    for thread in threads:
        thread.join()
    time.sleep(QUIET / 2)
    return labs + [visitor.lab for visitor in visitors]


def create_class(url: str) -> StoredClass:
    """Create the class of the pupils."""
    store, token = LabStore.from_url(url), new_token()
    store.save(token, LabSnapshot())
    return ClassStore(store).create(token, "Chaos", ClassOptions(max_drawings=MAX_DRAWINGS))


def count_lost(labs: list[Lab], server: Server, url: str, room: StoredClass) -> int:
    """Print the reported and the stored labels of each lab, and return how many labels reported as saved are lost.

    The labels of a pupil must be in the class, too.
    """
    store, lost = LabStore.from_url(url), 0
    pupils = {pupil.id: len(pupil.samples) for pupil in ClassStore(store).pupils(room.id)}
    for lab in labs:
        token = "".join(parse_qs(lab.address).get("lab", []))
        stored = store.load(token) if token else None
        there = len(stored.snapshot.samples) if stored else 0
        if lab.name.startswith("pupil"):
            there = min(there, pupils.get(token_hash(token), 0))
        shown = asyncio.run(open_lab(server.url, lab.address)) if token else 0
        lost += max(0, lab.saved - min(there, shown))
        told = f"{lab.pressed} labels pressed, {lab.saved} reported as saved, {lab.interruptions} interruptions"
        print(f"{lab.name}: {told}; stored {there}, shown {shown}")
    return lost


def main() -> None:
    """Run, count and print; exit with status 1 if a label was lost, or a process or file was left behind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--browsers", type=int, default=3)
    parser.add_argument("--sockets", type=int, default=10)
    parser.add_argument("--pupils", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user.
        for part in ("database", "tmp"):
            (folder / part).mkdir()
        with small_disk(folder / "database") as disk:
            postgres = PostgresServer(folder / "database")
            with postgres as url:

                def start(port: int | None = None) -> Server:
                    settings = {"STREAMLIT_SERVER_PORT": str(port)} if port else {}
                    return Server(folder, DIGITLAB_STORE=url, TMPDIR=str(folder / "tmp"), **settings)

                room, faults = create_class(url), Faults(start, postgres, url, disk)
                try:
                    labs = run(faults, options, room.code)
                    lost = count_lost(labs, faults.server, url, room)
                finally:
                    faults.server.stop()
                time.sleep(5)
                left = left_behind(folder)
    print("faults:", json.dumps(faults.counts), "" if disk else "(without a full disk, because a tmpfs cannot be mounted here)")
    print(f"labels reported as saved and lost: {lost}; processes and files left behind: {len(left)}", *left, sep="\n  ")
    sys.exit(bool(lost or left))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
