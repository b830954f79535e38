"""Import and export of samples: .npz files, ZIP files of images, IDX files and CSV files.

The format of a file is recognized by its content, not by its name. An imported file is untrusted. Only the used part of a file is
unpacked, and no pickle is loaded. Each image is accepted or rejected separately.
"""

import bz2
import collections
import contextlib
import gzip
import io
import math
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from PIL import Image

from digitcore.data import idx, sample_arrays, sample_tables
from digitcore.data.picture_labels import TABLE_SUFFIXES, Labels, label_candidates, labels_from_table
from digitcore.data.plausibility import DigitPredictor, OtherLabels, choose_reading
from digitcore.data.sample_arrays import ArraySet
from digitcore.errors import ZIP_ERRORS, CancelledError, ImageError, SampleError, UnreadableImageError
from digitcore.images import SIDE, digit_from_file
from digitcore.images.decoding import is_heif, open_image
from digitcore.samples import SampleSet
from digitcore.values import plural
from digitcore.zip_files import INCOMPLETE, is_incomplete, is_system_file, user_files, without_top_folder

MAX_BYTES = 80_000_000  # of a file; Kaggle's train.csv has 77 MB
MAX_UNPACKED = 100_000_000  # bytes that are unpacked from a file
MAX_IMAGE_BYTES = 5_000_000  # of an image
MAX_PIXELS = 100_000_000  # of all images of a file
MAX_SAMPLES = 5000
MAX_SNIFFED = 1000  # maximum number of members whose content is checked; a ZIP file with more contains images
PROGRESS_EVERY = 20  # images
MAX_REASONS = 3  # number of rejected entries in a message
MAX_TABLE_BYTES = 5_000_000  # of a table with the labels of pictures
OWN_ARRAYS = {"digits.npy", "labels.npy", "held_out.npy"}  # of a file that `SampleSet.to_npz` has written
IMAGES_FILE, LABELS_FILE = "samples-images-idx3-ubyte.gz", "samples-labels-idx1-ubyte.gz"
FORMATS = "an .npz file, a CSV file, or a ZIP file of images, of IDX files or of CSV files"
NO_PICTURE = "The file is not a picture."
NO_LABEL = (
    "The picture has no label. Put it into a folder named 0 to 9, give it a name such as 7_0001.png, "
    "or list its name and label in labels.csv."
)
OTHER_LABELS = "other labels of the file were used"
TEN_IS_ZERO = "The labels are 1 to 10: 10 was read as 0."
TEN_IS_NINE = "each label of 1 to 10 was read as the digit before it"  # as in MATLAB, where indices begin with 1
_DECODING_ERRORS = (*ZIP_ERRORS, struct.error, MemoryError, SyntaxError, OverflowError, tarfile.TarError)
_NPY = b"\x93NUMPY"
_UNPACKERS: dict[bytes, Callable[[Any], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open}  # first bytes → reader
_TAR, _TAR_PLACE = b"ustar", 257  # The signature of a tar archive is in the header of its first file.
_KNOWN = {  # first bytes of a file → kind of the file
    b"\x89PNG": "a single picture",
    b"\xff\xd8\xff": "a single picture",
    b"GIF8": "a single picture",
    b"BM": "a single picture",
    b"II*\0": "a single picture",
    b"MM\0*": "a single picture",
    b"RIFF": "a single picture",
    b"\x89HDF": "an HDF5 file",
    b"MATLAB": "a MATLAB file",
    b"PAR1": "a Parquet file",
    b"7z\xbc\xaf": "a 7z archive",
    b"\xfd7zXZ": "compressed with xz",
    b"Rar!": "a RAR archive",
    b"%PDF": "a PDF file",
    b"<!DOCTYPE html": "a web page",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"\x80": "a pickle, which could run code",
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself",
    b"{": "a JSON file",
    b"[": "a JSON file",
}


class _Stream(Protocol):
    """A file, a member of an archive, or the unpacked content of a gzip file."""

    def read(self, size: int = -1, /) -> bytes: ...


class DoubtfulSamplesError(SampleError):
    """Raised when the labels of a file do not fit its pictures, so that the user must confirm the import.

    Example:
        >>> issubclass(DoubtfulSamplesError, SampleError)
        True
    """


@dataclass(frozen=True, eq=False)
class ImportResult:
    """The result of an import.

    Attributes:
        samples: accepted samples.
        rejected: a message for each rejected entry, with its name and the reason.
        notes: sentences about changed and omitted samples.
        doubt: sentence about labels that do not fit the pictures, or "" if the labels fit.

    Example:
        >>> print(ImportResult(SampleSet(), ["a.png: The image is blank."]))
        0 samples imported, 1 rejected. a.png: The image is blank.
    """

    samples: SampleSet
    rejected: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubt: str = ""

    def __str__(self) -> str:
        accepted = f"{plural(len(self.samples), 'sample')} imported"
        rejected = f", {len(self.rejected):,} rejected" * bool(self.rejected)
        return f"{accepted}{rejected}. {self.remarks}".rstrip()

    @property
    def remarks(self) -> str:
        """Sentences about rejected entries and changed samples. The result is empty if there are none."""
        return " ".join([*filter(None, [_first_reasons(self.rejected)]), *self.notes])


def _first_reasons(rejected: list[str]) -> str:
    more = f" {len(rejected) - MAX_REASONS:,} more were rejected." * (len(rejected) > MAX_REASONS)
    return f"{' '.join(rejected[:MAX_REASONS])}{more}"


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
    *,
    predictor: DigitPredictor | None = None,
    accept_doubtful: bool = False,
) -> ImportResult:
    """Read samples from a file. The format is recognized by the content.

    An .npz file, IDX files and CSV files may have the shapes, scales and labels of Keras, scikit-learn, Kaggle, EMNIST and SVHN.
    Images of a ZIP file are labelled by their folders (`7`, `digit_7`, `seven`) or by their names (`7_0001.png`). If a file has
    more than `MAX_SAMPLES` samples, the first `MAX_SAMPLES` are read.

    Args:
        content: content of the file.
        on_progress: called with the completed share of the images, 0 to 1.
        should_stop: called before each image. If it returns true, the import stops.
        predictor: a trained model that checks whether the labels fit the pictures. If the labels do not fit, transposed and
            inverted pictures and other labels of the file are tried.
        accept_doubtful: whether to return samples whose labels do not fit. `ImportResult.doubt` then contains the reason.

    Returns:
        The accepted samples, with messages about rejected entries and changes.

    Raises:
        SampleError: If the file has another format, is too large or contains no valid sample.
        DoubtfulSamplesError: If the labels do not fit the pictures and `accept_doubtful` is false.
        CancelledError: If `should_stop` returned true.

    Example:
        >>> samples = SampleSet().add(np.eye(28, dtype=np.uint8) * 255, 7)
        >>> read(to_image_zip(samples)).samples.labels.tolist()
        [7]
    """
    if len(content) > MAX_BYTES:
        raise SampleError(f"The file is larger than {MAX_BYTES // 1_000_000} MB. Choose a smaller file.")
    if not content.strip():
        raise SampleError(f"The file is empty. Choose {FORMATS}.")
    if is_incomplete(content):
        raise SampleError(INCOMPLETE)
    reader = _Reader(on_progress, should_stop)
    try:
        result = reader.read(content, predictor)
    except _DECODING_ERRORS as error:
        raise SampleError(f"This file cannot be read: it is damaged or of another kind. Choose {FORMATS}.") from error
    if not len(result.samples):
        raise SampleError(f"No sample could be imported. {_first_reasons(result.rejected)}".strip())
    if result.doubt and not accept_doubtful:
        raise DoubtfulSamplesError(f"{result.doubt} Check the file, or import it anyway.")
    return result


class _Reader:
    """A reader of one file. It limits the unpacked bytes and reports the progress."""

    def __init__(self, on_progress: Callable[[float], None], should_stop: Callable[[], bool]):
        self._on_progress, self._should_stop = on_progress, should_stop
        self._bytes_left, self._pixels_left = MAX_UNPACKED, MAX_PIXELS
        self._rejected: list[str] = []
        self._notes: list[str] = []

    def read(self, content: bytes, predictor: DigitPredictor | None) -> ImportResult:
        if (unpacker := _unpacker(content)) is not None:
            try:
                content = self._unpack(unpacker(io.BytesIO(content)), "The file")
            except EOFError as error:
                name = "gzip" if unpacker is gzip.open else "bzip2"
                raise SampleError(f"The {name} file is incomplete: its end is missing. Download or copy it again.") from error
        if is_tar(content):
            content = self._tar_to_zip(content)
        return self._read_unpacked(content, predictor)

    def _read_unpacked(self, content: bytes, predictor: DigitPredictor | None, *, is_nested: bool = False) -> ImportResult:
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                return self._read_archive(archive, predictor, is_nested=is_nested)
        if idx.is_idx(content):
            what = "pictures" if content[3] > 1 else "labels"
            raise SampleError(f"This IDX file has only {what}. Put both IDX files, pictures and labels, into one ZIP file.")
        if content.startswith(_NPY):
            raise SampleError("This .npy file has a single array. Save the pictures and the labels in one .npz file.")
        if (table := self._read_table(content)) is not None:
            return self._finish([table], predictor)
        kind = next((kind for start, kind in _KNOWN.items() if content.startswith(start)), "")
        kind = "a single picture" if is_heif(content) else kind
        if kind:
            raise SampleError(f"This file is {kind}. Choose {FORMATS}.")
        raise SampleError(f"This file cannot be read: it is of another kind. Choose {FORMATS}.")

    def _unpack(self, stream: _Stream, name: str, limit: int | None = None) -> bytes:
        """Read a stream to its end, or at most `limit` bytes."""
        content = stream.read(self._bytes_left + 1 if limit is None else min(limit, self._bytes_left + 1))
        self._bytes_left -= len(content)
        if self._bytes_left < 0:
            raise SampleError(f"{name} is larger than {MAX_UNPACKED // 1_000_000} MB when unpacked. Choose a smaller file.")
        return content

    def _tar_to_zip(self, content: bytes) -> bytes:
        """Return a ZIP file with the regular files of a tar archive. Nothing is written to the disk."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive, zipfile.ZipFile(packed, "w") as copy:
            for member in archive:
                if member.isreg() and (stream := archive.extractfile(member)) is not None:
                    copy.writestr(member.name.removeprefix("./"), self._unpack(stream, "The archive"))
        return packed.getvalue()

    def _tick(self, number: int, n: int) -> None:
        if self._should_stop():
            raise CancelledError("The import was stopped. No sample was imported. Import the file again.")
        if number % PROGRESS_EVERY == 0:
            self._on_progress(number / n)

    def _read_archive(self, archive: zipfile.ZipFile, predictor: DigitPredictor | None, *, is_nested: bool) -> ImportResult:
        paths = user_files(archive)
        files = without_top_folder(paths)
        if any(member.flag_bits & 1 for member in files.values()):
            raise SampleError("The ZIP file is protected by a password. Make a ZIP file without a password.")
        if not files:
            raise SampleError(f"The ZIP file contains no file. Choose {FORMATS}.")
        self._reject_duplicates(archive)
        if "xl/workbook.xml" in files or files.keys() >= {"mimetype", "content.xml"}:
            raise SampleError("This file is a spreadsheet. Save it as CSV, and choose the CSV file.")
        if "[Content_Types].xml" in files:
            raise SampleError(f"This file is an Office document. Choose {FORMATS}.")
        if "lab.json" in files:
            raise SampleError("This file contains a whole lab. Open it in My lab, under “Open a lab file”.")
        if "config.json" in files and "model.weights.h5" in files:
            raise SampleError("This file is a Keras model. Import it in My lab, under “A model saved with Keras”.")
        if files.keys() >= OWN_ARRAYS:
            return self._read_own(archive, files)
        kinds = self._kinds(archive, files)
        for kind, read_arrays in (("npy", self._read_npy_files), ("idx", self._read_idx_files), ("csv", self._read_csv_files)):
            chosen = {path: files[path] for path, found in kinds.items() if found == kind}
            if chosen and (sets := read_arrays(archive, chosen)):
                n_others = sum(found in ("picture", "zip", "npy", "idx") for found in kinds.values() if found != kind)
                self._notes += [f"{n_others:,} files of another format were ignored."] * bool(n_others)
                return self._finish(sets, predictor)
        nested = [path for path, kind in kinds.items() if kind == "zip"]
        if nested and "picture" not in kinds.values():
            if len(nested) == 1 and not is_nested:
                with _open(archive, files[nested[0]]) as stream:
                    return self._read_unpacked(self._unpack(stream, "The ZIP file"), predictor, is_nested=True)
            raise SampleError(
                f"The ZIP file contains another archive, “{nested[0][-60:]}”. Unpack the ZIP file, and choose the inner archive."
            )
        return self._read_pictures(archive, paths, predictor)

    def _reject_duplicates(self, archive: zipfile.ZipFile) -> None:
        """Count the members with the name of a later member as rejected. The last member with a name is read."""
        names = [member.filename.replace("\\", "/") for member in archive.infolist() if not member.is_dir()]
        repeated = [name for name, n in collections.Counter(names).items() for _ in range(n - 1) if not is_system_file(name)]
        self._rejected += [f"{name[-60:]}: The ZIP file has several files of this name. The last is read." for name in repeated]

    def _read_own(self, archive: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo]) -> ImportResult:
        """Read a file of `SampleSet.to_npz`, also if it was unpacked and packed again. Every bit is kept."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as copy:
            for path, member in files.items():
                with archive.open(member) as stream:
                    copy.writestr(path, self._unpack(stream, "The file"))
        samples = SampleSet.from_npz(packed.getvalue())
        self._note_limit(len(samples))
        return ImportResult(samples.take(range(MAX_SAMPLES)) if len(samples) > MAX_SAMPLES else samples, notes=self._notes)

    def _note_limit(self, n: int) -> None:
        if n > MAX_SAMPLES:
            self._notes.append(f"The first {MAX_SAMPLES:,} of {n:,} samples were read.")

    def _kinds(self, archive: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo]) -> dict[str, str]:
        """Return the kind of each file by its first bytes: "npy", "idx", "csv", "zip", "picture" or "other"."""
        if len(files) > MAX_SNIFFED:
            return dict.fromkeys(files, "picture")
        return {path: _kind(archive, member) for path, member in files.items()}

    def _read_npy_files(self, archive: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo]) -> list[ArraySet]:
        arrays = {}
        for path, member in files.items():
            with _open(archive, member) as stream:
                arrays[path.removesuffix(".gz").removesuffix(".npy")] = self._read_npy(stream, path)
        return sample_arrays.pair(arrays)

    def _read_npy(self, stream: _Stream, name: str) -> tuple[np.ndarray, int]:
        """Return the array and the number of its rows. Only the first rows are returned if there are too many pictures."""
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, is_fortran, kind = read_header(stream)
        if kind.hasobject:
            raise SampleError(f"The array “{name[-60:]}” contains Python objects, which could run code. Save it as numbers.")
        n = shape[0] if shape else 1
        n_read = min(n, MAX_SAMPLES) if _is_large(shape) and not is_fortran else n
        shape_read = (n_read, *shape[1:]) if shape else ()
        n_bytes = math.prod(shape_read) * kind.itemsize
        content = self._unpack(stream, f"The array “{name[-60:]}”", n_bytes)
        array = np.frombuffer(content, kind, math.prod(shape_read)) if kind.itemsize else np.zeros(shape_read)
        return array.reshape(shape_read, order="F" if is_fortran else "C"), n

    def _read_idx_files(self, archive: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo]) -> list[ArraySet]:
        arrays = {}
        for path, member in files.items():
            with _open(archive, member) as stream:
                arrays[path] = self._read_idx(stream, path)
        return sample_arrays.pair(arrays)

    def _read_idx(self, stream: _Stream, name: str) -> tuple[np.ndarray, int]:
        header = stream.read(4)
        header += stream.read(4 * header[3])
        shape = idx.shape_of(header)
        most = MAX_SAMPLES if _is_large(shape) else None
        n_bytes = math.prod((min(shape[0], most or shape[0]), *shape[1:])) * np.dtype(idx.TYPES[header[2]]).itemsize
        content = self._unpack(stream, f"The file “{name[-60:]}”", n_bytes + (most is None))
        try:
            return idx.decode(header + content, most), shape[0]
        except ValueError as error:
            raise SampleError(
                f"The IDX file “{name[-60:]}” is damaged: its length does not match its header. Download the file again."
            ) from error

    def _read_csv_files(self, archive: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo]) -> list[ArraySet]:
        tables = []
        for path, member in files.items():
            with _open(archive, member) as stream:
                content = self._unpack(stream, path)
            try:
                if (table := self._read_table(content, path)) is not None:
                    tables.append(table)
            except SampleError as error:
                self._rejected.append(f"{path[-60:]}: {error}")
        if self._rejected and not tables:
            raise SampleError(f"No sample could be imported. {_first_reasons(self._rejected)}")
        return tables

    def _read_table(self, content: bytes, name: str = "") -> ArraySet | None:
        """Return the samples of a CSV file or of a file of LIBSVM, or `None` if the content is not a table of pixels."""
        table = sample_tables.read(content, MAX_SAMPLES)
        if table is None:
            return None
        where = f"{name[-60:]}, line" if name else "Line"
        self._rejected += [f"{where} {number:,}: {reason}" for number, reason in table.rejected.items()]
        return ArraySet(name or "Line", table.pixels, table.labels, table.n_rows)

    def _finish(self, sets: list[ArraySet], predictor: DigitPredictor | None) -> ImportResult:
        """Convert the arrays to samples, and check whether the labels fit."""
        samples, doubts, n_left = SampleSet(), [], MAX_SAMPLES
        for arrays in sets:
            labels = sample_arrays.to_labels(arrays.labels)
            n = min(len(labels), n_left)
            pictures = sample_arrays.to_pictures(arrays.images, min(len(labels), MAX_SAMPLES))[:n]
            digits, accepted = [], []
            for number, found in enumerate(sample_arrays.to_digits(pictures)):
                self._tick(number, n)
                if isinstance(found, str):
                    self._rejected.append(f"{arrays.name[-60:]} {number + 1:,}: {found}")
                else:
                    digits.append(found)
                    accepted.append(number)
            others = [(OTHER_LABELS, sample_arrays.to_labels(other)) for other in arrays.other_labels]
            if is_one_to_ten := sample_arrays.is_one_to_ten(arrays.labels):
                others.append((TEN_IS_NINE, (labels + 9) % 10))
            added, doubt = self._choose(digits, labels[accepted], [(why, other[accepted]) for why, other in others], predictor)
            if is_one_to_ten and np.array_equal(added.labels, labels[accepted]):
                self._notes.append(TEN_IS_ZERO)
            doubts.append(doubt)
            samples = samples.concatenate(added)
            n_left -= len(added)
        self._note_limit(sum(arrays.n_pictures for arrays in sets))
        return ImportResult(samples, self._rejected, self._notes, " ".join(filter(None, doubts)))

    def _choose(
        self, digits: list[np.ndarray], labels: np.ndarray, others: list[OtherLabels], predictor: DigitPredictor | None
    ) -> tuple[SampleSet, str]:
        """Return the samples in the reading that fits, and a sentence about the labels if no reading fits."""
        stacked = np.stack(digits) if digits else np.zeros((0, SIDE, SIDE), np.uint8)
        reading = choose_reading(stacked, labels, predictor, others)
        if reading.is_plausible and str(reading):
            self._notes.append(str(reading))
        samples = SampleSet.from_arrays(np.ascontiguousarray(reading.digits), reading.labels)
        return samples, "" if reading.is_plausible else str(reading)

    def _read_pictures(
        self, archive: zipfile.ZipFile, files: dict[str, zipfile.ZipInfo], predictor: DigitPredictor | None
    ) -> ImportResult:
        tables = [path for path in files if path.lower().endswith(TABLE_SUFFIXES)]
        pictures = [path for path in files if path not in tables]
        paths = pictures[:MAX_SAMPLES]
        usual, *others = label_candidates(paths)
        listed = self._labels_from_tables(archive, {path: files[path] for path in tables}, paths)
        if listed is not None:
            usual, others = listed, [usual, *others]
        digits, accepted = [], []
        for number, path in enumerate(paths):
            self._tick(number, len(paths))
            try:
                if usual[number] is None:
                    raise ImageError(NO_LABEL if _kind(archive, files[path]) == "picture" else NO_PICTURE)
                digits.append(self._read_image(archive, files[path]))
                accepted.append(number)
            except ImageError as error:
                self._rejected.append(f"{path[-60:]}: {error}")
        self._note_limit(len(pictures))

        def chosen(labels: list[int | None]) -> np.ndarray:
            return np.array([usual[i] if labels[i] is None else labels[i] for i in accepted], np.uint8)

        samples, doubt = self._choose(digits, chosen(usual), [(OTHER_LABELS, chosen(other)) for other in others], predictor)
        return ImportResult(samples, self._rejected, self._notes, doubt)

    def _labels_from_tables(
        self, archive: zipfile.ZipFile, tables: dict[str, zipfile.ZipInfo], paths: list[str]
    ) -> Labels | None:
        """Return the labels of the pictures from a file such as labels.csv, or `None` if there is none."""
        found = None
        for path, member in tables.items():
            labels = None
            if found is None and member.file_size <= MAX_TABLE_BYTES:
                with archive.open(member) as stream:
                    text = sample_tables.as_bytes_of_text(self._unpack(stream, "The ZIP file")).decode("utf-8", "replace")
                labels = found = labels_from_table(text, paths)
            if labels is None:
                self._rejected.append(f"{path[-60:]}: The file is not a picture, and it does not list labels of the pictures.")
        return found

    def _read_image(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
        if member.file_size > MAX_IMAGE_BYTES:
            raise ImageError(f"The file is larger than {MAX_IMAGE_BYTES // 1_000_000} MB. Make the image smaller.")
        try:
            with archive.open(member) as stream:
                content = self._unpack(stream, "The ZIP file")
        except _DECODING_ERRORS as error:
            raise ImageError("The file is damaged. Save the image again.") from error
        image = open_image(content)
        self._spend(image.width * image.height)
        is_small = image.size == (SIDE, SIDE) and image.mode in ("L", "RGB", "P", "1") and "transparency" not in image.info
        digit = sample_arrays.to_digit(_grey(image)) if is_small else digit_from_file(content)
        if digit is None or not digit.any():
            raise ImageError("The image is blank. Use an image of a digit.")
        return digit

    def _spend(self, n_pixels: int) -> None:
        if n_pixels > self._pixels_left:
            raise ImageError(
                f"The pictures have more than {MAX_PIXELS // 1_000_000} million pixels together. Use fewer or smaller pictures."
            )
        self._pixels_left -= n_pixels


@contextlib.contextmanager
def _open(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[_Stream]:
    """Open a member of an archive, and unpack it if its content is compressed again."""
    with archive.open(member) as stream:
        unpacker = _unpacker(stream.read(4))
    with archive.open(member) as stream:
        yield stream if unpacker is None else unpacker(stream)


def _unpacker(start: bytes) -> Callable[[Any], Any] | None:
    """Return the function that unpacks a file with these first bytes, or `None` if the file is not compressed."""
    return next((unpacker for first, unpacker in _UNPACKERS.items() if start.startswith(first)), None)


def is_tar(content: bytes) -> bool:
    """Check whether a file is a tar archive.

    Args:
        content: Content of the file without compression, or its first 512 bytes.

    Returns:
        Whether the first header has the signature of tar.

    Example:
        >>> is_tar(bytes(257) + b"ustar")
        True
    """
    return content.startswith(_TAR, _TAR_PLACE)


def _kind(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    try:
        with _open(archive, member) as stream:
            start = stream.read(4096)
    except _DECODING_ERRORS:
        return "other"
    if start.startswith(_NPY):
        return "npy"
    if start.startswith(b"PK\3\4"):
        return "zip"
    if idx.is_idx(start):
        return "idx"
    if is_heif(start) or any(start.startswith(first) and kind == "a single picture" for first, kind in _KNOWN.items()):
        return "picture"
    return "csv" if sample_tables.is_table(start) else "other"


def _is_large(shape: tuple[int, ...]) -> bool:
    """Return whether an array has more than `MAX_SAMPLES` pictures. Labels are always read completely."""
    return len(shape) > 1 and shape[0] > MAX_SAMPLES and math.prod(shape[1:]) >= sample_arrays.MIN_SIDE**2


def _grey(image: Image.Image) -> np.ndarray:
    try:
        return np.asarray(image.convert("L"))
    except Exception as error:  # A damaged file can make Pillow raise any exception.
        raise UnreadableImageError from error
