import numpy as np

from digitcore.data import out_of_distribution


def test_every_kind_is_generated_equally_often():
    images, kinds = out_of_distribution.generate(50, seed=3)
    assert images.shape == (50, 28, 28)
    assert images.dtype == np.uint8
    assert {kind: kinds.count(kind) for kind in out_of_distribution.KINDS} == dict.fromkeys(out_of_distribution.KINDS, 10)
    assert (images.reshape(50, -1).max(1) > 100).all()


def test_same_seed_gives_the_same_images():
    first, second, other = (out_of_distribution.generate(20, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_zero_images_give_an_empty_array():
    assert out_of_distribution.generate(0, 0)[0].shape == (0, 28, 28)


def test_font_letters_are_not_among_the_training_kinds():
    assert set(out_of_distribution.KINDS) - set(out_of_distribution.TRAINING_KINDS) == {"letter"}
    assert set(out_of_distribution.TRAINING_KINDS) - set(out_of_distribution.KINDS) == {"handwritten letter"}
    assert not set(out_of_distribution.LETTERS) & set("BDGIOSZbgijloqsz")


def test_every_training_kind_is_generated():
    images, kinds = out_of_distribution.generate(10, seed=3, kinds=out_of_distribution.TRAINING_KINDS)
    assert kinds.count("handwritten letter") == 2
    assert (images.reshape(10, -1).max(1) > 100).all()
