"""Measure how many pictures of line art and how many canvases are predicted correctly, and compare them with an earlier commit.

    python benchmarks/line_art.py [--pictures 1800] [--model genius] [--against COMMIT]

The pictures are synthetic digits of the kinds in `KINDS`, without a frame or a page around the drawing. The canvases have the
strokes, brushes and colors of the page's canvas. With --against, the program also converts photographs, and counts the digits
that have other pixels than at the earlier commit, and the predictions that differ. It exits with 1 if a canvas has other pixels,
or if a prediction that was correct is wrong now.
"""

import argparse
import hashlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.checkout import ROOT, checkout
from benchmarks.report import table
from digitcore import models
from digitcore.data import strokes, synthetic
from digitcore.values import percent
from tests.support import photographs

SEED = 30
CANVASES, PHOTOGRAPHS = "canvas", "photograph"
PHOTOGRAPHS_PER_KIND = 20
BLUE, CREAM = np.array([30, 50, 160.0]), np.array([250, 244, 225.0])
# This program runs at both commits. It uses only functions that both have.
CONVERT = """
import sys
import numpy as np
from PIL import Image
from digitcore.images import digit_from_canvas, digit_from_file
blank, digits = np.zeros((28, 28), np.uint8), []
with np.load(sys.argv[1]) as files:
    for name in files:
        found = digit_from_canvas(files[name]) if name.startswith("canvas") else digit_from_file(files[name].tobytes())
        digits.append(blank if found is None else found)
np.save(sys.argv[2], np.array(digits))
"""


def draw(label: int, rng: np.random.Generator, brush: float, side: int = 280, extent: float = 200) -> np.ndarray:
    """Return a synthetic digit, (side, side) uint8, ink 255 on 0."""
    written = synthetic.handwritten_strokes(synthetic.choose_glyph(label, rng), rng)
    middle = [stroke + (side - strokes.CANVAS_SIDE) / 2 for stroke in synthetic.fit(written, extent)]
    return strokes.paint(middle, brush, side)


def encode(image: Image.Image, form: str = "PNG", **options) -> bytes:
    """Return the file of a picture."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def crop(ink: np.ndarray, margin: int) -> np.ndarray:
    """Return the ink with a margin in px."""
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    return np.pad(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], margin)


def blue_on_cream(ink: np.ndarray) -> Image.Image:
    """Return colored line art."""
    share = ink[..., None] / 255
    return Image.fromarray((share * BLUE + (1 - share) * CREAM).round().astype(np.uint8))


def transparent(ink: np.ndarray) -> Image.Image:
    """Return black ink on a transparent background."""
    return Image.merge("RGBA", [Image.new("L", ink.shape[::-1])] * 3 + [Image.fromarray(ink)])


KINDS: dict[str, Callable[[int, np.random.Generator], bytes]] = {
    "black on white": lambda label, rng: encode(Image.fromarray(255 - draw(label, rng, 16))),
    "white on black": lambda label, rng: encode(Image.fromarray(draw(label, rng, 16))),
    "thin": lambda label, rng: encode(Image.fromarray(255 - draw(label, rng, 4))),
    "thick, cropped": lambda label, rng: encode(Image.fromarray(255 - crop(draw(label, rng, 36), 6))),
    "blue on cream": lambda label, rng: encode(blue_on_cream(draw(label, rng, 12))),
    "transparent": lambda label, rng: encode(transparent(draw(label, rng, 20))),
    "JPEG": lambda label, rng: encode(Image.fromarray(255 - draw(label, rng, 14)), "JPEG", quality=60),
    "small on a large picture": lambda label, rng: encode(Image.fromarray(255 - draw(label, rng, 8, side=900, extent=90))),
    "28 × 28": lambda label, rng: encode(Image.fromarray(synthetic.render_handwritten(synthetic.choose_glyph(label, rng), rng))),
}


def canvas(label: int, rng: np.random.Generator) -> np.ndarray:
    """Return the pixels of a canvas in the light or the dark theme, (280, 280, 4) uint8."""
    ink = draw(label, rng, float(rng.choice([8, 16, 24])), extent=float(rng.uniform(60, 240)))
    grey = ink if rng.random() < 0.5 else 255 - ink
    return np.dstack([grey, grey, grey, np.full_like(grey, 255)])


def make(n_pictures: int, with_photographs: bool) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the files by the name of their kind and number, and the label of each file."""
    files: dict[str, np.ndarray] = {}
    each = n_pictures // len(KINDS)
    for kind, render in KINDS.items():
        rng = np.random.default_rng(SEED)
        files |= {f"{kind}/{i}": np.frombuffer(render(i % 10, rng), np.uint8) for i in range(each)}
    rng = np.random.default_rng(SEED)
    files |= {f"{CANVASES}/{i}": canvas(i % 10, rng) for i in range(n_pictures // 3)}
    for kind in photographs.KINDS if with_photographs else ():
        taken = (photographs.photograph(kind, i % 10, rng) for i in range(PHOTOGRAPHS_PER_KIND))
        files |= {f"{PHOTOGRAPHS}, {kind}/{i}": np.frombuffer(content, np.uint8) for i, content in enumerate(taken)}
    return files, np.array([int(name.rpartition("/")[2]) % 10 for name in files])


def convert(files: Path, folder: Path) -> np.ndarray:
    """Return the digits of the files, (N, 28, 28) uint8, as the project in a folder converts them."""
    out = files.with_name("digits.npy")
    command = [sys.executable, "-c", CONVERT, str(files), str(out)]
    subprocess.run(command, check=True, cwd=folder, env=os.environ | {"PYTHONPATH": str(folder)})
    return np.load(out)


def main():
    """Make the pictures, convert them and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=1800, help="number of pictures of line art")
    parser.add_argument("--model", default="genius")
    parser.add_argument("--against", metavar="COMMIT", help="compare with this commit")
    options = parser.parse_args()
    files, labels = make(options.pictures, with_photographs=bool(options.against))
    predictor = models.load(options.model).predictor()
    with tempfile.TemporaryDirectory() as name:
        np.savez(packed := Path(name) / "files.npz", **files)
        digits = convert(packed, ROOT)
        before = digits
        if options.against:
            with checkout(options.against) as folder:
                before = convert(packed, folder)
    kinds = np.array([name.rpartition("/")[0] for name in files])
    now, earlier = (predictor.probabilities(found).argmax(1) for found in (digits, before))
    changed = (digits != before).any((1, 2))
    broken = (earlier == labels) & (now != labels)
    rows = []
    for kind in dict.fromkeys(kinds.tolist()):
        of = kinds == kind
        row = [kind, of.sum(), percent(float((now == labels)[of].mean()), 1), hashlib.sha256(digits[of]).hexdigest()[:12]]
        rows.append(row + [changed[of].sum(), (now != earlier)[of].sum(), broken[of].sum()] * bool(options.against))
    head = ["kind", "files", "correct", "SHA-256 of the digits"]
    print(table(head + ["other pixels", "other predictions", "now wrong"] * bool(options.against), rows))
    sys.exit(bool(broken.any() or changed[kinds == CANVASES].any()))


if __name__ == "__main__":
    main()
