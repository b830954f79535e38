"""What one drawing changed in a training."""

from dataclasses import replace

import numpy as np

from digitcore.jobs.tasks import LeaveOneOutTask, TrainTask
from digitcore.samples import SampleSet
from digitcore.storage.snapshot import RunRecord
from digitcore.training.settings import TrainSettings
from pages.views.draw.drawing_lineage import make_task

SETTINGS = TrainSettings(mnist_samples=0, epochs=10, validation_samples=100, sample_weight=1.0, augment=False)


def test_a_training_without_a_drawing_shows_what_it_changed(random_mlp, few):
    """The only eight of the training set decides whether an eight is predicted."""
    keep = [i for i in range(len(few)) if few.labels[i] != 8 or i == int(np.flatnonzero(few.labels == 8)[0])]
    samples = few.take(keep)
    index = int(np.flatnonzero(samples.labels == 8)[0])
    run = TrainTask(random_mlp, samples, SETTINGS).run(lambda progress: None, lambda: False)
    card = run.model.card
    assert card.sample_hashes == sorted(samples.digit_hashes)
    assert card.versions["digitlab"] != "unknown"
    task = make_task(samples.add(few.digits[0] // 2, 3), RunRecord(run, random_mlp), index)
    assert isinstance(task, LeaveOneOutTask)
    assert task.key == LeaveOneOutTask(random_mlp, samples, SETTINGS, run.model, index).key
    effect = task.run(lambda progress: None, lambda: False)
    assert effect.probability_with > effect.probability_without
    assert effect.digit_without != 8
    assert index not in effect.gained + effect.lost
    assert effect.mnist_with.n == effect.mnist_without.n == 5000


def test_a_run_that_cannot_be_repeated_gives_the_reason(genius, few):
    from digitcore.training.run import Run

    card = replace(genius.card, sample_hashes=sorted(few.digit_hashes))
    run = Run(genius.with_card(card), [], SETTINGS, "genius", 1.0)
    assert "were deleted" in make_task(few.drop([3]), RunRecord(run, genius), 0)
    assert "stopped" in make_task(few, RunRecord(replace(run, stopped=True), genius), 0)
    task = make_task(SampleSet.from_arrays(few.digits, few.labels, np.arange(20) < 5), RunRecord(run, genius), 7)
    assert task.index == 7
    assert not task.samples.held_out.any(), "the samples of the training are trained on again"
