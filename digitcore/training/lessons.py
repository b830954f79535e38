"""Lessons for a class: questions about training, each with the settings that answer it and a figure that was measured.

`python benchmarks/lessons.py` measures the figures again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.training.settings import TrainSettings

SMALL_CNN = NetworkSpec((Block("conv", 16, pooling=True), Block("conv", 32, pooling=True), Block("dense", 64))).to_json()
DEEP = NetworkSpec((Block("dense", 64),) * 4).to_json()
DEEP_NORMALIZED = NetworkSpec((Block("dense", 64, batch_normalization=True),) * 4).to_json()


@dataclass(frozen=True)
class Lesson:
    """A question, and the trainings that answer it.

    Attributes:
        title: a few words.
        question: what to try, in one or two sentences.
        answer: the figures, as `benchmarks/lessons.py` printed them.
        settings: of the first training.
        network: that is built with random weights; "" trains `start`.
        values: one parameter → the values to try.
        n_seeds: that the figures were measured with.
        digit: of which ten drawings are labelled first; None needs none.
        start: the model that is trained, where no network is built.
    """

    title: str
    question: str
    answer: str
    settings: TrainSettings
    network: str
    values: Mapping[str, tuple[Any, ...]]
    n_seeds: int = 3
    digit: int | None = None
    start: str = "genius"


LESSONS = (
    Lesson(
        "How large a step?",
        "Train with a learning rate of 0.1, then 0.01, 0.001 and 0.0001. Which learns, and which ends?",
        "With 0.001 92.9 % of MNIST's test digits after three epochs, with 0.01 92.4 %, with 0.0001 88.9 %. With 0.1 none of "
        "three seeds learns: after the first epoch 93 % of the units are dead.",
        TrainSettings(mnist_samples=5000, epochs=3, batch_size=32, learning_rate=0.1, schedule="constant"),
        "mlp",
        {"learning_rate": (0.0001, 0.001, 0.01, 0.1)},
    ),
    Lesson(
        "Why mix MNIST in?",
        "Draw ten sevens, label them, and train on them alone. Then again with 500 MNIST digits. What became of the others?",
        "Alone: 8,453 more errors on MNIST's 10,000 test digits, since almost all are sevens now. With 500 digits mixed in: 202 "
        "(three seeds, sevens drawn by code). The learning rate of the link is twenty times the usual one.",
        TrainSettings(mnist_samples=0, epochs=20, learning_rate=0.01, weight_interpolation=0.0),
        "",
        {"mnist_samples": (0, 500)},
        digit=7,
    ),
    Lesson(
        "What does dropout do?",
        "Train on 100 digits for 40 epochs, then with a dropout of 0.5 in the last row. Compare training and validation.",
        "Without it 100 % of the 100 digits and 79.2 % of MNIST's test digits; with it 93.8 % and 81.3 % (ten seeds). Single "
        "seeds lie between 75 and 85 %, so one run of each may show the opposite.",
        TrainSettings(mnist_samples=100, epochs=40, batch_size=16, learning_rate=0.001, schedule="constant"),
        SMALL_CNN,
        {"blocks.3.dropout": (0.0, 0.5)},
        n_seeds=10,
    ),
    Lesson(
        "Is noise a teacher?",
        "Train with noise, then without. A tutorial has 0.9883 and 0.9906 for two such networks: is that noise, or luck?",
        "97.45 % without, 97.19 % with Gaussian noise and 96.58 % with salt and pepper (five seeds): on clean digits noise "
        "teaches nothing here. Seeds of one setting lie up to 0.5 points apart, twice the difference of the question.",
        TrainSettings(mnist_samples=10_000, epochs=3, batch_size=128, learning_rate=0.002, schedule="cosine", noise="gaussian"),
        "noise4",
        {"noise": ("none", "gaussian", "salt-pepper")},
        n_seeds=5,
    ),
    Lesson(
        "When do ReLUs die?",
        "Train these four rows of ReLUs with a learning rate of 0.1. Then tick batch normalization in each row, and train again.",
        "None of three seeds learns: after the first epoch 96 % of the ReLUs are 0 for every digit, and the training ends. With "
        "batch normalization all three reach 81.5 to 83.1 %, at the same learning rate.",
        TrainSettings(mnist_samples=2000, epochs=3, batch_size=16, learning_rate=0.1, schedule="constant"),
        DEEP,
        {"network": (DEEP, DEEP_NORMALIZED)},
    ),
)
