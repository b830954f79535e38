import gc
import weakref

import numpy as np
import pytest

from digitcore import models, networks, training
from digitcore.errors import ModelError, SettingsError
from digitcore.lessons import Lesson
from digitcore.runs import TrainSettings
from digitcore.samples import SampleSet

QUICK = TrainSettings(mnist_samples=320, epochs=1, validation_samples=100)


@pytest.fixture(scope="module")
def taught(stupid, few):
    told = []
    run = training.train(stupid, few, QUICK, on_progress=told.append)
    return run, told


def test_run_says_what_it_did(taught, few):
    run, told = taught
    assert run.history == told == run.model.card.history  # short enough to stand on the card in full
    assert run.history[0]["epoch"] == 0 and run.history[-1]["epoch"] == 1
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(run.history[-1])
    assert run.parent == "stupid" and not run.stopped and run.model.card.trained
    assert run.model.card.lesson == "Trained on your 20 drawings and 320 MNIST digits."
    assert run.settings == QUICK and TrainSettings.from_dict(run.model.card.settings) == QUICK.settled(trained=False)


def test_start_is_left_alone(taught, stupid):
    assert taught[0].model.hash != stupid.hash


def test_same_seed_same_model(blank, few, data):
    first, second = (training.train(blank, few, QUICK).model.predictor() for _ in range(2))
    digits = data.test_images[:50]
    assert np.allclose(first.probabilities(digits), second.probabilities(digits), atol=1e-4)


def test_a_second_training_owes_nothing_to_the_first(few, data):
    """The compiled model is used again; its weights and its optimizer's state are not."""
    start, digits, settings = models.load("mlp"), data.test_images[:50], QUICK.changed(learning_rate=2e-3)
    answers = []
    for between in (None, few.take([1, 2]), few):
        training._ready.clear()
        if between is not None:
            training.train(start, between, settings.changed(mnist_samples=0, epochs=3))
        answers.append(training.train(start, few, settings).model.predictor().probabilities(digits))
    assert np.allclose(answers[0], answers[1], atol=1e-4) and np.allclose(answers[0], answers[2], atol=1e-4)


def test_from_stupid_2000_digits_and_5_epochs_reach_93_percent(stupid, data):
    run = training.train(stupid, SampleSet(), TrainSettings(mnist_samples=2000, epochs=5))
    digits, labels = data.test
    assert (run.model.predictor().probabilities(digits).argmax(1) == labels).mean() >= 0.93


def test_samples_weigh_more(blank, data):
    """Sevens that are called threes: at a high weight the model believes them, at a low one MNIST."""
    digits, labels = data.training
    wrong = SampleSet.from_arrays(digits[labels == 7][:20], np.full(20, 3))
    settings = QUICK.changed(mnist_samples=1000, epochs=3)
    read = {
        weight: training.train(blank, wrong, settings.changed(sample_weight=weight)).model.predictor().probabilities(wrong.digits)
        for weight in (0.1, 100)
    }
    assert read[100][:, 3].mean() > 0.9 > 0.5 > read[0.1][:, 3].mean()


def test_stop_keeps_what_was_learnt(blank, few):
    told = []
    run = training.train(
        blank,
        few,
        QUICK.changed(mnist_samples=20_000, epochs=50, batch_size=32),
        on_progress=told.append,
        should_stop=lambda: told[-1].get("accuracy", 0) > 0.9,
    )
    assert run.stopped and 0 < run.history[-1]["epoch"] < 50
    assert run.history[-1]["val_loss"] < run.history[0]["val_loss"]


def test_stop_then_continue_equals_one_run(blank, data):
    """Same digits in the same order with the optimizer's state kept: only dropout differs."""
    settings = QUICK.changed(mnist_samples=4000, epochs=2, batch_size=32, validation_samples=1000)
    looks, digits = [], data.test_images[:2000]
    whole = training.train(blank, SampleSet(), settings)
    part = training.train(blank, SampleSet(), settings, should_stop=lambda: looks.append(1) or len(looks) > 1)
    assert part.stopped and part.state and 0 < part.history[-1]["epoch"] < 2
    both = training.train(blank, SampleSet(), settings, goes_on=part)
    assert both.history[: len(part.history)] == part.history and not both.stopped and both.state is None
    assert both.history[-1]["epoch"] == 2 and both.history[-1]["seen"] == whole.history[-1]["seen"]
    assert both.history[-1]["val_loss"] == pytest.approx(whole.history[-1]["val_loss"], rel=0.35, abs=0.03)
    read = [run.model.predictor().probabilities(digits).argmax(1) for run in (whole, part, both)]
    assert (read[0] == read[2]).mean() > 0.97 > (read[0] == read[1]).mean()


def test_a_killed_training_is_taken_up_with_its_whole_curve(blank, tmp_path):
    settings = QUICK.changed(epochs=4)
    whole = training.train(blank, SampleSet(), settings)
    for fatal in (2, 3):

        def tell(point, fatal=fatal):
            if point["epoch"] == fatal and "val_loss" in point:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            training.train(blank, SampleSet(), settings, on_progress=tell, checkpoints=tmp_path / "kept")
    run = training.train(blank, SampleSet(), settings, checkpoints=tmp_path / "kept")
    assert [point["epoch"] for point in run.history if "val_loss" in point] == [0, 1, 2, 3, 4]
    assert [point["seconds"] for point in run.history] == sorted(point["seconds"] for point in run.history)
    assert run.history[-1]["val_loss"] == pytest.approx(whole.history[-1]["val_loss"], rel=0.02)
    assert not (tmp_path / "kept").exists()


def test_a_lesson_is_let_go_when_it_is_learnt(blank, monkeypatch):
    made = []
    monkeypatch.setattr(training, "Lesson", lambda *given: made.append(weakref.ref(lesson := Lesson(*given))) or lesson)
    training.train(blank, SampleSet(), QUICK)
    gc.collect()
    assert [lesson() for lesson in made] == [None]


def test_continue_at_the_end_of_an_epoch(blank):
    settings = QUICK.changed(mnist_samples=32, epochs=3, batch_size=32)
    part = training.train(blank, SampleSet(), settings, should_stop=lambda: True)
    assert part.stopped and part.history[-1]["epoch"] == 1
    assert training.train(blank, SampleSet(), settings, goes_on=part).history[-1]["epoch"] == 3


def test_gentle_is_between_old_and_new(genius, few):
    settings = QUICK.changed(learning_rate=0.01)
    weights = [
        np.concatenate([weight.ravel() for weight in training.opened(model).get_weights()])
        for model in (genius, *(training.train(genius, few, settings.changed(gentle=share)).model for share in (0.0, 0.9)))
    ]
    old, new, gentle = weights
    assert np.abs(gentle - old).mean() < 0.3 * np.abs(new - old).mean()


def test_a_model_that_can_read_is_taught_gently_and_random_weights_are_not(genius, blank, few):
    for start, same in ((genius, 0.3), (blank, 0.0)):
        auto, chosen, other = (
            training.opened(training.train(start, few, QUICK.changed(gentle=share)).model).get_weights()[0]
            for share in (None, same, 0.6)
        )
        assert np.allclose(auto, chosen, atol=1e-5) and not np.allclose(auto, other, atol=1e-5)


def test_focus_fills_half_with_these_digits():
    lesson = Lesson(SampleSet(), QUICK.changed(mnist_samples=2000, focus="79").settled(trained=True))
    share = lesson.answers.argmax(1)
    assert np.isin(share, [7, 9]).mean() > 0.55


def test_an_epoch_shows_each_digit_once_and_the_next_one_in_another_order():
    lesson = Lesson(SampleSet(), QUICK.changed(batch_size=50).settled(trained=True))
    shown = []
    for epoch in (0, 1, 0):
        lesson.prepare(epoch)
        shown.append(np.concatenate([digits for digits, _, _ in lesson.batches().as_numpy_iterator()]))
    first, second, again = shown
    assert np.array_equal(first, again) and not np.array_equal(first, second)
    assert len(first) == 320 and sorted(map(bytes, first)) == sorted(map(bytes, second))


def test_the_rest_of_an_epoch_is_what_was_not_seen():
    lesson = Lesson(SampleSet(), QUICK.changed(batch_size=50).settled(trained=True))
    lesson.prepare(3)
    whole, lesson.skipped = list(lesson.batches().as_numpy_iterator()), 5
    rest = list(lesson.batches().as_numpy_iterator())
    assert [len(answers) for _, answers, _ in rest] == [50, 20]
    assert all(np.array_equal(a, b) for one, other in zip(whole[5:], rest, strict=True) for a, b in zip(one, other, strict=True))


def test_nothing_to_learn_from(blank):
    with pytest.raises(SettingsError, match="label a drawing"):
        training.train(blank, SampleSet(), QUICK.changed(mnist_samples=0))


def test_drawings_alone(genius, few):
    run = training.train(genius, few, QUICK.changed(mnist_samples=0))
    assert run.model.card.lesson == "Trained on your 20 drawings."


def test_recipe_settings_train(blank):
    settings = QUICK.changed(
        drawn_samples=100,
        strange_samples=50,
        augment=True,
        noise="gaussian",
        schedule="triangular",
        label_smoothing=0.1,
        learning_rate=0.01,
    )
    assert training.train(blank, SampleSet(), settings).history[-1]["epoch"] == 1


@pytest.mark.parametrize("name", networks.names())
def test_networks_answer_ten_probabilities(name):
    model = networks.build(name, seed=1)
    answer = np.asarray(model(np.zeros((2, 28, 28, 1), np.float32)))
    assert answer.shape == (2, 10) and np.allclose(answer.sum(1), 1, atol=1e-5)


def test_unknown_network():
    with pytest.raises(ModelError, match="genius"):
        networks.build("nobody")


def test_layers_of_a_digit(genius, data):
    layers = training.layers(genius, data.test_images[0])
    assert layers[-1].pictures.shape == (1, 1, 10) and layers[-1].pictures.argmax() == 7 and layers[-1].dead is None
    assert all(len(layer.pictures) <= training.MOST_PICTURES and layer.pictures.dtype == np.uint8 for layer in layers)
    assert layers[0].pictures.shape[1:] == (26, 26) and all(0 <= layer.dead <= 1 for layer in layers if "ReLU" in layer.name)


def test_a_dead_unit_is_found(genius, data):
    model = training.opened(genius)
    normalised = next(layer for layer in model.layers if "BatchNormalization" in type(layer).__name__)
    gamma, beta, *others = normalised.get_weights()
    gamma[:8], beta[:8] = 0, -1
    normalised.set_weights([gamma, beta, *others])
    assert training.layers(training._bundle(model, genius.card), data.test_images[0])[0].dead == 8 / 32
