"""The verdict about a comparison of two models."""

from digitcore.evaluation.comparison import PairedComparison
from pages.session.training_summary import MUCH_WORSE, WORDS, Tone, Verdict


def verdict(drawings: PairedComparison, mnist: PairedComparison | None, *, is_unseen: bool, detail: str) -> Verdict:
    """Return whether the candidate is better than the baseline, by how much, and on which digits.

    Args:
        drawings: The comparison on the user's drawings, which may be empty.
        mnist: The comparison on MNIST's test digits; `None` until it is known.
        is_unseen: Whether no model has learnt from the drawings. If one has, a test for chance would be biased.
        detail: The numbers with their intervals, as Markdown.
    """
    on_drawings = _tone(drawings, is_tested=is_unseen)
    on_mnist = _tone(mnist, is_tested=True) if mnist else Tone.SAME
    parts = []
    if n := drawings.candidate.n:
        which = "unseen" if is_unseen else "drawings used for training"
        counts = f"{drawings.baseline.correct} → {drawings.candidate.correct} of {n:,} ({which})"
        parts.append(f"{_word(drawings, on_drawings)} on your handwriting: {counts}.")
    if mnist:
        parts.append(f"{_word(mnist, on_mnist)} on MNIST: {_signed(mnist.net_gain)} of {mnist.baseline.n:,}.")
    tone = on_mnist if on_drawings == Tone.SAME or (mnist and mnist.has_collapsed) else on_drawings
    return Verdict(tone, " ".join(parts) or "The models are being evaluated on MNIST.", detail)


def _tone(pair: PairedComparison, *, is_tested: bool) -> Tone:
    if not pair.net_gain or (is_tested and not pair.is_significant):
        return Tone.SAME
    return Tone.BETTER if pair.net_gain > 0 else Tone.WORSE


def _word(pair: PairedComparison, tone: Tone) -> str:
    return MUCH_WORSE if pair.has_collapsed else WORDS[tone]


def _signed(difference: int) -> str:
    """Return a difference with its sign. A minus sign is as wide as a digit."""
    return f"{difference:+,}".replace("-", "−") if difference else "±0"
