"""Measure how many photographs of digits on paper are predicted correctly, and how long it takes to find the digit.

    python benchmarks/photographs.py [--photographs 200] [--model genius] [--json]

The photographs are drawn by code (`tests/support/photographs.py`): synthetic digits on paper, of the kinds in `KINDS`.
"""

import argparse
import io
import json
import statistics
import time

import numpy as np
from PIL import Image

from digitcore import models
from digitcore.images import digit_from_file, ink_from_image
from digitcore.images.decoding import decode
from tests.support.photographs import KINDS, photograph

LARGE_SIDES = 4000, 3000  # px: 12 million


def share_read(predictor, kind, n):
    """Return the share of photographs that are predicted correctly, and of blank photographs that are recognized as blank."""
    rng = np.random.default_rng(5)
    digits = [digit_from_file(photograph(kind, i % 10, rng)) for i in range(n)]
    correct = [digit is not None and predictor.probabilities(digit[None]).argmax() == i % 10 for i, digit in enumerate(digits)]
    blank = [digit_from_file(photograph(kind, None, rng)) is None for _ in range(n // 4)]
    return {"read": round(float(np.mean(correct)), 4), "blank_is_blank": round(float(np.mean(blank)), 4)}


def milliseconds(n=15):
    """Return the median time in ms to find the digit in a 12-megapixel photograph, without its decoding."""
    small = Image.open(io.BytesIO(photograph("squared", 4, np.random.default_rng(0))))
    image, waits = small.resize(LARGE_SIDES), []
    for _ in range(n):
        began = time.perf_counter()
        decode(image)
        decoded = time.perf_counter()
        ink_from_image(image).digits()
        waits.append(time.perf_counter() - decoded - (decoded - began))
    return round(1000 * statistics.median(waits), 1)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=int, default=200, help="number of photographs of each kind")
    parser.add_argument("--model", default="genius")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    predictor = models.load(options.model).predictor()
    found = {kind: share_read(predictor, kind, options.photographs) for kind in KINDS} | {"milliseconds": milliseconds()}
    print(json.dumps(found, indent=2) if options.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
