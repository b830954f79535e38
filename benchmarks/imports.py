"""Import files in many conventions, and count how many are correct, refused, silently wrong, or raise another error.

    python benchmarks/imports.py [--samples 500] [--models 100] [--seed 0]

Each sample file has random digits of MNIST's test set in a random combination of conventions: container, names, shape, scale,
polarity, labels, and additions of an operating system. A part of the files is broken or mislabelled on purpose. A file counts as
right if each sample that is imported has the digit and the label that were put in, and as refused if a sentence says why. The
program exits with 1 if a file is silently wrong or raises another error than `DigitLabError`.
"""

import argparse
import collections
import dataclasses
import gzip
import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from digitcore import mnist, models
from digitcore.data import idx, sample_files
from digitcore.data.sample_arrays import NUMBER_WORDS
from digitcore.errors import DigitLabError

BROKEN_SHARE = 0.2
RIGHT, REFUSED, WRONG, TRACEBACK = "right", "refused", "silently wrong", "tracebacks"


@dataclasses.dataclass(frozen=True)
class Case:
    """A file with the digits and labels that were put in.

    Attributes:
        name: the conventions of the file.
        content: bytes of the file.
        digits: (N, 28, 28) uint8.
        labels: (N,) uint8.
        is_broken: whether the file must be refused, or imported only in part.
    """

    name: str
    content: bytes
    digits: np.ndarray
    labels: np.ndarray
    is_broken: bool = False


def pick(rng: np.random.Generator, choices: dict[str, Callable]) -> tuple[str, Callable]:
    """Choose an item at random."""
    name = list(choices)[rng.integers(len(choices))]
    return name, choices[name]


SCALES = {
    "0-255": lambda x: x,
    "floats 0-255": lambda x: x.astype(np.float32),
    "0-1": lambda x: (x / 255).astype(np.float32),
    "-1-1": lambda x: x / 127.5 - 1,
    "int64": lambda x: x.astype(np.int64),
    "16 bits": lambda x: x.astype(np.uint16) * 257,
    "bool": lambda x: x > 127,
    "0 and 1": lambda x: (x > 127).astype(np.uint8),
}
POLARITIES = {"white on black": lambda x: x, "black on white": lambda x: 255 - x}
SHAPES = {
    "(N, 28, 28)": lambda x: x,
    "(N, 28, 28, 1)": lambda x: x[..., None],
    "(N, 1, 28, 28)": lambda x: x[:, None],
    "(N, 784)": lambda x: x.reshape(len(x), -1),
    "(28, 28, N)": lambda x: np.moveaxis(x, 0, -1),
    "(N, 32, 32)": None,
    "(N, 56, 56)": None,
    "(N, 28, 28, 3)": lambda x: np.stack([x] * 3, -1),
}
ENLARGE = {
    "(N, 32, 32)": lambda x: np.pad(x, ((0, 0), (2, 2), (2, 2)), mode="edge"),
    "(N, 56, 56)": lambda x: np.kron(x, np.ones((1, 2, 2), np.uint8)),
}
LABELS = {
    "uint8": lambda y: y,
    "int64": lambda y: y.astype(np.int64),
    "floats": lambda y: y.astype(np.float32),
    "one-hot": lambda y: np.eye(10, dtype=np.uint8)[y],
    "a column": lambda y: y[:, None],
    "texts": lambda y: y.astype(str),
    "1 to 10": lambda y: np.where(y == 0, 10, y),
}
NAMES = [("digits", "labels"), ("x_train", "y_train"), ("images", "labels"), ("X", "y"), ("arr_0", "arr_1"), ("data", "target")]
ORIENTATIONS = {"upright": lambda x: x, "transposed": lambda x: x.transpose(0, 2, 1)}
FOLDERS = [
    "{y}/{i}",
    "0{y}/{i}",
    "digit_{y}/{i}",
    "{word}/{i}",
    "train/{y}/sub/{i}",
    "{y}_{i:04}",
    "all/{i:04}_{y}",
    "n{i:03}_label{y}",
]
FORMATS = {"PNG": "png", "BMP": "bmp", "TIFF": "tif", "GIF": "gif", "WEBP": "webp", "JPEG": "jpg"}


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a ZIP file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def npz_file(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> tuple[str, bytes]:
    """Return an .npz file in a random convention."""
    (scale, to_scale), (polarity, to_polarity), (shape, to_shape) = (pick(rng, part) for part in (SCALES, POLARITIES, SHAPES))
    (form, to_labels), (turn, to_orientation) = pick(rng, LABELS), pick(rng, ORIENTATIONS)
    x = to_polarity(to_orientation(x))
    x = to_scale(ENLARGE[shape](x) if to_shape is None else x)
    x = x if to_shape is None else to_shape(x)
    images, labels = NAMES[rng.integers(len(NAMES))]
    file = io.BytesIO()
    arrays = {images: x, labels: to_labels(y)}
    np.savez_compressed(file, **(arrays if rng.random() < 0.5 else dict(reversed(arrays.items()))))
    return f"npz, {images}, {scale}, {polarity}, {shape}, {form}, {turn}", file.getvalue()


def idx_file(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> tuple[str, bytes]:
    """Return a ZIP file of IDX files in a random convention."""
    (polarity, to_polarity), (turn, to_orientation) = pick(rng, POLARITIES), pick(rng, ORIENTATIONS)
    x, cut = to_polarity(to_orientation(x)), len(x) // 2 if rng.random() < 0.4 else len(x)
    is_packed, has_folders = rng.random() < 0.5, rng.random() < 0.3
    pack = gzip.compress if is_packed else bytes
    members = {}
    for part, which in (("train", slice(0, cut)), ("t10k", slice(cut, None)))[: 1 + (cut < len(x))]:
        labels = idx.encode(y[which])
        if rng.random() < 0.3:
            labels = b"\0\0\x0c\1" + np.array([len(y[which])], ">u4").tobytes() + y[which].astype(">i4").tobytes()
        members |= {f"{part}-images-idx3-ubyte": pack(idx.encode(x[which])), f"{part}-labels-idx1-ubyte": pack(labels)}
    keys = list(members)
    rng.shuffle(keys)
    suffix = ".gz" if is_packed and rng.random() < 0.5 else ""
    members = {(f"mnist/{name}/" if has_folders else "") + name + suffix: members[name] for name in keys}
    return f"IDX, {len(members)} files, {polarity}, {turn}, gzip {is_packed}", zipped(with_system_files(rng, members))


def csv_file(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> tuple[str, bytes]:
    """Return a CSV file in a random convention."""
    polarity, to_polarity = pick(rng, POLARITIES)
    is_last, has_titles, delimiter = rng.random() < 0.5, rng.random() < 0.5, ",;\t"[rng.integers(3)]
    pixels = to_polarity(x).reshape(len(x), -1)
    titles = [f"pixel{i}" for i in range(pixels.shape[1])]
    rows = [[*row, label] if is_last else [label, *row] for row, label in zip(pixels, y, strict=True)]
    lines = [[*titles, "label"] if is_last else ["label", *titles]] * has_titles + rows
    content = "\n".join(delimiter.join(map(str, line)) for line in lines).encode()
    container = int(rng.integers(3))
    content = (content, gzip.compress(content), zipped({"train.csv": content}))[container]
    return f"CSV, {polarity}, label last {is_last}, titles {has_titles}, container {container}", content


def picture_file(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> tuple[str, bytes]:
    """Return a ZIP file of pictures in a random convention."""
    polarity, to_polarity = pick(rng, POLARITIES)
    folder, kind = FOLDERS[rng.integers(len(FOLDERS))], list(FORMATS)[rng.integers(len(FORMATS))]
    factor, members = int(rng.choice([1, 1, 3])), {}
    mode = ("L", "RGB")[rng.integers(2)]
    for i, (digit, label) in enumerate(zip(to_polarity(x), y, strict=True)):
        file = io.BytesIO()
        Image.fromarray(np.kron(digit, np.ones((factor, factor), np.uint8))).convert(mode).save(file, kind)
        path = folder.format(y=label, i=i + 10, word=NUMBER_WORDS[label])
        members[f"{path}.{FORMATS[kind]}"] = file.getvalue()
    return f"pictures, {polarity}, {folder}, {kind}, {28 * factor} px, {mode}", zipped(with_system_files(rng, members))


def with_system_files(rng: np.random.Generator, members: dict[str, bytes]) -> dict[str, bytes]:
    """Add what Finder and Windows add, and a folder around everything, to some archives."""
    if rng.random() < 0.5:
        return members
    members = {f"my digits/{name}": content for name, content in members.items()}
    extra = {f"__MACOSX/my digits/._{i}.png": b"\0\5\x16\7" for i in range(3)}
    return extra | {"my digits/.DS_Store": b"x", "my digits/Thumbs.db": b"x"} | members


def break_file(rng: np.random.Generator, case: Case) -> Case:
    """Return the file with a fault: cut, changed bytes, another content, or labels that do not fit."""
    kind, content = int(rng.integers(4)), case.content
    if kind == 0:
        content = content[: int(rng.integers(len(content)))]
    elif kind == 1:
        changed = bytearray(content)
        for place in rng.integers(len(content), size=5):
            changed[place] ^= 1 << int(rng.integers(8))
        content = bytes(changed)
    elif kind == 2:
        starts = (b"\x89HDF\r\n\x1a\n", b"PAR1", b"%PDF", b"7z\xbc\xaf", b"", b"\x80\x04", b"1,2,3\n4,5,6\n")
        content = starts[rng.integers(len(starts))] + bytes(rng.integers(0, 256, 300, np.uint8)) * int(rng.integers(2))
    else:
        file = io.BytesIO()
        np.savez_compressed(file, digits=case.digits, labels=(case.labels + rng.integers(2, 9)) % 10)
        content = file.getvalue()
    return Case(f"broken {kind}: {case.name}", content, case.digits, case.labels, is_broken=True)


def sample_cases(n: int, seed: int) -> list[Case]:
    """Return random sample files."""
    rng = np.random.default_rng(seed)
    digits, labels = mnist.load_test()
    readable = np.flatnonzero(models.load("genius").predictor().probabilities(digits[:2000]).max(1) > 0.9)
    cases = []
    for _ in range(n):
        # At least one zero and one nine, so that labels of 1 to 10 and texts are realistic.
        chosen = rng.permutation(rng.permutation(readable)[: rng.integers(16, 40)])
        x, y = digits[chosen], labels[chosen]
        make = (npz_file, idx_file, csv_file, picture_file)[rng.integers(4)]
        case = Case(*make(rng, x, y), x, y)
        cases.append(break_file(rng, case) if rng.random() < BROKEN_SHARE else case)
    return cases


def try_samples(case: Case, predictor: object) -> tuple[str, str]:
    """Import a file, and return the kind of its outcome with a remark."""
    try:
        result = sample_files.read(case.content, predictor=predictor)
    except DigitLabError as error:
        return REFUSED, "" if case.is_broken else str(error)
    except BaseException as error:  # noqa: BLE001 other errors are what this program looks for
        return TRACEBACK, f"{type(error).__name__}: {error}"
    is_complete = len(result.samples) == len(case.labels) or result.rejected or case.is_broken
    wrong = [
        i
        for i, (digit, label) in enumerate(zip(result.samples.digits, result.samples.labels, strict=True))
        if max((_similarity(digit, x) for x in case.digits[case.labels == label]), default=0) < 0.6
    ]
    if wrong or not is_complete:
        return WRONG, f"{len(wrong)} of {len(result.samples)} wrong: {result}"
    return RIGHT, ""


def _similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Return the cosine similarity of two digits at the best of nine shifts."""
    a = first.astype(float) / np.linalg.norm(first.astype(float))
    b = second.astype(float) / np.linalg.norm(second.astype(float))
    shifts = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)]
    return max(float((a * np.roll(b, shift, (0, 1))).sum()) for shift in shifts)


def try_models(n: int, seed: int) -> int:
    """Import model files with `imports_models.py` beside this file, in a process of its own. Return its exit status."""
    program = Path(__file__).with_name("imports_models.py")
    if not n or not program.is_file():
        return 0
    return subprocess.run([sys.executable, str(program), "--count", str(n), "--seed", str(seed)], check=False).returncode


def main() -> int:
    """Import all files and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=500, help="number of sample files")
    parser.add_argument("--models", type=int, default=100, help="number of model files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="print why intact files were refused")
    options = parser.parse_args()
    predictor = models.load("genius").predictor()
    outcomes = [(*try_samples(case, predictor), case.name) for case in sample_cases(options.samples, options.seed)]
    counts = collections.Counter(kind for kind, _, _ in outcomes)
    remarks = [f"{kind}: {name}: {text}" for kind, text, name in outcomes if text and (kind != REFUSED or options.verbose)]
    print("samples: " + ", ".join(f"{counts[kind]} {kind}" for kind in (RIGHT, REFUSED, WRONG, TRACEBACK)))
    print("\n".join(remarks), flush=True)
    status = try_models(options.models, options.seed)
    return 1 if counts[WRONG] or counts[TRACEBACK] else status


if __name__ == "__main__":
    sys.exit(main())
