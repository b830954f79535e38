"""Samples in and out: as one .npz, as a ZIP of pictures in folders by label, as IDX files like MNIST's.

Whatever comes in is a stranger's: sizes are looked at before anything is unpacked, nothing is ever run, and each entry is
taken or refused by itself.
"""

import gzip
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, UnidentifiedImageError

from digitcore import images
from digitcore.errors import PictureError, SampleError
from digitcore.images import SIDE
from digitcore.samples import SampleSet

MOST_BYTES = 20_000_000  # of a file
MOST_UNPACKED = 100_000_000  # bytes of all its members together
MOST_PICTURE = 5_000_000  # bytes of one picture
MOST_SAMPLES = 5000
TOLD = 5  # refused entries that are named one by one
IMAGES, LABELS = "samples-images-idx3-ubyte.gz", "samples-labels-idx1-ubyte.gz"
_BROKEN = (OSError, EOFError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error, MemoryError)


@dataclass(frozen=True, eq=False)
class Import:
    """What came out of a file.

    Attributes:
        samples: those that were taken.
        refused: a sentence for each entry that was not.
    """

    samples: SampleSet
    refused: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        taken = f"{len(self.samples):,} sample{'s' * (len(self.samples) != 1)} taken"
        if not self.refused:
            return f"{taken}."
        more = f" and {len(self.refused) - TOLD:,} more" * (len(self.refused) > TOLD)
        return f"{taken}, {len(self.refused):,} refused: {' '.join(self.refused[:TOLD])}{more}"


def to_zip(samples: SampleSet) -> bytes:
    """PNG pictures in folders by label: `7/0012.png` is sample 12, a seven."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed:
        for number, (digit, label) in enumerate(zip(samples.digits, samples.labels, strict=True)):
            picture = io.BytesIO()
            Image.fromarray(digit).save(picture, "PNG")
            packed.writestr(f"{label}/{number:04}.png", picture.getvalue())
    return file.getvalue()


def to_idx(samples: SampleSet) -> bytes:
    """A ZIP of two gzipped IDX files, images and labels, as MNIST's own.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", the file format.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as packed:
        packed.writestr(IMAGES, gzip.compress(_idx(samples.digits)))
        packed.writestr(LABELS, gzip.compress(_idx(samples.labels)))
    return file.getvalue()


def read(data: bytes) -> Import:
    """Samples from an .npz, a ZIP of pictures, or a ZIP of IDX files, told apart by what is inside.

    Raises:
        SampleError: when it is none of these, too large, or holds no sample at all; the sentence says what to do.
    """
    if len(data) > MOST_BYTES:
        raise SampleError(f"The file is larger than {MOST_BYTES // 1_000_000} MB. Give a smaller one.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = [member for member in packed.infolist() if not member.is_dir()]
            if sum(member.file_size for member in members) > MOST_UNPACKED:
                raise SampleError(f"Unpacked, the file is larger than {MOST_UNPACKED // 1_000_000} MB. Give a smaller one.")
            names = [member.filename for member in members]
            if "digits.npy" in names:
                found = Import(SampleSet.from_npz(data))
            elif any("idx3-ubyte" in name for name in names):
                found = Import(_from_idx(packed, names))
            else:
                found = _from_pictures(packed, members)
    except _BROKEN as error:
        raise SampleError(
            "This file cannot be read. Give an .npz of samples, a ZIP of pictures in folders named 0 to 9, or a ZIP of IDX files."
        ) from error
    if len(found.samples) > MOST_SAMPLES:
        raise SampleError(f"The file holds {len(found.samples):,} samples; at most {MOST_SAMPLES:,} can be taken.")
    if not len(found.samples):
        raise SampleError(f"No sample could be taken. {' '.join(found.refused[:TOLD])}".strip())
    return found


def _idx(array):
    """Two zero bytes, type 8 (uint8), the number of axes, each axis as a big-endian int32, the bytes."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + np.ascontiguousarray(array, np.uint8).tobytes()


def _from_idx(packed, names):
    digits, labels = (
        _idx_array(packed, next(name for name in names if kind in name)) if any(kind in name for name in names) else None
        for kind in ("idx3-ubyte", "idx1-ubyte")
    )
    if digits is None or labels is None:
        raise SampleError("Both IDX files are needed: images (idx3-ubyte) and labels (idx1-ubyte).")
    return SampleSet.from_arrays(digits, labels)


def _idx_array(packed, name):
    with packed.open(name) as member:
        stream = gzip.GzipFile(fileobj=member) if name.endswith(".gz") else member
        data = stream.read(MOST_UNPACKED + 1)
    if len(data) > MOST_UNPACKED:
        raise SampleError(f"Unpacked, {name} is larger than {MOST_UNPACKED // 1_000_000} MB. Give a smaller one.")
    zero, kind, axes = struct.unpack(">HBB", data[:4])
    if zero or kind != 8 or not 1 <= axes <= 3:
        raise SampleError(f"{name} is no IDX file of bytes.")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(struct.unpack(f">{axes}I", data[4 : 4 + 4 * axes]))


def _from_pictures(packed, members):
    digits, labels, refused = [], [], []
    for member in members[:MOST_SAMPLES]:
        name = member.filename[-60:]
        folder = member.filename.replace("\\", "/").split("/")[-2:-1]
        if folder not in [[str(digit)] for digit in range(10)]:
            refused.append(f"{name}: it lies in no folder named 0 to 9.")
            continue
        try:
            digits.append(_picture(packed, member))
            labels.append(int(folder[0]))
        except PictureError as error:
            refused.append(f"{name}: {error}")
    if len(members) > MOST_SAMPLES:
        refused.append(f"Entries after the first {MOST_SAMPLES:,} were not looked at.")
    pictures = np.stack(digits) if digits else np.zeros((0, SIDE, SIDE), np.uint8)
    return Import(SampleSet.from_arrays(pictures, np.array(labels, np.uint8)), refused)


def _picture(packed, member):
    if member.file_size > MOST_PICTURE:
        raise PictureError("the picture is too large.")
    try:
        image = Image.open(io.BytesIO(packed.read(member)), formats=["PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF"])
        ready = image.size == (SIDE, SIDE) and image.mode == "L"
        digit = np.asarray(image) if ready else images.digit_from_image(image)
    except (UnidentifiedImageError, Image.DecompressionBombError, *_BROKEN) as error:
        raise PictureError("it is no picture that can be read.") from error
    if digit is None or not digit.any():
        raise PictureError("it is blank.")
    return digit
