"""The content of a report: the headline, and the sections from the scores to the commands that repeat them."""

import datetime
import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import digitcore
from digitcore import displays, mnist
from digitcore.checks import Status, check_lab
from digitcore.checks.lab import find_run
from digitcore.checks.subject import lab_sweep
from digitcore.evaluation import robustness
from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.metrics import confused_pairs
from digitcore.evaluation.score import has_collapsed, wilson_interval
from digitcore.report import svg
from digitcore.report.parts import Chart, Charts, Code, Part, Picture, Pictures, Section, Table, Text
from digitcore.report.results import Results
from digitcore.reproduce import Experiment, command
from digitcore.storage import lab_models
from digitcore.sweeps import effects, summary
from digitcore.training import history
from digitcore.training.settings import SETTING_SPECS
from digitcore.values import format_p_value, format_value, percent, plural

MAX_PICTURES = 40  # changed drawings in a report
NO_MNIST = (
    "MNIST is not on the machine that wrote this report, so it has no scores on MNIST. Run “digitlab data”, and write it again."
)
WIDE, SQUARE = 690, 420  # px, width of a chart that fills the page, side of a confusion matrix
SMALL_HEIGHT = 210  # px of a chart of one corruption
UNKNOWN = "–"
SHARES = ("accuracy", "low", "high", "confidence", "threshold", "coverage")  # columns with shares from 0 to 1
PAIR_TITLES = {"first": "Digit", "second": "Confused with", "count": "Count"}
MNIST_ARRAYS = {  # array of the data set → title
    "x_train": "training digits",
    "y_train": "training labels",
    "x_test": "test digits",
    "y_test": "test labels",
}


@dataclass(frozen=True)
class Report:
    """A report as data.

    Attributes:
        title: The title.
        summary: The headline: the outcome in at most three sentences.
        date: Date of the report.
        sections: The sections, from top to bottom.
        has_charts: Whether the charts are drawn.

    Example:
        >>> Report("genius and plain", [], "2026-11-29", [], True).title
        'genius and plain'
    """

    title: str
    summary: Sequence[str]
    date: str
    sections: Sequence[Section]
    has_charts: bool


def build(results: Results) -> Report:
    """Build the report of a lab. Sections without content are left out.

    Args:
        results: The results from `results.measure`.

    Returns:
        The report.

    Example:
        >>> from digitcore.report import results
        >>> from digitcore.storage.snapshot import LabSnapshot
        >>> build(results.measure(LabSnapshot())).title  # doctest: +SKIP
        'Baseline genius, candidate plain'
    """
    baseline, candidate = results.pair
    sections = [
        Section("Scores", _scores(results)),
        Section("Drawings", _drawings(results)),
        Section("Curves", _curves(results)),
        Section("Confusion", _confusion(results)),
        Section("Calibration", _calibration(results)),
        Section("Robustness", _robustness(results)),
        Section("Sweep", _sweep(results)),
        Section("Checks", _checks(results)),
        Section("Settings and versions", _settings(results)),
        Section("Data", _data(results)),
        Section("Commands", _commands(results)),
    ]
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    return Report(
        f"Baseline {baseline}, candidate {candidate}",
        headline(results),
        date,
        [section for section in sections if section.parts],
        svg.is_available(),
    )


def headline(results: Results) -> list[str]:
    """Return the outcome of a comparison in sentences.

    Args:
        results: The results.

    Example:
        >>> headline(results)  # doctest: +SKIP
        ["MNIST's test digits: genius makes 34 errors …"]
    """
    on_drawings, on_mnist = results.drawings_comparison, results.comparison
    sentences = ["There are no drawings in this lab."]
    if on_drawings is not None:
        which = "unseen" if results.is_unseen else "training"
        sentences = [_outcome(on_drawings, results.pair, f"{which} drawings", has_test=results.is_unseen)]
    return [*sentences, _outcome(on_mnist, results.pair, "test digits of MNIST", has_test=True) if on_mnist else NO_MNIST]


def _outcome(pair: PairedComparison, names: tuple[str, str], what: str, *, has_test: bool) -> str:
    """Describe two evaluations. Without a test, one of the models has learnt from these digits."""
    before, after = pair.baseline, pair.candidate
    interval = f" (95 % interval {_interval(after.interval, 1)})" if has_test else ""
    counts = f"{names[1]} predicts {after.correct:,} of {after.n:,} {what} correctly{interval}. {names[0]}: {before.correct:,}."
    return f"{counts} {_verdict(pair, names[1])}" if has_test else counts


def _verdict(pair: PairedComparison, candidate: str) -> str:
    test = f"{format_p_value(pair.p_value)}, McNemar's exact test"
    if not pair.is_significant:
        return f"The two models are about the same ({test})."
    if has_collapsed(pair.baseline.score, pair.candidate.score):
        return f"{candidate} is much worse ({test})."
    return f"{candidate} is clearly {'better' if pair.net_gain > 0 else 'worse'} ({test})."


def _interval(bounds: Sequence[float], places: int) -> str:
    low, high = (f"{100 * bound:.{places}f}" for bound in bounds)
    return f"{low}–{high} %"


def _scores(results: Results) -> list[Part]:
    """Return the table of scores. It has a column for each model, so that it fits the width of a page."""
    rows: dict[str, list[str]] = {}
    which = "unseen" if results.is_unseen else "training"
    for name, model in results.models.items():
        found, drawn = results.mnist.get(name), results.drawings[name]
        table = results.robustness.get(name)
        column = {
            "MNIST accuracy": percent(found.accuracy, 2) if found else UNKNOWN,
            "MNIST accuracy, 95 % interval": _interval(found.interval, 2) if found else UNKNOWN,
            "MNIST errors": f"{found.n - found.correct:,} of {found.n:,}" if found else UNKNOWN,
            "MNIST loss (nats)": f"{found.loss:.4f}" if found else UNKNOWN,
            "Calibration error": percent(found.calibration_error, 2) if found else UNKNOWN,
            "Robustness (mean accuracy)": percent(robustness.mean_corrupted_accuracy(table), 1) if table is not None else UNKNOWN,
            f"Drawings ({which})": f"{drawn.correct:,} of {drawn.n:,}" if drawn.n else UNKNOWN,
            f"Drawings ({which}), 95 % interval": _interval(drawn.interval, 0) if drawn.n and results.is_unseen else UNKNOWN,
            "Parameters": f"{model.card.parameters:,}",
            "Size of the .tflite file": f"{len(model.tflite_bytes) / 1000:,.0f} kB",
        }
        for title, cell in column.items():
            rows.setdefault(title, []).append(cell)
    known = [[title, *cells] for title, cells in rows.items() if set(cells) != {UNKNOWN}]
    parts: list[Part] = [Table("Scores of the compared models", ["Score", *results.models], known)]
    if results.comparison is not None:
        parts.append(Chart.from_display(displays.digit_accuracy(results.comparison, results.pair, results.colors), width=WIDE))
    return parts


def _drawings(results: Results) -> list[Part]:
    """Return the drawings that only one of the pair predicts correctly, the newest first."""
    changed = results.changed()
    if not len(results.lab.samples.drawn_part()):
        return []
    baseline, candidate = results.pair
    n_fixed = sum(after == label for _, label, _, after in changed)
    text = (
        f"{candidate} corrects {plural(n_fixed, 'drawing')} that {baseline} predicts wrongly, and predicts "
        f"{plural(len(changed) - n_fixed, 'drawing')} wrongly that {baseline} predicts correctly."
    )
    if n_learnt := results.n_learnt(candidate):
        text += f" {candidate} has learnt from {n_learnt:,} of the {plural(len(results.lab.samples.drawn_part()), 'drawing')}."
    if len(changed) > MAX_PICTURES:
        text += f" The newest {MAX_PICTURES} of them are shown."
    pictures = [
        Picture.from_digit(digit, f"true {label}: {before} → {after}") for digit, label, before, after in changed[:MAX_PICTURES]
    ]
    return [Text(text), *([Pictures(pictures)] if pictures else [])]


def _curves(results: Results) -> list[Part]:
    histories = {name: model.card.history for name, model in results.models.items() if model.card.history}
    runs = {record.name: record.run.history for record in results.lab.runs}
    histories |= {name: runs[name] for name in results.models if name in runs}
    histories = {name: points for name, points in histories.items() if len(points) > 1}
    if not histories:
        return []
    thinned = {name: history.thin(points) for name, points in histories.items()}
    display = displays.curves(thinned, lab_models.colors(histories, results.lab.runs, results.lab.uploads))
    rows = [
        [name, f"{point['epoch']:g}", *(f"{point[key]:.4f}" if key in point else UNKNOWN for key in ("loss", "val_loss")),
         *(percent(point[key], 2) if key in point else UNKNOWN for key in ("accuracy", "val_accuracy"))]
        for name, points in histories.items()
        for point in history.validated(points)
    ]  # fmt: skip
    titles = ["Model", "Epoch", "Training loss", "Validation loss", "Training accuracy", "Validation accuracy"]
    charts = [Chart.from_display(display, metric=metric) for metric in ("loss", "accuracy")]
    return [Charts(charts, Table("Learning curves at the ends of epochs", titles, rows))]


def _confusion(results: Results) -> list[Part]:
    if results.comparison is None:
        return []
    baseline, candidate = results.pair
    counts = results.comparison.candidate.confusion
    table = Table(
        f"Confusion matrix of {candidate}: rows are true digits, columns are predicted digits",
        ["True", *map(str, range(10))],
        [[str(digit), *(f"{count:,}" for count in row)] for digit, row in enumerate(counts)],
    )
    change = displays.confusion_change(results.comparison, results.pair)
    differences = results.comparison.candidate.confusion - results.comparison.baseline.confusion
    changes = Table(
        f"Confusion matrix of {candidate} minus the matrix of {baseline}",
        ["True", *map(str, range(10))],
        [[str(digit), *(f"{count:+,}" if count else "0" for count in row)] for digit, row in enumerate(differences)],
    )
    pairs = confused_pairs(results.comparison.candidate)[["first", "second", "count"]]
    return [
        Chart.from_display(displays.confusion(counts), table, f"Confusion matrix of {candidate}", width=SQUARE, height=SQUARE),
        Chart.from_display(change, changes, f"Change in confusion from {baseline} to {candidate}", width=SQUARE, height=SQUARE),
        Table.from_frame(f"Pairs of digits that {candidate} confuses most often", pairs.rename(columns=PAIR_TITLES)),
    ]


def _calibration(results: Results) -> list[Part]:
    if not results.mnist:
        return []
    thresholds = {name: model.card.confidence_threshold for name, model in results.models.items()}
    display = displays.calibration(results.mnist, results.colors)
    covered = displays.coverage(results.mnist, thresholds, results.colors)
    chosen = covered.data[covered.data["is_threshold"]].drop(columns="is_threshold")
    at_threshold = Table.from_frame("At the confidence threshold of the Draw page", _with_percentages(chosen))
    texts = [Text(display.alt_text()), Text(covered.alt_text())]
    by_confidence = Table.from_frame("Accuracy by confidence", _with_percentages(display.data))
    return [*texts, Charts([Chart(svg.draw(display)), Chart(svg.draw(covered))], by_confidence), at_threshold]


def _with_percentages(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of models and shares with the model first, percentages, and readable column titles."""
    shares = [name for name in SHARES if name in table]
    texts = {name: [UNKNOWN if pd.isna(share) else percent(share, 1) for share in table[name]] for name in shares}
    return table.assign(**texts).set_index("model").reset_index().rename(columns=displays.COLUMN_TITLES)


def _robustness(results: Results) -> list[Part]:
    if not results.robustness:
        return []
    tables = {name: _with_intervals(table) for name, table in results.robustness.items()}
    display = displays.robustness(tables, results.colors)
    every = list(dict.fromkeys(display.data["corruption"]))
    charts = [Chart(svg.draw(display, height=SMALL_HEIGHT, corruption=name)) for name in every]
    n = int(display.data["n"].max())
    rows = [
        [f"{corruption}: {name}", *(percent(share, 1) for share in group["accuracy"])]
        for corruption in every
        for name, group in display.data[display.data["corruption"] == corruption].groupby("model", sort=False)
    ]
    severities = sorted(display.data["severity"].unique())
    caption = f"Accuracy on {n:,} test digits by severity (0: clean)"
    table = Table(caption, ["Corruption and model", *map(str, severities)], rows)
    return [Text(display.alt_text()), Charts(charts, table)]


def _with_intervals(table: pd.DataFrame) -> pd.DataFrame:
    low, high = wilson_interval(table["correct"].to_numpy(), table["n"].to_numpy())
    return table.assign(low=low, high=high)


def _sweep(results: Results) -> list[Part]:
    found = lab_sweep(results.lab)
    if found is None:
        return []
    score = found.plan.ranked_by
    table, names = found.first_rung_table(), list(found.plan.space)
    spread = effects.seed_spread(table, names, score, found.n_scored(score))
    rows = pd.DataFrame(summary.effects_table(found, score))
    return [
        Text(f"{summary.describe_best(found)} {summary.describe_spread(spread)}"),
        *([] if rows.empty else [Table.from_frame(f"Effect of each parameter on {summary.SCORE_TITLES[score]}", rows)]),
        *map(Text, summary.describe_interactions(found, score)),
        Chart(svg.draw(displays.sweep(found, score), width=WIDE)),
        Table.from_frame("Trials", summary.trials_table(found)),
    ]


def _checks(results: Results) -> list[Part]:
    names = {record.name for record in results.lab.runs}
    run = find_run(results.lab, next((name for name in [results.pair[1], results.pair[0]] if name in names), ""))
    found = check_lab(results.lab, run.name if run else "")
    rows = [[f"{one.id} {one.title}", one.status, one.sentence, one.tip if one.status == Status.ISSUE else ""] for one in found]
    of_run = f", of {run.name}" if run else ""
    caption = f"Checks of the drawings{of_run} and of the sweep"
    return [Table(caption, ["Check", "Result", "What was found", "What to do"], rows, is_text=True)]


def _settings(results: Results) -> list[Part]:
    """Return the settings, the origin and the versions of each model. Settings that no model has are left out."""
    cards = {name: model.card for name, model in results.models.items()}
    titles = {name: spec.label for name, spec in SETTING_SPECS.items()}
    rows = [
        [
            titles[name],
            *(format_value(card.settings[name]) or "none" if name in card.settings else UNKNOWN for card in cards.values()),
        ]
        for name in SETTING_SPECS
    ]
    origin = {
        "Network": [card.network for card in cards.values()],
        "Started from": [card.parent or UNKNOWN for card in cards.values()],
        "Date": [card.date or UNKNOWN for card in cards.values()],
        "Machine": [card.machine or UNKNOWN for card in cards.values()],
        "Training time": [f"{card.seconds:,.1f} s" for card in cards.values()],
        "SHA-256 of model.tflite": [model.hash for model in results.models.values()],
    }
    packages = sorted({package for card in cards.values() for package in card.versions})
    versions = [[package, *(card.versions.get(package, UNKNOWN) for card in cards.values())] for package in packages]
    columns = list(results.models)
    known = [row for row in rows if set(row[1:]) != {UNKNOWN}]
    return [
        *([Table("Settings of the last training", ["Setting", *columns], known)] if known else []),
        Table("Origin of the models", ["", *columns], [[title, *cells] for title, cells in origin.items()]),
        *([Table("Versions of the packages that trained the models", ["Package", *columns], versions)] if versions else []),
        Text(f"This report was written by Digit Lab {digitcore.__version__}."),
    ]


def _data(results: Results) -> list[Part]:
    samples = results.lab.samples
    drawn = ~samples.is_example
    kinds = {
        "Training drawings": drawn & ~samples.held_out,
        "Held-out drawings": drawn & samples.held_out,
        "Labelled MNIST examples": samples.is_example,
    }
    rows = [
        [title, *(f"{count:,}" for count in np.bincount(samples.labels[mask], minlength=10)), f"{int(mask.sum()):,}"]
        for title, mask in kinds.items()
    ]
    digest = hashlib.sha256("".join(sorted(samples.identities())).encode()).hexdigest()
    hashes = [["The samples of this lab (digits and labels)", digest]]
    hashes += [[f"MNIST, {title}", mnist.SHA256[name]] for name, title in MNIST_ARRAYS.items()]
    return [
        Table("Samples by digit", ["Samples", *map(str, range(10)), "All"], rows),
        Table("SHA-256 of the data", ["Data", "SHA-256"], hashes),
    ]


def _commands(results: Results) -> list[Part]:
    models = [word for name in results.models for word in ("--model", name)]
    again = shlex.join(["digitlab", "report", "lab.zip", *models, "-o", "report.html"])
    parts: list[Part] = [Code("This command writes the report again from the exported lab.", again)]
    for record in lab_models.usable_runs(results.lab):
        if record.name in results.models:
            experiment = Experiment.of_run(record, results.lab.samples)
            text = f"This command trains {record.name} again. Its files are in the ZIP file of “Run as code” on Train."
            parts.append(Code(" ".join(filter(None, [text, experiment.warning])), command(experiment)))
    if (found := lab_sweep(results.lab)) is not None:
        parts.append(
            Code(
                "This command runs the sweep again. First export the drawings on Draw, and save them as my-drawings.npz.",
                found.command(),
            )
        )
    return parts
