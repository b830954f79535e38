"""Scripts of the components in Node.js, which is part of the package Playwright."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from playwright._impl._driver import compute_driver_executable

from digitcore.images import SIDE

FOLDER = Path(__file__).resolve().parents[1] / "javascript"


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
        return digits, np.fromfile(folder / "probabilities", np.float32).reshape(len(programs), -1, 10)
