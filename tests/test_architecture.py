"""Rules that no linter checks, and tests that each import contract of pyproject.toml finds a forbidden import."""

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ("export_template",)
LIBRARY = [path for path in sorted((ROOT / "digitcore").rglob("*.py")) if not any(part in str(path) for part in GENERATED)]
PAGES = [*sorted((ROOT / "pages").rglob("*.py")), ROOT / "streamlit_app.py"]
CODE = [*LIBRARY, *PAGES, ROOT / "server.py"]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
KERAS_MODULES = {  # Importing one of these loads Keras, which doubles the server's memory.
    "digitcore.models.adaptation",
    "digitcore.models.foreign_models",
    "digitcore.models.keras_io",
    "digitcore.models.litert",
    "digitcore.models.networks",
    "digitcore.training.averaging",
    "digitcore.models.calibration",
    "digitcore.training.callbacks",
    "digitcore.training.cross_validation",
    "digitcore.training.dataset",
    "digitcore.training.divergence",
    "digitcore.training.metrics",
    "digitcore.training.schedules",
    "digitcore.training.snapshot_recorder",
    "digitcore.training.tensorboard",
    "digitcore.training.throughput",
    "digitcore.training.trainer",
}
# One violation of each contract: the module that gets the import, the import, and the name of the contract.
OFFENCES = [
    ("digitcore/models/bundle.py", "import digitcore.jobs.queue", "digitcore: packages build on each other"),
    ("pages/session/formatting.py", "import pages.components.layout", "pages: pages build on views"),
    ("digitcore/data/quality.py", "import streamlit", "The library does not import"),
    ("digitcore/samples.py", "import keras", "The server does not import"),
    ("pages/Evaluate.py", "import altair", "Only charts"),
]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def lint_imports(folder: Path) -> str:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Return a copy of the packages that the contracts check."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("digitcore", "pages"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_each_contract_has_a_violation(tree):
    assert all(sum(one["name"].startswith(start) for *_, start in OFFENCES) == 1 for one in CONTRACTS)
    assert f"Contracts: {len(OFFENCES)} kept, 0 broken" in lint_imports(tree)


def test_each_contract_finds_its_violation(tree):
    for path, line, _ in OFFENCES:
        with (tree / path).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")
    report = lint_imports(tree)
    broken = {line.partition(" BROKEN")[0] for line in report.splitlines() if " BROKEN" in line}
    assert {name for name in broken if any(name.startswith(start) for *_, start in OFFENCES)} == broken
    assert len(broken) == len(OFFENCES)


def test_a_new_module_needs_a_place_in_the_order(tree):
    (tree / "digitcore" / "utils.py").touch()
    assert "utils" in lint_imports(tree)


def test_only_trainers_load_keras():
    scripts = {"digitcore.__main__"}
    modules = sorted(set(map(name_of, LIBRARY)) - KERAS_MODULES - scripts)
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
    code += "sys.exit(' '.join({'keras', 'tensorflow'} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code, *modules], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr
    assert done.returncode == 0
    assert len(modules) > 50


@pytest.mark.parametrize("name", sorted(KERAS_MODULES))
def test_the_named_trainers_exist(name):
    assert importlib.util.find_spec(name)


def test_session_and_caches_have_one_owner():
    owners = {"session_state": {"pages/session/state.py"}, "st.cache_": {"pages/session/resources.py"}}
    for word, paths in owners.items():
        assert {str(path.relative_to(ROOT)) for path in PAGES if word in path.read_text(encoding="utf-8")} == paths


def test_scripts_and_styles_are_separate_files():
    for path in CODE:
        text = path.read_text(encoding="utf-8")
        assert "addEventListener" not in text, path
        assert "<style" not in text, path


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_public_names_are_documented(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), "the module"
    for node in public_definitions(path):
        assert ast.get_docstring(node), node.name


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_public_names_have_an_example(path):
    """A registered function is called by its registry, and a schema is documented by the OpenAPI document."""
    for node in public_definitions(path):
        assert is_registered(node) or "Example:" in (ast.get_docstring(node) or ""), node.name


def public_definitions(path):
    """Return the public functions and classes of a module."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")]


def is_registered(node):
    """Check whether a definition is a command, an endpoint, a network or a schema of the API."""
    decorators = [ast.unparse(one).partition("(")[0] for one in node.decorator_list]
    bases = [ast.unparse(one) for one in getattr(node, "bases", ())]
    kinds = ("click.", "app.", "router.", "network")
    return any(one.startswith(kinds) for one in decorators) or "BaseModel" in bases


def test_no_test_changes_the_clock_of_the_whole_process():
    """`tests.support.clock` explains why."""
    changes = re.compile(r"""(setattr|patch\.object)\(([\w.]+\.)?time, |["']time\.(time|monotonic|sleep)["']""")
    found = [path.name for path in sorted((ROOT / "tests").rglob("*.py")) if changes.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_every_package_has_a_folder_of_tests():
    packages = {path.name for path in (ROOT / "digitcore").iterdir() if (path / "__init__.py").exists()}
    assert packages <= {path.name for path in (ROOT / "tests").iterdir()}
