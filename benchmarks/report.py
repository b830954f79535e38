"""The output format of the benchmarks, and the noise of a measurement."""

import statistics
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def null_ratio(values: Sequence[float]) -> float:
    """Return the null ratio of a measurement: the median of every second value divided by the median of the others.

    Both halves come from the same program in the same run, so the distance of this ratio from 1 is noise.
    """
    return statistics.median(values[::2]) / statistics.median(values[1::2])
