import platform
import resource
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys, threading
import numpy as np
from digitcore.memory_allocator import keep_freed_memory

def allocate():
    for _ in range(200):
        np.ones(1_000_000, np.uint8)

if sys.argv[1] == "keep":
    assert keep_freed_memory()
allocate()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
allocate()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="Only glibc has these settings.")
def test_freed_memory_is_used_again_without_page_faults():
    counts = {}
    for mode in ("default", "keep"):
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, mode],
            env={"MALLOC_TRIM_THRESHOLD_": "65536"},
            capture_output=True,
            text=True,
            check=True,
        )
        counts[mode] = int(run.stdout)
    assert counts["default"] > 200 * 1_000_000 / resource.getpagesize() / 2
    assert counts["keep"] < 1000
