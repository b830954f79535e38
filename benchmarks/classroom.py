"""Measure a class: websocket pupils and phones in Chromium join, draw and label, while the teacher trains twice.

    python benchmarks/classroom.py [--pupils 30] [--phones 3] [--drawings 100] [--pace 5.5]
    python benchmarks/classroom.py --servers 2 --kill

The teacher's page and the projector are in Chromium too. Each pupil joins by the address of the class, as a browser does, and
labels a drawing every 5.5 seconds, which is the pace of a lesson. A pupil stops when the bar of the page reports the wanted
number of drawings as saved. The printed delay is the time until the projector shows a drawing that is in the database. The
command ends with status 1 if the class has fewer drawings than wanted, or fewer than the pages reported as saved. After the time
limit, it prints the figures that were reached.

With --servers, a proxy distributes the people to several servers with one PostgreSQL. With --kill, the teacher's server is killed
when half of the drawings are stored. Everybody on this server continues on another one. A training that ran there is repeated.
"""

import argparse
import asyncio
import contextlib
import multiprocessing
import re
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import sqlalchemy as sql
import websockets
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg

from benchmarks.load import LABELS, SHAPES, Labeller, Visitor, megabytes, run_visitors
from benchmarks.proxy import Proxy
from digitcore.classroom.pupils import gather
from digitcore.classroom.rules import MAX_PER_MINUTE, ClassOptions
from digitcore.storage import schema
from digitcore.storage.classes import ClassStore
from digitcore.storage.database import LabStore, new_token, token_hash, view_token
from digitcore.storage.snapshot import LabSnapshot
from tests.support.browser import CHROMIUM_ARGS, Person, Server, chromium
from tests.support.postgres import PostgresServer

PHONE = {"viewport": {"width": 390, "height": 664}, "has_touch": True, "is_mobile": True}
PROJECTOR = {"width": 1920, "height": 1080}
TEACHER_CLIENT, PROJECTOR_CLIENT, N_SCREENS = 0, 1, 2  # numbers of the clients of the proxy; the phones and the pupils follow
N_TRAININGS = 2
SHORT = 30_000  # ms that a person waits, before it looks whether its server has ended
SHORTEST = 60 / MAX_PER_MINUTE + 0.1  # s between two drawings of a pupil
JOIN_SECONDS = 30  # during which the pupils come
INTERVAL = 0.2  # s between two looks at the projector
REPORT_SECONDS = 10  # between two lines about the progress
GRACE = 60  # s after the end of the class, in which everybody must stop
COUNT = re.compile(r"([\d,]+) of")  # in the bar of a pupil
INTERRUPTED = OSError, TimeoutError, websockets.WebSocketException


class Outcome(NamedTuple):
    """The measurements of a websocket pupil."""

    name: str
    joined_after: float  # s after the first pupil came
    joining: float  # s from the address of the class to the page Draw
    waits: list[tuple[float, float]]  # time of pen-up on the monotonic clock, s from pen-up to the answer
    n_polls: int
    n_saved: int  # drawings that a page reported as saved
    n_interruptions: int
    error: str


class Pupil(Labeller):
    """A websocket that joins a class, and then draws and labels."""

    def __init__(self, url: str, number: int, code: str):
        super().__init__(url, number)
        self.nickname, self.code = f"Pupil {number + 1}", code
        self.joined_after = self.joining = float("inf")  # s
        self.polls: dict[str, float] = {}  # fragment → s between two of its polls
        self.n_polls, self.polled_at = 0, 0.0
        self.n_shown = self.n_saved = self.n_interruptions = 0
        self.error = ""

    def on_message(self, reply):
        """Record which page runs, its address and its bar, and which fragments of it poll."""
        super().on_message(reply)
        match reply.WhichOneof("type"):
            case "navigation":
                self.polls.clear()  # The page is drawn again.
            case "auto_rerun":
                self.polls[reply.auto_rerun.fragment_id] = reply.auto_rerun.interval
            case "page_info_changed":
                self.query = reply.page_info_changed.query_string
        element = reply.delta.new_element
        if element.WhichOneof("type") == "html" and 'class="status"' in element.html.body:
            found = COUNT.search(element.html.body)
            self.n_shown = int(found[1].replace(",", "")) if found else 0
            if "Saved" in element.html.body:
                self.n_saved = max(self.n_saved, self.n_shown)

    def is_answer(self, delta) -> bool:
        """Record the inputs and the buttons, too."""
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind in ("text_input", "button"):
            widget = getattr(element, kind)
            self.widgets[widget.label] = widget.id
        return super().is_answer(delta)

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

    async def enter(self) -> None:
        """Join with the nickname, or open the own lab again after an interruption."""
        if "lab=" in self.query:
            self.components, self.fragments, self.polls = {}, {}, {}
            await self.send(BackMsg(rerun_script={"page_name": "Draw", "query_string": self.query}))
            return
        begin = time.monotonic()
        await join(self, self.code, self.nickname)
        self.joining = time.monotonic() - begin

    async def attend(self, n: int, pace: float, delay: float, limit: float) -> Outcome:
        """Join after a delay, then label drawings until n drawings are reported as saved, or until the time limit in s."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._label(n, pace, delay)
        return Outcome(
            self.nickname,
            self.joined_after,
            self.joining,
            self.waits,
            self.n_polls,
            self.n_saved,
            self.n_interruptions,
            self.error,
        )

    async def _label(self, n: int, pace: float, delay: float) -> None:
        begin = time.monotonic()
        await asyncio.sleep(delay)
        while self.n_saved < n and not self.error:
            try:
                async with self.connect():
                    await self.enter()
                    self.joined_after = min(self.joined_after, time.monotonic() - begin)
                    while self.n_saved < n:
                        due = time.monotonic() + max(SHORTEST, pace * self.random.uniform(0.7, 1.3))
                        if self.n_shown < n:
                            await self.draw_digit(self.random.choice(list(SHAPES)), None)
                        await self.poll(due)
            except INTERRUPTED:
                self.n_interruptions += 1
                await asyncio.sleep(1)
            except Exception as error:  # noqa: BLE001  # The output names it.
                self.error = f"{self.nickname}: {error!r}"

    async def draw_digit(self, digit, end):
        """Draw a digit and label it. Each drawing has a random position and slant, so that no two are equal."""
        slant, dx, dy = self.random.uniform(-0.3, 0.3), self.random.uniform(-30, 30), self.random.uniform(-20, 20)
        strokes = [tuple((x + dx + slant * (y - 140), y + dy) for x, y in points) for points in SHAPES[digit]]
        message = self.stroke(strokes)
        message.rerun_script.page_script_hash = self.page_hash
        begin = time.monotonic()
        answered = await self.send(message)
        self.waits += [(begin, time.monotonic() - begin)] if answered else []
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


def attend(urls: list[str], code: str, n_drawings: int, pace: float, limit: float) -> list[Outcome]:
    """Let a pupil for each address attend the class."""

    async def together():
        pupils = [Pupil(url, number, code) for number, url in enumerate(urls)]
        delays = (JOIN_SECONDS * number / len(pupils) for number in range(len(pupils)))
        work = (pupil.attend(n_drawings, pace, delay, limit) for pupil, delay in zip(pupils, delays, strict=True))
        return await asyncio.gather(*work)

    return run_visitors(together())


class Phone(threading.Thread):
    """A phone in Chromium that joins the class and labels drawings, until the time limit in s."""

    def __init__(self, url: str, number: int, code: str, n_drawings: int, pace: float, limit: float):
        super().__init__(name=f"Phone {number + 1}", daemon=True)
        self.url, self.code, self.n_drawings, self.pace = url, code, n_drawings, pace
        self.began = time.monotonic()
        self.end = self.began + limit
        self.joined_after = float("inf")  # s
        self.n_saved = self.n_again = 0
        self.error = ""

    def run(self):
        """Join, then draw."""
        try:
            with sync_playwright() as play:
                browser = play.chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
                person = Person(browser.new_context(**PHONE).new_page(), self.url, touch=True)
                self._join(person)
                while self.n_saved < self.n_drawings and time.monotonic() < self.end:
                    due = time.monotonic() + self.pace
                    self._draw(person)
                    time.sleep(max(0.0, due - time.monotonic()))
                browser.close()
        except Exception as error:  # noqa: BLE001  # The output names it.
            self.error = f"{self.name}: {error!r}"

    def _join(self, person: Person) -> None:
        """Open the address of the class, and join."""
        person.page.set_default_timeout(SHORT)
        person.open(f"/?class={self.code}")
        person.page.get_by_label("Nickname").fill(self.name)
        person.page.keyboard.press("Tab")
        person.settle()
        person.press("class_join_button")
        person.find_canvas()
        person.settle()
        self.joined_after = time.monotonic() - self.began

    def _draw(self, person: Person) -> None:
        """Draw and label a digit until the bar reports more drawings as saved. After an interruption, open the page again."""
        before = self.n_saved
        while self.n_saved == before and time.monotonic() < self.end:
            try:
                person.draw(7)
                person.press_label(7)
                self._wait_until_saved(person, before)
                person.wait_until_blank()
            except Exception:  # noqa: BLE001  # The server may have been killed.
                self.n_again += 1
                with contextlib.suppress(Exception):
                    person.open("/Draw" + person.page.evaluate("location.search"))
                    person.find_canvas()
                    person.settle()
                    self._wait_until_saved(person, before)

    def _wait_until_saved(self, person: Person, before: int) -> None:
        """Wait until the bar reports more drawings than before as saved, and store their number."""
        end = time.monotonic() + SHORT / 1000
        while self.n_saved <= before and time.monotonic() < end:
            text = person.bar().get_by_role("status").inner_text()
            if "Saved" in text and (found := COUNT.search(text)):
                self.n_saved = int(found[1].replace(",", ""))
            time.sleep(INTERVAL)
        if self.n_saved <= before:
            raise TimeoutError("The bar does not report the drawing as saved.")


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
        unseen = next((at for at, n in self.stored if n > shown), now)
        self.longest = max(self.longest, now - unseen)


class Trainings:
    """The times at which trainings ran."""

    def __init__(self):
        self.n = 0  # trainings that have ended
        self._spans: list[list[float]] = []  # start and end, s on the monotonic clock

    def start(self) -> None:
        """Record that the button was pressed, unless a training runs already."""
        if len(self._spans) == self.n:
            self._spans.append([time.monotonic(), float("inf")])

    def look(self, n: int) -> None:
        """Record the number of trainings that have ended."""
        for span in self._spans[self.n : n]:
            span[1] = time.monotonic()
        self.n = n

    def include(self, moment: float) -> bool:
        """Return whether a training ran at this time, in s on the monotonic clock."""
        return any(begin <= moment <= end for begin, end in self._spans)


class Database:
    """The class in the database."""

    def __init__(self, url: str):
        self._engine, self._token = sql.create_engine(url), new_token()
        store = LabStore.from_url(url)
        store.save(self._token, LabSnapshot())
        self._classes = ClassStore(store)
        self.room = self._classes.create(self._token, "Benchmark", ClassOptions(max_drawings=1000))

    @property
    def paths(self) -> tuple[str, str]:
        """The addresses of the teacher's page Draw and of the projector, without the server."""
        return f"/Draw?lab={self._token}", f"/?project={view_token(self._token)}"

    def n_drawings(self) -> int:
        """Count the drawings of all pupils, without reading them."""
        labs, samples = schema.labs.c, schema.samples.c
        pupils = sql.select(labs.id).where(labs["class"] == self.room.id)
        return self._count(sql.select(sql.func.count()).where(samples.lab.in_(pupils)))

    def n_trainings(self) -> int:
        """Count the finished trainings of the teacher."""
        return self._count(sql.select(sql.func.count()).where(schema.runs.c.lab == token_hash(self._token)))

    def union(self) -> int:
        """Return the number of drawings that count in the class."""
        return len(gather(self._classes.pupils(self.room.id), self.room.state, self.room.options))

    def _count(self, query: Any) -> int:
        with self._engine.connect() as db:
            return int(db.scalar(query) or 0)


class Servers:
    """The servers, and the processor time and the memory that they have used."""

    def __init__(self, n: int, folder: Path, url: str):
        self.all = [self._start(folder / str(number), url) for number in range(n)]
        self._dead = 0.0  # s, processor time of the killed server

    @staticmethod
    def _start(folder: Path, url: str) -> Server:
        folder.mkdir()
        return Server(folder, DIGITLAB_STORE=url)

    @property
    def alive(self) -> list[Server]:
        """The servers that run."""
        return [server for server in self.all if server.process.poll() is None]

    def seconds(self) -> float:
        """Return the processor time of the servers in s, without their workers."""
        return self._dead + sum(_seconds(server) for server in self.alive)

    def memory(self) -> str:
        """Return the memory of each server."""
        return ", ".join(f"{megabytes(server):.0f} MB" for server in self.alive)

    def kill(self, number: int) -> None:
        """Kill a server."""
        self._dead += _seconds(self.all[number])
        self.all[number].kill()

    def stop(self) -> None:
        """Stop all servers."""
        for server in self.alive:
            server.stop()


def _seconds(server: Server) -> float:
    return sum(psutil.Process(server.process.pid).cpu_times()[:2])


def train(page) -> bool:
    """Press the button of the teacher's view that trains on the class, unless a training runs. Return whether it was pressed."""
    button = page.locator(".st-key-class_train button")
    with contextlib.suppress(Exception):  # The page may be drawn again now.
        if not button.is_visible():  # The first visit of another server leads to the page Draw.
            page.locator(".st-key-bar").get_by_text("My lab").click(timeout=SHORT)
            page.locator(".st-key-class_view").get_by_text("Train", exact=True).click(timeout=SHORT)
            button.wait_for(timeout=SHORT)
        if button.is_enabled(timeout=1000):
            button.click(timeout=1000)
            page.locator(".st-key-class_train button:disabled").wait_for(timeout=SHORT)
            return True
    return False


def n_shown(projector, before: int) -> int:
    """Return the number of drawings on the projector, or the number before while it shows no class."""
    with contextlib.suppress(PlaywrightError):
        if found := re.search(r"([\d,]+) drawings?\.", projector.locator(".class-invitation").inner_text(timeout=1000)):
            return int(found[1].replace(",", ""))
    return before


def print_waits(title: str, waits: list[float]) -> None:
    """Print the quantiles of waits in s."""
    if waits:
        p50, p95, p100 = 1000 * np.quantile(waits, (0.5, 0.95, 1))
        print(f"{title}: median {p50:.0f} ms, p95 {p95:.0f} ms, maximum {p100:.0f} ms of {len(waits):,} drawings")


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pupils", type=int, default=30)
    parser.add_argument("--phones", type=int, default=3)
    parser.add_argument("--drawings", type=int, default=100, help="drawings of each pupil and of each phone")
    parser.add_argument("--pace", type=float, default=5.5, help="mean seconds between two drawings of a pupil")
    parser.add_argument("--limit", type=float, default=11.0, help="minutes after which the class ends")
    parser.add_argument("--servers", type=int, default=1, help="with more than one, PostgreSQL and a proxy are used")
    parser.add_argument("--kill", action="store_true", help="kill the teacher's server when half of the drawings are stored")
    options = parser.parse_args()
    if options.kill and options.servers < 2:
        parser.error("--kill needs at least two servers. Add --servers 2.")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder}/labs.sqlite"
        if options.servers > 1:
            url = stack.enter_context(PostgresServer(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        sys.exit(measure(options, folder, url, stack))


def measure(options: argparse.Namespace, folder: Path, url: str, stack: contextlib.ExitStack) -> int:
    """Measure and print. Return the exit status."""
    database, n_people = Database(url), options.phones + options.pupils
    servers = Servers(options.servers, folder, url)
    stack.callback(servers.stop)
    urls = [servers.all[0].url] * (N_SCREENS + n_people)
    if options.servers > 1:
        urls = Proxy([server.port for server in servers.all], len(urls)).urls
    pool = stack.enter_context(multiprocessing.get_context("spawn").Pool(1))
    browser = stack.enter_context(sync_playwright()).chromium.launch(executable_path=chromium(), args=CHROMIUM_ARGS)
    teacher, projector = browser.new_page(), browser.new_page(viewport=PROJECTOR)
    for page in (teacher, projector):
        page.set_default_timeout(SHORT)
    teacher_path, projector_path = database.paths
    projector.goto(urls[PROJECTOR_CLIENT] + projector_path)
    projector.locator(".class-invitation").wait_for()
    teacher.goto(urls[TEACHER_CLIENT] + teacher_path)
    teacher.locator(".st-key-bar").get_by_text("My lab").click()
    teacher.locator(".st-key-class_view").get_by_text("Train", exact=True).click()

    people, code, limit = urls[N_SCREENS:], database.room.code, 60 * options.limit
    before, used, began = servers.memory(), servers.seconds(), time.monotonic()
    phones = [
        Phone(url, number, code, options.drawings, options.pace, limit) for number, url in enumerate(people[: options.phones])
    ]
    crowd = pool.apply_async(attend, (people[options.phones :], code, options.drawings, options.pace, limit))
    for phone in phones:
        phone.start()
    wanted = n_people * options.drawings
    delay, trainings, stored, shown, reported_at = Delay(), Trainings(), 0, 0, 0.0
    while any(phone.is_alive() for phone in phones) or not crowd.ready() or trainings.n < N_TRAININGS:
        if (seconds := time.monotonic() - began) > limit:
            print(f"The time limit of {options.limit:g} minutes is over.")
            break
        stored = database.n_drawings()
        trainings.look(database.n_trainings())
        shown = n_shown(projector, shown)
        delay.look(stored, shown)
        if options.kill and len(servers.alive) == options.servers and stored >= wanted / 2:
            servers.kill(TEACHER_CLIENT)
        if trainings.n < N_TRAININGS and stored >= wanted * (1 + trainings.n) / (N_TRAININGS + 1) and train(teacher):
            trainings.start()
        if seconds >= reported_at + REPORT_SECONDS:
            reported_at = seconds
            print(f"{seconds:.0f} s: {stored:,} of {wanted:,} drawings, trainings: {trainings.n}", file=sys.stderr)
        time.sleep(INTERVAL)
    busy = servers.seconds() - used
    for phone in phones:
        phone.join(GRACE)
    try:
        outcomes, errors = crowd.get(GRACE), []
    except multiprocessing.TimeoutError:
        outcomes, errors = [], ["The process of the websocket pupils does not answer."]
    union = database.union()
    reported = sum(outcome.n_saved for outcome in outcomes) + sum(phone.n_saved for phone in phones)
    waits = [wait for outcome in outcomes for wait in outcome.waits]
    errors += [person.error for person in (*outcomes, *phones) if person.error]
    interrupted = sum(outcome.n_interruptions for outcome in outcomes)
    kind = f"{options.servers} servers with PostgreSQL" if options.servers > 1 else "one server with SQLite"
    print(
        f"{options.pupils} websocket pupils, {options.phones} phones, {options.drawings} drawings each; {kind}; {seconds:.0f} s"
    )
    print(f"drawings of the class: {union:,} of {wanted:,}; reported as saved and lost: {max(0, reported - union)}")
    unfinished = [f"{person.name} ({person.n_saved})" for person in (*outcomes, *phones) if person.n_saved < options.drawings]
    print(f"people who did not see all their drawings as saved: {', '.join(unfinished) or 'nobody'}")
    again = sum(phone.n_again for phone in phones)
    print(f"trainings: {trainings.n}; interruptions: {interrupted} of pupils, {again} of phones; errors: {errors or 'none'}")
    everybody = max((person.joined_after for person in (*outcomes, *phones)), default=0)
    joining = max((outcome.joining for outcome in outcomes), default=0)
    print(f"everybody has joined after {everybody:.0f} s; joining took {joining:.1f} s at most")
    print_waits("pen-up to answer", [wait for _, wait in waits])
    print_waits("the same during a training", [wait for begin, wait in waits if trainings.include(begin)])
    print(f"the projector is {delay.longest:.1f} s behind at most")
    print(f"processor time of the servers: {busy:.0f} s, {1000 * busy / max(1, union):.0f} ms for each drawing", end="; ")
    print(f"polls of the websocket pupils: {sum(outcome.n_polls for outcome in outcomes):,}")
    print(f"memory of the servers: {before} before, {servers.memory()} at the end; {psutil.cpu_count()} cores")
    return int(union < wanted or reported > union or trainings.n < N_TRAININGS or bool(errors))


if __name__ == "__main__":
    main()
