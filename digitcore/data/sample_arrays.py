"""Conversion of arrays of other programs to digits and labels, with any shape, scale, polarity and form of labels.

The arrays of Keras, scikit-learn, PyTorch, Kaggle, EMNIST and SVHN are supported. Digits in the form of MNIST are not changed.
All other pictures are converted as on the Draw page.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from digitcore import images
from digitcore.errors import ImageError, SampleError
from digitcore.images import SIDE

MIN_SIDE = 5  # px, of a picture in an array
MAX_PIXELS = 100_000_000  # of all pictures of a file
MIN_CONTRAST = 24  # of 255: a picture with less contrast is blank
MAX_INK_SHARE = 0.53  # of a digit in the form of MNIST: its ink fits into 20 × 20 of the 28 × 28 pixels
BLANK = "The picture is blank."
NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
N_CLASSES = 10
PERCENT = 100.0  # maximum value of floats that are scaled by their own maximum, because no usual scale is near
SCALES = (1.0, 16.0, 255.0, 65535.0)  # maximum values of bool and float, scikit-learn's, 8-bit and 16-bit pictures

IMAGE_WORDS = {"x", "xs", "digit", "digits", "image", "images", "img", "imgs", "picture", "pictures", "pixel", "pixels"}
IMAGE_WORDS |= {"data", "sample", "samples", "feature", "features", "input", "inputs"}
LABEL_WORDS = {"y", "ys", "label", "labels", "lbl", "target", "targets", "class", "classes", "output", "outputs"}
FORMAT_WORDS = {"idx", "idx1", "idx2", "idx3", "idx4", "ubyte", "gz", "npy", "csv"}


@dataclass(frozen=True, eq=False)
class ArraySet:
    """Pictures and their labels in the form of the file.

    Attributes:
        name: name of the pictures in the file, for messages.
        images: pictures in any shape and scale.
        labels: labels in any form.
        n_pictures: number of pictures in the file. `images` may contain only the first pictures.
        other_labels: other labels of the file that could also belong to the pictures.

    Example:
        >>> ArraySet("x_train", np.zeros((2, 28, 28)), np.array([3, 7]), 2).name
        'x_train'
    """

    name: str
    images: np.ndarray
    labels: np.ndarray
    n_pictures: int
    other_labels: list[np.ndarray] = field(default_factory=list)


def pair(arrays: dict[str, tuple[np.ndarray, int]]) -> list[ArraySet]:
    """Find pictures and labels among arrays, and pair them by their names, then by their lengths and order.

    Args:
        arrays: name → a tuple of the array and the number of its items in the file. The array may contain only the first items.
            Names are, for example, `x_train` or `train-images-idx3-ubyte`.

    Returns:
        The pairs, in the order of the pictures.

    Raises:
        SampleError: If pictures have no labels, or labels have no pictures.

    Example:
        >>> images, labels = (np.zeros((2, 28, 28)), 2), (np.ones(2), 2)
        >>> [found.name for found in pair({"x_train": images, "y_test": labels, "x_test": images, "y_train": labels})]
        ['x_train', 'x_test']
    """
    labels = _preferred({name: array for name, (array, _) in arrays.items() if _has_shape_of_labels(array)}, LABEL_WORDS)
    images = {name: array for name, (array, _) in arrays.items() if array.ndim >= 2 and not _has_shape_of_labels(array)}
    wrong = [name for name, array in images.items() if _has_wrong_shape_of_labels(name, array)]
    if not labels and wrong:
        raise SampleError(
            f"The labels “{wrong[0][-60:]}” have the shape {images[wrong[0]].shape}. "
            "Use one number for each picture, or ten one-hot columns."
        )
    if len(images) > len(labels):
        images = _preferred(images, IMAGE_WORDS)
    if not images or not labels:
        names = ", ".join(name[-40:] for name in list(arrays)[:5])
        missing = "labels" if images else "pictures"
        raise SampleError(f"The file has no {missing}. Its arrays are: {names}. Add an array of {missing}.")
    stems = {name: name_stem(name) for name in (*images, *labels)}
    n_labels = {name: _count_labels(array) for name, array in labels.items()}
    n_pictures = {name: _count_pictures(array, arrays[name][1], set(n_labels.values())) for name, array in images.items()}
    left, partners = list(labels), dict[str, str]()
    rules: tuple[Callable[[str, str], bool], ...] = (
        lambda a, b: stems[a] == stems[b],
        lambda a, b: n_pictures[a] == n_labels[b],
        lambda a, b: len(images) == len(labels) == 1,
    )
    for is_match in rules:
        for name in (name for name in images if name not in partners):
            match = next((other for other in left if is_match(name, other)), None)
            if match is not None:
                partners[name] = match
                left.remove(match)
    alone = [name for name in images if name not in partners]
    if alone or left:
        missing, what = (alone[0], "labels") if alone else (left[0], "pictures")
        raise SampleError(f"There are no {what} for “{missing[-60:]}”. Add {what} with a similar name to the file.")
    for name, own in partners.items():
        if n_pictures[name] != n_labels[own]:
            counts = f"{n_pictures[name]:,} pictures and {n_labels[own]:,} labels"
            raise SampleError(f"“{name[-60:]}” has {counts}. Save one label for each picture.")
    return [
        ArraySet(
            name,
            images[name],
            labels[own],
            n_pictures[name],
            [other for key, other in labels.items() if key != own and n_labels[key] == n_labels[own]],
        )
        for name, own in partners.items()
    ]


def _preferred(arrays: dict[str, np.ndarray], words: set[str]) -> dict[str, np.ndarray]:
    """Return the arrays whose names contain one of the words, or all arrays if no name does."""
    return {name: array for name, array in arrays.items() if words & set(_words(name))} or arrays


def _has_shape_of_labels(array: np.ndarray) -> bool:
    """Return whether an array has the shape of a list, a column or a row of labels, or of one-hot labels."""
    if array.ndim != 2:
        return array.ndim == 1
    if array.shape[1] in (1, 10):
        return True
    is_short = array.shape[0] in (1, 10) and array.dtype.kind in "iufb"
    return is_short and (is_one_hot(array.T) or (array.shape[0] == 1 and bool(array.max(initial=0) <= 10)))


def _has_wrong_shape_of_labels(name: str, array: np.ndarray) -> bool:
    """Return whether an array has the name of labels, or too few columns for pictures."""
    return bool(LABEL_WORDS & set(_words(name))) or (array.ndim == 2 and array.shape[1] < MIN_SIDE**2)


def is_one_hot(rows: np.ndarray) -> bool:
    """Check whether rows are one-hot labels.

    Args:
        rows: (N, M) numbers.

    Returns:
        True if there are ten columns, and each row has a single 1 and nine zeros.

    Example:
        >>> is_one_hot(np.eye(10)), is_one_hot(np.ones((2, 10)))
        (True, False)
    """
    return bool(rows.shape[1] == 10 and np.isin(rows, (0, 1)).all() and (rows.sum(1) == 1).all())


def _count_pictures(images: np.ndarray, n_items: int, n_labels: set[int]) -> int:
    """Return the number of pictures. In MATLAB, it is the length of the last axis. A single picture may have no such axis."""
    if n_items in n_labels:
        return n_items
    if images.ndim == 2 and n_labels == {1} and images.shape[0] == images.shape[1]:
        return 1
    return images.shape[-1] if images.shape[-1] in n_labels else n_items


def _words(name: str) -> list[str]:
    """Return the words of a name in lower case: `x_train` and `trainX` have the words "x" and "train"."""
    return re.findall(r"[a-z]+\d*|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())


def name_stem(name: str) -> frozenset[str]:
    """Return the words of a name without the words for pictures, labels and formats.

    Args:
        name: name of an array or path of a file.

    Returns:
        Words in lower case.

    Example:
        >>> sorted(name_stem("train-images-idx3-ubyte.gz")), sorted(name_stem("y_train"))
        (['train'], ['train'])
    """
    return frozenset(_words(name)) - IMAGE_WORDS - LABEL_WORDS - FORMAT_WORDS


def _count_labels(labels: np.ndarray) -> int:
    if labels.ndim == 2 and labels.shape[0] in (1, 10) and labels.shape[1] not in (1, 10):
        return int(labels.shape[1])
    return len(labels) if labels.ndim else 0


def to_labels(labels: np.ndarray) -> np.ndarray:
    """Convert labels to numbers from 0 to 9.

    Args:
        labels: integers, whole floats, texts ("7", "seven") or one-hot rows. If the labels are 1 to 10, as in SVHN, 10 means 0.

    Returns:
        (N,) uint8.

    Raises:
        SampleError: If the labels have another form or range.

    Example:
        >>> to_labels(np.eye(10)[[3, 7]]), to_labels(np.array([10, 9, 1]))
        (array([3, 7], dtype=uint8), array([0, 9, 1], dtype=uint8))
    """
    if labels.dtype.kind in "US":
        labels = np.array([_number(str(text, "latin1") if isinstance(text, bytes) else str(text)) for text in labels.ravel()])
    if labels.dtype.kind not in "iufb" or (labels.dtype == bool and labels.ndim != 2):
        raise SampleError(f"The labels are of type {labels.dtype}. Use numbers from 0 to 9.")
    values = np.asarray(labels, np.float64)
    if values.ndim == 2 and 1 in values.shape and not is_one_hot(values):
        values = values.ravel()
    if values.ndim == 2 and 10 in values.shape:
        rows = values if values.shape[1] == 10 else values.T
        if not is_one_hot(rows):
            raise SampleError("The ten columns of the labels are not one-hot. Write a single 1 in each row.")
        return np.asarray(rows.argmax(1), np.uint8)
    if values.ndim != 1:
        raise SampleError(f"The labels have the shape {labels.shape}. Use one number for each picture, or ten one-hot columns.")
    if not np.isfinite(values).all() or (values != np.round(values)).any():
        raise SampleError("The labels are not whole numbers. Use numbers from 0 to 9.")
    if is_one_to_ten(values):
        values = values % 10
    if len(values) and (values.min() < 0 or values.max() > 9):
        raise SampleError(f"The file has labels from {values.min():.0f} to {values.max():.0f}. Use labels from 0 to 9.")
    return values.astype(np.uint8)


def is_one_to_ten(labels: np.ndarray) -> bool:
    """Check whether labels are numbers from 1 to 10, as in SVHN, where 10 means 0.

    Args:
        labels: labels in the form of the file.

    Returns:
        Whether the labels are such numbers, and one of them is 10.

    Example:
        >>> is_one_to_ten(np.array([10, 3])), is_one_to_ten(np.array([0, 3]))
        (True, False)
    """
    is_number = labels.dtype.kind in "iuf" and labels.size > 0 and not (labels.ndim == 2 and 1 not in labels.shape)
    return bool(is_number and labels.min() >= 1 and labels.max() == N_CLASSES)


def _number(text: str) -> float:
    word = text.strip().lower()
    try:
        return NUMBER_WORDS.index(word) if word in NUMBER_WORDS else float(word)
    except ValueError as error:
        raise SampleError(f"“{text[:20]}” is not a label. Use numbers from 0 to 9.") from error


def to_pictures(images: np.ndarray, n_labels: int) -> np.ndarray:
    """Convert pictures to one shape and scale. Their size and polarity are not changed.

    Args:
        images: (N, H, W), (N, H, W, 1), (N, H, W, 3 or 4), (N, 1 or 3, H, W), (N, H · W), or any of these shapes with N
            as the last axis. Values are bool, 0 to 1, −1 to 1, 0 to 16, 0 to 100, 0 to 255, 0 to 65535, or standardized.
        n_labels: number of labels, which determines the axis N.

    Returns:
        (N, H, W) or (N, H, W, 3 or 4) uint8.

    Raises:
        SampleError: If the shape, the type or the values are not valid for pictures.

    Example:
        >>> to_pictures(np.array([[0, 0.5] * 392]), 1)[0, 0, :2]
        array([  0, 128], dtype=uint8)
    """
    if images.dtype.kind not in "iufb":
        raise SampleError(f"The pictures are of type {images.dtype}. Use numbers, for example from 0 to 255.")
    shaped = _shape(images, n_labels)
    if len(shaped) != n_labels:
        raise SampleError(f"There are {len(shaped):,} pictures and {n_labels:,} labels. Save one label for each picture.")
    if shaped.size > MAX_PIXELS:
        raise SampleError(
            f"The pictures have more than {MAX_PIXELS // 1_000_000} million pixels together. Use fewer or smaller pictures."
        )
    return scale_to_bytes(shaped)


def _shape(images: np.ndarray, n: int) -> np.ndarray:
    """Return the pictures as (N, H, W) or (N, H, W, 3 or 4)."""
    shape = images.shape
    if images.ndim == 2 and n == 1 and shape[0] == shape[1] >= MIN_SIDE:
        images = images[None]
    elif images.ndim >= 2 and shape[0] != n and shape[-1] == n:
        images = np.moveaxis(images, -1, 0)
    if images.ndim == 2:
        side = math.isqrt(images.shape[1])
        if side * side == images.shape[1]:
            images = images.reshape(len(images), side, side)
    elif images.ndim == 4 and images.shape[-1] not in (1, 3, 4) and images.shape[1] in (1, 3):
        images = np.moveaxis(images, 1, -1)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    is_colored = images.ndim == 4 and images.shape[-1] in (3, 4)
    if not (images.ndim == 3 or is_colored) or (len(images) and min(images.shape[1:3]) < MIN_SIDE):
        raise SampleError(
            f"The pictures have the shape {shape}. Use (N, {SIDE}, {SIDE}), (N, height, width) or (N, {SIDE * SIDE})."
        )
    return images


def scale_to_bytes(values: np.ndarray) -> np.ndarray:
    """Scale pictures linearly to 0 to 255. Their scale is estimated from the range of all values.

    Args:
        values: numbers of any shape.

    Returns:
        uint8 array of the same shape. Whole numbers of 8 bits are returned unchanged unless they are at most 16.

    Raises:
        SampleError: If a value is infinite or NaN.

    Example:
        >>> scale_to_bytes(np.array([0.0, 0.2, 1.0])), scale_to_bytes(np.array([-1, 1]))
        (array([  0,  51, 255], dtype=uint8), array([  0, 255], dtype=uint8))
    """
    if not values.size:
        return values.astype(np.uint8)
    low, high = float(values.min()), float(values.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise SampleError("The pictures contain NaN or infinite values. Replace them by numbers from 0 to 255.")
    if values.dtype == np.uint8 and high > SCALES[1]:
        return values
    top = next((scale for scale in SCALES if high <= scale), high)
    if values.dtype.kind == "f" and SCALES[1] < high <= PERCENT:
        top = high
    bottom = 0.0
    if low < 0:
        bottom, top = (-1.0, 1.0) if low >= -1 and high <= 1 else (low, high)
    if top <= bottom:
        return np.zeros(values.shape, np.uint8)
    scaled: np.ndarray = ((values.astype(np.float32) - bottom) * (255 / (top - bottom))).round().astype(np.uint8)
    return scaled


def to_digits(pictures: np.ndarray) -> Iterator[np.ndarray | str]:
    """Convert pictures to digits, one picture at a time.

    Args:
        pictures: (N, H, W) or (N, H, W, 3 or 4) uint8.

    Yields:
        (28, 28) uint8 with ink 255 on 0, or an error message if a picture cannot be used.

    Example:
        >>> list(to_digits(np.zeros((1, 28, 28), np.uint8)))
        ['The picture is blank.']
    """
    for picture in pictures:
        try:
            digit = to_digit(picture)
        except ImageError as error:
            yield str(error)
            continue
        yield BLANK if digit is None else digit


def to_digit(picture: np.ndarray) -> np.ndarray | None:
    """Convert a picture to a digit. A picture of 28 × 28 px in the form of MNIST is only kept or inverted.

    Args:
        picture: (H, W) or (H, W, 3 or 4) uint8.

    Returns:
        (28, 28) uint8, ink 255 on 0, or `None` if the picture is blank.

    Raises:
        ImageError: If the picture cannot be converted.

    Example:
        >>> picture = np.full((28, 28), 255, np.uint8)
        >>> picture[4:24, 13:15] = 0
        >>> to_digit(picture)[3:5, 13]
        array([  0, 255], dtype=uint8)
    """
    if picture.ndim == 3 and picture.shape[2] == 3 and (picture == picture[..., :1]).all():
        picture = picture[..., 0]
    if int(picture.max()) - int(picture.min()) < MIN_CONTRAST:
        return None
    if picture.shape == (SIDE, SIDE):
        for candidate in (picture, 255 - picture):
            if is_like_mnist(candidate):
                return candidate
    return images.digit_from_image(Image.fromarray(picture))


def is_like_mnist(digit: np.ndarray) -> bool:
    """Check whether the border is black and the ink covers no larger share than in MNIST's digits.

    Args:
        digit: (28, 28) uint8.

    Returns:
        Whether the picture has the form of MNIST, ink 255 on 0.

    Example:
        >>> is_like_mnist(np.full((28, 28), 255, np.uint8))
        False
    """
    border = np.concatenate([digit[0], digit[-1], digit[1:-1, 0], digit[1:-1, -1]])
    return bool(np.median(border) < MIN_CONTRAST and (digit > 127).mean() <= MAX_INK_SHARE)
