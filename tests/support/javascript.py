"""Scripts of the components in Node.js, which is part of the package Playwright."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from playwright._impl._driver import compute_driver_executable

from digitcore.data import pens
from digitcore.data.strokes import CANVAS_SIDE, paint
from digitcore.data.synthetic import fit
from digitcore.images import SIDE, digit_from_canvas
from digitcore.models import browser_program
from digitcore.predictor import Predictor

FOLDER = Path(__file__).resolve().parents[1] / "javascript"
MAX_PIXEL_DIFFERENCE, MAX_DIFFERENCE = 2, 1e-3  # of 255, and of 1: allowed differences between browser and server
MAX_TIE = 1e-6  # Two probabilities that differ by less are a tie.


def run_node(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Node.js in the folder of the JavaScript tests, and return its exit status and its output."""
    node = compute_driver_executable()[0]
    return subprocess.run([str(node), *map(str, arguments)], cwd=FOLDER, capture_output=True, text=True, check=False)


def predict(programs: Sequence[bytes], pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predict pictures with the scripts of the browser.

    Args:
        programs: Programs of models, as `browser_program.convert` returns them.
        pictures: (N, side, side) uint8, grey levels of canvases. No canvas is blank.

    Returns:
        A tuple of the digits, (N, 28, 28) uint8, and the probabilities, (models, N, 10) float32.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pictures").write_bytes(np.ascontiguousarray(pictures).tobytes())
        for number, program in enumerate(programs):
            (folder / f"program{number}").write_bytes(program)
        ended = run_node("predict.mjs", folder, str(pictures.shape[1]), str(len(programs)))
        if ended.returncode:
            raise RuntimeError(ended.stderr)
        digits = np.fromfile(folder / "digits", np.uint8).reshape(-1, SIDE, SIDE)
        return digits, np.fromfile(folder / "probabilities", np.float32).reshape(len(programs), len(digits), 10)


def mnist_pictures(digits: np.ndarray) -> np.ndarray:
    """Return MNIST digits, (N, 28, 28) uint8, as pictures of canvases, (N, 280, 280) uint8. Every second picture is inverted."""
    size, method = (CANVAS_SIDE, CANVAS_SIDE), Image.Resampling.BILINEAR
    return _alternating([np.asarray(Image.fromarray(digit).resize(size, method)) for digit in digits])


def pen_pictures(n: int) -> np.ndarray:
    """Return pen drawings as pictures of canvases, (n, 280, 280) uint8, with various brushes. Every second one is inverted."""
    rng, drawings = np.random.default_rng(0), pens.load()
    chosen = rng.choice(len(drawings), n, replace=False)
    return _alternating(
        [paint(fit(drawings.strokes[i], extent=rng.uniform(*pens.EXTENTS)), brush=rng.uniform(*pens.BRUSHES)) for i in chosen]
    )


def _alternating(pictures: list[np.ndarray]) -> np.ndarray:
    return np.stack([255 - picture if number % 2 else picture for number, picture in enumerate(pictures)])


@dataclass(frozen=True)
class Parity:
    """How far the predictions of the browser differ from the predictions of the server for the same pictures.

    Attributes:
        pixels: Largest difference of a pixel of the digits, 0 to 255.
        probabilities: Largest difference of a probability, by the names of the models.
        n_other_digits: Number of pictures that are predicted as another digit and are no tie, by the names of the models.
    """

    pixels: int
    probabilities: dict[str, float]
    n_other_digits: dict[str, int]

    @property
    def is_close(self) -> bool:
        """Whether all differences are allowed."""
        is_close = self.pixels <= MAX_PIXEL_DIFFERENCE and max(self.probabilities.values()) <= MAX_DIFFERENCE
        return is_close and not any(self.n_other_digits.values())


def compare(files: Mapping[str, bytes], pictures: np.ndarray) -> Parity:
    """Compare the browser with the server. `files` are .tflite files by the names of their models."""
    programs = [browser_program.convert(file) for file in files.values()]
    assert all(programs), "the browser can run every model"
    digits, probabilities = predict([program for program in programs if program], pictures)
    opaque = np.full((*pictures.shape, 4), 255, np.uint8)
    opaque[..., :3] = pictures[..., None]
    expected_digits = np.stack([digit_from_canvas(picture) for picture in opaque])
    differences, n_other_digits = {}, {}
    for (name, file), found in zip(files.items(), probabilities, strict=True):
        expected = Predictor(file).probabilities(expected_digits)
        differences[name] = float(np.abs(found - expected).max())
        lead = expected.max(1) - expected[np.arange(len(expected)), found.argmax(1)]
        n_other_digits[name] = int((lead > MAX_TIE).sum())
    pixels = int(np.abs(digits.astype(int) - expected_digits).max())
    return Parity(pixels, differences, n_other_digits)
