"""The tasks, run in this process."""

from dataclasses import replace

import numpy as np
import pytest

from digitcore import models
from digitcore.classroom import leave_out
from digitcore.classroom.pupils import ClassDrawings, Pupil
from digitcore.errors import CancelledError, JobError, ModelError, SettingsError, TrainingError
from digitcore.jobs import tasks
from digitcore.jobs.limits import Limits
from digitcore.models.bundle import TrainingData
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.samples import SampleSet
from digitcore.storage import archive
from digitcore.training.dataset import TrainingDataset
from digitcore.training.settings import TrainSettings


def run(task, should_stop=lambda: False):
    events = []
    return task.run(events.append, should_stop), events


def test_training_is_scored_before_and_after(random_mlp, few):
    held_out = few.concatenate(few).concatenate(few)  # There are six of each digit, and one is held out.
    held_out = SampleSet.from_arrays(held_out.digits, held_out.labels).add(few.digits[0], 0, is_example=True)
    settings = TrainSettings(mnist_samples=500, epochs=1, validation_samples=100)
    result, events = run(tasks.TrainTask(random_mlp, held_out, settings))
    assert result.history == [event.point for event in events]
    watched = held_out.digits[-tasks.train.MAX_WATCHED :]
    assert events[0].predictions == (), "the model is not trained yet"
    assert events[-1].predictions == tuple(result.model.predictor().probabilities(watched).argmax(1))
    assert result.personal_is_held_out
    assert result.personal_after.n == 10
    assert result.model.card.training_data == TrainingData(drawings=50, mnist_digits=501), "an example is an MNIST digit"
    assert result.sample_hashes == frozenset(held_out.training_part().digit_hashes)
    assert result.mnist_before is None, "the card of random weights has no MNIST score"
    assert result.mnist_after is None


def test_a_training_on_a_class_gives_each_pupil_the_same_weight(random_mlp, few):
    drawings = ClassDrawings((Pupil("a", "Ada", few.take(range(4))), Pupil("b", "Bo", few.take(range(4, 20)))))
    samples, settings = drawings.holding_out({"b"}), TrainSettings(mnist_samples=0, epochs=1, validation_samples=100)
    weights = drawings.weights()
    result, _ = run(tasks.TrainClassTask(random_mlp, samples, settings, weights=weights, n_pupils=2))
    assert result.model.card.training_data == TrainingData(drawings=4, pupils=2)
    assert (result.personal_is_held_out, result.personal_after.n) == (True, 16)
    assert result.resume_state is None
    dataset = TrainingDataset(drawings.samples, settings.resolved(is_trained=False), weights)
    assert dataset.weights[:4].sum() == pytest.approx(dataset.weights[4:].sum())


def test_no_model_predicts_a_drawing_of_a_pupil_that_it_has_learnt_from(random_mlp):
    """The labels are random, so only a model that was trained on a drawing could predict it."""
    rng = np.random.default_rng(0)
    digits = rng.integers(0, 256, (40, 28, 28)).astype(np.uint8)
    samples = SampleSet.from_arrays(digits, rng.integers(0, 10, 40))
    pupils = [Pupil(name, name, samples.take(range(10 * n, 10 * n + 10))) for n, name in enumerate("abcd")]
    drawings, settings = ClassDrawings(tuple(pupils)), TrainSettings(epochs=10, mnist_samples=0, validation_samples=100)
    folds = drawings.drawing_folds(), drawings.pupil_folds("ca")
    task = tasks.LeaveOutTask(random_mlp, samples, settings, drawings.weights(), *folds)
    assert task.n_trainings == 6
    found, events = run(task)
    assert [event.share for event in events] == sorted(event.share for event in events)
    rows = leave_out.table(drawings, found)
    assert sorted(row.names for row in rows) == [("a",), ("c",)]
    total = leave_out.total(drawings, found)
    assert max(total.without.accuracy, total.together.accuracy) < 0.4
    with pytest.raises(TrainingError, match="Choose fewer epochs"):
        run(replace(task, max_seconds=0))


def test_the_map_of_a_class_measures_unusual_hands(genius, few):
    pupils = [Pupil(name, name, few.take(range(n, 20, 2))) for n, name in enumerate("ab")]
    drawings = ClassDrawings(tuple(pupils))
    found, _ = run(tasks.HandwritingTask(genius, drawings.samples, drawings.owners))
    assert found.map.placed[0].shape == (20, 2)
    first, second = found.unusual(drawings.owners, 2)
    assert first == pytest.approx(second), "two drawings of each digit have the same distance to each other"
    alone = ClassDrawings((pupils[0],))
    found, _ = run(tasks.HandwritingTask(genius, alone.samples, alone.owners))
    assert np.isnan(found.unusual(alone.owners, 1)).all()


def test_a_training_has_limits(random_mlp, few):
    task = tasks.TrainTask(random_mlp, few, TrainSettings(epochs=5))
    assert task.with_limits(Limits(seconds=7)).max_seconds == 7
    for limits, message in ((Limits(epochs=4), "4 epochs"), (Limits(samples=10), "10 drawings")):
        with pytest.raises(JobError, match=message):
            task.with_limits(limits)


def test_a_training_without_data(random_mlp):
    with pytest.raises(SettingsError, match="Label a drawing"):
        run(tasks.TrainTask(random_mlp, SampleSet(), TrainSettings(mnist_samples=0)))


def test_evaluation_is_cached_and_can_be_stopped(random_mlp):
    mlp = models.load("mlp")
    first, events = run(tasks.EvaluateTask(mlp))
    assert first.evaluation.accuracy == pytest.approx(mlp.card.metrics["mnist_accuracy"], abs=2e-4)
    assert first.milliseconds > 0
    assert [event.share for event in events] == sorted(event.share for event in events)
    assert events[-1].share == 1
    again, events = run(tasks.EvaluateTask(mlp))
    assert again.evaluation is first.evaluation
    assert not events
    with pytest.raises(CancelledError):
        run(tasks.EvaluateTask(_changed(random_mlp)), lambda: True)


def _changed(bundle):
    """Return the same model with another hash."""
    return type(bundle)(bundle.card, bundle.keras_bytes, bundle.tflite_bytes + b"\0")


def test_a_model_is_scored_after_its_training(random_mlp, few):
    mlp = models.load("mlp")
    settings = TrainSettings(mnist_samples=500, epochs=1, validation_samples=100)
    result, _ = run(tasks.TrainTask(mlp, few, settings))
    assert result.mnist_before.correct == 10_000 - mlp.card.metrics["mnist_errors"]
    assert result.mnist_after is None
    scores, events = run(tasks.ScoreRunTask("id", mlp, result.model))
    shares = [event.share for event in events]
    # The score of the initial model can be in the cache.
    assert shares == sorted(shares)
    assert shares[-1] in (0.6, 1)
    scored = result.with_mnist_scores(scores)
    assert scored.mnist_after.n == 10_000
    assert 0 <= scored.mnist_p_value <= 1
    assert scored.model.card.metrics["mnist_errors"] == 10_000 - scored.mnist_after.correct
    with pytest.raises(CancelledError):
        run(tasks.ScoreRunTask("id", mlp, _changed(random_mlp)), lambda: True)


def test_a_shipped_model_is_imported_with_its_metrics(genius):
    imported, _ = run(tasks.ImportModelTask(genius.keras_bytes, "mine"))
    assert imported.name == "mine"
    assert imported.key == genius.key
    assert imported.card.metrics == genius.card.metrics
    with pytest.raises(ModelError):
        run(tasks.ImportModelTask(b"PK nothing", "mine"))


def test_a_lab_is_opened(lab):
    opened, _ = run(tasks.OpenLabTask(archive.write(lab)))
    assert [record.name for record in opened.snapshot.runs] == ["run 1", "run 2"]


def test_statistics_activations_and_neighbors_are_returned(data):
    mlp = models.load("mlp")
    assert run(tasks.StatisticsTask(3))[0].mosaic.shape == (280, 560)
    assert run(tasks.ActivationsTask(mlp, data.test_images[0]))[0][-1].maps.argmax() == 7
    assert set(run(tasks.NeighborsTask(mlp, data.test_images[:1]))[0].labels[0].tolist()) == {7}


def test_a_network_is_built_and_timed():
    network = NetworkSpec((Block("conv", 4, pooling=True), Block("dense", 8))).to_json()
    built, events = run(tasks.BuildNetworkTask(network, 3, "untrained"))
    assert built.model.card.network == network
    assert not built.model.card.trained
    assert built.model.name == "untrained"
    assert 0 < built.seconds_per_1000 < 100
    assert events == [tasks.Progress(0.5)]
    again, _ = run(tasks.BuildNetworkTask(network, 3, "untrained"))
    digits = np.random.default_rng(0).integers(0, 256, (5, 28, 28)).astype(np.uint8)
    first, second = (one.model.predictor().probabilities(digits) for one in (built, again))
    assert np.array_equal(first, second)
    with pytest.raises(ModelError, match="Row 1"):
        run(tasks.BuildNetworkTask('{"blocks": [{"kind": "conv", "size": 0}]}', 3, "untrained"))
