"""The model card of a published model: a README.md with metadata, in the form that the Hugging Face Hub reads.

Source: M. Mitchell et al., "Model Cards for Model Reporting" (2019).
"""

import json
from collections.abc import Iterator
from typing import Any

from digitcore.evaluation import robustness
from digitcore.models.bundle import ModelBundle, ModelCard
from digitcore.models.network_spec import NetworkSpec, is_spec
from digitcore.values import percent

MNIST_ID = "ylecun/mnist"  # name of the data set on the Hub
KINDS = {  # attribute of the training data → what is counted
    "mnist_digits": "MNIST training digits (Y. LeCun and C. Cortes, CC BY-SA 3.0)",
    "drawings": "drawings of the author, which are not part of this repository",
    "synthetic_digits": "generated digits in handwriting styles that MNIST lacks",
    "pen_digits": "digits from the pen drawings of 24 writers (E. Alpaydin and F. Alimoglu 1996, CC BY 4.0)",
    "non_digits": "images that show no digit, with the same target probability for all classes",
}
FILES = {
    "model.keras": "trains further with Keras",
    "model.tflite": "predicts with LiteRT, without Keras",
    "model.onnx": "predicts with ONNX Runtime",
    "card.json": "settings, learning curves, metrics, versions and hashes",
    "predict.py": "predicts pictures, with the preprocessing in `digitcore/`",
}
LIMITS = """- The model knows the ten digits only. It gives ten probabilities for every picture, also for letters and shapes.
  Below the confidence threshold, its answer counts as unsure. It can be sure that a letter or shape that looks like a digit is
  this digit, such as an S, a B or a heart.
- MNIST's test digits are clean and centered. Pictures need the same preprocessing: the ink is cropped, scaled to 20 pixels and
  centered by its mass. Without it, the accuracy is much lower. `predict.py` does it.
- MNIST was written by employees of the US Census Bureau and by high-school students. Digits in other handwriting styles
  may be predicted worse if the model was trained with MNIST alone.
- The model was not tested for decisions that matter, such as amounts on checks. Do not use it for them without a test on your own
  data."""
USAGE = """```python
import numpy as np
from ai_edge_litert.interpreter import Interpreter

digits = np.zeros((3, 28, 28, 1), np.float32)  # pixels from 0 (paper) to 255 (ink)
predict = Interpreter("model.tflite").get_signature_runner("serving_default")
probabilities = predict(digit=digits)["output_0"]  # (3, 10)
```

`python predict.py picture.png` predicts a picture or a photograph. It needs ai-edge-litert, numpy, pillow and scipy."""


def render(bundle: ModelBundle, files: list[str], license: str = "") -> str:
    """Return the README.md of a published model.

    Args:
        bundle: The model.
        files: Names of the files beside the README.md.
        license: Identifier of the license, such as "mit", or "" if it is not known.

    Returns:
        Markdown that begins with metadata in YAML.

    Example:
        >>> from digitcore import models
        >>> render(models.load("genius"), ["model.tflite"], "mit").splitlines()[:2]
        ['---', 'library_name: keras']
    """
    card = bundle.card
    sections = {
        "Use": USAGE,
        "Files": "\n".join(f"- `{name}`: {FILES[name]}" for name in FILES if name in files),
        "Network": _network(card),
        "Training data": _training_data(card),
        "Training": _training(card),
        "Metrics": _metrics(card),
        "Limits": LIMITS,
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items() if text)
    head = (
        f"# {card.name}\n\nA classifier of handwritten digits, from (28, 28) grey pixels to ten probabilities. It was exported "
        "by Digit Lab."
    )
    return f"---\n{_metadata(card, license)}---\n\n{head}\n\n{body}\n"


def _metadata(card: ModelCard, license: str) -> str:
    """Return the metadata in YAML. Strings are written as JSON, which is valid YAML, so that no name changes the structure."""
    values: dict[str, Any] = {
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        **({"license": license} if license else {}),
        "tags": ["handwritten-digits", "mnist", "keras", "tflite", "onnx"],
        **({"datasets": [MNIST_ID]} if card.training_data.mnist_digits else {}),
        "metrics": ["accuracy"],
    }
    if "mnist_accuracy" in card.metrics:
        result = {
            "task": {"type": "image-classification", "name": "Classification of handwritten digits"},
            "dataset": {"type": MNIST_ID, "name": "MNIST", "split": "test"},
            "metrics": [{"type": "accuracy", "value": card.metrics["mnist_accuracy"], "name": "Accuracy"}],
        }
        values["model-index"] = [{"name": card.name, "results": [result]}]
    return "".join(f"{line}\n" for line in _yaml(values))


def _yaml(value: Any, indent: str = "") -> Iterator[str]:
    """Return the lines of nested dictionaries and lists in YAML."""
    items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for name, item in items:
        prefix = f"{indent}- " if name is None else f"{indent}{name}:"
        if not isinstance(item, dict | list):
            yield f"{prefix} {_scalar(item)}".replace("-  ", "- ")
        elif name is None:
            first, *rest = _yaml(item, indent + "  ")
            yield prefix + first.lstrip()
            yield from rest
        else:
            yield prefix
            yield from _yaml(item, indent + "  ")


def _scalar(value: Any) -> str:
    is_word = (
        isinstance(value, str) and value.replace("-", "a").isalpha() and value.lower() not in ("no", "yes", "on", "off", "null")
    )
    return str(value) if is_word else json.dumps(value, ensure_ascii=False)


def _network(card: ModelCard) -> str:
    if not is_spec(card.network):
        return f"The network is `{card.network}` with {card.parameters:,} parameters."
    rows = [f"- {shape.name}: {shape.parameters:,} parameters" for shape in NetworkSpec.from_json(card.network).shapes()]
    return "\n".join([f"The network has {card.parameters:,} parameters.", "", *rows])


def _training_data(card: ModelCard) -> str:
    counts = {text: getattr(card.training_data, name) for name, text in KINDS.items()}
    rows = [f"- {count:,} {text}" for text, count in counts.items() if count]
    if card.training_data.corrupted_share:
        share = percent(card.training_data.corrupted_share)
        rows.append(f"- {share} of these images, except drawings of the author, were corrupted, others in each epoch")
    if not rows:
        return "The training data is not known." if card.trained else "The weights are random. The model was not trained."
    start = f"started from the model `{card.parent}` and " if card.parent else ""
    return "\n".join([f"The last training {start}used:", "", *rows])


def _training(card: ModelCard) -> str:
    if not card.settings or not card.trained:
        return ""
    rows = [f"| {name} | {value} |" for name, value in card.settings.items()]
    how = [f"on {card.date}" if card.date else "", f"in {card.seconds:,.0f} s" if card.seconds else "", card.machine]
    versions = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    text = f"Trained {', '.join(filter(None, how))}, with {versions}." if versions else ""
    return "\n".join([text, "", "| setting | value |", "|---|---|", *rows]).lstrip()


def _metrics(card: ModelCard) -> str:
    metrics = card.metrics
    rows: dict[str, str] = {}
    if "mnist_accuracy" in metrics:
        low, high = metrics.get("mnist_interval", (None, None))
        interval = f" (95 % interval {percent(low, 2)} to {percent(high, 2)})" if low is not None else ""
        rows["Accuracy on MNIST's 10,000 test digits"] = f"{percent(metrics['mnist_accuracy'], 2)}{interval}"
    if "mnist_loss" in metrics:
        rows["Cross-entropy on the test digits"] = f"{metrics['mnist_loss']:.4f} nats"
    if "calibration_error" in metrics:
        rows["Expected calibration error"] = percent(metrics["calibration_error"], 2)
    if "confidence_threshold" in metrics:
        rows["Confidence threshold, which 99 % of the validation digits reach"] = percent(metrics["confidence_threshold"], 1)
    if "robustness" in metrics:
        mean = percent(robustness.mean_accuracy(metrics["robustness"]), 1)
        rows[f"Mean accuracy with {len(metrics['robustness'])} corruptions at five severities"] = f"{mean} of 1,000 test digits"
    if "mnist_c" in metrics:
        rows["Mean accuracy with the 15 corruptions of MNIST-C"] = f"{percent(metrics['mnist_c']['all'], 1)} of 1,000 test digits"
    if "pen_accuracy" in metrics:
        rows["Accuracy on the pen drawings of six other writers"] = f"{percent(metrics['pen_accuracy'], 1)} of 1,498 drawings"
    if "unsure_non_digits" in metrics:
        share = percent(metrics["unsure_non_digits"]["all"], 1)
        rows["Images without a digit below the threshold"] = (
            f"{share} of 1,000 shapes, scribbles, noise images, blots, and printed letters that do not look like digits"
        )
    if not rows:
        return "The model was not measured."
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["The test digits were not used for training or selection.", "", "| metric | value |", "|---|---|", *lines])
