"""Throws broken and hostile files at every upload and counts what becomes of them.

    python benchmarks/hostile.py [--each 200]

Each file must be taken or end as one sentence; nothing may crash, hang, or run what is inside.
"""

import argparse
import collections
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from digitcore import exchange, incoming, labfile, mnist, models
from digitcore.errors import DigitLabError
from digitcore.labs import LabRecord, Trained
from digitcore.runs import Run, TrainSettings
from digitcore.samples import SampleSet
from tests import hostile

MARK = Path("/tmp/digitlab-was-here")
SLOW = 90  # s


def bring_model(data: bytes):
    """As the worker does."""
    incoming.opened([incoming.checked(data)])


def attempts(each: int):
    """For every upload its name, what takes the file, and the files."""
    digits, labels = mnist.load_test()
    good, genius = SampleSet.from_arrays(digits[:40], labels[:40]), models.load("genius")
    run = Run(genius.renamed("run 1"), [{"epoch": 0.0, "seen": 0.0, "seconds": 0.0}], TrainSettings(), "stupid", 1.0)
    lab = LabRecord(good, (Trained(run, models.load("stupid")),))

    def filled(make):
        fixed = sum(1 for _ in make(0))
        return make(max(0, each - fixed))

    yield "samples", exchange.read, filled(lambda count: hostile.samples(good, count))
    yield "a model", bring_model, filled(lambda count: hostile.models(genius.keras_bytes, count))
    yield "a lab", labfile.read, filled(lambda count: hostile.labs(lab, genius, count))


def throw(take, files):
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
        if time.monotonic() - begin > SLOW:
            bad.append(f"{name}: took too long")
    return found, worst, bad


def main():
    """Print a line for each upload."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=200, help="files for each upload")
    failed = False
    for what, take, files in attempts(parser.parse_args().each):
        found, worst, bad = throw(take, files)
        total = sum(found.values()) + len(bad)
        print(
            f"{what}: {total} files, {found['refused']} refused with a sentence, {found['taken']} still good and taken, "
            f"{len(bad)} failed; the longest took {worst:.1f} s",
            flush=True,
        )
        print(*bad, sep="\n")
        failed |= bool(bad)
    print(f"code was run: {'yes' if MARK.exists() else 'no'}")
    return int(failed or MARK.exists())


if __name__ == "__main__":
    sys.exit(main())
