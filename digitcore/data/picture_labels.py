"""Labels of picture files from their folders and names, for example `7/a.png`, `digit_7/a.png` and `7_0001.png`."""

import itertools
import re
from collections.abc import Sequence

from digitcore.data.sample_arrays import NUMBER_WORDS

LABEL_WORDS = {"digit", "digits", "class", "label", "labels", "number", "num", "no", "nr", "ziffer", "zahl", "klasse"}
LABEL_WORDS |= {"chiffre", "classe", "cifra", "cijfer", "numero", "número"}
MIN_SHARE = 0.9  # minimum share of the file names with a label at the same place

TABLE_SUFFIXES = (".csv", ".tsv", ".txt")  # of a file that may list the labels of pictures

Labels = list[int | None]


def label_of_word(text: str) -> int | None:
    """Return the digit in the name of a folder.

    Args:
        text: name of a folder, or a part of a file's name.

    Returns:
        The digit, or `None` if the name is not a digit or contains other words.

    Example:
        >>> [label_of_word(name) for name in ("7", "07", "digit_7", "Seven", "7s", "7 - seven", "fold_7", "77")]
        [7, 7, 7, 7, 7, 7, None, None]
    """
    words = [word for word in re.findall(r"[^\W\d_]+|\d+", text.lower()) if word not in LABEL_WORDS]
    if len(words) > 1 and words[-1] == "s":
        words.pop()
    found = {_digit(word) for word in words}
    return found.pop() if len(found) == 1 else None


def _digit(word: str) -> int | None:
    if re.fullmatch(r"\d{1,20}", word):  # decimal digits of every script
        return int(word) if int(word) <= 9 else None
    singular = word if word in NUMBER_WORDS else word.removesuffix("es" if word == "sixes" else "s")
    return NUMBER_WORDS.index(singular) if singular in NUMBER_WORDS else None


def label_candidates(paths: Sequence[str]) -> list[Labels]:
    """Return the possible labels of paths, the most likely labels first.

    Labels of folders are more likely than labels of file names. Labels of inner folders are more likely than labels of outer
    folders.

    Args:
        paths: paths of the pictures, with "/" between folders.

    Returns:
        Lists of labels with one item for each path, or `None` if the path has no label.

    Example:
        >>> label_candidates(["a/7_001.png", "a/3_002.png"])
        [[7, 3]]
        >>> label_candidates(["3/7/a.png"])
        [[7], [3]]
    """
    by_folder = [[label for part in path.split("/")[-2::-1] if (label := label_of_word(part)) is not None] for path in paths]
    if any(by_folder):
        candidates = [
            [labels[0] if labels else None for labels in by_folder],
            [labels[-1] if labels else None for labels in by_folder],
        ]
    else:
        candidates = _from_names([path.rpartition("/")[2] for path in paths])
    return [labels for i, labels in enumerate(candidates) if labels not in candidates[:i]] or [[None] * len(paths)]


def labels_from_table(text: str, paths: Sequence[str]) -> Labels | None:
    """Return the labels that a text file lists with the names of pictures.

    Args:
        text: lines such as `a.png,7`, with or without titles, separated by commas, semicolons, tabs or spaces.
        paths: paths of the pictures, with "/" between folders. A line has the path, the end of the path, or the name without
            its suffix.

    Returns:
        The label of each path, or `None` if it is not listed. The result is `None` if the text lists no picture, or only one of
        several pictures: a number in any text could be the name of one picture.

    Example:
        >>> labels_from_table("file,label\\na.png,7\\nb.png,3", ["img/b.png", "img/a.png", "img/c.png"])
        [3, 7, None]
        >>> labels_from_table("Thank you!", ["a.png"]) is None
        True
    """
    rows = [[cell.strip("\"' ") for cell in re.split(r"[,;\t]|\s+", line.strip())] for line in text.splitlines()]
    for names in (_unique_names(paths), _unique_names([path.rpartition(".")[0] for path in paths])):
        columns = list(itertools.zip_longest(*rows, fillvalue=""))
        places = [[names.get(cell.replace("\\", "/").removeprefix("./")) for cell in column] for column in columns]
        named = max(places, key=lambda column: sum(place is not None for place in column), default=[])
        values = [
            [label_of_word(cell) for cell in cells] for cells, place in zip(columns, places, strict=True) if place is not named
        ]
        pairs = [
            {place: label for place, label in zip(named, labels, strict=True) if place is not None and label is not None}
            for labels in values
        ]
        found: dict[int, int] = max(pairs, key=len, default={})
        if found and len(found) >= min(2, len(paths)):
            return [found.get(i) for i in range(len(paths))]
    return None


def _unique_names(paths: Sequence[str]) -> dict[str, int]:
    """Return the number of each path by the path and by each end of it that no other path has."""
    numbers: dict[str, list[int]] = {}
    for i, path in enumerate(paths):
        parts = path.split("/")
        for k in range(len(parts)):
            numbers.setdefault("/".join(parts[k:]), []).append(i)
    return {name: found[0] for name, found in numbers.items() if len(found) == 1}


def _from_names(names: list[str]) -> list[Labels]:
    """Return labels from the same place of each file name: after the word “label”, at the beginning, or at the end."""
    stems = [name.rpartition(".")[0] or name for name in names]
    words = "|".join(sorted(LABEL_WORDS - {"no", "nr", "num"}, key=len, reverse=True))
    named = rf"(?:^|[^a-z])(?:{words})[\W_]*0*([0-9])(?![0-9])"
    places = [[_match(rf"(?i){named}", stem) for stem in stems]]
    parts = [re.split(r"[\W_]+", stem.strip("_- ()")) for stem in stems]
    places += [[_single(words[place]) for words in parts] for place in (0, -1)]
    return [labels for labels in places if sum(label is not None for label in labels) >= MIN_SHARE * len(names)]


def _match(pattern: str, text: str) -> int | None:
    found = re.search(pattern, text)
    return int(found[1]) if found else None


def _single(word: str) -> int | None:
    """Return the label of a word that is a digit, a number word, or letters and a digit such as “d7”."""
    label = label_of_word(word)
    if label is not None or not word:
        return label if not re.fullmatch(r"0+[0-9]", word) else None
    found = re.fullmatch(r"[A-Za-z]{1,3}([0-9])", word)
    return int(found[1]) if found else None
