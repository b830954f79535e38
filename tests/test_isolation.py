"""Isolation of the process that opens models of strangers. The attempts are made in the real process."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from digitcore import isolation
from digitcore.models import upload
from tests.support import intruder

ROOT = Path(isolation.__file__).parents[1]
pytestmark = pytest.mark.skipif(
    bool(isolation.missing()), reason=f"The kernel does not offer {' and '.join(isolation.missing())}."
)


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0), backlog=10) as server:
        yield server.getsockname()[1]


@pytest.fixture
def variables(port, monkeypatch, tmp_path):
    shutil.copy(intruder.__file__, tmp_path / "sitecustomize.py")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    monkeypatch.setenv("PYTHON_INTRUDER_PORT", str(port))
    monkeypatch.setenv("PYTHON_INTRUDER_ROOT", str(ROOT))
    monkeypatch.setenv("DIGITLAB_STORE", "postgresql://user:secret@host/labs")


def test_process_that_opens_models_is_isolated(variables):
    (outcome,) = upload.open_each([b"a model"])
    assert json.loads(str(outcome)) == []


def test_attempts_succeed_without_isolation(variables):
    done = subprocess.run([sys.executable, intruder.__file__], capture_output=True, text=True, check=True)
    names = json.loads(done.stdout)
    assert {name.partition(":")[0] for name in names} == set(intruder.ATTEMPTS)


def test_a_process_with_threads_is_not_isolated_in_part(tmp_path):
    code = (
        "import sys, threading; from pathlib import Path; from digitcore import isolation\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start(); isolation.restrict(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "must be isolated before it starts threads" in done.stderr


def test_the_filter_has_the_same_rules_on_both_architectures(monkeypatch):
    programs = []
    for machine in ("x86_64", "aarch64"):
        monkeypatch.setattr(isolation.platform, "machine", lambda machine=machine: machine)
        programs.append(isolation._filter(1234))
    assert len(programs[0]) - len(programs[1]) == 4  # `fork` and `vfork` exist on x86-64 only.
    assert all(len(instruction) == 8 for program in programs for instruction in program)


def test_a_system_without_isolation_is_logged_once(monkeypatch, caplog):
    monkeypatch.setattr(isolation, "missing", lambda: ["Landlock"])
    upload._log_missing_isolation.cache_clear()
    upload.open_each([])
    upload.open_each([])
    upload._log_missing_isolation.cache_clear()
    assert [record.message[:50] for record in caplog.records] == ["This operating system does not offer Landlock. The"]
