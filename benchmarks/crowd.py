"""Let many people label at once on one and on two servers, and let many sessions start work and leave.

    python benchmarks/crowd.py [--people 30] [--labels 100]
    python benchmarks/crowd.py --abandoned [--sweeps 50] [--sessions 200]

People are websockets as in `load.py`. They label without pauses, and the labels in the database are counted: on SQLite, and on
PostgreSQL if it is installed. With --abandoned, the sessions of one server start sweeps or trainings at once, and leave. The
command prints the length of the queue and the memory of the server during three minutes. The server stops a training two minutes
after its session was lost. It continues the sweeps of stored labs.
"""

import argparse
import asyncio
import contextlib
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

import sqlalchemy as sql
from streamlit.proto.BackMsg_pb2 import BackMsg

from benchmarks.load import Labeller, megabytes, run_visitors
from digitcore.storage import schema
from digitcore.storage.database import LabStore, with_driver
from tests.support import browser
from tests.support.browser import SHAPES, Server
from tests.support.postgres import PROGRAMS, PostgresServer

PATIENCE = 120  # s until the last label is stored
STAY = 180  # s until sessions without a browser have no running work any more
INTERVAL = 20  # s between two looks at the queue
# Beside the names of its modules, the server writes the length of its queue on SIGUSR2.
QUEUE = """
def write_queue(*_):
    from pages.session import resources
    with open(modules + ".queue", "w") as file: file.write(str(len(resources.jobs()._queue)) + "\\n")
signal.signal(signal.SIGUSR2, write_queue)
from streamlit.web.cli import main
"""


class Person(Labeller):
    """A websocket that labels without pauses, or starts work."""

    async def label(self, n_labels: int) -> None:
        """Draw and label digits, one after another."""
        async with self.connect():
            await self.send(BackMsg(rerun_script={"page_name": "Draw"}))
            while self.n_labels < n_labels:
                begin = time.monotonic()
                await self.draw_and_label(self.random.choice(list(SHAPES)))
                self.waits.append(time.monotonic() - begin)

    async def start(self, is_sweep: bool) -> None:
        """Label a digit, so that the lab is stored, start a sweep or a training on the Train page, and leave."""
        async with self.connect():
            await self.send(BackMsg(rerun_script={"page_name": "Draw"}))
            await self.draw_and_label(7)
            await self.send(BackMsg(rerun_script={"page_name": "Train"}))
            if is_sweep:
                toggle = BackMsg(rerun_script={"page_script_hash": self.page_hash})
                widget = toggle.rerun_script.widget_states.widgets.add()
                widget.id, widget.bool_value = self.widgets["sweeping"], True
                await self.send(toggle)
            start = BackMsg(rerun_script={"page_script_hash": self.page_hash})
            self.press(start, "sweep" if is_sweep else "train")
            await self.send(start)


class WatchedServer(Server):
    """A server that tells the length of its queue."""

    def __init__(self, folder: Path):
        self._file = folder / "modules.txt.queue"
        before, browser.SERVER = browser.SERVER, browser.SERVER.replace("\nfrom streamlit.web.cli import main\n", QUEUE)
        try:
            super().__init__(folder)
        finally:
            browser.SERVER = before

    def queue_length(self) -> int:
        """Return the number of waiting and running jobs."""
        self._file.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR2)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if (text := self._file.read_text()).endswith("\n"):
                    return int(text)
            time.sleep(0.1)
        raise TimeoutError("the server did not tell the length of its queue")


def count_samples(url: str) -> int:
    """Return the number of samples of all labs."""
    engine = sql.create_engine(with_driver(url))
    with engine.connect() as db:
        found = db.scalar(sql.select(sql.func.count()).select_from(schema.samples))
    engine.dispose()
    return found


def label_together(url: str, n_servers: int, n_people: int, n_labels: int) -> bool:
    """Let everyone label, print the outcome, and return whether all labels are stored."""
    wanted = n_people * n_labels
    with contextlib.ExitStack() as stack:
        servers = []
        LabStore.from_url(url)  # It creates the tables.
        for _ in range(n_servers):
            server = Server(Path(stack.enter_context(tempfile.TemporaryDirectory())), DIGITLAB_STORE=url)
            stack.callback(server.stop)
            servers.append(server)
        before = count_samples(url)
        people = [Person(servers[number % n_servers].url, number) for number in range(n_people)]

        async def together() -> list[BaseException]:
            outcomes = await asyncio.gather(*(person.label(n_labels) for person in people), return_exceptions=True)
            return [outcome for outcome in outcomes if outcome is not None]

        begin = time.monotonic()
        errors = run_visitors(together())
        seconds, end = time.monotonic() - begin, time.monotonic() + PATIENCE
        while (stored := count_samples(url) - before) < wanted and time.monotonic() < end:
            time.sleep(1)
        sizes = ", ".join(f"{megabytes(server):.0f}" for server in servers)
    wait = 1000 * statistics.median(wait for person in people for wait in person.waits)
    name = f"{sql.make_url(url).get_backend_name()}, {n_servers} server{'s' * (n_servers > 1)}"
    print(f"{name}: {stored:,} of {wanted:,} labels stored, {seconds:.0f} s, {wait:.0f} ms a label in the median, {sizes} MB")
    print(f"{name}: {len(errors)} errors {errors[:1] or ''}", flush=True)
    return stored == wanted and not errors


def measure_labels(n_people: int, n_labels: int) -> bool:
    """Label on each database with one and two servers. Return whether all labels are stored."""
    is_complete = True
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        urls = [f"sqlite:///{folder}/labs.sqlite"]
        if PROGRAMS is not None:
            data = stack.enter_context(tempfile.TemporaryDirectory(prefix="digitlab-postgres-"))
            urls.append(stack.enter_context(PostgresServer(Path(data))))
        for url in urls:
            for n_servers in (1, 2):
                is_complete &= label_together(url, n_servers, n_people, n_labels)
    return is_complete


def measure_abandoned(n_sweeps: int, n_sessions: int) -> bool:
    """Start sweeps and trainings in sessions that leave. Return whether no training is left in the queue."""
    with tempfile.TemporaryDirectory() as folder:
        server = WatchedServer(Path(folder))
        try:
            before = megabytes(server)
            people = [Person(server.url, number) for number in range(n_sessions)]

            async def together() -> list[BaseException]:
                starts = (person.start(number < n_sweeps) for number, person in enumerate(people))
                outcomes = await asyncio.gather(*starts, return_exceptions=True)
                return [outcome for outcome in outcomes if outcome is not None]

            errors = run_visitors(together())
            begin = time.monotonic()
            print(f"{n_sweeps} sweeps and {n_sessions - n_sweeps} trainings, {len(errors)} errors {errors[:1] or ''}")
            lengths = []
            while not lengths or (lengths[-1] and time.monotonic() < begin + STAY):
                lengths.append(server.queue_length())
                print(
                    f"after {time.monotonic() - begin:.0f} s: {lengths[-1]} jobs in the queue, {megabytes(server):.0f} MB "
                    f"({before:.0f} MB before)",
                    flush=True,
                )
                time.sleep(INTERVAL)
        finally:
            server.stop()
    return not errors


def main() -> None:
    """Measure and print. The exit status is 1 if something is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--labels", type=int, default=100, help="labels of each person")
    parser.add_argument("--abandoned", action="store_true", help="measure sessions that start work and leave")
    parser.add_argument("--sweeps", type=int, default=50)
    parser.add_argument("--sessions", type=int, default=200)
    options = parser.parse_args()
    if options.abandoned:
        sys.exit(not measure_abandoned(options.sweeps, options.sessions))
    sys.exit(not measure_labels(options.people, options.labels))


if __name__ == "__main__":
    main()
