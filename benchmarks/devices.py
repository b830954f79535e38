"""Label digits alternately on two devices that have opened the edit link of one lab, and count the labels.

    python benchmarks/devices.py [--labels 200]

Each device is a session of the real pages in AppTest. The database is SQLite, and also PostgreSQL if it is installed. The command
prints the number of labels in the database and on each device, and ends with status 1 if a label is missing.
"""

import argparse
import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.support.postgres import PROGRAMS, PostgresServer


def main() -> None:
    """Measure with each database, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, default=200)
    options = parser.parse_args()
    print(f"{'database':12}{'labels':>8}{'stored':>8}{'first':>8}{'second':>8}{'labs':>6}{'seconds':>9}")
    is_complete = True
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        urls = {"SQLite": f"sqlite:///{folder}/labs.sqlite"}
        if PROGRAMS is not None:
            server = PostgresServer(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="digitlab-postgres-"))))
            urls["PostgreSQL"] = stack.enter_context(server)
        for name, url in urls.items():
            with multiprocessing.get_context("spawn").Pool(1) as pool:  # The store of a process is opened once.
                stored, first, second, labs, seconds = pool.apply(label_alternately, (url, options.labels))
            print(f"{name:12}{options.labels:>8}{stored:>8}{first:>8}{second:>8}{labs:>6}{seconds:>9.0f}")
            is_complete = is_complete and {stored, first, second} == {options.labels} and labs == 1
    sys.exit(not is_complete)


def label_alternately(url: str, n_labels: int) -> tuple[int, int, int, int, float]:
    """Label digits on two devices in turns.

    Args:
        url: URL of an empty database.
        n_labels: Number of labels.

    Returns:
        The number of samples in the database, on the first and on the second device, the number of labs, and the seconds.
    """
    os.environ |= {"DIGITLAB_STORE": url, "STREAMLIT_LOGGER_LEVEL": "error"}  # AppTest logs a warning at each run.

    from digitcore import mnist
    from pages.session import persistence, resources
    from tests.support.app import label, new_app, on_canvas, put_on_canvas, quick_sessions, session_of

    digits, start = mnist.load().test_images, time.monotonic()
    with quick_sessions():
        devices = [new_app()]
        for number in range(n_labels):
            device = devices[number % len(devices)]
            put_on_canvas(device, on_canvas(digits[number]))
            label(device, number % 10)
            if len(devices) == 1:
                resources.saver().wait()
                devices.append(new_app(lab=device.query_params["lab"]))
        resources.saver().wait()
        for device in devices:
            session_of(device).saving.state.polled_at = 0.0
            persistence.poll(session_of(device))
            device.run()
        resources.saver().wait()
    tokens = {session_of(device).saving.state.token for device in devices}
    stored = resources.saver().store.load(devices[0].query_params["lab"]).snapshot.samples
    return len(stored), *(len(session_of(device).samples) for device in devices), len(tokens), time.monotonic() - start


if __name__ == "__main__":
    main()
