"""The rules of the house, as tests."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = sorted((ROOT / "digitcore").glob("*.py"))
PAGES = [*sorted((ROOT / "pages").glob("*.py")), ROOT / "streamlit_app.py"]
EVERY = LIBRARY + sorted((ROOT / "pages").rglob("*.py")) + [ROOT / "streamlit_app.py"]

KERAS = {"keras", "tensorflow"}
TRAINERS = {"networks", "training", "lessons", "watching"}  # the modules that may import Keras, in the worker
ALLOWED = {  # which modules of the library each may import, when it is loaded
    "errors": set(),
    "images": {"errors"},
    "predictor": {"errors", "images"},
    "samples": {"errors", "images"},
    "runs": {"errors", "models"},
    "mnist": {"errors"},
    "evaluation": {"errors", "runs"},
    "strokes": set(),
    "exchange": {"errors", "images", "samples"},
    "diagnosis": {"images"},
    "advice": {"samples"},
    "comparison": {"errors", "evaluation"},
    "explaining": {"images", "predictor"},
    "exploring": {"images", "mnist"},
    "neighbours": {"mnist", "models", "training"},
    "stress": {"corruptions", "errors", "mnist", "predictor"},
    "colours": set(),
    "charts": {"colours"},
    "labs": {"errors", "models", "runs", "samples"},
    "store": {"errors", "images", "labs", "mnist", "models", "samples"},
    "incoming": {"errors", "models"},
    "opening": {"errors", "incoming", "training"},
    "labfile": {"errors", "exchange", "incoming", "labs", "models", "samples"},
    "takeaway": {"models", "predictor"},
    "api": {"errors", "images", "models", "predictor"},
    "preload": {"training", "worker"},
}


def imports(path, everywhere=True):
    """Names of imported modules; without `everywhere`, only those imported when the file is loaded."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def roots(path):
    return {name.split(".")[0] for name in imports(path)}


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_the_library_knows_no_page(path):
    assert not {"streamlit", "pages"} & roots(path)


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_altair_only_in_charts(path):
    assert path.stem == "charts" or "altair" not in roots(path)


@pytest.mark.parametrize("path", EVERY, ids=lambda path: path.stem)
def test_keras_only_in_the_trainers(path):
    assert path.stem in TRAINERS or not KERAS & roots(path)


@pytest.mark.parametrize("path", [path for path in EVERY if path.stem not in TRAINERS], ids=lambda path: path.stem)
def test_nothing_loads_a_trainer_with_itself(path):
    loaded = set(imports(path, everywhere=False))
    assert not loaded & {f"digitcore.{name}" for name in TRAINERS}


@pytest.mark.parametrize("name", ALLOWED)
def test_imports_run_one_way(name):
    inside = {found.split(".")[1] for found in imports(ROOT / "digitcore" / f"{name}.py") if found.startswith("digitcore.")}
    assert inside <= ALLOWED[name]


@pytest.mark.parametrize("path", sorted((ROOT / "pages" / "shared").glob("*.py")), ids=lambda path: path.stem)
def test_what_pages_share_knows_no_page_and_no_view(path):
    assert not [name for name in imports(path) if name.startswith("pages.") and not name.startswith("pages.shared")]


@pytest.mark.parametrize("path", [path for path in EVERY if "digitcore" not in path.parts], ids=lambda path: path.stem)
def test_session_and_caches_have_one_home(path):
    text = path.read_text(encoding="utf-8")
    assert path.stem == "state" or "session_state" not in text
    assert path.stem == "caches" or "st.cache_" not in text


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_public_names_are_documented(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the module"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


def test_every_module_has_a_test():
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    together = {
        "networks": "training",
        "lessons": "training",
        "watching": "training",
        "recipes": "runs",
        "handwriting_forms": "handwriting",
        "worker": "jobs",
        "layers": "training",
        "preload": "jobs",
        "errors": "main",
    }
    for path in LIBRARY:
        if path.stem != "__init__":
            assert together.get(path.stem, path.stem.strip("_")) in tested, path.stem
