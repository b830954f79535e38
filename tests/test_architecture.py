"""Rules that the linters do not know, and that each import contract of pyproject.toml finds what it forbids."""

import ast
import importlib.util
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
GENERATED = ("migrations/versions", "export_template")
LIBRARY = [path for path in sorted((ROOT / "digitcore").rglob("*.py")) if not any(part in str(path) for part in GENERATED)]
PAGES = [*sorted((ROOT / "pages").rglob("*.py")), ROOT / "streamlit_app.py"]
CODE = [*LIBRARY, *PAGES, ROOT / "server.py"]
LONG_TABLES = {"glyphs.py"}
MAX_LINES = 300
MAX_MODULES = 14
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
# Importing one of these loads Keras; everything else must leave it alone, or the server's memory doubles.
[KERAS_MODULES] = [set(one["protected_modules"]) for one in CONTRACTS if one["name"].startswith("Modules that load Keras")]
TESTED_WITH = {  # module → the test module that covers it
    "_lazy": "test_resources",  # what the server loads for its first page
    "api_schemas": "test_api",
    "errors": "test_cli",
    "glyphs": "test_synthetic",
    "decoding": "test_images",
    "averaging": "test_trainer",
    "settings_text": "test_settings",
    "__main__": "test_cli",
    "feature_maps": "test_charts",
    "learning_curves": "test_charts",
    "matrices": "test_charts",
    "shares": "test_charts",
    "sweeps": "test_charts",
    "snapshot_recorder": "test_snapshots",
    "sweep_plan": "test_sweep",
    "trial": "test_sweep",
    "setting_spec": "test_settings",
    "style": "test_charts",
    "models": "test_cli",
    "model_tasks": "test_tasks",
    "throughput": "test_tasks",
    "options": "test_cli",
    "experiments": "test_cli",
    "pictures": "test_cli",
    "limits": "test_service",
    "preload": "test_cluster",
    "run_folder": "test_cluster",
    "mnist_evaluation": "test_tasks",
    "rows": "test_database",
    "run": "test_trainer",
}
# One offence against each contract: the module that gets the import, the import, the contract's name.
OFFENCES = [
    ("digitcore/models/bundle.py", "import digitcore.jobs.queue", "digitcore: packages build on each other"),
    ("pages/session/text.py", "import pages.components.layout", "pages: views and components"),
    ("pages/views/my_lab/lab_file.py", "import pages.views.draw.own_drawings", "pages: views know nothing of each other"),
    ("digitcore/images.py", "import digitcore.predictor", "No cycles"),
    ("digitcore/data/quality.py", "import streamlit", "The library knows neither"),
    ("pages/Evaluate.py", "import altair", "Altair"),
    ("digitcore/samples.py", "import keras", "Keras and TensorFlow"),
    ("pages/Draw.py", "import digitcore.training.trainer", "Modules that load Keras"),
    ("digitcore/data/strokes.py", "import digitcore.data.synthetic", "data: digits and letters"),
    ("digitcore/data/quality.py", "import digitcore.data.corruptions", "data: the other modules stand alone"),
    ("digitcore/models/networks.py", "import digitcore.models.sandbox", "models: bundles"),
    ("digitcore/training/settings.py", "import digitcore.training.run", "training: settings"),
    ("digitcore/evaluation/score.py", "import digitcore.evaluation.comparison", "evaluation: scores"),
    ("digitcore/storage/snapshot.py", "import digitcore.storage.database", "storage: the snapshot"),
    ("digitcore/jobs/queue.py", "import digitcore.jobs.cluster", "jobs: the queue"),
    ("digitcore/charts/style.py", "import digitcore.charts.shares", "charts: kinds"),
    ("digitcore/cli/options.py", "import digitcore.cli.models", "cli: commands"),
]


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def lint_imports(folder: Path) -> str:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of what the contracts look at."""
    folder = tmp_path_factory.mktemp("tree")
    for name in ("digitcore", "pages"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_each_contract_has_an_offence(tree):
    assert all(sum(one["name"].startswith(start) for *_, start in OFFENCES) == 1 for one in CONTRACTS)
    assert f"Contracts: {len(OFFENCES)} kept, 0 broken" in lint_imports(tree)


@pytest.mark.parametrize(("path", "line", "contract"), OFFENCES, ids=[contract for *_, contract in OFFENCES])
def test_a_contract_finds_its_offence(tree, path, line, contract):
    text = (tree / path).read_text(encoding="utf-8")
    (tree / path).write_text(f"{text}\n{line}\n", encoding="utf-8")
    report = lint_imports(tree)
    (tree / path).write_text(text, encoding="utf-8")
    assert any(one.startswith(contract) and " BROKEN" in one for one in report.splitlines())


def test_a_new_module_needs_a_place_in_the_order(tree):
    (tree / "digitcore" / "utils.py").touch()
    report = lint_imports(tree)
    (tree / "digitcore" / "utils.py").unlink()
    assert "utils" in report


def test_only_trainers_load_keras():
    scripts = {"digitcore.__main__", "digitcore.storage.migrations.env"}
    modules = sorted(set(map(name_of, LIBRARY)) - KERAS_MODULES - scripts)
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)\n"
    code += "sys.exit(' '.join({'keras', 'tensorflow'} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code, *modules], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr and done.returncode == 0 and len(modules) > 50


@pytest.mark.parametrize("name", sorted(KERAS_MODULES))
def test_a_trainer_is_still_there(name):
    assert importlib.util.find_spec(name)


def test_session_and_caches_have_one_owner():
    owners = {"session_state": {"pages/session/state.py"}, "st.cache_": {"pages/session/resources.py"}}
    for word, paths in owners.items():
        assert {str(path.relative_to(ROOT)) for path in PAGES if word in path.read_text(encoding="utf-8")} == paths


def test_scripts_and_styles_are_files_of_their_own():
    for path in CODE:
        text = path.read_text(encoding="utf-8")
        assert "addEventListener" not in text and "<style" not in text, path


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
def test_public_names_are_documented(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the module"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


def test_every_module_of_the_library_has_a_test():
    tested = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    modules = [path.stem for path in LIBRARY if path.stem not in ("__init__", "env")]
    assert not [stem for stem in modules if TESTED_WITH.get(stem, f"test_{stem}") not in tested]


def test_tests_stand_beside_the_packages_they_cover():
    packages = {path.name for path in (ROOT / "digitcore").iterdir() if (path / "__init__.py").exists()}
    assert packages <= {path.name for path in (ROOT / "tests").iterdir()}


def test_files_are_short_and_the_library_is_not_flat():
    everything = [*CODE, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    long = {path.name for path in everything if len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES}
    assert long <= LONG_TABLES
    assert len(list((ROOT / "digitcore").glob("*.py"))) <= MAX_MODULES
