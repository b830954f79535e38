"""Give broken and hostile files and addresses to everything that reads them, and count the outcomes.

    python benchmarks/fuzz.py [--share 0.1]

Each item must be accepted, or rejected with a sentence. No item may crash or hang the program, or run code.
"""

import argparse
import collections
import logging
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from digitcore import images, mnist, models
from digitcore.data import sample_files
from digitcore.errors import DigitLabError
from digitcore.models import upload
from digitcore.samples import SampleSet
from digitcore.storage import archive
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from tests.support import fuzz
from tests.support.app import TRAIN, go, new_app

MARKER = Path("/tmp/digitlab-was-here")
MAX_SECONDS = 90  # an item that takes longer counts as a hang
COUNTS = {"pictures": 2000, "samples": 500, "models": 300, "labs": 300, "addresses": 500}


@dataclass
class Outcome:
    """The outcome of all items of one kind.

    Attributes:
        counts: how many items were accepted, and how many were rejected with a sentence.
        failures: a line for each item that raised another error, or took too long.
        slowest: seconds of the slowest item.
    """

    counts: collections.Counter[str] = field(default_factory=collections.Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0


def read_picture(content: bytes) -> None:
    """Read a picture as the page, the API and the import of samples do."""
    images.digit_from_file(content)


def open_model(content: bytes) -> None:
    """Open a model as the worker does."""
    upload.open_checked([upload.check(content)])


def open_page(parameters: dict[str, str]) -> None:
    """Open the page that reads settings from its address."""
    go(new_app(**parameters), TRAIN)


def kinds(share: float) -> Iterator[tuple[str, Callable[[Any], object], Iterator[tuple[str, Any]]]]:
    """Yield for each kind its name, the function that reads an item, and the items."""
    digits, labels = mnist.load_test()
    good, genius = SampleSet.from_arrays(digits[:40], labels[:40]), models.load("genius")
    run = Run(genius.rename("run 1"), [{"epoch": 0.0, "samples_seen": 0.0, "seconds": 0.0}], TrainSettings(), "untrained", 1.0)
    lab = LabSnapshot(good, (RunRecord(run, models.load("untrained")),))
    counts = {name: round(count * share) for name, count in COUNTS.items()}

    def filled(make: Callable[[int], Iterator[tuple[str, Any]]], count: int) -> Iterator[tuple[str, Any]]:
        return make(max(0, count - sum(1 for _ in make(0))))

    yield "pictures", read_picture, filled(lambda count: fuzz.pictures(digits[0], count), counts["pictures"])
    yield "samples", sample_files.read, filled(lambda count: fuzz.sample_uploads(good, count), counts["samples"])
    yield "models", open_model, filled(lambda count: fuzz.model_uploads(genius.keras_bytes, count), counts["models"])
    yield "labs", archive.read, filled(lambda count: fuzz.lab_uploads(lab, genius, count), counts["labs"])
    yield "addresses", open_page, fuzz.addresses(counts["addresses"])


def try_all(take: Callable[[Any], object], items: Iterator[tuple[str, Any]]) -> Outcome:
    """Give each item to the function that reads it, and return the outcome."""
    outcome = Outcome()
    for name, item in items:
        begin = time.monotonic()
        try:
            take(item)
            outcome.counts["accepted"] += 1
        except DigitLabError as error:
            outcome.counts["rejected"] += bool(str(error))
        except BaseException as error:  # noqa: BLE001 other errors are what this program looks for
            outcome.failures.append(f"{name}: {type(error).__name__}: {error}"[:200])
        seconds = time.monotonic() - begin
        outcome.slowest = max(outcome.slowest, seconds)
        if seconds > MAX_SECONDS:
            outcome.failures.append(f"{name}: took {seconds:.0f} s")
    return outcome


def main() -> int:
    """Print a line for each kind of item. Return 1 if an item failed or ran code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help=f"share of these numbers of items: {COUNTS}")
    logging.disable(logging.WARNING)
    failed = False
    for kind, take, items in kinds(parser.parse_args().share):
        outcome = try_all(take, items)
        total = outcome.counts.total() + len(outcome.failures)
        print(
            f"{kind}: {total} items, {outcome.counts['accepted']} accepted, {outcome.counts['rejected']} rejected, "
            f"{len(outcome.failures)} failed; the slowest took {outcome.slowest:.1f} s",
            flush=True,
        )
        print(*outcome.failures, sep="\n", end="\n" if outcome.failures else "")
        failed |= bool(outcome.failures)
    print(f"an item ran code: {'yes' if MARKER.exists() else 'no'}")
    return int(failed or MARKER.exists())


if __name__ == "__main__":
    sys.exit(main())
