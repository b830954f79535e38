import numpy as np

from digitcore.data.statistics import dataset_statistics


def test_statistics_match_the_data_set(data):
    found = dataset_statistics()
    assert found.class_counts["training"].sum() == 60_000
    assert found.class_counts["test"].sum() == 10_000
    assert found.class_counts["training"].tolist() == np.bincount(data.train_labels).tolist()
    assert abs(found.ink_histogram["share"].sum() - 1) < 1e-9
    ones = data.train_images[data.train_labels == 1]
    assert np.allclose(found.mean_images[1], ones.mean(0), atol=0.5)
    assert found.shapes["ink"][1] == np.mean(ones / 255) or abs(found.shapes["ink"][1] - np.mean(ones / 255)) < 1e-6
    wide = [np.ptp(np.flatnonzero(one.any(0))) + 1 for one in ones[:500]]
    assert abs(dataset_statistics().shapes["width"][1] - np.mean(wide)) < 1
    assert found.shapes["height"].between(18.5, 20).all(), "MNIST's digits fill a box of 20 px"


def test_mosaic_depends_only_on_the_seed():
    first, again, other = (dataset_statistics(seed).mosaic for seed in (0, 0, 1))
    assert first.shape == (280, 560)
    assert (first == again).all()
    assert (first != other).any()
