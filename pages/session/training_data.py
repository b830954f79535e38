"""Sentences about the data that a model was trained on, made from the counts on its card."""

from digitcore.models.bundle import ModelCard, TrainingData
from digitcore.values import plural


def training_data(data: TrainingData) -> str:
    """Return the counts as a phrase, such as “your 20 drawings and 500 MNIST digits”; "" when all are 0."""
    parts = [
        _drawings(data) if data.drawings else "",
        f"{data.mnist_digits:,} MNIST digits" if data.mnist_digits else "",
        f"{data.synthetic_digits:,} synthetic digits" if data.synthetic_digits else "",
        f"{data.pen_digits:,} pen digits" if data.pen_digits else "",
        f"{data.non_digits:,} non-digit images" if data.non_digits else "",
    ]
    *others, last = [*filter(None, parts)] or [""]
    corrupted = ""
    if data.corrupted_share and data.n_samples > data.drawings:
        which = " except the drawings" * bool(data.drawings)
        corrupted = f"; {100 * data.corrupted_share:.0f} % of the images{which} are corrupted, others in each epoch"
    return f"{', '.join(others)}{' and ' * bool(others)}{last}{corrupted}"


def _drawings(data: TrainingData) -> str:
    found = plural(data.drawings, "drawing")
    return f"{found} of {plural(data.pupils, 'pupil')}" if data.pupils else f"your {found}"


def training_data_sentence(card: ModelCard) -> str:
    """Return a sentence about the data that a model was trained on."""
    if not card.trained:
        return "Random weights, not trained yet."
    if not card.training_data.n_samples:
        return "Imported from a file. The training data is unknown."
    return f"Trained on {training_data(card.training_data)}."
