"""Helpers that run the dashboard in Streamlit's AppTest, with the real models and a real worker."""

import base64
import contextlib
import functools
import io
import json
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
from pages.components import network_builder
from pages.components.model_selector import SELECTOR_KEY
from pages.session.lab_session import LabSession

ENTRY = str(Path(__file__).resolve().parents[2] / "streamlit_app.py")
MY_LAB, DRAW, TRAIN, EVALUATE = "streamlit_app.py", "pages/Draw.py", "pages/Train.py", "pages/Evaluate.py"
SESSION = "lab_session"
TIMEOUT = 120  # s
RUN_TIMEOUT = 60  # s
PAUSE = 0.05  # s, shortest pause between two polls, which would otherwise use a whole processor
MESSAGES = ("markdown", "caption", "info", "error", "warning")


@contextlib.contextmanager
def quick_sessions():
    """Skip two steps that take most of the time of AppTest and no time in the dashboard.

    In each session, Streamlit searches all installed packages for components. Here, it searches them once. After each run of
    a page, Streamlit collects garbage if Keras is loaded, which is the case in the process of the tests.
    """
    found = functools.cache(manifest_scanner.scan_component_manifests)
    with (
        mock.patch.object(manifest_scanner, "scan_component_manifests", found),
        mock.patch.object(script_runner, "_clean_problem_modules"),
    ):
        yield


def new_app(**query_params: str | list[str]) -> AppTest:
    """Return a session on its first page."""
    at = AppTest.from_file(ENTRY, default_timeout=RUN_TIMEOUT)
    for name, value in query_params.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception
    return at


def go(at: AppTest, page: str) -> AppTest:
    """Open another page of the session."""
    at.switch_page(page).run()
    assert not at.exception
    return at


def session_of(at: AppTest) -> LabSession:
    """Return the session of the page."""
    return at.session_state[SESSION]


def on_canvas(digit: np.ndarray) -> np.ndarray:
    """Return a digit at the size of the canvas, (280, 280, 4) uint8."""
    return np.asarray(Image.fromarray(digit).resize((280, 280)).convert("RGBA"))


def canvas_value(rgba: np.ndarray) -> dict:
    """Return a value of the canvas widget for an image, (280, 280, 4) uint8."""
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"drawing": {"raw": {"objects": [{"path": [["M", 9, 9], ["L", 20, 20]]}]}, "data": url}, "backgroundFit": None}


def put_on_canvas(at: AppTest, rgba: np.ndarray) -> None:
    """Set the value of the canvas for the next run."""
    at.session_state[session_of(at).canvas.key] = canvas_value(rgba)


def draw(at: AppTest, digit: np.ndarray) -> AppTest:
    """Draw a digit, (28, 28) uint8."""
    put_on_canvas(at, on_canvas(digit))
    at.run()
    assert not at.exception
    return at


def label(at: AppTest, digit: int) -> AppTest:
    """Label the drawing. AppTest cannot press a component's button, so this calls the session."""
    canvas = session_of(at).canvas
    if canvas.key in at.session_state:
        canvas.sync_from_widget(canvas.key, at.session_state[canvas.key])
    session_of(at).label(digit)
    at.run()
    assert not at.exception
    return at


def label_buttons(at: AppTest) -> dict:
    """Return the content of the label buttons."""
    buttons = next(one.proto for one in at.get("bidi_component") if "digit-lab-labels" in one.proto.component_name)
    return json.loads(buttons.json)


def texts(at: AppTest) -> str:
    """Return the texts and messages of the page."""
    return " ".join(str(element.value) for kind in MESSAGES for element in at.get(kind))


def html(at: AppTest) -> str:
    """Return the HTML of the page without its tags."""
    return re.sub(r"<[^>]*>", "", " ".join(element.proto.body for element in at.get("html")))


def predicted_digits(at: AppTest) -> list[int]:
    """Return the predicted digit of each model that the page shows."""
    bodies = " ".join(element.proto.body for element in at.get("html"))
    return [int(digit) for digit in re.findall(r'data-testid="predicted-digit"[^>]*>(\d)<', bodies)]


def open_expander(at: AppTest, key: str) -> AppTest:
    """Open an expander, and run the page."""
    keep_open(at, key)
    at.run()
    assert not at.exception
    return at


def select_in_gallery(at: AppTest, *numbers: int, n_doubtful: int = 0) -> AppTest:
    """Select drawings of My drawings, or of its review of `n_doubtful` labels, for the next run.

    AppTest cannot click a gallery, so its state is set before each run. Its key contains the number of drawings.
    """
    n = len(session_of(at).samples)
    key = f"review_{n}_{n_doubtful}" if n_doubtful else f"own_{n}"
    at.session_state[key] = {"selected": [str(number) for number in numbers]}
    return keep_open(at, "own")


def set_network_rows(at: AppTest, rows: list[dict]) -> AppTest:
    """Replace the rows of the network builder, and run the page. AppTest cannot edit a table."""
    at.session_state[network_builder.ROWS] = rows
    return at.run()


def keep_open(at: AppTest, key: str) -> AppTest:
    """Open an expander in the next run. AppTest cannot click expanders, so their state is set before each run."""
    at.session_state[f"expander_{key}"] = True
    return at


def until(at: AppTest, condition, rerun=None) -> None:
    """Run the page until a condition holds. Pauses take four fifths of the time, because the worker needs the processor."""
    end, length = time.monotonic() + TIMEOUT, 0.05
    while not condition():
        assert time.monotonic() < end, texts(at)
        time.sleep(max(4 * length, PAUSE))
        begin = time.monotonic()
        (rerun or at.run)()
        length = time.monotonic() - begin
    assert not at.exception


def until_trained(at: AppTest) -> None:
    """Run the page until the training ends."""
    until(at, lambda: session_of(at).training_job is None)


def queries(at: AppTest) -> list:
    """Return the jobs whose cached results the page waits for."""
    return [job for job in session_of(at).work.jobs if job.task.key is not None]


def until_answered(at: AppTest) -> None:
    """Run the page until every query has a result."""
    until(at, lambda: not queries(at))
    assert session_of(at).work.pause_reason == ""


def add_run(at: AppTest, model, start, scores=None, **settings) -> None:
    """Add a run to the session's history. `scores` contains other fields of the run."""
    settings = TrainSettings(**settings)
    run = Run(model=model, history=model.card.history, settings=settings, parent=start.name, seconds=1.0, **(scores or {}))
    session_of(at).models.add_run(run, start)


def add_samples(at: AppTest, samples) -> None:
    """Set the samples of the session. The page shows them after its next run."""
    session_of(at).samples.current = samples


def table_with(at: AppTest, column: str):
    """Return the first table of the page that has a column."""
    return next(frame.value for frame in at.dataframe if column in frame.value)


def active_name(at: AppTest) -> str:
    """Return the name of the active model in the bar."""
    return at.menu_button(key=SELECTOR_KEY).label.removeprefix("Reading: ").strip("*")


def shown_link(at):
    """Return the query parameters of the link to the settings."""
    return dict(parse_qsl(at.code[0].value.partition("?")[2]))
