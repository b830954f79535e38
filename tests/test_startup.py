"""Tests of the imported modules. An unneeded import costs every server time and memory."""

import subprocess
import sys
from pathlib import Path

import pytest

import server

ROOT = Path(__file__).resolve().parent.parent
PAGE_DOES_NOT_NEED = [
    "alembic",
    "altair",
    "dask",
    "digitcore.api",
    "digitcore.charts",
    "digitcore.checks",
    "digitcore.classroom.export",
    "digitcore.classroom.handwriting",
    "digitcore.classroom.leave_out",
    "digitcore.classroom.overview",
    "digitcore.report",
    "digitcore.reproduce",
    "distributed",
    "fastapi",
    "h5py",
    "keras",
    "limits",
    "onnx",
    "optuna",
    "pages.components.class_tiles",
    "pages.views.classroom",
    "psycopg",
    "scipy",
    "segno",
    "sklearn",
    "tensorboardX",
    "tensorflow",
    "vl_convert",
]
LIBRARY_DOES_NOT_NEED = [*PAGE_DOES_NOT_NEED, "pandas", "pyarrow", "pydantic", "sqlalchemy", "streamlit"]
PACKAGES = ["models", "training", "evaluation", "samples", "images"]
FIRST_PAGE = f"""
import server
from streamlit.testing.v1 import AppTest
page = AppTest.from_file({str(ROOT / "streamlit_app.py")!r}, default_timeout=120).run()
assert not page.exception
assert "example" in [button.key for button in page.button], "this is not the Draw page"
"""


def modules_after(script: str) -> set[str]:
    """Run a script in a fresh interpreter. Return the names of all modules that are loaded at its end."""
    command = [sys.executable, "-c", f"{script}\nimport sys\nprint(*sys.modules, sep='\\n')"]
    return set(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\n"))


@pytest.fixture(scope="module")
def first_page(tmp_path_factory):
    """Return the modules that are loaded after the first run of the Draw page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITLAB_STORE", f"sqlite:///{tmp_path_factory.mktemp('store') / 'labs.sqlite'}")
        yield modules_after(FIRST_PAGE)


@pytest.mark.slow
def test_first_page_was_drawn(first_page):
    assert "pages.views.draw.quick_training" in first_page


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGE_DOES_NOT_NEED)
def test_first_page_does_not_import(first_page, name):
    assert name not in first_page


@pytest.fixture(scope="module")
def library():
    """Return the modules that are loaded after the import of all packages of the library."""
    return modules_after(f"from digitcore import {', '.join(PACKAGES)}")


@pytest.mark.parametrize("name", LIBRARY_DOES_NOT_NEED)
def test_library_does_not_import(library, name):
    assert name not in library


def test_server_preloads_nothing_unneeded():
    loaded = modules_after(f"import {', '.join(server.PRELOADED)}")
    assert set(server.PRELOADED) <= loaded
    assert not loaded & set(PAGE_DOES_NOT_NEED)


@pytest.mark.parametrize("width", [2, 20, 90])
@pytest.mark.parametrize("n_strokes", [1, 4])
def test_a_stroke_does_not_import_scipy(width, n_strokes):
    """SciPy's image functions take 13 MB of the server."""
    loaded = modules_after(
        "import numpy as np\n"
        "from digitcore import images\n"
        "from digitcore.data.quality import find_issues\n"
        "canvas = np.zeros((280, 280, 4), np.uint8)\n"
        f"for i in range({n_strokes}): canvas[30 + 60 * i : 50 + 60 * i, 100 : 100 + {width}] = 255\n"
        "find_issues(canvas, images.digit_from_canvas(canvas))"
    )
    assert "scipy" not in loaded
