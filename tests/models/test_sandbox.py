import io
import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import psutil
import pytest

from digitcore import isolation, mnist
from digitcore.errors import ModelError
from digitcore.models import foreign_models, hdf5_check, sandbox, upload
from digitcore.models.bundle import ModelCard
from digitcore.models.cost import MAX_MEGABYTES
from digitcore.predictor import Predictor
from tests.support import foreign, fuzz
from tests.support.jobs import until

SANDBOX = [sys.executable, "-m", "digitcore.models.sandbox"]


@pytest.fixture(scope="module")
def damaged_folder(tmp_path_factory):
    """Return a folder with a damaged file, after a sandbox that prints its limits has read it."""
    folder = tmp_path_factory.mktemp("sandbox")
    (folder / "0.in").write_bytes(b"nothing")
    code = (
        "import sys, resource; from pathlib import Path; from digitcore.models import sandbox; sandbox.main(Path(sys.argv[1])); "
        "print([resource.getrlimit(k)[0] for k in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    (folder / "limits").write_text(done.stdout)
    return folder


def test_sandbox_has_limits(damaged_folder):
    memory, seconds, size = json.loads((damaged_folder / "limits").read_text())
    assert memory == sandbox.MAX_ADDRESS_SPACE
    assert sandbox.MAX_CPU_SECONDS <= seconds < 2 * sandbox.MAX_CPU_SECONDS  # Each model may use this number of seconds.
    assert size == sandbox.MAX_FILE_SIZE


def test_limits_do_not_apply_to_the_process_that_started_the_sandbox(damaged_folder):
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != sandbox.MAX_FILE_SIZE


def test_damaged_file_gives_an_error_message(damaged_folder):
    assert "cannot be read" in (damaged_folder / "0.error").read_text(encoding="utf-8")
    assert not (damaged_folder / "0.keras").exists()


@pytest.fixture
def open_file(tmp_path, monkeypatch):
    """Return a function that opens a model file in this process, without limits, and returns the results by their suffixes."""
    for name in ("set_limits", "_set_limit"):
        monkeypatch.setattr(sandbox, name, lambda *_, **__: None)
    monkeypatch.setattr(sandbox.processes, "end_with_parent", lambda *_, **__: None)

    def open_(content):
        (tmp_path / "0.in").write_bytes(content)
        sandbox.main(tmp_path)
        return {file.suffix: file.read_bytes() for file in tmp_path.glob("0.*")}

    return open_


def test_a_foreign_model_is_measured_with_the_digits_in_its_folder(tmp_path, open_file):
    digits, labels = mnist.load_probes()
    np.savez(tmp_path / upload.PROBES_FILE, digits=digits, labels=labels)
    results = open_file(foreign.to_keras(foreign.linear_model()))
    assert set(results) == {".in", ".started", ".keras", ".tflite", ".json"}
    assert ModelCard.from_json(results[".json"].decode()).name == "0"
    predicted = Predictor.load(results[".tflite"]).probabilities(digits[:20]).argmax(1)
    np.testing.assert_array_equal(predicted, foreign.expected_logits(digits[:20]).argmax(1))


def test_a_foreign_model_without_digits_gives_an_error_message(open_file):
    results = open_file(foreign.to_keras(foreign.linear_model()))
    assert set(results) == {".in", ".started", ".error"}
    assert "without MNIST" in results[".error"].decode()


def test_an_error_of_keras_gives_an_error_message(monkeypatch, open_file, genius):
    def fail(*_):
        raise ValueError("Layer 'dense' expected 2 variables")

    monkeypatch.setattr(foreign_models, "load", fail)
    assert open_file(genius.keras_bytes)[".error"] == b"Keras cannot open the model: Layer 'dense' expected 2 variables."


def test_sandbox_ends_with_the_process_that_started_it(tmp_path, genius):
    (tmp_path / "0.in").write_bytes(genius.keras_bytes)
    code = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(99)"
    parent = subprocess.Popen(
        [sys.executable, "-c", code, *isolation.command(tmp_path, "digitcore.models.sandbox", str(tmp_path))]
    )
    try:
        below = children_in_the_sandbox(parent.pid)
    finally:
        parent.kill()
        parent.wait()
    assert psutil.wait_procs(below, timeout=60)[1] == []


def children_in_the_sandbox(pid):
    """Return the children of a process as soon as they have the limits of the sandbox."""
    parent = psutil.Process(pid)

    def are_limited():
        children = parent.children()
        return children and all(child.rlimit(psutil.RLIMIT_CPU)[0] == sandbox.MAX_CPU_SECONDS for child in children)

    until(are_limited)
    return parent.children()


def test_cost_of_genius_is_within_the_limits(tmp_path, genius):
    (tmp_path / "model.tflite").write_bytes(genius.tflite_bytes)
    done = subprocess.run([*SANDBOX, "--measure", str(tmp_path / "model.tflite")], check=True, capture_output=True)
    cost = sandbox.Cost(**json.loads(done.stdout))
    cost.check()
    assert 0 < cost.milliseconds < sandbox.MAX_MILLISECONDS
    assert 1 < cost.megabytes < MAX_MEGABYTES


def test_memory_of_a_slow_model_is_not_measured(monkeypatch, genius):
    monkeypatch.setattr(sandbox, "MAX_MILLISECONDS", 0)
    assert sandbox.measure(genius.tflite_bytes).megabytes == 0


@pytest.mark.parametrize(
    ("cost", "words"), [(sandbox.Cost(21, 1), "21 ms for a digit"), (sandbox.Cost(1, 65), "65 MB for 100 digits")]
)
def test_too_high_cost_is_rejected(cost, words):
    with pytest.raises(ModelError, match=words):
        cost.check()


def test_file_whose_cost_cannot_be_measured_is_rejected():
    with pytest.raises(ModelError, match="exit status 1"):
        upload.measure_cost(b"not a model")


def test_measurement_that_takes_too_long_is_rejected(monkeypatch, genius):
    monkeypatch.setattr(upload, "MEASURE_TIMEOUT", 0.001)
    with pytest.raises(ModelError, match="took longer than 0 s"):
        upload.measure_cost(genius.tflite_bytes)


def with_weights(folder, genius, weights):
    """Write a copy of genius with another weights file."""
    file = folder / "0.in"
    file.write_bytes(fuzz.make_zip(fuzz.read_zip(genius.keras_bytes) | {"model.weights.h5": weights}))
    return file


def hdf5(**arrays):
    """Return an HDF5 file with compressed arrays."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, compression="gzip")
    return content.getvalue()


@pytest.mark.parametrize(("name", "weights"), fuzz.hostile_weights(), ids=lambda value: value if isinstance(value, str) else "")
def test_hostile_hdf5_features_are_rejected(tmp_path, genius, name, weights):
    with pytest.raises(ModelError):
        hdf5_check.check_file(with_weights(tmp_path, genius, weights))


def test_too_many_weights_are_rejected(tmp_path, genius):
    weights = hdf5(first=np.zeros(upload.MAX_WEIGHTS, np.int8), second=np.zeros(1, np.int8))
    with pytest.raises(ModelError, match="5,000,001 weights"):
        hdf5_check.check_file(with_weights(tmp_path, genius, weights))


def test_weights_that_are_text_are_rejected(tmp_path, genius):
    with pytest.raises(ModelError, match="not plain numbers"):
        hdf5_check.check_file(with_weights(tmp_path, genius, hdf5(layers=np.array([b"text", b"more"]))))


# macOS rejects the limits, and Windows has no module `resource`.
WITHOUT_MEMORY_LIMIT = """
import resource
set_limit = resource.setrlimit
def setrlimit(kind, limits):
    if kind == resource.RLIMIT_AS:
        raise ValueError("current limit exceeds maximum limit")
    set_limit(kind, limits)
resource.setrlimit = setrlimit
"""
WITHOUT_RESOURCE = "import sys; sys.modules['resource'] = None"


@pytest.mark.parametrize(
    ("system", "missing"),
    [(WITHOUT_MEMORY_LIMIT, ["RLIMIT_AS"]), (WITHOUT_RESOURCE, ["RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE"])],
)
def test_missing_limits_do_not_stop_an_import(tmp_path, system, missing):
    (tmp_path / "sitecustomize.py").write_text(system)
    code = "from digitcore.models import sandbox; print(sandbox.set_limits(1)); print(sandbox._set_limit('RLIMIT_CPU', 90, None))"
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{Path(sandbox.__file__).parents[2]}"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines() == [str(missing), str("RLIMIT_CPU" not in missing)]


@pytest.mark.parametrize(
    ("status", "stderr", "words"),
    [
        (-signal.SIGXCPU, b"", "100 s of processor time"),
        (-signal.SIGABRT, b"what(): std::bad_alloc", "more memory"),
        (1, b"MemoryError", "more memory"),
        (-signal.SIGSEGV, b"", "ended by SIGSEGV"),
        (3, b"", "exit status 3"),
        (0, b"MemoryError", "exit status 0"),
    ],
)
def test_error_message_names_only_a_limit_that_was_reached(status, stderr, words):
    assert words in upload.explain_exit(status, stderr)


def test_error_message_has_no_path():
    assert (
        sandbox.explain_error(OSError("Unable to open /tmp/x1/model.keras now"))
        == "Keras cannot open the model: Unable to open … now."
    )
    assert sandbox.explain_error(MemoryError()) == upload.TOO_MUCH_MEMORY


def test_model_that_ends_the_sandbox_does_not_affect_the_others(monkeypatch, tmp_path, genius):
    """The test replaces the sandbox by a script that opens files until a file ends the process."""
    fake = tmp_path / "fake.py"
    fake.write_text(
        "import os, signal, sys; from pathlib import Path\n"
        "for file in sorted(Path(sys.argv[-1]).glob('*.in')):\n"
        "    if file.with_suffix('.error').exists(): continue\n"
        "    file.with_suffix('.started').touch()\n"
        "    if file.read_bytes() == b'bad': os.kill(os.getpid(), signal.SIGXCPU)\n"
        "    file.with_suffix('.error').write_text('read')\n"
    )
    run = upload._run
    monkeypatch.setattr(upload, "_run", lambda command, *rest: run([sys.executable, str(fake), command[-1]], *rest))
    outcomes = [str(outcome) for outcome in upload.open_each([b"good", b"bad", b"good"])]
    assert outcomes == ["read", upload.TOO_MUCH_TIME, "read"]
