"""Failure of each step while a page saves a lab: what the page reports as saved must be in the database.

The pages run in Streamlit's AppTest. `ACTIONS` is the table of the changes.
"""

import itertools
import os
from collections.abc import Callable

import numpy as np
from streamlit.testing.v1 import AppTest

from benchmarks.fault_points import Faults, Kind, Point, Report
from digitcore import models
from digitcore.config import load_config
from digitcore.storage.database import LabStore
from pages.session import resources
from tests.support.app import DRAW, TRAIN, add_run, draw, go, html, label, new_app, session_of, texts
from tests.support.labs import assert_equal

ONE = np.zeros((28, 28), np.uint8)
ONE[4:24, 13:16] = 255
Action = Callable[[AppTest], object]


def _label(at: AppTest) -> None:
    draw(at, ONE)
    label(at, 1)


def _relabel(at: AppTest) -> None:
    session = session_of(at)
    session.replace_samples(session.samples.current.relabel([0], (int(session.samples.current.labels[0]) + 1) % 10), "Changed.")
    at.run()


def _delete_drawing(at: AppTest) -> None:
    session_of(at).replace_samples(session_of(at).samples.current.drop([0]), "Deleted.")
    at.run()


def _add_run(at: AppTest) -> None:
    mlp = models.load("mlp")
    add_run(at, mlp.rename(f"run {len(session_of(at).models.runs) + 1}"), mlp)
    at.run()


def _change_setting(at: AppTest) -> None:
    go(at, TRAIN)
    epochs = at.slider(key="epochs")
    epochs.set_value(epochs.value % 10 + 1).run()
    go(at, DRAW)


ACTIONS: dict[str, Action] = {
    "label a drawing": _label,
    "change a label": _relabel,
    "delete a drawing": _delete_drawing,
    "add a run": _add_run,
    "change a setting": _change_setting,
}


def use_store(url: str) -> None:
    """Let the pages use another database."""
    os.environ["DIGITLAB_STORE"] = url
    for cached in (resources._open_store, resources.store_error):
        cached.clear()


def open_session(n_drawings: int) -> tuple[AppTest, Faults]:
    """Return a session on the Draw page with some drawings, and the faults of the database of the pages."""
    at = new_app()
    for _ in range(n_drawings):
        _label(at)
    resources.saver().wait()
    return at, Faults(resources.saver().store._engine)


def try_page_points(
    at: AppTest, faults: Faults, name: str, kinds: tuple[Kind, ...], is_lasting: tuple[bool, ...] = (False, True)
) -> Report:
    """Repeat a change, and let each time another step of saving it fail.

    Args:
        at: A session.
        faults: The faults of the database of the pages.
        name: Name of a change in `ACTIONS`.
        kinds: Kinds of steps that do not end the process.
        is_lasting: Whether a step fails alone, or together with all later steps.

    Returns:
        The outcome.
    """
    observer, report = LabStore.from_url(load_config().store), Report()
    for kind, lasts in itertools.product(kinds, is_lasting):
        for number in itertools.count():
            point = Point(kind, number, lasts)
            faults.arm(point)
            ACTIONS[name](at)
            resources.saver().wait()  # A page does not wait long for a write.
            with faults.paused():
                found = find_false_report(at, observer)
            at.run()
            with faults.paused():
                found += find_false_report(at, observer)
            is_struck = faults.disarm()
            resources.saver().retry()
            at.run()
            found += find_false_report(at, observer)
            if "Saved" not in html(at):
                found.append(("stuck", f"the page reports: {html(at)} {texts(at)}"))
            if not is_struck:
                assert not found, found
                break
            report.add(point, f"pages, {name}", found[:1])
    return report


def find_false_report(at: AppTest, observer: LabStore) -> list[tuple[str, str]]:
    """Return what is wrong if the page reports the lab as saved, and the database has another lab."""
    session = session_of(at)
    if "Saved" not in html(at) and "Saved as" not in texts(at):
        return []
    stored = observer.load(session.saving.state.token)
    try:
        assert stored is not None and not stored.skipped
        assert_equal(stored.snapshot, session.snapshot())
    except AssertionError as error:
        return [("lost", f"the page reports the lab as saved. {error}".splitlines()[0])]
    return []
