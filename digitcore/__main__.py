"""The command line: python -m digitcore data | train | evaluate | sweep | predict."""

import argparse
import hashlib
import json
import os
import sys
import time
from dataclasses import fields, replace
from pathlib import Path

from digitcore import mnist, models
from digitcore.errors import DigitLabError, SampleError, SettingsError
from digitcore.recipes import RECIPES
from digitcore.runs import TrainSettings
from digitcore.samples import SampleSet


def data(arguments) -> None:
    """Find or fetch MNIST, verify it, and keep it in the cache."""
    found, source = mnist.find(arguments.path, report=lambda line: print(line, file=sys.stderr))
    print(
        f"MNIST from {source}: {len(found.train_labels):,} training and {len(found.test_labels):,} test digits, "
        f"verified by SHA-256, kept in {mnist.cache_file()}"
    )


def train(arguments) -> None:
    """Make a shipped model again, or a variant of it; one that was killed goes on where it was."""
    from digitcore import measuring, recipes, training

    recipe = recipes.recipe(arguments.recipe)
    place = Path(arguments.out or models.FOLDER / arguments.recipe)
    model = training.fresh(recipe.network)
    if recipe.settings is not None:
        model = training.calibrated(_trained(model, _changed(recipe.settings, arguments.set), arguments.recipe))
    model = measuring.measured(replace(model, card=replace(model.card, name=place.name, recipe=arguments.recipe)))
    models.save(model, place)
    print(f"Written to {place}: {model.card.figures['mnist_accuracy']:.2%} of MNIST's test digits")


def _trained(start, settings, name):
    from digitcore import training

    asked = hashlib.sha256((name + settings.to_json()).encode()).hexdigest()[:16]
    with _progress() as bar:
        task = bar.add_task(name, total=settings.epochs, figures="")
        run = training.train(
            start,
            SampleSet(),
            settings,
            on_progress=lambda point: bar.update(task, completed=point["epoch"], figures=_figures(point)),
            checkpoints=mnist.cache_folder() / "checkpoints" / asked,
        )
    return run.model


def evaluate(arguments) -> None:
    """Measure models again from their shipped files; --write brings models/README.md up to date from their cards."""
    from digitcore import measuring, shelf, stress

    if arguments.write:
        shelf.write()
        print(f"Written to {models.FOLDER / 'README.md'}")
        return
    chosen = arguments.names or models.names()
    measured = []
    for name in chosen:
        card = measuring.measured(models.load(name)).card
        measured.append({"name": name, "network": card.network, "parameters": card.parameters, **card.figures})
        if not arguments.json:
            _print_row(measured[-1], stress.mean(card.figures["robustness"]))
    if arguments.json:
        print(json.dumps(measured, indent=2))


def _print_row(row, robustness):
    low, high = row["mnist_interval"]
    print(
        f"{row['name']:14}{row['parameters']:>9,} parameters{row['bytes'] / 1e3:>7,.0f} kB{row['milliseconds']:>7.2f} ms  "
        f"MNIST {row['mnist_accuracy']:.2%} ({low:.2%} to {high:.2%})  loss {row['mnist_loss']:.4f}  "
        f"ECE {row['calibration_error']:.2%}  spoilt {robustness:.1%}  no digit: unsure {row['unsure_nondigits']['all']:.0%}",
        flush=True,
    )


def sweep(arguments) -> None:
    """Try combinations of settings on labelled drawings, as `--set sample_weight=1,20 mnist_samples=200,1000`."""
    from digitcore.jobs import JobService, Limits
    from digitcore.sweeps import Sweep

    samples = _samples(arguments.samples)
    grid = {name: [_value(text) for text in texts.split(",")] for name, texts in _pairs(arguments.set)}
    service = JobService(workers=arguments.workers, limits=Limits(epochs=200, samples=100_000, seconds=24 * 3600))
    try:
        found = Sweep(
            service, models.load(arguments.start), samples, TrainSettings(), grid, arguments.seeds, draws=arguments.draws
        )
        found.go()
        with _progress() as bar:
            task = bar.add_task("sweep", total=len(found.points), figures="")
            while not found.over:
                time.sleep(0.2)
                found.look()
                bar.update(task, completed=sum(point.job is None for point in found.points))
    finally:
        service.close()
    table = found.table()
    if arguments.out:
        writers = {".csv": table.to_csv, ".parquet": table.to_parquet}
        writers[arguments.out.suffix](arguments.out, index=False)
    print(table.to_json(orient="records", indent=2) if arguments.json else found.means().to_string(index=False))


def predict(arguments) -> None:
    """Read the digit in a picture."""
    from PIL import Image, UnidentifiedImageError

    from digitcore import images
    from digitcore.errors import PictureError

    model = models.load(arguments.model)
    predictor, unsure_below = model.predictor(), model.card.unsure_below
    answers = []
    for file in arguments.files:
        try:
            digit = images.digit_from_image(Image.open(file))
        except FileNotFoundError as error:
            raise PictureError(f"There is no file {file}.") from error
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
            raise PictureError(f"{file} is not a picture that can be read. Give a PNG or JPEG file.") from error
        if digit is None:
            raise PictureError(f"{file} is blank: nothing stands out from its background.")
        probabilities = predictor.probabilities(digit[None])[0]
        answers.append(
            {
                "file": str(file),
                "guess": int(probabilities.argmax()),
                "unsure": bool(probabilities.max() < unsure_below),
                "probabilities": probabilities.round(5).tolist(),
            }
        )
    if arguments.json:
        print(json.dumps(answers, indent=2))
        return
    for answer in answers:
        print(f"{answer['file']}: {answer['guess']} ({max(answer['probabilities']):.1%}){', unsure' * answer['unsure']}")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an error of ours is one sentence and exit status 1."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parsed = _parser().parse_args(arguments)
    try:
        parsed.command(parsed)
    except DigitLabError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser():
    parser = argparse.ArgumentParser(prog="python -m digitcore", description="Digit Lab from the shell.")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(function):
        added = commands.add_parser(function.__name__, help=function.__doc__, description=function.__doc__)
        added.set_defaults(command=function)
        return added

    one = command(data)
    one.add_argument("--path", help="mnist.npz, or a folder with MNIST's four IDX files")
    one = command(train)
    one.add_argument("recipe", help=f"one of {', '.join(RECIPES)}")
    one.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings to change, such as epochs=2")
    one.add_argument("--out", help="folder for the bundle (default: models/RECIPE)")
    one = command(evaluate)
    one.add_argument("names", nargs="*", help="models to score (default: all)")
    one.add_argument("--write", action="store_true", help="write models/README.md from the cards")
    one.add_argument("--json", action="store_true", help="print JSON")
    one = command(sweep)
    one.add_argument("--set", nargs="+", required=True, metavar="NAME=V1,V2", help="settings and the values to try")
    one.add_argument("--samples", type=Path, help="npz file with digits (N, 28, 28) and labels (N,)")
    one.add_argument("--start", default="genius", help="a shipped model (default: genius)")
    one.add_argument("--seeds", type=int, default=1, help="seeds for each combination")
    one.add_argument("--draws", type=int, help="combinations drawn at random (default: all)")
    one.add_argument("--workers", type=int, default=1, help="worker processes to start")
    one.add_argument("--out", type=_table_file, help="file for the table, .csv or .parquet")
    one.add_argument("--json", action="store_true", help="print JSON")
    one = command(predict)
    one.add_argument("files", nargs="+", type=Path, metavar="FILE", help="pictures of one digit each")
    one.add_argument("--model", default="genius", help="a shipped model (default: genius)")
    one.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _changed(settings, pairs):
    """Settings with NAME=VALUE applied."""
    return settings.changed(**{name: _value(text) for name, text in _pairs(pairs)})


def _pairs(texts):
    """NAME=VALUE split, each name that of a setting."""
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or name not in {field.name for field in fields(TrainSettings)}:
            raise SettingsError(f"“{text}” is not NAME=VALUE with a setting's name.")
        yield name, value


def _value(text):
    """Read as JSON, or else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _samples(file):
    """A file's samples; none without a file."""
    if file is None:
        return SampleSet()
    try:
        return SampleSet.from_npz(file.read_bytes())
    except OSError as error:
        raise SampleError(f"There is no file {file} that can be read.") from error


def _table_file(text):
    path = Path(text)
    if path.suffix not in (".csv", ".parquet"):
        raise argparse.ArgumentTypeError("the file's name must end in .csv or .parquet")
    return path


def _progress():
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}"),
        console=Console(stderr=True),  # stdout is for what was asked for
    )


def _figures(point):
    return "  ".join(f"{name} {point[name]:.4f}" for name in ("loss", "accuracy", "val_accuracy") if name in point)


if __name__ == "__main__":
    raise SystemExit(main())
