"""Checks of a run."""

import math
from collections.abc import Sequence

from digitcore.checks.check import Finding, check, issue, not_applicable, passed
from digitcore.checks.subject import Subject
from digitcore.evaluation.comparison import SIGNIFICANCE_LEVEL
from digitcore.storage.snapshot import RunRecord
from digitcore.training.run import MAX_LOSS_RISE, MAX_MNIST_LOSS, MIN_LOSS, NEAR_CHANCE, Point
from digitcore.values import percent

NO_RUN = "The lab has no run."
NO_CURVE = "The run has no validation curve."
GUESS_LOSS = math.log(10)  # nats, the loss of a uniform guess
MAX_GUESS_RATIO = 1.1  # of the validation loss to the loss of a guess
MAX_LOSS_RATIO = 2.0  # of the validation loss to the loss of calibrated probabilities with the same accuracy
STILL_IMPROVING = 0.05  # share of the validation loss by which the last epoch lowered it
MIN_IMPROVEMENT = 0.01  # nats
MAX_GAP = 0.1  # between training and validation accuracy


@check(
    "R01",
    "Learning rate too high",
    rule=f"The training ended because its loss was not a finite number, or the validation loss at the end is {MAX_LOSS_RISE} "
    f"times the loss before a fine-tuning, or {MAX_GUESS_RATIO} times the loss of a guess, or {MAX_LOSS_RATIO:g} times the loss "
    f"of calibrated probabilities with the same accuracy. A loss of at most {MIN_LOSS} is no issue.",
    reason="Steps that are too large move the weights past good values, and the loss rises.",
    tip="Train again with a third of the learning rate.",
)
def _check_learning_rate(subject: Subject) -> Finding:
    """Check whether the loss rose."""
    if subject.run is None:
        return not_applicable(NO_RUN)
    if "not a finite number" in subject.run.run.error:
        return issue("The training ended because its loss was not a finite number.")
    if not subject.validated:
        return not_applicable(NO_CURVE)
    before, after = subject.validated[0]["val_loss"], subject.validated[-1]["val_loss"]
    rate = subject.run.model.card.settings.get("learning_rate")
    found = f"The validation loss went from {before:.3f} to {after:.3f} with the learning rate {rate or 0:g}."
    return issue(found) if _is_loss_too_high(subject.run, subject.validated) else passed(found)


def _is_loss_too_high(record: RunRecord, validated: Sequence[Point]) -> bool:
    """Check whether the last validation loss is too high for a guess, for its accuracy, or for a fine-tuning."""
    loss, accuracy = validated[-1]["val_loss"], validated[-1].get("val_accuracy", 0.0)
    limits = [MAX_GUESS_RATIO * GUESS_LOSS, MAX_LOSS_RATIO * _calibrated_loss(accuracy)]
    if record.start.card.trained:
        limits.append(MAX_LOSS_RISE * validated[0]["val_loss"])
    return loss > max(MIN_LOSS, min(limits))


def _calibrated_loss(accuracy: float) -> float:
    """Return the loss in nats of a model whose confidence is its accuracy, with equal probabilities of the other digits."""
    error = 1 - accuracy
    return -sum(share * math.log(share / n) for share, n in ((accuracy, 1), (error, 9)) if share > 0)


@check(
    "R02",
    "Still improving at the end",
    rule=f"The last epoch lowered the validation loss by more than {100 * STILL_IMPROVING:.0f} % and {MIN_IMPROVEMENT} nats.",
    reason="The training ended before the model was as good as it can become with these settings.",
    tip="Train again with more epochs.",
)
def _check_convergence(subject: Subject) -> Finding:
    """Check whether the last epoch still lowered the validation loss."""
    if subject.run is None or subject.run.run.error:
        return not_applicable(NO_RUN if subject.run is None else "The training ended with an error.")
    if len(subject.validated) < 2:
        return not_applicable(NO_CURVE)
    if _is_loss_too_high(subject.run, subject.validated):
        return not_applicable("The learning rate is too high (R01).")
    before, after = (point["val_loss"] for point in subject.validated[-2:])
    found = f"The last epoch changed the validation loss from {before:.3f} to {after:.3f}."
    is_improving = before - after > max(MIN_IMPROVEMENT, STILL_IMPROVING * before)
    return issue(found) if is_improving else passed(found)


@check(
    "R03",
    "Validation far below training",
    rule=f"The training accuracy at the end is more than {100 * MAX_GAP:.0f} percentage points above the validation accuracy.",
    reason="The model has learnt its training digits by heart (overfitting).",
    tip="Train with more digits, with augmentation, with weight decay or with dropout.",
)
def _check_overfitting(subject: Subject) -> Finding:
    """Check whether the training accuracy is far above the validation accuracy."""
    if subject.run is None:
        return not_applicable(NO_RUN)
    training = next((point["accuracy"] for point in subject.run.run.history[::-1] if "accuracy" in point), None)
    validation = next((point["val_accuracy"] for point in subject.validated[::-1] if "val_accuracy" in point), None)
    if training is None or validation is None:
        return not_applicable(NO_CURVE)
    found = (
        f"At the end, the training accuracy is {percent(training, 1)} and the validation accuracy is {percent(validation, 1)}."
    )
    return issue(found) if training - validation > MAX_GAP else passed(found)


@check(
    "R04",
    "MNIST is forgotten",
    rule=f"A fine-tuning lowered the accuracy on MNIST's test digits by more than {100 * MAX_MNIST_LOSS:.1f} percentage points, "
    "and McNemar's exact test says that this is not chance.",
    reason="The model has become worse for the digits of other people while it learnt yours.",
    tip="Add more MNIST digits, lower the weight of your drawings or raise the weight interpolation.",
)
def _check_forgetting(subject: Subject) -> Finding:
    """Check whether a fine-tuning has lowered the accuracy on MNIST."""
    if subject.run is None:
        return not_applicable(NO_RUN)
    run = subject.run.run
    if not subject.run.start.card.trained or run.error:
        return not_applicable("The run did not fine-tune a trained model.")
    before, after = run.mnist_before, run.mnist_after
    if before is None or after is None:
        return not_applicable("The run has no scores on MNIST.")
    found = f"The accuracy on MNIST's test digits went from {percent(before.accuracy, 2)} to {percent(after.accuracy, 2)}."
    is_chance = run.mnist_p_value is not None and run.mnist_p_value >= SIGNIFICANCE_LEVEL
    is_lower = after.accuracy < before.accuracy - MAX_MNIST_LOSS
    return issue(found) if is_lower and not is_chance else passed(found)


@check(
    "R05",
    "The network is collapsed",
    rule=f"The training ended because nearly all ReLU units were dead, or the validation accuracy at the end is below "
    f"{100 * NEAR_CHANCE:.0f} %.",
    reason="A network that returns nearly the same probabilities for every digit has no gradient that could repair it.",
    tip="Train again with a lower learning rate, with batch normalization, or with fewer rows.",
)
def _check_collapse(subject: Subject) -> Finding:
    """Check whether the trained network predicts hardly better than chance."""
    if subject.run is None:
        return not_applicable(NO_RUN)
    if "are dead" in subject.run.run.error:
        return issue("The training ended because nearly all ReLU units were dead.")
    accuracies = [point["val_accuracy"] for point in subject.validated if "val_accuracy" in point]
    if not accuracies:
        return not_applicable(NO_CURVE)
    found = f"The validation accuracy at the end is {percent(accuracies[-1], 1)}."
    return issue(found) if accuracies[-1] < NEAR_CHANCE else passed(found)
