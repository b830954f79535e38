"""Import and export of samples: as .npz, as a ZIP of images in folders by label, as IDX files like MNIST's.

An imported file is untrusted: sizes are checked before anything is unpacked, no pickle is loaded, and each entry is accepted
or rejected by itself.
"""

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from digitcore import images
from digitcore.data import idx
from digitcore.errors import ZIP_ERRORS, CancelledError, ImageError, SampleError, UnreadableImageError
from digitcore.images import SIDE
from digitcore.images.decoding import open_image
from digitcore.samples import SampleSet

MAX_BYTES = 20_000_000  # of a file
MAX_UNPACKED = 100_000_000  # bytes of all its members together
MAX_IMAGE_BYTES = 5_000_000  # of one image
MAX_PIXELS = 100_000_000  # of all images of a file together
MAX_SAMPLES = 5000
PROGRESS_EVERY = 20  # images
MAX_REASONS = 5  # rejected entries that are named one by one
IMAGES_FILE, LABELS_FILE = "samples-images-idx3-ubyte.gz", "samples-labels-idx1-ubyte.gz"
_DECODING_ERRORS = (*ZIP_ERRORS, struct.error, MemoryError)


@dataclass(frozen=True, eq=False)
class ImportResult:
    """The outcome of an import.

    Attributes:
        samples: those that were accepted.
        rejected: a sentence for each entry that was not.
    """

    samples: SampleSet
    rejected: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        accepted = f"{len(self.samples):,} sample{'s' * (len(self.samples) != 1)} taken"
        if not self.rejected:
            return f"{accepted}."
        more = f" and {len(self.rejected) - MAX_REASONS:,} more" * (len(self.rejected) > MAX_REASONS)
        return f"{accepted}, {len(self.rejected):,} refused: {' '.join(self.rejected[:MAX_REASONS])}{more}"


def to_image_zip(samples: SampleSet) -> bytes:
    """PNG images in folders by label: `7/0012.png` is sample 12, a seven."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number, (digit, label) in enumerate(zip(samples.digits, samples.labels, strict=True)):
            png = io.BytesIO()
            Image.fromarray(digit).save(png, "PNG")
            archive.writestr(f"{label}/{number:04}.png", png.getvalue())
    return file.getvalue()


def to_idx_zip(samples: SampleSet) -> bytes:
    """A ZIP of two gzipped IDX files, images and labels, as MNIST's own."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(IMAGES_FILE, gzip.compress(idx.encode(samples.digits)))
        archive.writestr(LABELS_FILE, gzip.compress(idx.encode(samples.labels)))
    return file.getvalue()


def read(
    content: bytes,
    on_progress: Callable[[float], None] = lambda share: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> ImportResult:
    """Samples from an .npz, a ZIP of images, or a ZIP of IDX files, told apart by what is inside.

    Args:
        content: the file.
        on_progress: called with the share done, 0 to 1.
        should_stop: asked before each image.

    Raises:
        SampleError: when it is none of these, too large, or holds no sample at all; the message says what to do.
        CancelledError: when it was stopped.
    """
    if len(content) > MAX_BYTES:
        raise SampleError(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Give a smaller one.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            result = _read_archive(archive, content, on_progress, should_stop)
    except _DECODING_ERRORS as error:
        raise SampleError(
            "This file cannot be read. Give an .npz of samples, a ZIP of pictures in folders named 0 to 9, or a ZIP of IDX files."
        ) from error
    if len(result.samples) > MAX_SAMPLES:
        raise SampleError(f"The file holds {len(result.samples):,} samples; at most {MAX_SAMPLES:,} can be taken.")
    if not len(result.samples):
        raise SampleError(f"No sample could be taken. {' '.join(result.rejected[:MAX_REASONS])}".strip())
    return result


def _read_archive(
    archive: zipfile.ZipFile, content: bytes, on_progress: Callable[[float], None], should_stop: Callable[[], bool]
) -> ImportResult:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise SampleError(f"Unpacked, the file is larger than {MAX_UNPACKED // 1_000_000} MB. Give a smaller one.")
    names = [member.filename for member in members]
    if "lab.json" in names:
        raise SampleError("This file holds a whole lab. My lab opens it, under “Open a lab from a file”.")
    if "digits.npy" in names:
        return ImportResult(SampleSet.from_npz(content))
    if any("idx3-ubyte" in name for name in names):
        return ImportResult(_read_idx_files(archive, names))
    return _ImageReader(archive).read(members, on_progress, should_stop)


def _read_idx_files(archive: zipfile.ZipFile, names: list[str]) -> SampleSet:
    digits, labels = (
        _read_idx(archive, next(name for name in names if kind in name)) if any(kind in name for name in names) else None
        for kind in ("idx3-ubyte", "idx1-ubyte")
    )
    if digits is None or labels is None:
        raise SampleError("Both IDX files are needed: images (idx3-ubyte) and labels (idx1-ubyte).")
    return SampleSet.from_arrays(digits, labels)


def _read_idx(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as member:
        stream = gzip.GzipFile(fileobj=member) if name.endswith(".gz") else member
        content = stream.read(MAX_UNPACKED + 1)
    if len(content) > MAX_UNPACKED:
        raise SampleError(f"Unpacked, {name} is larger than {MAX_UNPACKED // 1_000_000} MB. Give a smaller one.")
    return idx.decode(content)


class _ImageReader:
    """Reads the images of an archive, in folders by label."""

    def __init__(self, archive: zipfile.ZipFile):
        self._archive = archive
        self._pixels_left = MAX_PIXELS
        self._digits: list[np.ndarray] = []
        self._labels: list[int] = []
        self._rejected: list[str] = []

    def read(
        self, members: list[zipfile.ZipInfo], on_progress: Callable[[float], None], should_stop: Callable[[], bool]
    ) -> ImportResult:
        taken = members[:MAX_SAMPLES]
        for number, member in enumerate(taken):
            if should_stop():
                raise CancelledError("Stopped. No sample was taken.")
            self._read_member(member)
            if number % PROGRESS_EVERY == 0:
                on_progress(number / len(taken))
        if len(members) > MAX_SAMPLES:
            self._rejected.append(f"Entries after the first {MAX_SAMPLES:,} were not looked at.")
        stacked = np.stack(self._digits) if self._digits else np.zeros((0, SIDE, SIDE), np.uint8)
        return ImportResult(SampleSet.from_arrays(stacked, np.array(self._labels, np.uint8)), self._rejected)

    def _read_member(self, member: zipfile.ZipInfo) -> None:
        name = member.filename[-60:]
        folder = member.filename.replace("\\", "/").split("/")[-2:-1]
        if folder not in [[str(digit)] for digit in range(10)]:
            self._rejected.append(f"{name}: it lies in no folder named 0 to 9.")
            return
        try:
            self._digits.append(self._read_image(member))
            self._labels.append(int(folder[0]))
        except ImageError as error:
            self._rejected.append(f"{name}: {error}")

    def _read_image(self, member: zipfile.ZipInfo) -> np.ndarray:
        if member.file_size > MAX_IMAGE_BYTES:
            raise ImageError("the picture is too large.")
        try:
            content = self._archive.read(member)
        except _DECODING_ERRORS as error:
            raise ImageError("it is damaged.") from error
        image = open_image(content)
        self._spend(image.width * image.height)
        is_stored = image.size == (SIDE, SIDE) and image.mode == "L"
        digit = _stored_digit(image) if is_stored else images.digit_from_file(content)
        if digit is None or not digit.any():
            raise ImageError("it is blank.")
        return digit

    def _spend(self, n_pixels: int) -> None:
        if n_pixels > self._pixels_left:
            raise ImageError(f"the pictures of one file may hold {MAX_PIXELS // 1_000_000} million pixels together.")
        self._pixels_left -= n_pixels


def _stored_digit(image: Image.Image) -> np.ndarray:
    """A digit as `to_image_zip` has written it."""
    try:
        return np.asarray(image)
    except Exception as error:  # whatever a damaged file makes Pillow raise
        raise UnreadableImageError from error
