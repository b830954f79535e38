"""How the values of parameters are written, and on which scale they are compared."""

from typing import Any

LOG_RATIO = 10


def format_value(value: Any) -> str:
    """A value as people read it: “auto” for None, and no more digits of a number than it needs."""
    if value is None:
        return "auto"
    return f"{value:g}" if isinstance(value, float) else str(value)


def suits_log_scale(low: float, high: float) -> bool:
    """Whether positive numbers from low to high lie so far apart, `LOG_RATIO` or more, that a logarithmic scale suits them."""
    return low > 0 and high / low >= LOG_RATIO
