"""Lessons for a class: questions about training, each with settings to try and a measured answer.

Run `python benchmarks/lessons.py` to measure the figures of the answers again.
"""

from dataclasses import dataclass
from typing import Any

from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.sweeps import space as parameter_space
from digitcore.training.settings import TrainSettings

N_DRAWINGS = 10  # drawings of the digit of a lesson
SMALL_CNN = NetworkSpec((Block("conv", 16, pooling=True), Block("conv", 32, pooling=True), Block("dense", 64))).to_json()
DEEP = NetworkSpec((Block("dense", 64),) * 4).to_json()
DEEP_NORMALIZED = NetworkSpec((Block("dense", 64, batch_normalization=True),) * 4).to_json()


@dataclass(frozen=True)
class Trial:
    """One value of the parameter of a lesson, and the measured result.

    Attributes:
        label: The value as text.
        value: The value.
        measured: Lowest and highest MNIST accuracy over the seeds, 0 to 1; `None` if all trainings failed.

    Example:
        >>> LESSONS[0].trials[-1].measured
        (0.8821, 0.8928)
    """

    label: str
    value: Any
    measured: tuple[float, float] | None


@dataclass(frozen=True)
class Lesson:
    """A question about training and the trainings that answer it.

    Attributes:
        title: The question in a few words.
        question: Instructions for the reader, in one or two sentences.
        answer: The result, with figures that `benchmarks/lessons.py` measured.
        settings: Settings of the first training.
        network: Network that is built with random weights. If empty, the model `start` is trained.
        parameter: Name of the parameter in question.
        trials: The values to try, with the measured results.
        n_seeds: Number of seeds with which the figures were measured.
        digit: Class of which ten drawings are labelled first, or None if no drawings are needed.
        start: Name of the model that is trained if `network` is empty.

    Example:
        >>> LESSONS[0].title
        'Which learning rate works?'
    """

    title: str
    question: str
    answer: str
    settings: TrainSettings
    network: str
    parameter: str
    trials: tuple[Trial, ...]
    n_seeds: int = 3
    digit: int | None = None
    start: str = "genius"

    def training(self, trial: Trial) -> tuple[TrainSettings, str]:
        """Return the settings and the network of a training.

        Args:
            trial: One of `trials`.

        Example:
            >>> LESSONS[0].training(LESSONS[0].trials[0])[0].learning_rate
            0.1
        """
        return parameter_space.apply({self.parameter: trial.value}, self.settings, self.network)


LESSONS = (
    Lesson(
        "Which learning rate works?",
        "Train with a learning rate of 0.1, then with 0.01, 0.001 and 0.0001. Which trainings learn, and which training fails?",
        "Learning rates of 0.001 and 0.01 reach an MNIST accuracy of 92.1 to 93.4 % after three epochs. Their ranges over five "
        "seeds overlap, so two single runs do not show which is higher. With 0.0001 the five seeds reach 88.2 to 89.3 %. "
        "With 0.1 all five seeds fail: after the first epoch 93 % of the units are dead.",
        TrainSettings(mnist_samples=5000, epochs=3, batch_size=32, learning_rate=0.1, schedule="constant"),
        "mlp",
        "learning_rate",
        (
            Trial("0.1", 0.1, None),
            Trial("0.01", 0.01, (0.9217, 0.9341)),
            Trial("0.001", 0.001, (0.9209, 0.9306)),
            Trial("0.0001", 0.0001, (0.8821, 0.8928)),
        ),
        n_seeds=5,
    ),
    Lesson(
        "Why add MNIST digits?",
        "Draw and label ten sevens, and train with them alone. Train again with 500 MNIST digits added, and compare the "
        "accuracy for the other digits.",
        "With the sevens alone, the model makes 4,945 to 8,475 more errors on the 10,000 MNIST test digits, because it predicts "
        "7 for most digits. With 500 MNIST digits added it makes 124 to 411 more errors. These are the ranges over ten people's "
        "real sevens, each with another seed. The learning rate is twenty times the default.",
        TrainSettings(mnist_samples=0, epochs=20, learning_rate=0.01, weight_interpolation=0.0),
        "",
        "mnist_samples",
        (
            Trial("no MNIST digits", 0, (0.1497, 0.5027)),
            Trial("500 MNIST digits", 500, (0.9561, 0.9848)),
        ),
        n_seeds=10,
        digit=7,
    ),
    Lesson(
        "What does dropout do?",
        "Train with 100 digits for 40 epochs. Set the dropout of the last row to 0.5 and train again. Compare the training "
        "accuracy with the validation accuracy.",
        "Without dropout the training accuracy is 100 % and the MNIST accuracy 79.2 %. With dropout they are 93.8 % and 81.3 %. "
        "The figures are means over ten seeds. Single seeds reach 75 to 84 % on MNIST, so two single runs may show the opposite.",
        TrainSettings(mnist_samples=100, epochs=40, batch_size=16, learning_rate=0.001, schedule="constant"),
        SMALL_CNN,
        "blocks.3.dropout",
        (
            Trial("no dropout", 0.0, (0.7528, 0.8377)),
            Trial("dropout 0.5", 0.5, (0.7813, 0.8393)),
        ),
        n_seeds=10,
    ),
    Lesson(
        "Does noise help?",
        "Train with noise and without noise. A tutorial reports accuracies of 0.9883 and 0.9906 for two such networks. Is the "
        "difference an effect of the noise, or chance?",
        "The MNIST accuracy is 97.43 % without noise, 97.15 % with Gaussian noise and 96.67 % with salt-and-pepper noise (means "
        "over five seeds), so noise does not help on clean digits. Two seeds with the same settings differ by up to 0.6 "
        "percentage points, which is more than twice the difference in the tutorial.",
        TrainSettings(mnist_samples=10_000, epochs=3, batch_size=128, learning_rate=0.002, schedule="cosine", noise="gaussian"),
        "noise4",
        "noise",
        (
            Trial("no noise", "none", (0.9730, 0.9756)),
            Trial("Gaussian noise", "gaussian", (0.9702, 0.9730)),
            Trial("salt-and-pepper noise", "salt-pepper", (0.9644, 0.9700)),
        ),
        n_seeds=5,
    ),
    Lesson(
        "When do ReLUs die?",
        "Train a network of four dense layers with a learning rate of 0.1. Turn on batch normalization in each row and train "
        "again.",
        "Without batch normalization all three seeds fail: after the first epoch 96 % of the ReLU units are dead, which means "
        "that they return 0 for every digit. With batch normalization the three seeds reach 81.5 to 83.1 % at the same learning "
        "rate.",
        TrainSettings(mnist_samples=2000, epochs=3, batch_size=16, learning_rate=0.1, schedule="constant"),
        DEEP,
        "network",
        (
            Trial("without batch normalization", DEEP, None),
            Trial("with batch normalization", DEEP_NORMALIZED, (0.8151, 0.8311)),
        ),
    ),
)
