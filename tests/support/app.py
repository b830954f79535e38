"""The dashboard in Streamlit's own test runner, with the real models and the real worker."""

import base64
import contextlib
import functools
import io
import re
import time
from pathlib import Path
from unittest import mock
from urllib.parse import parse_qsl

import numpy as np
from PIL import Image
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest

from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.session.lab_session import LabSession

ENTRY = str(Path(__file__).resolve().parents[2] / "streamlit_app.py")
MY_LAB, DRAW, TRAIN, EVALUATE = "streamlit_app.py", "pages/Draw.py", "pages/Train.py", "pages/Evaluate.py"
SESSION = "lab_session"
TIMEOUT = 120  # s
RUN_TIMEOUT = 60  # s
MESSAGES = ("markdown", "caption", "info", "error", "warning")


@contextlib.contextmanager
def quick_sessions():
    """Leave out what takes most of the time of Streamlit's test runner, and none in the dashboard.

    In each session, Streamlit looks through all installed packages for components: once is enough here. After each run of a
    page it lets Keras collect garbage where Keras is loaded, as it is in the process of the tests.
    """
    found = functools.cache(manifest_scanner.scan_component_manifests)
    with (
        mock.patch.object(manifest_scanner, "scan_component_manifests", found),
        mock.patch.object(script_runner, "_clean_problem_modules"),
    ):
        yield


def new_app(**query_params: str | list[str]) -> AppTest:
    """A session on its first page."""
    at = AppTest.from_file(ENTRY, default_timeout=RUN_TIMEOUT)
    for name, value in query_params.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def go(at: AppTest, page: str) -> AppTest:
    """Change the page."""
    at.switch_page(page).run()
    assert not at.exception
    return at


def session_of(at: AppTest) -> LabSession:
    """The session behind the page."""
    return at.session_state[SESSION]


def on_canvas(digit: np.ndarray) -> np.ndarray:
    """A digit at the canvas's size: (280, 280, 4) uint8."""
    return np.asarray(Image.fromarray(digit).resize((280, 280)).convert("RGBA"))


def canvas_value(rgba: np.ndarray) -> dict:
    """A canvas as the browser sends it."""
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"drawing": {"raw": {"objects": [{"path": [["M", 9, 9], ["L", 20, 20]]}]}, "data": url}, "backgroundFit": None}


def put_on_canvas(at: AppTest, rgba: np.ndarray) -> None:
    """What the browser sends with the next run."""
    at.session_state[session_of(at).canvas.key] = canvas_value(rgba)


def draw(at: AppTest, digit: np.ndarray) -> AppTest:
    """Draw a digit."""
    put_on_canvas(at, on_canvas(digit))
    at.run()
    assert not at.exception
    return at


def label(at: AppTest, digit: int) -> AppTest:
    """Label what is on the canvas; AppTest cannot press a component's button, a browser test does."""
    canvas = session_of(at).canvas
    if canvas.key in at.session_state:
        canvas.sync_from_widget(canvas.key, at.session_state[canvas.key])
    session_of(at).label(digit)
    at.run()
    assert not at.exception
    return at


def texts(at: AppTest) -> str:
    """All messages of the page."""
    return " ".join(str(element.value) for kind in MESSAGES for element in at.get(kind))


def html(at: AppTest) -> str:
    """All HTML of the page, without its tags."""
    return re.sub(r"<[^>]*>", "", " ".join(element.proto.body for element in at.get("html")))


def predicted_digits(at: AppTest) -> list[int]:
    """The predicted digit of each model that the page shows."""
    bodies = " ".join(element.proto.body for element in at.get("html"))
    return [int(digit) for digit in re.findall(r'data-testid="predicted-digit"[^>]*>(\d)<', bodies)]


def open_expander(at: AppTest, key: str) -> AppTest:
    """Open an expander; AppTest does not know them, so it is opened before each run."""
    keep_open(at, key)
    at.run()
    assert not at.exception
    return at


def keep_open(at: AppTest, key: str) -> AppTest:
    """Leave an expander open in the next run."""
    at.session_state[f"expander_{key}"] = True
    return at


def until(at: AppTest, condition, rerun=None) -> None:
    """Run the page until a condition holds, a fifth of the time: the worker needs the processor too."""
    end, length = time.monotonic() + TIMEOUT, 0.05
    while not condition():
        assert time.monotonic() < end, texts(at)
        time.sleep(4 * length)
        begin = time.monotonic()
        (rerun or at.run)()
        length = time.monotonic() - begin
    assert not at.exception


def until_trained(at: AppTest) -> None:
    """Run the page until the training has ended."""
    until(at, lambda: session_of(at).training_job is None)


def queries(at: AppTest) -> list:
    """Return the jobs whose cached results the page waits for."""
    return [job for job in session_of(at).work.jobs if job.task.key is not None]


def until_answered(at: AppTest) -> None:
    """Run the page until the worker has answered every query."""
    until(at, lambda: not queries(at))
    assert session_of(at).work.pause_reason == ""


def add_run(at: AppTest, model, start, scores=None, **settings) -> None:
    """Add a run to the session's history, with fields of the run besides its settings in `scores`."""
    settings = TrainSettings(**settings)
    run = Run(model=model, history=model.card.history, settings=settings, parent=start.name, seconds=1.0, **(scores or {}))
    session_of(at).models.add_run(run, start)


def add_samples(at: AppTest, samples) -> None:
    """Give the session samples; the page shows them after its next run."""
    session_of(at).samples.current = samples


def shown_link(at):
    """The settings of the link that the page offers, as an address holds them."""
    return dict(parse_qsl(at.code[0].value.partition("?")[2]))
