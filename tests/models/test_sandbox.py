import resource
import subprocess
import sys

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
