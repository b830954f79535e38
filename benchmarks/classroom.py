"""Measure a class: websocket pupils and phones in Chromium join, draw and label, while the teacher trains twice.

    python benchmarks/classroom.py [--pupils 30] [--drawings 100] [--phones 3] [--phone-drawings 10]

The teacher's page and the projector are in Chromium too. Each pupil joins by the address of the class, as a browser does, and
then draws and labels at most 30 drawings in a minute. The printed delay is the time until the projector shows a drawing that is
in the database. At the end, the drawings of the class in the database are counted.
"""

import argparse
import asyncio
import re
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg

from benchmarks.load import LABELS, PAUSE, SHAPES, Labeller, Visitor, megabytes
from digitcore.classroom.pupils import gather
from digitcore.classroom.rules import ClassOptions
from digitcore.storage.classes import ClassStore
from digitcore.storage.database import LabStore, new_token, view_token
from digitcore.storage.snapshot import LabSnapshot
from tests.support.browser import CHROMIUM_ARGS, LONG, Person, Server, chromium

PHONE = {"viewport": {"width": 390, "height": 664}, "has_touch": True, "is_mobile": True}
PROJECTOR = {"width": 1920, "height": 1080}
N_TRAININGS = 2
JOIN_SECONDS = 60  # during which the pupils come
INTERVAL = 0.2  # s between two looks at the projector


class Pupil(Labeller):
    """A websocket that joins a class, and then draws and labels."""

    def __init__(self, url: str, number: int, code: str):
        super().__init__(url, number)
        self.nickname, self.code = f"Pupil {number + 1}", code
        self.joined_after = float("inf")  # s
        self.polls: dict[str, float] = {}  # fragment → s between two of its polls
        self.n_polls, self.polled_at = 0, 0.0

    def on_message(self, reply):
        """Record which page runs, and which fragments of it poll."""
        super().on_message(reply)
        if reply.WhichOneof("type") == "navigation":
            self.polls.clear()  # The page is drawn again.
        if reply.WhichOneof("type") == "auto_rerun":
            self.polls[reply.auto_rerun.fragment_id] = reply.auto_rerun.interval

    async def poll(self, until: float) -> None:
        """Poll the class as a browser does, until a time in s."""
        begin = self.polled_at
        while (now := time.monotonic()) < until:
            due = [name for name, interval in self.polls.items() if now - begin >= interval]
            for name in due:
                await self.send(
                    BackMsg(rerun_script={"fragment_id": name, "is_auto_rerun": True, "page_script_hash": self.page_hash})
                )
                self.n_polls += 1
            begin = self.polled_at = now if due else begin
            await asyncio.sleep(0.05)

    async def join(self) -> None:
        """Open the address of the class, and join with the nickname."""
        begin = time.monotonic()
        await join(self, self.code, self.nickname)
        self.joined_after = time.monotonic() - begin

    async def attend(self, n: int, delay: float) -> None:
        """Join after a delay, then label n drawings."""
        await asyncio.sleep(delay)
        async with self.connect():
            await self.join()
            while self.n_labels < n:
                due = time.monotonic() + PAUSE + 0.1
                await self.draw_digit(self.random.choice(list(SHAPES)), None)
                await self.poll(due)

    async def draw_digit(self, digit, end):
        """Draw a digit and label it. Each drawing has a random position and slant, so that no two are equal."""
        slant, dx, dy = self.random.uniform(-0.3, 0.3), self.random.uniform(-30, 30), self.random.uniform(-20, 20)
        strokes = [tuple((x + dx + slant * (y - 140), y + dy) for x, y in points) for points in SHAPES[digit]]
        message = self.stroke(strokes)
        message.rerun_script.page_script_hash = self.page_hash
        begin = time.monotonic()
        answered = await self.send(message)
        self.waits += [time.monotonic() - begin] if answered else []
        self.errors += not answered
        message.rerun_script.fragment_id = self.fragments[self.find(LABELS)]
        self.trigger(message, LABELS, "label", digit)
        await self.send(message)
        self.n_labels += 1


async def join(visitor: Visitor, code: str, nickname: str) -> None:
    """Open the address of a class, and join it. The page Draw then follows.

    Raises:
        TimeoutError: If the page does not offer to join, for example because the database does not answer.
    """
    await visitor.send(BackMsg(rerun_script={"query_string": f"class={code}"}))
    if "Nickname" not in visitor.widgets:
        raise TimeoutError("The page does not offer to join the class.")
    message = BackMsg(rerun_script={"page_script_hash": visitor.page_hash, "query_string": f"class={code}"})
    widget = message.rerun_script.widget_states.widgets.add()
    widget.id, widget.string_value = visitor.widgets["Nickname"], nickname
    visitor.press(message, "Join")
    await visitor.send(message)
    while not visitor.find(LABELS):
        await visitor.receive()


class Phones(threading.Thread):
    """Phones in Chromium that join the class and label drawings."""

    def __init__(self, url: str, code: str, n_phones: int, n_drawings: int):
        super().__init__(name="phones")
        self.url, self.code, self.n_phones, self.n_drawings = url, code, n_phones, n_drawings
        self.error: BaseException | None = None

    def run(self):
        """Join with all phones, then draw with each in turn."""
        try:
            with sync_playwright() as play:
                browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
                people = [self.join(browser, number) for number in range(self.n_phones)]
                for n in range(1, self.n_drawings + 1):
                    for person in people:
                        person.draw(7)
                        person.press_label(7)
                        person.bar().get_by_text(re.compile(rf": {n} of")).wait_for()
                        person.wait_until_blank()
        except Exception as error:  # noqa: BLE001  # The main thread reports it.
            self.error = error

    def join(self, browser, number: int) -> Person:
        """Open the address of the class on a phone, and join."""
        person = Person(browser.new_context(**PHONE).new_page(), self.url, touch=True)
        person.page.set_default_timeout(LONG)
        person.open(f"/?class={self.code}")
        person.page.get_by_label("Nickname").fill(f"Phone {number + 1}")
        person.page.keyboard.press("Tab")
        person.settle()
        person.press("class_join_button")
        person.find_canvas()
        person.settle()
        return person


class Delay:
    """The delay of the projector, measured from the numbers of drawings in the database and on the projector."""

    def __init__(self):
        self.stored: list[tuple[float, int]] = []  # s, number of drawings
        self.longest = 0.0  # s

    def look(self, stored: int, shown: int) -> None:
        """Record both numbers."""
        now = time.monotonic()
        if not self.stored or stored != self.stored[-1][1]:
            self.stored.append((now, stored))
        unseen = [at for at, n in self.stored if n > shown]
        self.longest = max(self.longest, now - unseen[0] if unseen else 0.0)


def train(page) -> bool:
    """Press the button of the teacher's view that trains on the class. Return whether no training ran before."""
    button = page.locator(".st-key-class_train button")
    if not button.is_enabled():
        return False
    button.click()
    page.locator(".st-key-class_train button:disabled").wait_for()
    return True


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pupils", type=int, default=30)
    parser.add_argument("--drawings", type=int, default=100, help="drawings of each websocket pupil")
    parser.add_argument("--phones", type=int, default=3)
    parser.add_argument("--phone-drawings", type=int, default=10, help="drawings of each phone")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        url, token = f"sqlite:///{folder}/labs.sqlite", new_token()
        store = LabStore.from_url(url)
        store.save(token, LabSnapshot())
        classes = ClassStore(store)
        room = classes.create(token, "Benchmark", ClassOptions())
        server = Server(Path(folder), DIGITLAB_STORE=url)
        try:
            browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
            teacher, projector = browser.new_page(), browser.new_page(viewport=PROJECTOR)
            for page in (teacher, projector):
                page.set_default_timeout(LONG)
            projector.goto(f"{server.url}/?project={view_token(token)}")
            teacher.goto(f"{server.url}/Draw?lab={token}")
            teacher.locator(".st-key-bar").get_by_text("My lab").click()
            teacher.locator(".st-key-class_view").get_by_text("Train", exact=True).click()
            before = megabytes(server)
            pupils = [Pupil(server.url, number, room.code) for number in range(options.pupils)]
            outcomes: list[object] = []

            async def attend():
                delays = (JOIN_SECONDS * number / len(pupils) / 2 for number in range(len(pupils)))
                work = (pupil.attend(options.drawings, delay) for pupil, delay in zip(pupils, delays, strict=True))
                outcomes.extend(await asyncio.gather(*work, return_exceptions=True))

            phones = Phones(server.url, room.code, options.phones, options.phone_drawings)
            crowd = threading.Thread(target=lambda: asyncio.run(attend()), name="pupils")
            began = time.monotonic()
            for thread in (crowd, phones):
                thread.start()
            wanted = options.pupils * options.drawings + options.phones * options.phone_drawings
            delay, n_trained, known, stored = Delay(), 0, {}, 0
            is_due = False
            while crowd.is_alive() or phones.is_alive() or is_due:
                known = {pupil.id: pupil for pupil in classes.pupils(room.id, known)}
                stored = len(gather(known.values(), room.state, room.options))
                found = re.search(r"([\d,]+) drawings?\.", projector.locator(".class-invitation").inner_text())
                delay.look(stored, int(found[1].replace(",", "")) if found else 0)
                is_due = n_trained < N_TRAININGS and stored >= wanted * (1 + n_trained) / (N_TRAININGS + 1)
                n_trained += is_due and train(teacher)
                time.sleep(INTERVAL)
            during, seconds = megabytes(server), time.monotonic() - began
            busy = sum(psutil.Process(server.process.pid).cpu_times()[:2])
            stored = len(gather(classes.pupils(room.id), room.state, room.options))
        finally:
            server.stop()
    waits = 1000 * np.array([wait for pupil in pupils for wait in pupil.waits])
    joins = [pupil.joined_after for pupil in pupils]
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    print(f"{options.pupils} websocket pupils and {options.phones} phones, {seconds:.0f} s, {psutil.cpu_count()} cores")
    print(f"drawings of the class: {stored:,} of {wanted:,}; trainings: {n_trained}")
    print(f"joining: {max(joins):.1f} s at most; errors: {failures or 'none'} of pupils, {phones.error or 'none'} of phones")
    print(f"pen-up to answer: median {np.median(waits):.0f} ms, p95 {np.quantile(waits, 0.95):.0f} ms of {len(waits):,} strokes")
    print(
        f"polls of the websocket pupils: {sum(pupil.n_polls for pupil in pupils):,}; processor time of the server: {busy:.0f} s"
    )
    print(f"the projector is {delay.longest:.1f} s behind at most")
    print(f"server: {before:.0f} MB before, {during:.0f} MB at the end")


if __name__ == "__main__":
    main()
