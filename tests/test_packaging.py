"""The lock file, and the content of the installed package."""

import io
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from digitcore import models

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = [text for extra in ("train", "server") for text in PROJECT["optional-dependencies"][extra]]
DEPENDENCIES = [*PROJECT["dependencies"], *EXTRAS]
# requirement → hashes of its files
LOCK_LINES = (ROOT / "requirements.txt").read_text().replace("\\\n", "").splitlines()
HASHES = {
    Requirement(line.partition("--hash")[0]): re.findall(r"--hash=sha256:([0-9a-f]{64})", line)
    for line in LOCK_LINES
    if line.strip() and not line.lstrip().startswith("#")
}
LOCK = list(HASHES)


def image_of_a_one() -> bytes:
    image, file = Image.new("L", (200, 200), "white"), io.BytesIO()
    image.paste("black", (92, 40, 108, 160))
    image.save(file, "PNG")
    return file.getvalue()


def applies(requirement: Requirement, extra: str = "") -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def installed_requirements() -> set[str]:
    """Return the names of all packages that the project needs on this machine, directly or indirectly."""
    found: set[str] = set()
    waiting = [(Requirement(text), "") for text in DEPENDENCIES]
    while waiting:
        requirement, extra = waiting.pop()
        if not applies(requirement, extra):
            continue
        found.add(canonicalize_name(requirement.name))
        for extra in requirement.extras or {""}:
            for text in distribution(requirement.name).requires or []:
                below = Requirement(text)
                if canonicalize_name(below.name) not in found:
                    waiting.append((below, extra))
    return found


def test_lock_pins_every_package_to_one_version():
    assert LOCK
    assert all(re.fullmatch(r"==[^*,]+", str(requirement.specifier)) for requirement in LOCK)
    assert all(requirement.url is None for requirement in LOCK)


def test_lock_has_the_hashes_of_every_package():
    assert all(HASHES.values()), "run `make lock`"


def test_lock_matches_pyproject():
    locked = {canonicalize_name(requirement.name) for requirement in LOCK if applies(requirement)}
    needed = installed_requirements()
    assert "streamlit" in needed, "run `make lock`"
    assert not needed - locked, "run `make lock`"
    assert not locked - needed, "run `make lock`"


def test_every_direct_dependency_is_locked_on_every_platform():
    locked = {canonicalize_name(requirement.name) for requirement in LOCK}
    assert {canonicalize_name(Requirement(text).name) for text in DEPENDENCIES} <= locked


# Run a command with the packages of the core only.
CORE_ONLY = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from digitcore.cli import main
sys.exit(main(sys.argv[2:]))
"""
MODULES = {"scikit-learn": "sklearn", "tensorflow-cpu": "tensorflow", "python-multipart": "multipart"}


def run_core(*arguments: str) -> subprocess.CompletedProcess[str]:
    missing = [MODULES.get(name := Requirement(text).name, name.replace("-", "_")) for text in EXTRAS]
    command = [sys.executable, "-c", CORE_ONLY, ",".join(missing), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_core_predicts_without_tensorflow_and_streamlit(tmp_path):
    (tmp_path / "one.png").write_bytes(image_of_a_one())
    done = run_core("predict", str(tmp_path / "one.png"))
    assert done.stdout.partition(": ")[2].startswith("1 ("), done.stderr


def test_the_core_says_what_a_training_and_a_keras_file_need(tmp_path):
    done = run_core("train", "mlp")
    assert done.returncode == 1
    assert 'which is not installed. Run pip install "digitlab[train]".' in done.stderr
    (tmp_path / "one.png").write_bytes(image_of_a_one())
    (tmp_path / "mine.keras").write_bytes(models.load("mlp").keras_bytes + b" ")
    done = run_core("predict", str(tmp_path / "one.png"), "--model", str(tmp_path / "mine.keras"))
    assert 'Keras, which is not installed. Run pip install "digitlab[train]", or use a .tflite file.' in done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel and open it."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, check=True)
    [path] = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


def test_wheel_contains_the_library_with_models_and_templates(wheel):
    names = set(wheel.namelist())
    for model in models.names():
        for path in (ROOT / "models" / model).iterdir():
            assert f"digitcore/models/shipped/{model}/{path.name}" in names
    for path in (ROOT / "digitcore").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert path.relative_to(ROOT).as_posix() in names
    assert not {name for name in names if name.startswith(("tests", "pages", "benchmarks"))}


def test_wheel_installs_the_command(wheel):
    [entry_points] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "digitlab = digitcore.__main__:run" in wheel.read(entry_points).decode()


@pytest.mark.parametrize(
    ("version", "system", "machine", "words"),
    [
        ((3, 10), "Linux", "x86_64", "needs Python 3.11 to 3.13, not 3.10. Name"),
        ((3, 11), "Linux", "aarch64", ""),
        ((3, 13), "Darwin", "arm64", ""),
        ((3, 14), "Linux", "x86_64", "not 3.14, for which TensorFlow has no package"),
        ((3, 12), "Darwin", "x86_64", "Macs with an Intel processor"),
    ],
)
def test_unsupported_python_is_reported_immediately(tmp_path, version, system, machine, words):
    """A script replaces the interpreter and reports another version and another machine."""
    claims = f"import platform, sys; sys.version_info = {(*version, 0)}; platform.system = lambda: '{system}'"
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "{claims}; platform.machine = lambda: \'{machine}\'; exec(sys.argv[1])" "$2"\n'
    )
    python.chmod(0o755)
    done = subprocess.run(["make", "--silent", "check-python", f"PYTHON={python}"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode == 0) == (not words)
    assert words in done.stderr


def test_python_range_is_the_same_everywhere():
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    assert "Python 3.11 to 3.13" in (ROOT / "README.md").read_text()


def test_the_audit_fails_if_a_package_cannot_be_audited():
    (line,) = [line for line in (ROOT / "Makefile").read_text().splitlines() if "$(BIN)/pip-audit" in line]
    assert "--strict" in line.split()
