"""Checks of the drawings."""

from collections.abc import Iterable

import numpy as np

from digitcore import mnist
from digitcore.checks.check import Finding, check, issue, not_applicable, passed
from digitcore.checks.subject import Subject
from digitcore.data.label_issues import contradicted
from digitcore.evaluation.score import wilson_interval
from digitcore.models import registry
from digitcore.values import plural

NO_DRAWINGS = "The lab has no drawings."
NO_HELD_OUT = "No drawing is held out."
SECOND_MODEL = "cnn13"  # It was trained with other data than genius.
MIN_SIMILARITY = 0.99  # cosine of the pixels of near-duplicates; of 100 different MNIST digits, two hardly ever reach 0.98
MAX_WIDTH = 0.2  # of the 95 % interval of an accuracy; 16 held-out drawings reach it if all are predicted correctly
MIN_DRAWINGS = 3  # of a digit, before it is called far from all others
FAR_SIMILARITY = 0.68  # Fewer than 1 in 1,000 medians of five MNIST digits are less similar to the nearest other digit.
FAR_GAP = 0.06  # by which the other digits are more similar


@check(
    "D01",
    "Duplicate drawings",
    rule=f"Two drawings have the same pixels, or the cosine of their pixels is at least {MIN_SIMILARITY}.",
    reason="A drawing that is both in the training set and in the held-out set makes the held-out accuracy too high.",
    tip="Delete one drawing of each pair below “My drawings”.",
)
def _find_duplicates(subject: Subject) -> Finding:
    """Search for drawings with the same or nearly the same pixels."""
    samples = subject.drawings
    if len(samples) < 2:
        return not_applicable("The lab has fewer than two drawings.")
    vectors = _unit_vectors(samples.digits)
    first, second = np.nonzero(np.triu(vectors @ vectors.T >= MIN_SIMILARITY, 1))
    if not len(first):
        return passed(f"All {len(samples):,} drawings are different.")
    n_leaks = int(np.count_nonzero(samples.held_out[first] != samples.held_out[second]))
    leaks = f", and {n_leaks} of them {'has' if n_leaks == 1 else 'have'} one drawing in each of training set and held-out set"
    return issue(f"{plural(len(first), 'pair')} of drawings {_are(len(first))} equal or nearly equal{leaks * bool(n_leaks)}.")


@check(
    "D02",
    "Missing digits",
    rule="A digit has no drawing in the training set, or no drawing in the held-out set if there is one.",
    reason="A model cannot learn a form that it has not seen, and an accuracy without a digit leaves out its errors.",
    tip="Draw each digit at least four times, because every fourth drawing of a digit is held out.",
)
def _find_missing_digits(subject: Subject) -> Finding:
    """Search for digits without drawings."""
    samples = subject.drawings
    if not len(samples):
        return not_applicable(NO_DRAWINGS)
    parts = {"training": samples.labels[~samples.held_out], "held-out": samples.labels[samples.held_out]}
    missing = {
        name: sorted(set(range(10)) - set(labels.tolist())) for name, labels in parts.items() if name == "training" or len(labels)
    }
    texts = [f"the {name} set has no {_join(digits)}" for name, digits in missing.items() if digits]
    if texts:
        return issue(f"{' and '.join(texts)}.".capitalize())
    sets = f"sets {' and '.join(missing)} have" if len(missing) > 1 else f"{next(iter(missing))} set has"
    return passed(f"The {sets} all ten digits.")


@check(
    "D03",
    "Contradicted labels",
    rule=f"The model genius predicts another digit than the label with at least the confidence at which the Draw page is "
    f"sure, {SECOND_MODEL} does not predict the label either, and you have not confirmed the label.",
    reason="A wrong label teaches the model an error, or counts a correct prediction as an error.",
    tip="Check these labels on the Draw page, and change or confirm them.",
)
def _find_contradicted_labels(subject: Subject) -> Finding:
    """Search for labels that genius contradicts. A second model prevents that its own errors are reported."""
    samples = subject.drawings
    if not len(samples):
        return not_applicable(NO_DRAWINGS)
    threshold = registry.load(registry.DEFAULT_MODEL).card.confidence_threshold
    second = registry.load(SECOND_MODEL).predictor().probabilities(samples.digits).argmax(1)
    doubted = contradicted(samples.labels, subject.genius_probabilities, threshold) & (second != samples.labels)
    n = int((doubted & ~subject.confirmed).sum())
    if n:
        return issue(f"The model genius contradicts {plural(n, 'label')} of {len(samples):,} with high confidence.")
    return passed(f"The model genius contradicts none of {plural(len(samples), 'label')} with high confidence.")


@check(
    "D04",
    "Small held-out set",
    rule=f"The 95 % interval of the accuracy on the held-out drawings is wider than {100 * MAX_WIDTH:.0f} percentage points.",
    reason="With few held-out drawings, a difference between two models is mostly chance.",
    tip="Draw more digits. With 16 held-out drawings that are all predicted correctly, the interval is narrow enough.",
)
def _check_size_of_held_out_set(subject: Subject) -> Finding:
    """Check whether the held-out accuracy of the run is known well enough."""
    samples = subject.drawings
    if subject.run is None or not samples.held_out.any():
        return not_applicable("The lab has no run." if subject.run is None else NO_HELD_OUT)
    held_out = samples.take(np.flatnonzero(samples.held_out))
    correct = int((subject.run.model.predictor().probabilities(held_out.digits).argmax(1) == held_out.labels).sum())
    low, high = wilson_interval(correct, len(held_out))
    found = f"{correct} of {len(held_out)} held-out drawings are correct (95 % interval {100 * low:.0f}–{100 * high:.0f} %)."
    return issue(found) if high - low > MAX_WIDTH else passed(found)


@check(
    "D05",
    "A digit far from all others",
    rule=f"At least {MIN_DRAWINGS} drawings of a digit have a median cosine to the nearest MNIST digit below {FAR_SIMILARITY}, "
    f"and all other drawings have a median that is {FAR_GAP} higher.",
    reason="Drawings of one digit that look like no other digit are often turned, mirrored, cut off or inverted by an import.",
    tip="Look at the drawings of this digit, and delete or replace them if they are turned or damaged.",
)
def _find_far_digits(subject: Subject) -> Finding:
    """Search for a digit whose drawings are far from all MNIST digits."""
    samples = subject.drawings
    counts = samples.counts()
    if max(counts) < MIN_DRAWINGS:
        return not_applicable(f"No digit has {MIN_DRAWINGS} drawings.")
    if not mnist.is_available():
        return not_applicable("MNIST is not on this machine.")
    similarity = _nearest_similarity(samples.digits)
    far = [digit for digit in range(10) if counts[digit] >= MIN_DRAWINGS and _is_far(similarity, samples.labels == digit)]
    if far:
        return issue(f"The drawings of {_join(far)} are far from all MNIST digits.")
    return passed("The drawings of each digit are close to MNIST digits.")


def _is_far(similarity: np.ndarray, mask: np.ndarray) -> bool:
    median = np.median(similarity[mask])
    return bool(median < FAR_SIMILARITY and (mask.all() or np.median(similarity[~mask]) > median + FAR_GAP))


def _nearest_similarity(digits: np.ndarray) -> np.ndarray:
    """Return the cosine of each digit and the nearest MNIST validation digit, (N,)."""
    return np.asarray((_unit_vectors(digits) @ _unit_vectors(mnist.load_validation()[0]).T).max(1))


def _unit_vectors(digits: np.ndarray) -> np.ndarray:
    """Return the pixels of digits as vectors of length 1, (N, 784) float32. The vector of a blank digit is 0."""
    vectors = digits.reshape(len(digits), -1).astype(np.float32)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1))


def _join(digits: Iterable[int]) -> str:
    *first, last = map(str, digits)
    return f"{', '.join(first)} and {last}" if first else last


def _are(n: int) -> str:
    return "is" if n == 1 else "are"
