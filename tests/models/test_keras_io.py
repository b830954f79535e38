import keras
import numpy as np
import pytest

from digitcore.errors import ModelError
from digitcore.models import keras_io


def test_both_files_of_a_bundle_give_the_same_probabilities(random_mlp, data):
    digits = data.test_images[:100]
    by_keras = keras_io.predict_in_batches(keras_io.open_model(random_mlp), digits[..., None].astype(np.float32))
    assert np.allclose(by_keras, random_mlp.predictor().probabilities(digits), atol=1e-4)


def test_card_of_random_weights(random_mlp):
    assert not random_mlp.card.trained
    assert random_mlp.card.training_data.n_samples == 0
    assert random_mlp.card.sha256.keys() == {"model.keras", "model.tflite"}
    assert {"keras", "tensorflow", "python"} <= random_mlp.card.versions.keys()


def test_file_that_keras_cannot_open_is_rejected(random_mlp):
    with pytest.raises(ModelError, match="cannot open the model “mine”"):
        keras_io.open_keras(random_mlp.keras_bytes[:1000], "mine")


def test_optimizer_is_saved_on_request():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 2)), np.ones(4), verbose=0)
    with_state = keras_io.open_keras(keras_io.save_keras(model, include_optimizer=True), "x")
    assert int(with_state.optimizer.iterations) == 1
    assert not keras_io.open_keras(keras_io.save_keras(model), "x", compile=False).compiled
