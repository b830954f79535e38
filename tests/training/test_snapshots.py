import numpy as np
import pytest

from digitcore.models import keras_io
from digitcore.training.settings import TrainSettings
from digitcore.training.snapshot_recorder import MAX_FILTERS, MAX_MAPS
from digitcore.training.snapshots import MAX_SNAPSHOTS, Snapshots
from digitcore.training.trainer import train

QUICK = TrainSettings(mnist_samples=200, epochs=3, validation_samples=300)


@pytest.mark.parametrize(("network", "filters", "maps"), [("fast", (5, 5), (10, 10)), ("mlp", (28, 28), (1, 300))])
def test_training_records_snapshots_of_its_network(few, network, filters, maps):
    start = keras_io.random_model(network)
    run = train(start, few, QUICK)
    found = Snapshots.from_bytes(run.snapshots)
    assert found.epochs.tolist() == [0, 1, 2, 3]
    assert len(run.snapshots) < 100_000
    assert found.filters.shape == (4, MAX_FILTERS, *filters)
    assert found.activations.shape[:2] == (4, 10)
    assert found.activations.shape[-2:] == maps
    assert found.activations.shape[2] <= MAX_MAPS
    assert found.activations.max() == 255
    assert (found.confusion.sum((1, 2)) == 300).all()
    accuracies = [point["val_accuracy"] for point in run.history if "val_accuracy" in point]
    assert [round(np.trace(matrix) / 300, 4) for matrix in found.confusion] == pytest.approx(accuracies, abs=1e-3)
    kernel = next(np.asarray(layer.kernel) for layer in keras_io.open_model(run.model).layers if hasattr(layer, "kernel"))
    last = found.filters[-1].astype(float) - 128
    shown = (
        np.moveaxis(kernel[..., 0, :MAX_FILTERS], -1, 0) if kernel.ndim == 4 else kernel[:, :MAX_FILTERS].T.reshape(-1, 28, 28)
    )
    assert np.allclose(last / 127, shown / np.abs(shown).max(), atol=0.005)


def test_long_training_records_a_few_snapshots(few, random_mlp):
    run = train(random_mlp, few, QUICK.replace(mnist_samples=0, epochs=20, redraws=1, validation_samples=100))
    assert len(Snapshots.from_bytes(run.snapshots).epochs) == MAX_SNAPSHOTS
    assert Snapshots.from_bytes(run.snapshots).epochs[[0, -1]].tolist() == [0, 20]


def test_damaged_snapshots_are_none(few):
    good = Snapshots(
        np.array([0.0, 1.0]),
        np.ones((10, 28, 28), np.uint8),
        np.ones((2, 3, 5, 5), np.uint8),
        np.ones((2, 10, 3, 4, 4), np.uint8),
        np.ones((2, 10, 10), int),
    )
    assert Snapshots.from_bytes(good.to_bytes()).epochs.tolist() == [0, 1]
    for name, value in (
        ("epochs", np.array([0.0, np.nan])),
        ("epochs", np.zeros((0,))),
        ("digits", np.ones((10, 28, 27), np.uint8)),
        ("filters", np.ones((2, 3, 5, 5))),
        ("activations", np.ones((2, 10, 3, 4), np.uint8)),
        ("confusion", np.ones((2, 10, 10))),
        ("confusion", np.zeros((2, 2000, 2000), np.int64)),
    ):
        bad = Snapshots(**{key: getattr(good, key) for key in good.__dataclass_fields__} | {name: value})
        assert Snapshots.from_bytes(bad.to_bytes()) is None
    assert Snapshots.from_bytes(b"") is None
    assert Snapshots.from_bytes(b"no zip") is None
