"""The rules of a class: its options, and the checks of names, nicknames and join codes."""

import re
import secrets
import unicodedata
from dataclasses import asdict, dataclass
from typing import Any

from digitcore.errors import LabError

# Consonants only, so that a code is never a word. Letters that look like other letters or digits are missing.
CODE_LETTERS = "BCDFGHJKLMNPRSTVWXZ"
CODE_LENGTH = 6
MAX_NAME = 20  # characters of a nickname
MAX_CLASS_NAME = 40  # characters
MAX_MARKS = 2  # accents and other combining marks of one letter
MAX_PUPILS = 100
MAX_PER_MINUTE = 30  # drawings of one pupil
JOIN_MINUTES = 90  # Joining then closes.
# Letters and marks that show nothing.
INVISIBLE = re.compile(r"[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
DRAWING_LIMITS = (10, 20, 50, 100, 200)  # options for the most drawings of a pupil
NOTICE = "Your drawings and your nickname are visible to the class. If you leave the class, its drawings no longer include yours."


@dataclass(frozen=True)
class ClassOptions:
    """The options of a class.

    Attributes:
        max_drawings: Most drawings of a pupil that count, 1 to 1,000. The first drawings count.
        digits: The digits that pupils draw, in ascending order.
        may_train: Whether pupils may train networks.

    Raises:
        LabError: If a value is out of range.

    Example:
        >>> ClassOptions(digits=(1, 7)).max_drawings
        100
    """

    max_drawings: int = 100
    digits: tuple[int, ...] = tuple(range(10))
    may_train: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.max_drawings <= 1000:
            raise LabError("A pupil may have 1 to 1,000 drawings in a class. Choose another number.")
        if not self.digits or not set(self.digits) <= set(range(10)):
            raise LabError("A class draws at least one of the digits 0 to 9. Choose a digit.")

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serializable values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ClassOptions":
        """Read the values of `to_dict`.

        Args:
            values: The values, by name.

        Returns:
            The options.

        Example:
            >>> ClassOptions.from_dict({"max_drawings": 20, "digits": [3], "may_train": False}).digits
            (3,)
        """
        return cls(int(values["max_drawings"]), tuple(values["digits"]), bool(values["may_train"]))


def new_code() -> str:
    """Return a random join code.

    Returns:
        Six letters. There are 47 million codes.

    Example:
        >>> len(new_code())
        6
    """
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))


def read_code(text: str) -> str:
    """Return the join code that a person has typed, or "" if the text cannot be a code.

    Args:
        text: Any text. Small letters, spaces and hyphens are accepted.

    Returns:
        Six letters, or "".

    Example:
        >>> read_code("bcd-fgh "), read_code("hello!")
        ('BCDFGH', '')
    """
    code = re.sub(r"[\s-]", "", text[:MAX_CLASS_NAME]).upper()
    return code if len(code) == CODE_LENGTH and set(code) <= set(CODE_LETTERS) else ""


def check_nickname(text: str) -> str:
    """Check a nickname, and return it with single spaces.

    Args:
        text: Any text.

    Returns:
        The nickname.

    Raises:
        LabError: If the nickname is empty, too long, or has other characters than letters, digits, spaces and `-_.'`.

    Example:
        >>> check_nickname("  Zoë   2 ")
        'Zoë 2'
    """
    return _check_text(text, MAX_NAME, "nickname")


def look(nickname: str) -> str:
    """Return a text that is equal for nicknames that look alike.

    Args:
        nickname: A nickname as `check_nickname` returns it.

    Returns:
        The nickname in small letters of normal width.

    Example:
        >>> look("Ada") == look("ａｄａ")
        True
    """
    return unicodedata.normalize("NFKC", nickname).casefold()


def check_class_name(text: str) -> str:
    """Check the name of a class, and return it with single spaces.

    Args:
        text: Any text.

    Returns:
        The name.

    Raises:
        LabError: If the name is empty, too long, or has other characters than letters, digits, spaces and `-_.'`.

    Example:
        >>> check_class_name("Class 4b")
        'Class 4b'
    """
    return _check_text(text, MAX_CLASS_NAME, "name")


def _check_text(text: str, longest: int, what: str) -> str:
    found = " ".join(unicodedata.normalize("NFC", text[: 10 * longest]).split())
    if not any(character.isalnum() for character in found):
        raise LabError(f"The {what} has no letter or digit. Type a {what}.")
    if len(found) > longest:
        raise LabError(f"The {what} has more than {longest} characters. Choose a shorter {what}.")
    if not all(_is_allowed(character) for character in found) or INVISIBLE.search(found) or _has_many_marks(found):
        raise LabError(f"A {what} has only letters, digits, spaces and the characters - _ . '. Change the {what}.")
    return found


def _is_allowed(character: str) -> bool:
    return unicodedata.category(character)[0] in "LM" or character.isdigit() or character in " -_.'’"


def _has_many_marks(text: str) -> bool:
    """Return whether a letter has so many marks that they cover other lines."""
    letters = unicodedata.normalize("NFD", text)
    shape = "".join("m" if unicodedata.category(character)[0] == "M" else " " for character in letters)
    return "m" * (MAX_MARKS + 1) in shape
