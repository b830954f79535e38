"""Tables of pixels and labels in text files: CSV files of Kaggle and of spreadsheets, and files of LIBSVM."""

import codecs
import io
import math
import re
from dataclasses import dataclass, field

import numpy as np

from digitcore.data import sample_arrays
from digitcore.data.sample_arrays import MIN_SIDE, N_CLASSES
from digitcore.errors import SampleError
from digitcore.images import SIDE

MIN_COLUMNS = 1 + MIN_SIDE**2  # a label and the pixels
MIN_CENTER_DISTANCE = 0.05  # px from the middle between two positions that differ by one pixel
DELIMITERS = ";\t, "  # A comma may also be the decimal separator, so it separates the columns only if no other character does.
COMMENT = b"#"
SEPARATOR_LINE = b"sep="  # Excel writes the separator in a line before the titles.
JSON_STARTS = (b"{", b"[")
INDEX_TITLES = ("", "id", "index", "unnamed: 0", "imageid", "image_id")
LIBSVM_LINE = re.compile(rb"[+-]?\d+(\.0*)?(\s+\d+:[^\s:]+)+\s*(#.*)?")
LIBSVM_SIDES = (8, 16, SIDE)  # px; a file omits pixels of 0, so its number of columns is only a lower bound
UNCLEAR_COLUMN = (
    "The labels of the CSV file may be in the first or in the last column. Write a first row with titles, such as “label”."
)


@dataclass(frozen=True, eq=False)
class Table:
    """The rows of a text file.

    Attributes:
        labels: (N,) labels, or (N, 10) one-hot labels.
        pixels: (N, H · W) float64.
        n_rows: Number of rows in the file. Only the first rows may have been read.
        rejected: Line number → reason, for each malformed line.

    Example:
        >>> Table(np.array([7.0]), np.zeros((1, 784)), 1).rejected
        {}
    """

    labels: np.ndarray
    pixels: np.ndarray
    n_rows: int
    rejected: dict[int, str] = field(default_factory=dict)


def as_bytes_of_text(content: bytes) -> bytes:
    """Return a text without its byte order mark. UTF-16, which Excel writes, is converted to UTF-8.

    Args:
        content: Content of a file, or its beginning.

    Returns:
        The text. Other content is returned unchanged.

    Example:
        >>> as_bytes_of_text("7;0".encode("utf-16"))
        b'7;0'
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace").encode()
    return content.removeprefix(codecs.BOM_UTF8)


def is_table(start: bytes) -> bool:
    """Check whether a file begins like a table of pixels.

    Args:
        start: The first bytes of the file.

    Returns:
        Whether the first line that is no comment has enough columns.

    Example:
        >>> is_table(b"label,pixels"), is_table(b"# digits\\n" + b"0," * 784 + b"7")
        (False, True)
    """
    text = as_bytes_of_text(start)
    if b"\0" in text or text.lstrip().startswith(JSON_STARTS):
        return False
    head = _without_comments(text.strip(b"\r\n "))[0].partition(b"\n")[0]
    return max(map(head.count, (b",", b";", b"\t", b" "))) >= MIN_COLUMNS - 1


def read(content: bytes, max_rows: int) -> Table | None:
    """Read a CSV file or a file of LIBSVM.

    Args:
        content: Content of the file.
        max_rows: Maximum number of rows that are read.

    Returns:
        The table, or `None` if the content is not a table of pixels.

    Raises:
        SampleError: If the table has no labels, no rows or another number of columns.

    Example:
        >>> read(b"7," + b"0," * 783 + b"255", max_rows=10).labels
        array([7.])
        >>> read(b"hello", max_rows=10) is None
        True
    """
    content = as_bytes_of_text(content).strip(b"\r\n ")
    if b"\0" in content[:4096] or content.startswith(JSON_STARTS):
        return None
    body, n_skipped = _without_comments(content)
    if LIBSVM_LINE.fullmatch(body.partition(b"\n")[0].strip()):
        return _read_libsvm(body, max_rows)
    lines = body.split(b"\n", max_rows + 2)
    head = lines[0].decode("latin1").strip()
    delimiter = next((mark for mark in DELIMITERS if head.count(mark) >= MIN_COLUMNS - 1), "")
    if not delimiter:
        return None
    decimal = "," if delimiter != "," else "."
    titles = [cell.strip().strip("\"'").lower() for cell in head.replace(decimal, ".").split(delimiter)]
    has_titles = any(not _is_number(cell) for cell in titles)
    rows, rejected = [], {}
    for number, line in enumerate(lines[has_titles : max_rows + has_titles], start=1 + has_titles + n_skipped):
        cells = line.decode("latin1").strip().replace('"', "").replace(decimal, ".").split(delimiter)
        if cells == [""]:
            continue
        if fault := _find_fault(cells, len(titles)):
            rejected[number] = fault
        else:
            rows.append(np.array(cells, np.float64))
    if not rows:
        first = next((f"Line {number:,}: {reason} " for number, reason in rejected.items()), "")
        raise SampleError(f"The CSV file has no row of numbers. {first}Write a label and the pixels in each row.")
    labels, pixels = _split(titles if has_titles else [], np.stack(rows))
    return Table(labels, pixels, body.count(b"\n") + 1 - has_titles - len(rejected), rejected)


def _without_comments(content: bytes) -> tuple[bytes, int]:
    """Return a text without the comments at its beginning, and their number. A comment with the titles is kept as titles."""
    n_skipped = 0
    while content.startswith((COMMENT, SEPARATOR_LINE)):
        line, _, rest = content.partition(b"\n")
        if any(line.count(mark.encode()) >= MIN_COLUMNS - 1 for mark in DELIMITERS.replace(" ", "")):
            return content.lstrip(b"# "), n_skipped
        content, n_skipped = rest, n_skipped + 1
    return content, n_skipped


def _read_libsvm(content: bytes, max_rows: int) -> Table:
    """Read lines such as `7 153:3 154:18`: a label, and the number and the level of each pixel that is not 0."""
    from sklearn.datasets import load_svmlight_file

    lines = content.split(b"\n", max_rows)
    try:
        sparse, labels = load_svmlight_file(io.BytesIO(b"\n".join(lines[:max_rows])))
    except (ValueError, OverflowError) as error:
        raise SampleError(f"The LIBSVM file cannot be read: {str(error)[:100]}. Write lines such as “7 153:3 154:18”.") from error
    n_columns = sparse.shape[1]
    side = next((side for side in LIBSVM_SIDES if n_columns <= side**2), 0)
    if not side:
        raise SampleError(f"The LIBSVM file has {n_columns:,} columns. Use pictures of at most {SIDE} × {SIDE} pixels.")
    pixels = np.zeros((len(labels), side**2))
    pixels[:, :n_columns] = sparse.toarray()
    return Table(labels, pixels, content.count(b"\n") + 1)


def _find_fault(cells: list[str], n_columns: int) -> str:
    """Return the reason why a line is no row of numbers, or ""."""
    if len(cells) != n_columns:
        return f"The line has {len(cells):,} columns, and the first line has {n_columns:,}."
    column = next((number for number, cell in enumerate(cells, start=1) if not _is_number(cell)), None)
    if column is None:
        return ""
    cell = cells[column - 1].strip()
    return f"Column {column:,} " + (f"has “{cell[:20]}”, which is no number." if cell else "is empty.")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _is_square(number: int) -> bool:
    return number > 0 and math.isqrt(number) ** 2 == number


def _split(titles: list[str], table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels and the pixels of a table, without a column of row numbers."""
    if (one_hot := _one_hot_columns(table)) is not None:
        return table[:, one_hot], np.delete(table, one_hot, axis=1)
    column = _label_column(titles, table)
    return table[:, column], np.delete(table, [column, *_index_columns(titles, table)], axis=1)


def _one_hot_columns(table: np.ndarray) -> slice | None:
    """Return the ten columns of one-hot labels before or after the pixels, or `None` if there are none."""
    if not _is_square(table.shape[1] - N_CLASSES):
        return None
    places = (slice(0, N_CLASSES), slice(table.shape[1] - N_CLASSES, None))
    return next((place for place in places if sample_arrays.is_one_hot(table[:, place])), None)


def _index_columns(titles: list[str], table: np.ndarray) -> list[int]:
    """Return the column of row numbers that pandas writes, or no column."""
    return [0] if _is_square(table.shape[1] - 2) and _has_row_numbers(titles, table) else []


def _has_row_numbers(titles: list[str], table: np.ndarray) -> bool:
    return bool((titles and titles[0] in INDEX_TITLES) or np.ptp(table[:, 0] - np.arange(len(table))) == 0)


def _label_column(titles: list[str], table: np.ndarray) -> int:
    """Return the column of the labels by its title. Without a title, it is the first or the last column."""
    n_columns = table.shape[1]
    first = len(_index_columns(titles, table))
    n_pixels = n_columns - first - 1
    if _is_square(n_columns):
        side = math.isqrt(n_columns)
        raise SampleError(
            f"The CSV file has no labels: its {n_columns:,} columns are the pixels of {side} × {side} pictures. "
            "Add a column of labels."
        )
    if not _is_square(n_pixels):
        raise SampleError(
            f"The CSV file has {n_columns:,} columns. Write {SIDE * SIDE + 1} columns: a label and {SIDE * SIDE} pixels."
        )
    names = [i for i, title in enumerate(titles) if title in sample_arrays.LABEL_WORDS or title == "digit"]
    if len(names) == 1:
        return names[0]
    if titles and titles[0] in INDEX_TITLES and not first:
        raise SampleError("The CSV file has no labels: its columns are row numbers and pixels. Add a column of labels.")
    columns = [column for column in (first, table.shape[1] - 1) if _are_labels(table[:, column])]
    if not columns:
        raise SampleError(
            "The CSV file has no labels from 0 to 9 in its first or last column. Write the labels in the first column."
        )
    if len(columns) == 1:
        return columns[0]
    # A pixel in a corner usually has the level of the border, which is 0, or 1 for black ink on white from 0 to 1.
    side = math.isqrt(n_pixels)
    background = np.median(table[:, [*range(first + 1, first + side), *range(-side, -1)]])
    is_background = [bool((table[:, column] == background).all()) for column in columns]
    if is_background == [True, True]:
        return columns[_is_last_by_center(np.abs(table[:, first:] - background), side)]
    if is_background[0] != is_background[1]:
        return columns[is_background.index(False)]
    variety = [len(np.unique(table[:, column])) for column in columns]
    if variety[0] != variety[1]:
        return columns[int(np.argmax(variety))]
    raise SampleError(UNCLEAR_COLUMN)


def _is_last_by_center(ink: np.ndarray, side: int) -> bool:
    """Return whether the labels are in the last column of a table of zeros, whose labels look like pixels of a corner.

    A wrong column shifts all pictures by one pixel. In the form of MNIST, the center of the ink is at half of the width.

    Args:
        ink: (N, H · W + 1) level of the ink, with the column of the labels.
        side: width of a picture in pixels.
    """
    pictures = ink[:, 1:].reshape(len(ink), side, side).sum(axis=1)
    is_inked = pictures.any(axis=1)
    if not is_inked.any():
        return False
    centers = (pictures[is_inked] @ np.arange(side)) / pictures[is_inked].sum(axis=1)
    distance = float(np.mean(centers)) - (side / 2 - 0.5)
    if abs(distance) < MIN_CENTER_DISTANCE:
        raise SampleError(UNCLEAR_COLUMN)
    return distance < 0


def _are_labels(values: np.ndarray) -> bool:
    return bool((values == values.round()).all() and values.min() >= 0 and values.max() <= 10)
