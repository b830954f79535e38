"""Which of the user's samples a model has learnt from, and on which drawings models can be compared fairly."""

from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np

from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.storage.snapshot import RunRecord

Learnt = frozenset[str] | None
"""Content hashes of the samples that a model learnt from, or `None` if they are not known."""


def learnt_from(model: ModelBundle, runs: Sequence[RunRecord], is_shipped: Callable[[ModelBundle], bool]) -> Learnt:
    """Return the content hashes of the user's samples that a model learnt from.

    Args:
        model: The model.
        runs: All known runs.
        is_shipped: Returns whether a model has the files of a shipped model, under any name.

    Returns:
        The hashes, or `None` if they are not known.

    Example:
        >>> from digitcore import models
        >>> learnt_from(models.load("genius"), [], lambda model: True)
        frozenset()
    """
    found = [record.run.sample_hashes for record in runs if record.model.hash == model.hash]
    if not found:
        if not model.card.trained or is_shipped(model):
            return frozenset()
        # A run has learnt all that its deleted initial model had learnt.
        found = [record.run.sample_hashes for record in runs if record.start.hash == model.hash][:1] or [None]
    return None if None in found else frozenset().union(*(one for one in found if one is not None))


def unseen(samples: SampleSet, learnt: Iterable[Learnt]) -> np.ndarray:
    """Return a mask of the drawings that no given model has learnt from, (N,) bool.

    These drawings are held out, or were drawn after the trainings. If the training drawings of a model are not known, only
    the held-out drawings count as unseen.

    Args:
        samples: The samples of the lab.
        learnt: For each model, the result of `learnt_from`.

    Example:
        >>> samples = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
        >>> unseen(samples, [frozenset()]), unseen(samples, [None])
        (array([ True]), array([False]))
    """
    found = ~samples.is_example
    for hashes in learnt:
        found = found & (samples.held_out if hashes is None else ~samples.is_learnt(hashes))
    return found


def labelled_after(samples: SampleSet, record: RunRecord) -> np.ndarray:
    """Return the indices of the drawings that test a run: the user has labelled them after the run, which has not learnt them.

    Held-out drawings are older than the run. They are not part of this test, because the verdict of the run counts them.
    Imported samples have no first prediction and are left out, too.

    Args:
        samples: The samples of the lab, oldest first.
        record: The run.

    Returns:
        (n,) int, oldest first.

    Example:
        >>> from digitcore import models
        >>> from digitcore.samples import FirstPrediction
        >>> from digitcore.training.run import Run
        >>> from digitcore.training.settings import TrainSettings
        >>> genius, digit, first = models.load("genius"), np.zeros((28, 28), np.uint8), FirstPrediction("ab12", 7, confidence=0.9)
        >>> learnt = SampleSet().add(digit, 7, first_prediction=first)
        >>> hashes = frozenset(learnt.digit_hashes)
        >>> run = Run(genius, [], TrainSettings(), parent="untrained", seconds=1.5, sample_hashes=hashes)
        >>> record = RunRecord(run, genius)
        >>> later = learnt.add(digit, 7, first_prediction=first).add(digit + 9, 7, first_prediction=first)
        >>> labelled_after(later, record).tolist()
        [2]
    """
    is_learnt = samples.is_learnt(record.run.sample_hashes or ())
    is_own = [first is not None for first in samples.first_predictions]
    is_newer = [one > record.id for one in samples.ids]
    return np.flatnonzero(np.array(is_own, bool) & np.array(is_newer, bool) & ~is_learnt & ~samples.is_example)


def labelled_before(samples: SampleSet, record: RunRecord) -> np.ndarray:
    """Return the indices of the drawings that do not test a run. The verdict of the run counts them.

    Args:
        samples: The samples of the lab, oldest first.
        record: The run.

    Returns:
        (n,) int, oldest first, without MNIST examples.

    Example:
        >>> from digitcore import models
        >>> from digitcore.samples import FirstPrediction
        >>> from digitcore.training.run import Run
        >>> from digitcore.training.settings import TrainSettings
        >>> genius, first = models.load("genius"), FirstPrediction("ab12", 7, confidence=0.9)
        >>> earlier = SampleSet().add(np.zeros((28, 28), np.uint8), 7, first_prediction=first)
        >>> run = Run(genius, [], TrainSettings(), parent="untrained", seconds=1.5, sample_hashes=frozenset())
        >>> record = RunRecord(run, genius)
        >>> labelled_before(earlier.add(np.ones((28, 28), np.uint8), 7, first_prediction=first), record).tolist()
        [0]
    """
    return np.setdiff1d(np.flatnonzero(~samples.is_example), labelled_after(samples, record))


def tested_drawings(samples: SampleSet, learnt: Collection[Learnt]) -> tuple[SampleSet, bool]:
    """Return the drawings on which models are compared, and whether no model has learnt from them.

    If no drawing is unseen by all of these models, they are compared on all drawings.

    Args:
        samples: The samples of the lab.
        learnt: For each model, the result of `learnt_from`.

    Example:
        >>> samples = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
        >>> tested_drawings(samples, [frozenset(samples.digit_hashes)])
        (SampleSet(1 sample, 0 held out), False)
    """
    is_unseen = unseen(samples, learnt)
    return (samples.take(np.flatnonzero(is_unseen)), True) if is_unseen.any() else (samples.drawn_part(), False)
