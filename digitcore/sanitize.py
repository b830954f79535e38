"""Read values of untrusted JSON and replace malformed ones, so that one bad value does not cost a whole run."""

import base64
import math
from typing import Any


def finite(value: Any, default: float = 0.0) -> float:
    """A number, or the default where it is none or infinite."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if math.isfinite(number) else default


def share(value: Any) -> float | None:
    """A number from 0 to 1; None where it is none."""
    number = finite(value, -1.0)
    return number if 0 <= number <= 1 else None


def strings(value: Any) -> list[str]:
    """The strings of a list; none where it is no list."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def encoded(value: Any, most: int) -> bytes:
    """The bytes of base64 text; b"" where it is none, or more than the most."""
    if not isinstance(value, str) or len(value) > 2 * most:
        return b""
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        return b""


def metrics(values: Any) -> dict[str, Any]:
    """Metrics without those that are not finite."""
    pairs = values.items() if isinstance(values, dict) else []
    return {str(name): value for name, value in pairs if not isinstance(value, float) or math.isfinite(value)}
