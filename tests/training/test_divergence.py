import pytest

from digitcore.errors import TrainingError
from digitcore.models import keras_io
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.samples import SampleSet
from digitcore.training.divergence import StopOnDivergence
from digitcore.training.settings import TrainSettings
from digitcore.training.trainer import train

DEEP = NetworkSpec(tuple(Block("dense", 32) for _ in range(6)))


def test_training_with_dead_units_ends_after_the_epoch(data):
    start = keras_io.random_model(DEEP.to_json(), name="deep")
    settings = TrainSettings(mnist_samples=1000, epochs=3, learning_rate=1.0, schedule="constant", validation_samples=100)
    with pytest.raises(TrainingError, match=r"After epoch \d, \d+ % of the ReLU units"):
        train(start, SampleSet(), settings)


def test_training_with_an_infinite_loss_ends_after_the_batch():
    callback = StopOnDivergence(None)
    callback.set_params({"steps": 40})
    callback.on_epoch_begin(1)
    callback.on_train_batch_end(6, {"loss": 3.0})
    with pytest.raises(TrainingError, match="epoch 2, batch 8 of 40"):
        callback.on_train_batch_end(7, {"loss": float("nan")})
