"""Reading of values from untrusted JSON. Malformed values are replaced, so that a run with a malformed value can be read."""

import base64
import math
from typing import Any


def finite(value: Any, default: float = 0.0) -> float:
    """Return a finite float, or `default`.

    Args:
        value: untrusted value.
        default: result if the value is not a finite number.

    Returns:
        The number.

    Example:
        >>> finite("2.5"), finite(math.nan), finite([], 7.0)
        (2.5, 0.0, 7.0)
    """
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if math.isfinite(number) else default


def share(value: Any) -> float | None:
    """Return a number between 0 and 1, or `None` for any other value.

    Args:
        value: untrusted value.

    Returns:
        The number, or `None` if the value is not a number between 0 and 1.

    Example:
        >>> share(0.25), share(2)
        (0.25, None)
    """
    number = finite(value, -1.0)
    return number if 0 <= number <= 1 else None


def strings(value: Any) -> list[str]:
    """Return the strings in a list, without all other items.

    Args:
        value: untrusted value.

    Returns:
        The strings. The result is empty if the value is not a list.

    Example:
        >>> strings(["a", 1, "b"]), strings("abc")
        (['a', 'b'], [])
    """
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def encoded(value: Any, most: int) -> bytes:
    """Decode base64 text.

    Args:
        value: untrusted value.
        most: maximum size, in bytes. Texts with more than 2 · `most` characters are rejected.

    Returns:
        The decoded bytes. The result is empty if the value is not base64 text or is too long.

    Example:
        >>> encoded("YWJj", most=100), encoded("?", most=100)
        (b'abc', b'')
    """
    if not isinstance(value, str) or len(value) > 2 * most:
        return b""
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return b""


def metrics(values: Any) -> dict[str, Any]:
    """Return metrics without infinite values and NaN.

    Args:
        values: untrusted value, normally a dictionary.

    Returns:
        The metrics. The result is empty if the value is not a dictionary.

    Example:
        >>> metrics({"loss": 0.5, "accuracy": math.nan})
        {'loss': 0.5}
    """
    pairs = values.items() if isinstance(values, dict) else []
    return {str(name): value for name, value in pairs if not isinstance(value, float) or math.isfinite(value)}
