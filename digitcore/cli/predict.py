"""The command `digitlab predict`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from digitcore.cli.completion import complete_models
from digitcore.cli.options import json_option, read_model
from digitcore.errors import ImageError
from digitcore.files import read_bytes
from digitcore.images import text_lines
from digitcore.models import registry
from digitcore.models.bundle import DEFAULT_CONFIDENCE_THRESHOLD
from digitcore.values import percent

if TYPE_CHECKING:
    from digitcore.images import FoundDigit


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@click.option(
    "--model",
    "source",
    default=registry.DEFAULT_MODEL,
    show_default=True,
    help="Predict with a shipped model, a folder of a model, or a .keras or .tflite file.",
    shell_complete=complete_models,
)
@click.option("--all", "reads_all", is_flag=True, help="Predict every digit of each image, with its box in pixels.")
@json_option
def predict(files: tuple[Path, ...], source: str, reads_all: bool, as_json: bool) -> None:
    """Predict the digit in each image file. If an image shows several digits, the largest is predicted."""
    model = read_model(source)
    predictor, threshold = model.predictor(), model.card.confidence_threshold
    if "confidence_threshold" not in model.card.metrics:
        default = percent(DEFAULT_CONFIDENCE_THRESHOLD)
        click.echo(f"{source}: The confidence threshold of this model was not measured. The default is {default}.", err=True)
    rows, texts, problems = [], {}, []
    for file in files:
        try:
            found = _find_digits(file, reads_all)
        except ImageError as error:
            problems.append(str(error))
            continue
        predicted = predictor.probabilities(np.array([part.digit for part in found]))
        texts[str(file)] = text_lines(found, predicted.argmax(1).tolist())
        for part, probabilities in zip(found, predicted, strict=True):
            rows.append(
                {
                    "file": str(file),
                    "digit": int(probabilities.argmax()),
                    "unsure": bool(probabilities.max() < threshold),
                    "probabilities": probabilities.astype(float).round(5).tolist(),
                    "box": part.box,
                    "line": part.line,
                    "digits_found": part.n_found,
                }
            )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    for row in () if as_json else rows:
        where = f" at {row['box']}" if reads_all else f", the largest of {row['digits_found']}" * (row["digits_found"] > 1)
        click.echo(f"{row['file']}: {row['digit']} ({percent(max(row['probabilities']), 1)}){', unsure' * row['unsure']}{where}")
    for name, lines in texts.items() if reads_all and not as_json else ():
        click.echo(f"{name}: the digits form {', '.join(lines)}")
    if problems:
        raise ImageError("\n".join(problems))


def _find_digits(file: Path, every: bool) -> "list[FoundDigit]":
    """Find the largest digit or every digit of an image file, and raise an ImageError if there is none."""
    from digitcore import images

    content = read_bytes(file, ImageError)
    try:
        found = images.ink_from_file(content).digits(every=every)
    except ImageError as error:
        raise ImageError(f"{file}: {error}") from error
    if not found:
        raise ImageError(f"{file} is blank. Use an image of a digit that differs from its background.")
    return found
