"""Display of numbers and of the values of training settings, and their scale."""

from typing import Any

LOG_RATIO = 10  # minimum ratio of the largest to the smallest number on a logarithmic scale


def format_value(value: Any) -> str:
    """Format the value of a setting for display, without unnecessary digits.

    Args:
        value: value of a setting.

    Returns:
        The text, which is "auto" for `None`.

    Example:
        >>> format_value(0.1 + 0.2), format_value(None), format_value("relu")
        ('0.3', 'auto', 'relu')
    """
    if value is None:
        return "auto"
    return f"{value:g}" if isinstance(value, float) else str(value)


def format_p_value(p: float) -> str:
    """Format a p value for display.

    Args:
        p: p value, 0 to 1.

    Returns:
        The text.

    Example:
        >>> format_p_value(0.03), format_p_value(0.0001)
        ('p = 0.03', 'p < 0.001')
    """
    return f"p = {p:.2g}" if p >= 0.001 else "p < 0.001"


def plural(n: int, noun: str) -> str:
    """Return a count with its noun.

    Args:
        n: count.
        noun: noun in the singular, with a regular plural.

    Returns:
        The text.

    Example:
        >>> plural(1, "drawing"), plural(1200, "drawing")
        ('1 drawing', '1,200 drawings')
    """
    return f"{n:,} {noun}{'s' * (n != 1)}"


def with_article(digit: int) -> str:
    """Return a digit with its indefinite article.

    Args:
        digit: 0 to 9.

    Returns:
        The text.

    Example:
        >>> with_article(7), with_article(8)
        ('a 7', 'an 8')
    """
    return f"an {digit}" if digit == 8 else f"a {digit}"


def percent(share: float, places: int = 0) -> str:
    """Format a share as a percentage. A share below 1 is never shown as "100 %".

    Args:
        share: share, 0 to 1.
        places: decimal places.

    Returns:
        The text.

    Example:
        >>> percent(0.958), percent(0.9999), percent(1)
        ('96 %', '99.9 %', '100 %')
    """
    places = max(places, 1) if 0.995 <= share < 1 else places
    largest = 100 - 10**-places
    value = 100 * share
    return f"{value if value >= 100 else min(value, largest):.{places}f} %"


def suits_log_scale(low: float, high: float) -> bool:
    """Check whether a logarithmic scale suits the numbers from `low` to `high`.

    Args:
        low: smallest number.
        high: largest number.

    Returns:
        Whether the numbers are positive and `high` is at least `LOG_RATIO` times `low`.

    Example:
        >>> suits_log_scale(0.001, 0.01), suits_log_scale(0, 100)
        (True, False)
    """
    return low > 0 and high / low >= LOG_RATIO
