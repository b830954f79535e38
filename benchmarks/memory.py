"""Measure the server's memory for several large pictures at once, and for many imported models in sequence.

python benchmarks/memory.py
"""

import io
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

from digitcore import models
from digitcore.images.decoding import MAX_PIXELS
from pages.session import resources
from tests.support.browser import Server

N_PICTURES, N_MODELS = 8, 100
SAMPLING_INTERVAL = 0.005  # s


class Peak:
    """The largest memory of a process while it is observed, in MB."""

    def __init__(self, pid: int):
        self._process, self._is_over = psutil.Process(pid), threading.Event()
        self.before = self.largest = self.now()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def now(self) -> float:
        return self._process.memory_info().rss / 1e6

    def _watch(self) -> None:
        while not self._is_over.wait(SAMPLING_INTERVAL):
            self.largest = max(self.largest, self.now())

    def stop(self) -> float:
        """Stop observing, and return how many MB the memory has grown at most."""
        self._is_over.set()
        self._thread.join()
        return self.largest - self.before


def large_picture(mode: str) -> bytes:
    """Return a small PNG file with the largest allowed number of pixels, and a black rectangle."""
    side = int(MAX_PIXELS**0.5)
    picture, file = Image.new("L", (side, side), "white"), io.BytesIO()
    picture.paste("black", (side // 3, side // 4, side // 2, side // 2))
    picture.convert(mode).save(file, "PNG", compress_level=9)
    return file.getvalue()


def ask(url: str, content: bytes) -> int:
    """Request a prediction, and return the HTTP status."""
    request = urllib.request.Request(f"{url}/api/v1/predict", content, {"content-type": "image/png"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.status


def measure_pictures() -> None:
    """Send eight pictures at once, for each mode of Pillow."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder))
        try:
            small = io.BytesIO()
            Image.new("L", (50, 50), 255).save(small, "PNG")
            ask(server.url, small.getvalue())  # The first request loads the API.
            for mode in ("L", "P", "RGB", "RGBA"):
                content, peak = large_picture(mode), Peak(server.process.pid)
                with ThreadPoolExecutor(N_PICTURES) as pool:
                    codes = list(pool.map(ask, [server.url] * N_PICTURES, [content] * N_PICTURES))
                print(
                    f"{N_PICTURES} pictures of {MAX_PIXELS / 1e6:.0f} million pixels ({mode}, {len(content) / 1000:.0f} kB): "
                    f"+{peak.stop():.0f} MB at most, status {sorted(set(codes))}",
                    flush=True,
                )
        finally:
            server.stop()


def measure_models() -> None:
    """Predict 500 drawings with each model, as a page with drawings does."""
    genius, digits = models.load("genius"), np.random.default_rng(0).integers(0, 256, (500, 28, 28)).astype(np.uint8)
    resources.predictor(genius).probabilities(digits)
    process = psutil.Process()
    before = process.memory_info().rss / 1e6
    begin = time.monotonic()
    for number in range(N_MODELS):
        brought = replace(genius, tflite_bytes=genius.tflite_bytes + number.to_bytes(2, "little"))
        resources.predictor(brought).probabilities(digits)
    grown = process.memory_info().rss / 1e6 - before
    print(f"{N_MODELS} models, each predicting 500 drawings: +{grown:.0f} MB, {time.monotonic() - begin:.0f} s")


def main() -> int:
    """Measure the models and the pictures, and print the results."""
    measure_models()
    measure_pictures()
    return 0


if __name__ == "__main__":
    sys.exit(main())
