"""Identifiers that sort by the time at which they were created."""

import re
import secrets
import threading
import time

LENGTH = 24  # characters
_PATTERN = re.compile(f"[0-9a-f]{{{LENGTH}}}")
_lock = threading.Lock()
_newest = 0  # ns since 1970


def is_valid(text: str) -> bool:
    """Check whether a text is an identifier.

    Args:
        text: any text, for example of an untrusted file.

    Returns:
        Whether the text has `LENGTH` hexadecimal digits.

    Example:
        >>> is_valid(create(1)[0]), is_valid("a")
        (True, False)
    """
    return _PATTERN.fullmatch(text) is not None


def create(n: int) -> tuple[str, ...]:
    """Create identifiers. Each identifier is larger than all identifiers that this process has created before.

    An identifier contains the time in nanoseconds and 32 random bits, so that two servers never create the same identifier.

    Args:
        n: number of identifiers.

    Returns:
        Texts of `LENGTH` hexadecimal digits, in ascending order.

    Example:
        >>> first, second = create(2)
        >>> first < second, len(first)
        (True, 24)
    """
    global _newest
    with _lock:
        start = max(time.time_ns(), _newest + 1)
        _newest = start + n
    ending = secrets.token_hex(4)
    return tuple(f"{start + number:016x}{ending}" for number in range(n))
