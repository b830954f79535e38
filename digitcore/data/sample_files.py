"""Import and export of samples as .npz files, as ZIP files of images in folders by label, and as ZIP files of IDX files.

An imported file is untrusted. Sizes are checked before anything is unpacked, no pickle is loaded, and each image is accepted or
rejected separately.
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
MAX_UNPACKED = 100_000_000  # bytes of all members of a file
MAX_IMAGE_BYTES = 5_000_000  # of an image
MAX_PIXELS = 100_000_000  # of all images of a file
MAX_SAMPLES = 5000
PROGRESS_EVERY = 20  # images
MAX_REASONS = 5  # rejected entries that are listed
IMAGES_FILE, LABELS_FILE = "samples-images-idx3-ubyte.gz", "samples-labels-idx1-ubyte.gz"
_DECODING_ERRORS = (*ZIP_ERRORS, struct.error, MemoryError)


@dataclass(frozen=True, eq=False)
class ImportResult:
    """The result of an import.

    Attributes:
        samples: accepted samples.
        rejected: a message for each rejected entry, with its name and the reason.

    Example:
        >>> print(ImportResult(SampleSet(), ["a.png: The image is blank."]))
        0 samples imported, 1 rejected. a.png: The image is blank.
    """

    samples: SampleSet
    rejected: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        accepted = f"{len(self.samples):,} sample{'s' * (len(self.samples) != 1)} imported"
        if not self.rejected:
            return f"{accepted}."
        more = f" {len(self.rejected) - MAX_REASONS:,} more were rejected." * (len(self.rejected) > MAX_REASONS)
        return f"{accepted}, {len(self.rejected):,} rejected. {' '.join(self.rejected[:MAX_REASONS])}{more}"


def to_image_zip(samples: SampleSet) -> bytes:
    """Export samples as a ZIP file of PNG images in folders by label. For example, `7/0012.png` is sample 12 with label 7.

    Args:
        samples: samples to export.

    Returns:
        Content of the ZIP file.

    Example:
        >>> samples = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
        >>> zipfile.ZipFile(io.BytesIO(to_image_zip(samples))).namelist()
        ['7/0000.png']
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for number, (digit, label) in enumerate(zip(samples.digits, samples.labels, strict=True)):
            png = io.BytesIO()
            Image.fromarray(digit).save(png, "PNG")
            archive.writestr(f"{label}/{number:04}.png", png.getvalue())
    return file.getvalue()


def to_idx_zip(samples: SampleSet) -> bytes:
    """Export samples as a ZIP file of two gzipped IDX files, images and labels, in the format of MNIST.

    Args:
        samples: samples to export.

    Returns:
        Content of the ZIP file.

    Example:
        >>> samples = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
        >>> zipfile.ZipFile(io.BytesIO(to_idx_zip(samples))).namelist()
        ['samples-images-idx3-ubyte.gz', 'samples-labels-idx1-ubyte.gz']
    """
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
    """Read samples from an .npz file, a ZIP file of images, or a ZIP file of IDX files. The content decides which format it is.

    Args:
        content: content of the file.
        on_progress: called with the share of the images that are read, 0 to 1.
        should_stop: called before each image. If it returns true, the import stops.

    Returns:
        The accepted samples and the reasons for which entries were rejected.

    Raises:
        SampleError: If the file has another format, is too large or contains no valid sample.
        CancelledError: If `should_stop` returned true.

    Example:
        >>> samples = SampleSet().add(np.eye(28, dtype=np.uint8) * 255, 7)
        >>> read(to_image_zip(samples)).samples.labels.tolist()
        [7]
    """
    if len(content) > MAX_BYTES:
        raise SampleError(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Choose a smaller one.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            result = _read_archive(archive, content, on_progress, should_stop)
    except _DECODING_ERRORS as error:
        raise SampleError(
            "This file cannot be read. Choose an .npz file, a ZIP of images in folders named 0 to 9, or a ZIP of IDX files."
        ) from error
    if len(result.samples) > MAX_SAMPLES:
        raise SampleError(f"The file contains {len(result.samples):,} samples. Choose a file with at most {MAX_SAMPLES:,}.")
    if not len(result.samples):
        raise SampleError(f"No sample could be imported. {' '.join(result.rejected[:MAX_REASONS])}".strip())
    return result


def _read_archive(
    archive: zipfile.ZipFile, content: bytes, on_progress: Callable[[float], None], should_stop: Callable[[], bool]
) -> ImportResult:
    members = [member for member in archive.infolist() if not member.is_dir()]
    if sum(member.file_size for member in members) > MAX_UNPACKED:
        raise SampleError(f"The unpacked file is larger than {MAX_UNPACKED // 1_000_000} MB. Choose a smaller one.")
    names = [member.filename for member in members]
    if "lab.json" in names:
        raise SampleError("This file contains a whole lab. Open it in My lab, under “Open a lab from a file”.")
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
        raise SampleError("An IDX file is missing. The ZIP file must contain images (idx3-ubyte) and labels (idx1-ubyte).")
    return SampleSet.from_arrays(digits, labels)


def _read_idx(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(name) as member:
        stream = gzip.GzipFile(fileobj=member) if name.endswith(".gz") else member
        content = stream.read(MAX_UNPACKED + 1)
    if len(content) > MAX_UNPACKED:
        raise SampleError(f"The unpacked file {name} is larger than {MAX_UNPACKED // 1_000_000} MB. Choose a smaller one.")
    return idx.decode(content)


class _ImageReader:
    """A reader of an archive that contains images in folders by label."""

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
                raise CancelledError("The import was stopped. No sample was imported.")
            self._read_member(member)
            if number % PROGRESS_EVERY == 0:
                on_progress(number / len(taken))
        if len(members) > MAX_SAMPLES:
            self._rejected.append(f"Entries after the first {MAX_SAMPLES:,} were ignored.")
        stacked = np.stack(self._digits) if self._digits else np.zeros((0, SIDE, SIDE), np.uint8)
        return ImportResult(SampleSet.from_arrays(stacked, np.array(self._labels, np.uint8)), self._rejected)

    def _read_member(self, member: zipfile.ZipInfo) -> None:
        name = member.filename[-60:]
        folder = member.filename.replace("\\", "/").split("/")[-2:-1]
        if folder not in [[str(digit)] for digit in range(10)]:
            self._rejected.append(f"{name}: The file is not in a folder named 0 to 9.")
            return
        try:
            self._digits.append(self._read_image(member))
            self._labels.append(int(folder[0]))
        except ImageError as error:
            self._rejected.append(f"{name}: {error}")

    def _read_image(self, member: zipfile.ZipInfo) -> np.ndarray:
        if member.file_size > MAX_IMAGE_BYTES:
            raise ImageError(f"The file is larger than {MAX_IMAGE_BYTES // 1_000_000} MB.")
        try:
            content = self._archive.read(member)
        except _DECODING_ERRORS as error:
            raise ImageError("The file is damaged.") from error
        image = open_image(content)
        self._spend(image.width * image.height)
        is_stored = image.size == (SIDE, SIDE) and image.mode == "L"
        digit = _stored_digit(image) if is_stored else images.digit_from_file(content)
        if digit is None or not digit.any():
            raise ImageError("The image is blank.")
        return digit

    def _spend(self, n_pixels: int) -> None:
        if n_pixels > self._pixels_left:
            raise ImageError(f"The images have more than {MAX_PIXELS // 1_000_000} million pixels together.")
        self._pixels_left -= n_pixels


def _stored_digit(image: Image.Image) -> np.ndarray:
    """Decode a digit that `to_image_zip` has written."""
    try:
        return np.asarray(image)
    except Exception as error:  # A damaged file can make Pillow raise any exception.
        raise UnreadableImageError from error
