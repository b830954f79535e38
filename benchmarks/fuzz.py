"""Uploads broken and hostile files everywhere that files are taken, and counts the outcomes.

    python benchmarks/fuzz.py [--each 200]

Each file must be taken or end as one sentence; nothing may crash, hang, or run what is inside.
"""

import argparse
import collections
import sys
import time
from pathlib import Path

from digitcore import mnist, models
from digitcore.data import sample_files
from digitcore.errors import DigitLabError
from digitcore.models import upload
from digitcore.samples import SampleSet
from digitcore.storage import archive
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from tests.support import fuzz

MARKER = Path("/tmp/digitlab-was-here")
MAX_SECONDS = 90  # s


def open_model(data: bytes):
    """As the worker does."""
    upload.open_checked([upload.check(data)])


def attempts(each: int):
    """For every upload its name, what takes the file, and the files."""
    digits, labels = mnist.load_test()
    good, genius = SampleSet.from_arrays(digits[:40], labels[:40]), models.load("genius")
    run = Run(genius.rename("run 1"), [{"epoch": 0.0, "samples_seen": 0.0, "seconds": 0.0}], TrainSettings(), "stupid", 1.0)
    lab = LabSnapshot(good, (RunRecord(run, models.load("stupid")),))

    def filled(make):
        fixed = sum(1 for _ in make(0))
        return make(max(0, each - fixed))

    yield "samples", sample_files.read, filled(lambda count: fuzz.sample_uploads(good, count))
    yield "a model", open_model, filled(lambda count: fuzz.model_uploads(genius.keras_bytes, count))
    yield "a lab", archive.read, filled(lambda count: fuzz.lab_uploads(lab, genius, count))


def upload_all(take, files):
    """What became of the files: how many were taken, refused, raised, took too long."""
    found, worst, bad = collections.Counter(), 0.0, []
    for name, data in files:
        begin = time.monotonic()
        try:
            take(data)
            found["taken"] += 1
        except DigitLabError as error:
            found["refused"] += bool(str(error))
        except BaseException as error:  # noqa: BLE001 just these are looked for
            bad.append(f"{name}: {type(error).__name__}: {error}"[:200])
        worst = max(worst, time.monotonic() - begin)
        if time.monotonic() - begin > MAX_SECONDS:
            bad.append(f"{name}: took too long")
    return found, worst, bad


def main():
    """Print a line for each upload."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=200, help="files for each upload")
    failed = False
    for what, take, files in attempts(parser.parse_args().each):
        found, worst, bad = upload_all(take, files)
        total = sum(found.values()) + len(bad)
        print(
            f"{what}: {total} files, {found['refused']} refused with a sentence, {found['taken']} still good and taken, "
            f"{len(bad)} failed; the longest took {worst:.1f} s",
            flush=True,
        )
        print(*bad, sep="\n")
        failed |= bool(bad)
    print(f"code was run: {'yes' if MARKER.exists() else 'no'}")
    return int(failed or MARKER.exists())


if __name__ == "__main__":
    sys.exit(main())
