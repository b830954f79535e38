"""Labs without a problem, and the same labs with one planted fault for each check."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from digitcore import mnist, models
from digitcore.evaluation.score import Score
from digitcore.samples import SampleSet
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from digitcore.sweeps import Sweep, SweepPlan
from digitcore.training.run import Point, Run
from digitcore.training.settings import TrainSettings

EACH = 12  # drawings of each digit; three of them are held out
LEARNING_RATES = [0.0003, 0.001, 0.003]
CLEAN_SCORES = {0.0003: 0.95, 0.001: 0.97, 0.003: 0.955}  # learning rate → validation accuracy
SEED_NOISE = 0.001  # standard deviation between three seeds


def clean_samples(seed: int, each: int = EACH) -> SampleSet:
    """Return digits of each kind that no shipped model was trained on. Every fourth is held out."""
    digits, labels = mnist.load_test()
    rng = np.random.default_rng(seed)
    chosen = np.concatenate([rng.choice(np.flatnonzero(labels == digit), each, replace=False) for digit in range(10)])
    return SampleSet.from_arrays(digits[chosen], labels[chosen])


def curve(*values: tuple[float, float, float, float]) -> list[Point]:
    """Return a curve from the training loss, training accuracy, validation loss and validation accuracy of each epoch."""
    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    return [
        {"epoch": float(epoch), "samples_seen": 500.0 * epoch, "seconds": float(epoch), **dict(zip(names, point, strict=True))}
        for epoch, point in enumerate(values)
    ]


def record(seed: int, **changes: Any) -> RunRecord:
    """Return a run that fine-tuned genius. `changes` are attributes of the run."""
    genius, noise = models.load("genius"), 0.001 * seed
    values: dict[str, Any] = {
        "history": curve((0.2, 0.98, 0.02, 0.995), (0.1, 0.99, 0.021 + noise, 0.994), (0.08, 0.99, 0.02 + noise, 0.994)),
        "mnist_before": Score.from_counts(9_972, 10_000),
        "mnist_after": Score.from_counts(9_970 - seed, 10_000),
        "mnist_p_value": 0.5,
    }
    values |= changes
    run = Run(genius.rename("run 1"), settings=TrainSettings(), parent="genius", seconds=1.5, sample_hashes=frozenset(), **values)
    return RunRecord(run, genius)


def from_scratch(found: RunRecord) -> RunRecord:
    """Return the same run as a training from random weights, which has no accuracy to forget."""
    return replace(found, start=models.load("untrained"))


def sweep_state(samples: SampleSet, scores: dict[float, float], noise: float = SEED_NOISE) -> dict[str, Any]:
    """Return the state of a finished sweep of three learning rates with three seeds each."""
    plan = SweepPlan({"learning_rate": LEARNING_RATES}, TrainSettings(), n_seeds=3)
    state = Sweep(models.load("genius"), samples, plan).to_dict()
    for trial, deviation in zip(state["trials"], np.random.default_rng(0).normal(0, noise, len(state["trials"])), strict=True):
        score = scores[trial["values"]["learning_rate"]] + float(deviation)
        trial |= {"status": "done", "scores": {"validation": score, "seconds": 1.0}}
    return state


def clean_lab(seed: int) -> LabSnapshot:
    """Return a lab on which every check passes."""
    samples = clean_samples(seed)
    return LabSnapshot(samples, (record(seed),), sweep=sweep_state(samples, CLEAN_SCORES))


def _with_run(lab: LabSnapshot, found: RunRecord) -> LabSnapshot:
    return replace(lab, runs=(found,))


def _with_digits(lab: LabSnapshot, indices: np.ndarray, digits: np.ndarray) -> LabSnapshot:
    changed = lab.samples.digits.copy()
    changed[indices] = digits
    return replace(lab, samples=replace(lab.samples, digits=changed))


def _duplicate(lab: LabSnapshot) -> LabSnapshot:
    """Copy a training drawing over the held-out drawing of the same digit."""
    return _with_digits(lab, np.array([3]), lab.samples.digits[0])


def _missing_digit(lab: LabSnapshot) -> LabSnapshot:
    held_out = lab.samples.held_out & (lab.samples.labels != 4)
    return replace(lab, samples=replace(lab.samples, held_out=held_out))


def _wrong_labels(lab: LabSnapshot) -> LabSnapshot:
    return replace(lab, samples=lab.samples.relabel([0, 8], 7))


def _small_held_out(lab: LabSnapshot) -> LabSnapshot:
    first = np.array([np.flatnonzero(lab.samples.held_out & (lab.samples.labels == digit))[0] for digit in range(10)])
    held_out = np.zeros(len(lab.samples), bool)
    held_out[first] = True
    return replace(lab, samples=replace(lab.samples, held_out=held_out))


def _far_digit(lab: LabSnapshot) -> LabSnapshot:
    """Turn all drawings of 3 by a quarter, and confirm their labels, as a user with a wrong import would."""
    threes = np.flatnonzero(lab.samples.labels == 3)
    turned = _with_digits(lab, threes, np.rot90(lab.samples.digits[threes], axes=(1, 2)))
    held_out = turned.samples.held_out & (turned.samples.labels != 3)
    held_out[threes[0]] = True
    samples = replace(turned.samples, held_out=held_out)
    return replace(turned, samples=samples, preferences={"kept_labels": samples.identities()})


PLANTED: dict[str, Callable[[LabSnapshot], LabSnapshot]] = {  # number of the check → what plants its fault
    "D01": _duplicate,
    "D02": _missing_digit,
    "D03": _wrong_labels,
    "D04": _small_held_out,
    "D05": _far_digit,
    "R01": lambda lab: _with_run(
        lab, record(0, history=curve((0.2, 0.98, 0.02, 0.99), (0.4, 0.95, 0.3, 0.93), (0.5, 0.95, 0.4, 0.92)))
    ),
    "R02": lambda lab: _with_run(
        lab, from_scratch(record(0, history=curve((2.3, 0.1, 2.3, 0.1), (0.9, 0.7, 0.8, 0.8), (0.5, 0.85, 0.5, 0.86))))
    ),
    "R03": lambda lab: _with_run(
        lab, from_scratch(record(0, history=curve((2.3, 0.1, 2.3, 0.1), (0.1, 0.99, 0.7, 0.8), (0.01, 1.0, 0.72, 0.8))))
    ),
    "R04": lambda lab: _with_run(lab, record(0, mnist_after=Score.from_counts(9_800, 10_000), mnist_p_value=1e-9)),
    "R05": lambda lab: _with_run(
        lab, from_scratch(record(0, history=curve((2.3, 0.1, 2.3, 0.1), (2.3, 0.11, 2.302, 0.11), (2.3, 0.11, 2.302, 0.11))))
    ),
    "S01": lambda lab: replace(lab, sweep=sweep_state(lab.samples, {0.0003: 0.93, 0.001: 0.95, 0.003: 0.97})),
    "S02": lambda lab: replace(lab, sweep=sweep_state(lab.samples, {0.0003: 0.95, 0.001: 0.951, 0.003: 0.95}, noise=0.02)),
}
