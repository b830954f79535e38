import json
import resource
import subprocess
import sys
import time

import psutil
import pytest

from digitcore.errors import ModelError
from digitcore.models import sandbox


def test_limits_hold_for_the_process_and_all_it_opens(tmp_path):
    code = (
        "import sys, resource; from pathlib import Path; from digitcore.models import sandbox; sandbox.main(Path(sys.argv[1])); "
        "print([resource.getrlimit(k)[0] for k in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE)])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(str([sandbox.MAX_ADDRESS_SPACE, sandbox.MAX_CPU_SECONDS, sandbox.MAX_FILE_SIZE]))
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != sandbox.MAX_FILE_SIZE, "only there"


def test_a_damaged_file_leaves_a_sentence(tmp_path):
    (tmp_path / "0.in").write_bytes(b"nothing")
    subprocess.run([sys.executable, "-m", "digitcore.models.sandbox", str(tmp_path)], check=True, capture_output=True)
    assert (tmp_path / "0.error").read_text(encoding="utf-8") and not (tmp_path / "0.keras").exists()


def test_it_ends_with_the_process_that_started_it(tmp_path, genius):
    (tmp_path / "0.in").write_bytes(genius.keras_bytes)
    command = "[sys.executable, '-m', 'digitcore.models.sandbox', sys.argv[1]]"
    code = f"import subprocess, sys, time; subprocess.Popen({command}); time.sleep(99)"
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    try:
        while not (below := psutil.Process(parent.pid).children()):
            time.sleep(0.05)
        time.sleep(0.5)
    finally:
        parent.kill()
        parent.wait()
    assert psutil.wait_procs(below, timeout=60)[1] == []


def test_the_cost_of_a_prediction(tmp_path, genius):
    (tmp_path / "model.tflite").write_bytes(genius.tflite_bytes)
    command = [sys.executable, "-m", "digitcore.models.sandbox", "--measure", str(tmp_path / "model.tflite")]
    done = subprocess.run(command, check=True, capture_output=True)
    cost = sandbox.Cost(**json.loads(done.stdout))
    cost.check()
    assert 0 < cost.milliseconds < sandbox.MAX_MILLISECONDS and 1 < cost.megabytes < sandbox.MAX_MEGABYTES


@pytest.mark.parametrize(("cost", "words"), [(sandbox.Cost(21, 1), "21 ms for a digit"), (sandbox.Cost(1, 65), "65 MB")])
def test_too_much_is_refused(cost, words):
    with pytest.raises(ModelError, match=words):
        cost.check()
