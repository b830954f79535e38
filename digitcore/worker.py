"""The jobs that a Dask worker can run.

Nothing here imports Keras until a job runs, so that the server may name these functions.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from zict import LRU

from digitcore import exploring, incoming, labfile, measuring, neighbours
from digitcore import stress as spoiling
from digitcore.errors import Stopped
from digitcore.evaluation import Evaluation, scored
from digitcore.labs import LabRecord
from digitcore.layers import Layer
from digitcore.models import ModelBundle, reads
from digitcore.runs import Run, TrainSettings
from digitcore.samples import SampleSet

TEST_DIGITS = 10_000  # MNIST's
CHUNK = 1000  # digits scored between two words of progress
KEPT = 24  # evaluations remembered, 0.5 MB each

Tell = Callable[[dict], None]
Stop = Callable[[], bool]

_evaluations: LRU[str, Evaluation] = LRU(KEPT, {})


@dataclass(frozen=True, eq=False)
class Judged:
    """A model on MNIST's test digits.

    Attributes:
        mnist: what it makes of them, in MNIST's order.
        milliseconds: median time of one answer on this machine, on one thread.
    """

    mnist: Evaluation
    milliseconds: float


def train(
    start: ModelBundle, samples: SampleSet, settings: TrainSettings, goes_on: Run | None, seconds: float, tell: Tell, stop: Stop
) -> Run:
    """Train on the samples that are not held out, then score the model before and after, on MNIST and on the held-out ones.

    Args:
        start, samples, settings: as for `training.train`.
        goes_on: a stopped run of the same start and settings to continue, or None.
        seconds: after which the training is stopped.
        tell, stop: how to speak and to listen to the session.
    """
    from digitcore import training

    end = time.monotonic() + seconds
    run = training.train(
        start,
        samples.to_learn(),
        settings,
        on_progress=tell,
        should_stop=lambda: stop() or time.monotonic() > end,
        goes_on=goes_on,
    )
    judged = samples.to_judge()
    return replace(
        run,
        model=_with_figures(run.model),
        before=_score(start),
        after=_score(run.model),
        yours_before=_read(start, judged),
        yours_after=_read(run.model, judged),
        on_held_out=bool(samples.held_out.any()),
    )


def evaluate(bundle: ModelBundle, tell: Tell, stop: Stop) -> Judged:
    """Judge a model on all MNIST test digits.

    Raises:
        Stopped: when asked to.
    """
    judged = _judge(bundle, lambda share: tell({"share": share}), stop)
    return Judged(judged, measuring.milliseconds(bundle.predictor()))


def stress(bundle: ModelBundle, tell: Tell, stop: Stop) -> pd.DataFrame:
    """`stress.measure` on all MNIST test digits.

    Raises:
        Stopped: when asked to.
    """
    predictor = bundle.predictor(threads=os.cpu_count() or 1)
    return spoiling.measure(predictor, TEST_DIGITS, on_progress=lambda share: tell({"share": share}), should_stop=stop)


def look_alikes(bundle: ModelBundle, digits: np.ndarray, tell: Tell, stop: Stop) -> neighbours.Neighbours:
    """`neighbours.nearest`: the MNIST digits that look most like these to the model."""
    return neighbours.nearest(bundle, digits)


def layers(bundle: ModelBundle, digit: np.ndarray, tell: Tell, stop: Stop) -> list[Layer]:
    """`training.layers`: what each layer makes of a digit."""
    from digitcore import training

    return training.layers(bundle, digit)


def bring(data: bytes, name: str, tell: Tell, stop: Stop) -> ModelBundle:
    """A stranger's .keras file as a model with measured figures.

    Raises:
        ModelError: when it cannot be taken; the sentence says why.
    """
    bundle = incoming.known(data) or incoming.opened([incoming.checked(data)])[0]
    tell({"share": 0.6})
    return (bundle if bundle.card.figures else _with_figures(bundle)).renamed(name)


def open_lab(data: bytes, tell: Tell, stop: Stop) -> LabRecord:
    """`labfile.read`: a lab from a stranger's file."""
    return labfile.read(data)


def to_onnx(bundle: ModelBundle, tell: Tell, stop: Stop) -> bytes:
    """`training.to_onnx`: the model as an ONNX file."""
    from digitcore import training

    return training.to_onnx(bundle)


def explore(seed: int, tell: Tell, stop: Stop) -> exploring.Exploration:
    """`exploring.explore`: what MNIST is made of."""
    return exploring.explore(seed)


def _score(bundle):
    """Of MNIST's test digits; from the card, where it is known."""
    if (errors := bundle.card.figures.get("mnist_errors")) is not None:
        return scored(TEST_DIGITS - errors, TEST_DIGITS)
    judged = _judge(bundle)
    return scored(judged.correct, judged.of)


def _read(bundle, samples):
    return scored(reads(bundle, samples), len(samples))


def _judge(bundle, tell=lambda share: None, stop=lambda: False) -> Evaluation:
    """A model on MNIST's test digits, remembered by what it answers."""
    from digitcore import mnist

    if bundle.hash not in _evaluations:
        digits, labels = mnist.load().test
        predictor, answers = bundle.predictor(threads=os.cpu_count() or 1), []
        for begin in range(0, len(digits), CHUNK):
            if stop():
                raise Stopped("Stopped before all digits were read.")
            answers.append(predictor.probabilities(digits[begin : begin + CHUNK]))
            tell((begin + CHUNK) / len(digits))
        _evaluations[bundle.hash] = Evaluation.from_probabilities(labels, np.concatenate(answers))
    return _evaluations[bundle.hash]


def _with_figures(bundle):
    """The same model, with what it scores on MNIST's test digits, and where it is unsure, on its card."""
    threshold = measuring.unsure_below(bundle.predictor(threads=os.cpu_count() or 1))
    figures = bundle.card.figures | measuring.on_mnist(_judge(bundle)) | {"unsure_below": round(threshold, 4)}
    return replace(bundle, card=replace(bundle.card, figures=figures))
