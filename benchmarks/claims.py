"""Check the numbers of the Evaluate page: export them, and compute them again with other libraries.

    python benchmarks/claims.py [FOLDER]

The first part opens the page without a browser, with three models, forty drawings and a sweep. It visits each view, and writes
the texts and downloads of the page to FOLDER (default: a temporary folder). The second part, `recompute`, reads
only these files. It computes the numbers with scikit-learn, SciPy, statsmodels and LiteRT, without code of this project,
and prints each difference. Left out are the time of a prediction, which is a measurement, the positions of the map, and the views
that describe MNIST or the epochs of a run.
"""

import argparse
import functools
import itertools
import json
import os
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("DIGITLAB_LOW_PRIORITY", "0")  # No user waits for the pages.

import numpy as np
import pandas as pd
from scipy import stats
from sklearn import metrics
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

MODELS = ("plain", "mlp", "fast")  # baseline, candidate and another model
VIEWS = ("drawings", "curves", "trainings", "pair", "errors", "confusion", "confidence", "robustness")
DIGITS = [f"p{digit}" for digit in range(10)]
TOLERANCE = 1e-6  # Probabilities are 32-bit numbers.


def export(folder: Path) -> None:
    """Write the texts and the downloads of the page."""
    os.environ.setdefault("DIGITLAB_STORE", f"sqlite:///{folder}/labs.sqlite")
    from digitcore import mnist, models
    from digitcore.models import export as model_export
    from digitcore.samples import SampleSet
    from digitcore.sweeps import effects
    from digitcore.training.settings import TrainSettings
    from tests.support import app as pages

    digits, labels = (part[:40] for part in mnist.load().validation)
    samples = SampleSet.from_arrays(digits, labels)
    loaded = {name: models.load(name) for name in MODELS}
    with pages.quick_sessions(), mock.patch("streamlit.download_button", functools.partial(_download, folder)):
        at = pages.new_app()
        session = pages.session_of(at)
        pages.add_samples(at, samples)
        settings = TrainSettings(mnist_samples=300, epochs=1)
        space = {"learning_rate": [1e-4, 3e-3], "batch_size": [16, 64]}
        session.training.set_settings(settings)
        session.training.begin_sweep(models.load("mlp"), SampleSet(), session.owner, space, {"n_seeds": 3})
        sweep = session.training.sweep
        while sweep.is_running:
            time.sleep(0.5)
            sweep.advance(session.resources.jobs())
        session.models.set_compared(list(MODELS))
        pages.go(at, pages.EVALUATE)
        _choose(at)
        shown = {}
        for view in VIEWS:
            at.segmented_control(key="view").set_value(view).run()
            pages.until_answered(at)
            shown[view] = pages.texts(at)
        table, names = sweep.first_rung_table(), list(sweep.plan.space)
        score = next(name for name in ("validation", "mnist") if name in table and table[name].notna().any())
        table.to_csv(folder / "sweep.csv", index=False)
        found = effects.effects(table, names, score)
        rows = [{"parameter": one.name, "difference": one.difference, "p": one.p_value, "best": one.best} for one in found]
        pd.DataFrame(rows).to_csv(folder / "effects.csv", index=False)
        shown["sweep"] = {"score": score, "deviation": effects.seed_spread(table, names, score, sweep.n_scored(score)).deviation}
        session.training.stop_sweep()
    (folder / "shown.json").write_text(json.dumps(shown, indent=2, ensure_ascii=False))
    (folder / "drawings.npz").write_bytes(session.samples.current.to_npz())
    for name, model in loaded.items():
        (folder / f"{name}.zip").write_bytes(model_export.to_zip(model))


def _choose(at) -> None:
    for label, name in zip(("Baseline", "Candidate"), MODELS, strict=False):
        next(box for box in at.selectbox if box.label == label).set_value(name).run()
    at.multiselect[0].set_value(list(MODELS[2:])).run()


def _download(folder: Path, label: str, data, file_name: str, *args, **options) -> bool:
    """Write the content of a download button to the folder, in place of drawing the button."""
    if not options.get("disabled"):
        content = data() if callable(data) else data
        (folder / file_name).write_bytes(content.encode() if isinstance(content, str) else content)
    return False


class Check:
    """A counter of the compared numbers, which prints each difference."""

    def __init__(self) -> None:
        self.n_compared, self.n_different = 0, 0

    def equal(self, what: str, shown: object, computed: object, tolerance: float = TOLERANCE) -> None:
        """Compare numbers or arrays of numbers. NaN equals NaN."""
        left, right = np.atleast_1d(np.asarray(shown, float)), np.atleast_1d(np.asarray(computed, float))
        self.n_compared += left.size
        if left.shape != right.shape or not np.allclose(left, right, rtol=0, atol=tolerance, equal_nan=True):
            self.n_different += 1
            print(f"different: {what}: shown {left.tolist()[:5]}, computed {right.tolist()[:5]}")

    def said(self, what: str, text: str, *parts: str) -> None:
        """Check that a text of the page contains the computed numbers."""
        for part in parts:
            self.n_compared += 1
            if part not in text:
                self.n_different += 1
                print(f"different: {what}: computed “{part}”, which is not in “{text[:500]}”")


def percent(share: float, places: int) -> str:
    """Write a share as the page does."""
    return f"{100 * share:.{places}f} %"


def wilson(correct, n):
    """Return the bounds of the 95 % interval."""
    return np.array(proportion_confint(np.asarray(correct), np.asarray(n), method="wilson"))


def recompute(folder: Path) -> Check:
    """Compute the numbers from the files alone, and compare."""
    check, shown = Check(), json.loads((folder / "shown.json").read_text())
    table = pd.read_csv(folder / "predictions.csv").rename(columns={"True digit": "true", "Predicted": "predicted"})
    predictions = dict(list(table.groupby("Model", sort=False)))
    scores = pd.read_csv(folder / "models.csv").set_index("Model")
    assert list(predictions) == list(scores.index) == list(MODELS)
    for name, table in predictions.items():
        model_scores(check, scores.loc[name], table)
    pair(check, folder, shown["pair"], *(predictions[name] for name in MODELS[:2]))
    errors(check, shown, predictions[MODELS[1]])
    confusion(check, folder, shown["confusion"], predictions[MODELS[1]])
    confidence(check, folder, shown["confidence"], predictions)
    drawings(check, folder, shown["drawings"], scores)
    robustness(check, folder, scores, predictions)
    curves(check, folder)
    files(check, folder, scores)
    sweep(check, folder, shown["sweep"])
    return check


def calibration_error(correct: np.ndarray, confidence: np.ndarray) -> float:
    """Return the expected calibration error over 15 bins."""
    number = np.minimum((confidence * 15).astype(int), 14)
    table = pd.DataFrame({"bin": number, "correct": correct, "confidence": confidence}).groupby("bin")
    gaps = (table["correct"].mean() - table["confidence"].mean()).abs()
    return float((gaps * table.size()).sum() / len(correct))


def model_scores(check: Check, shown: pd.Series, table: pd.DataFrame) -> None:
    """Compute the row of a model."""
    true, probabilities = table["true"], table[DIGITS].to_numpy(np.float64)
    predicted, confident = probabilities.argmax(1), table[DIGITS].to_numpy(np.float32).max(1)
    name, n_correct = shown.name, metrics.accuracy_score(true, predicted, normalize=False)
    check.equal(f"{name}: predicted", table["predicted"], predicted)
    check.equal(f"{name}: MNIST", shown["MNIST"], metrics.accuracy_score(true, predicted))
    bounds = shown[["MNIST 95 % from", "MNIST 95 % to"]].astype(float)
    check.equal(f"{name}: MNIST interval", bounds, wilson(n_correct, len(table)))
    exact = probabilities / probabilities.sum(1, keepdims=True)
    check.equal(f"{name}: loss", shown["Loss"], metrics.log_loss(true, exact, labels=range(10)))
    error = calibration_error(predicted == true, confident)
    check.equal(f"{name}: calibration error", shown["Calibration error"], error)


def pair(check: Check, folder: Path, text: str, first: pd.DataFrame, second: pd.DataFrame) -> None:
    """Compute the comparison of two models."""
    before, after = ((table["true"] == table["predicted"]).to_numpy() for table in (first, second))
    table = pd.crosstab(before, after).reindex(index=[True, False], columns=[True, False], fill_value=0)
    fixed, broken = int(table.loc[False, True]), int(table.loc[True, False])
    p_value = mcnemar(table, exact=True).pvalue
    gain = fixed - broken
    differ = "these two models differ" if p_value < 0.05 else "about the same"
    shown_p = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"
    check.said("pair", text, f"**{abs(gain):,} {'more' if gain > 0 else 'fewer'}** of {len(first):,} test digits")
    check.said("pair", text, f"corrects {fixed:,} and adds {broken:,} error", f"{differ} ({shown_p}")
    counts = [len(one) - int((one["true"] == one["predicted"]).sum()) for one in (first, second)]
    check.said("headline", text, f"MNIST errors: {counts[0]:,} → **{counts[1]:,}** of {len(first):,}: {differ} ({shown_p})")
    digits = pd.read_csv(folder / "accuracy on each digit.csv")
    for name, one in zip(MODELS, (first, second), strict=False):
        rows = digits[digits["Model"] == name]
        precision, recall, _, n = metrics.precision_recall_fscore_support(one["true"], one["predicted"], zero_division=np.nan)
        check.equal(f"{name}: accuracy on each digit", rows["Accuracy"], recall)
        check.equal(f"{name}: precision of each digit", rows["Precision"], precision)
        check.equal(f"{name}: digits", rows["Of"], n)
        bounds = rows[["Accuracy 95 % from", "Accuracy 95 % to"]].to_numpy().T
        check.equal(f"{name}: intervals of each digit", bounds, wilson(rows["Correct"], n))
    change = pd.read_csv(folder / "change in confusion.csv")
    matrices = [metrics.confusion_matrix(one["true"], one["predicted"]) for one in (first, second)]
    computed = matrices[1] - matrices[0]
    check.equal("change in confusion", change["Difference"], computed.ravel())
    sign = np.where(np.eye(10, dtype=bool), 1, -1)
    check.equal("improvement", change["Improvement"], (computed * sign).ravel())


def errors(check: Check, shown: dict[str, str], table: pd.DataFrame) -> None:
    """Compute the number of errors."""
    n_errors = len(table) - int(metrics.accuracy_score(table["true"], table["predicted"], normalize=False))
    check.said("errors", shown["errors"], f"makes **{n_errors:,}** errors in {len(table):,} digits")


def confusion(check: Check, folder: Path, text: str, table: pd.DataFrame) -> None:
    """Compute the confusion matrix and the most confused pairs."""
    cells = pd.read_csv(folder / f"confusion {MODELS[1]}.csv")
    matrix = metrics.confusion_matrix(table["true"], table["predicted"])
    check.equal("confusion: counts", cells["Count"], matrix.ravel())
    rates = metrics.confusion_matrix(table["true"], table["predicted"], normalize="true")
    check.equal("confusion: shares", cells["Share"], rates.ravel())
    both = matrix + matrix.T
    for first, second in np.argwhere(np.triu(both, 1) >= np.sort(both[np.triu_indices(10, 1)])[-4]):
        check.said("confused pairs", text, f"{first} and {second} ({both[first, second]:,})")


def confidence(check: Check, folder: Path, text: str, predictions: dict[str, pd.DataFrame]) -> None:
    """Compute the points of the two charts and the effect of the threshold."""
    points, coverage = (pd.read_csv(folder / f"{name}.csv") for name in ("accuracy by confidence", "selective accuracy"))
    for name, table in predictions.items():
        confident = table[DIGITS].to_numpy(np.float32).max(1)
        correct = (table["predicted"] == table["true"]).to_numpy()
        check.said("confidence", text, f"{name} {percent(calibration_error(correct, confident), 2)}")
        rows = points[points["Model"] == name]
        check.equal(f"{name}: digits of the points", rows["Count"].sum(), len(table))
        check.equal(f"{name}: merged bins", rows["Count"].min() >= 10, True)
        order = np.argsort(confident, kind="stable")  # The bins are consecutive parts of the digits in this order.
        parts = np.split(order, np.cumsum(rows["Count"])[:-1])
        check.equal(f"{name}: confidence", rows["Confidence"], [confident[part].mean(dtype=float) for part in parts])
        check.equal(f"{name}: accuracy by confidence", rows["Accuracy"], [correct[part].mean() for part in parts])
        bounds = rows[["Accuracy 95 % from", "Accuracy 95 % to"]].to_numpy().T
        check.equal(f"{name}: intervals", bounds, wilson([correct[part].sum() for part in parts], rows["Count"]))
        rows = coverage[coverage["Model"] == name]
        best = order[::-1] if len(np.unique(confident)) == len(confident) else np.argsort(-confident, kind="stable")
        n_answered = (rows["Coverage"] * len(table)).round().astype(int)
        check.equal(f"{name}: thresholds", rows["Confidence threshold"], confident[best][n_answered - 1])
        check.equal(f"{name}: selective accuracy", rows["Accuracy"], [correct[best[:n]].mean() for n in n_answered])
    card = json.loads(zipfile.ZipFile(folder / f"{MODELS[1]}.zip").read("card.json"))
    table = predictions[MODELS[1]]
    unsure = table[DIGITS].to_numpy(np.float32).max(1) < round(card["metrics"]["confidence_threshold"], 2)
    wrong = (table["predicted"] != table["true"]).to_numpy()
    check.said("threshold", text, f"answers **{(~unsure).sum():,}** of {len(table):,} digits ({percent((~unsure).mean(), 1)})")
    check.said(
        "threshold", text, f"unsure about {unsure.sum():,} digits. {(unsure & wrong).sum():,} of these predictions are wrong"
    )


def drawings(check: Check, folder: Path, text: str, scores: pd.DataFrame) -> None:
    """Predict the exported drawings with the exported models, and compute the accuracy on them.

    No shipped model has learnt from a drawing, so all drawings are unseen.
    """
    from ai_edge_litert.interpreter import Interpreter

    samples = np.load(folder / "drawings.npz")
    digits, labels = samples["digits"], samples["labels"]
    correct = {}
    for name in MODELS:
        interpreter = Interpreter(model_content=zipfile.ZipFile(folder / f"{name}.zip").read("model.tflite"))
        place = interpreter.get_input_details()[0]["index"]
        interpreter.resize_tensor_input(place, [len(digits), 28, 28, 1])
        interpreter.allocate_tensors()
        interpreter.set_tensor(place, digits[..., None].astype(np.float32))
        interpreter.invoke()
        predicted = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).argmax(1)
        correct[name] = predicted == labels
        shown = scores.loc[name]
        check.equal(f"{name}: your handwriting", shown["Your handwriting"], metrics.accuracy_score(labels, predicted))
        bounds = shown[["Your handwriting 95 % from", "Your handwriting 95 % to"]].astype(float)
        check.equal(f"{name}: handwriting interval", bounds, wilson(correct[name].sum(), len(labels)))
        check.equal(f"{name}: drawings evaluated", shown["Drawings evaluated"], len(labels))
    before, after = (correct[name].sum() for name in MODELS[:2])
    check.said("drawings", text, f"**{after} of {len(labels)}** unseen drawings are predicted correctly (95 % interval")
    fixed, broken = ((correct[one] & ~correct[other]).sum() for one, other in (MODELS[1::-1], MODELS[:2]))
    check.said("drawings", text, f"before: {before})")
    check.said("drawings", text, f"corrects {fixed} and adds {broken} error")


def robustness(check: Check, folder: Path, scores: pd.DataFrame, predictions: dict[str, pd.DataFrame]) -> None:
    """Compute shares, intervals and means of the robustness, and the clean rows from the predictions."""
    table = pd.read_csv(folder / "robustness.csv")
    check.equal("robustness: digits", table["Of"].unique(), 1000)
    check.equal("robustness: accuracy", table["Accuracy"], table["Correct"] / table["Of"])
    bounds = table[["Accuracy 95 % from", "Accuracy 95 % to"]].to_numpy().T
    check.equal("robustness: intervals", bounds, wilson(table["Correct"], table["Of"]))
    for name, rows in table.groupby("Model"):
        first = predictions[name][:1000]
        clean = rows[rows["Severity"] == 0]["Accuracy"]
        accuracy = metrics.accuracy_score(first["true"], first["predicted"])
        check.equal(f"{name}: clean digits", clean, np.full(len(clean), accuracy))
        mean = rows[rows["Severity"] > 0]["Accuracy"].mean()
        check.equal(f"{name}: mean robustness", scores.loc[name, "Robustness (1,000 digits)"], mean)


def curves(check: Check, folder: Path) -> None:
    """Compare the curves with the points on the exported cards."""
    table = pd.read_csv(folder / "curves.csv")
    keys = {("training", "loss"): "loss", ("training", "accuracy"): "accuracy"}
    keys |= {("validation", "loss"): "val_loss", ("validation", "accuracy"): "val_accuracy"}
    for name in MODELS:
        points = json.loads(zipfile.ZipFile(folder / f"{name}.zip").read("card.json"))["history"]
        for (subset, metric), key in keys.items():
            rows = table[(table["Model"] == name) & (table["Digits"] == subset) & (table["Metric"] == metric)]
            for column, part in (("Value", key), ("Epoch", "epoch"), ("Samples seen", "samples_seen")):
                check.equal(f"{name}: {subset} {metric}", rows[column], [one[part] for one in points if key in one])


def files(check: Check, folder: Path, scores: pd.DataFrame) -> None:
    """Count the parameters and the bytes of the exported models."""
    for name in MODELS:
        content = zipfile.ZipFile(folder / f"{name}.zip").read("model.tflite")
        check.equal(f"{name}: size", scores.loc[name, "Size (kB)"], len(content) / 1000)


def sweep(check: Check, folder: Path, shown: dict[str, object]) -> None:
    """Compute the groups of the Trainings view and the effects of the parameters from the trials."""
    trials, score = pd.read_csv(folder / "sweep.csv"), str(shown["score"])
    groups = trials.groupby(["learning_rate", "batch_size"], sort=False)[score]
    table = pd.read_csv(folder / "trainings.csv")
    check.equal("groups: trainings", table["Trainings"], groups.count())
    for column, computed in (("Mean", groups.mean()), ("Standard deviation", groups.std()), ("Lowest", groups.min())):
        check.equal(f"groups: {column}", table[column], computed)
    check.equal("groups: highest", table["Highest"], groups.max())
    values = [found.to_numpy() for _, found in groups]
    tests = [CompareMeans(DescrStatsW(found), DescrStatsW(values[0])) for found in values[1:]]
    check.equal("groups: difference", table["Difference"][1:], [found.mean() - values[0].mean() for found in values[1:]])
    bounds = np.array([test.tconfint_diff(usevar="unequal") for test in tests])
    check.equal("groups: interval", table[["Difference from", "Difference to"]][1:], bounds)
    pairs = list(itertools.combinations(range(len(values)), 2))  # The first pairs contain the reference group.
    raw_p = [CompareMeans(*(DescrStatsW(values[i]) for i in pair)).ttest_ind(usevar="unequal")[1] for pair in pairs]
    p_values = multipletests(raw_p, method="holm")[1][: len(tests)]
    check.equal("groups: p values", table["p value"][1:], p_values)
    words = [
        "no clear difference" if p >= 0.05 else "better" if found.mean() > values[0].mean() else "worse"
        for p, found in zip(p_values, values[1:], strict=True)
    ]
    verdicts = table["Compared with the reference"][1:]
    check.equal("groups: verdicts", [shown == word for shown, word in zip(verdicts, words, strict=True)], [True] * len(words))
    model = ols(f"{score} ~ C(learning_rate) + C(batch_size) + C(seed)", trials).fit()
    names = ["learning_rate", "batch_size"]
    raw = anova_lm(model, typ=2).loc[[f"C({name})" for name in names], "PR(>F)"]
    p_effects = dict(zip(names, multipletests(raw, method="holm")[1], strict=True))
    for effect in pd.read_csv(folder / "effects.csv").to_dict("records"):
        means = trials.groupby(effect["parameter"])[score].mean()
        check.equal(f"effect of {effect['parameter']}: p", effect["p"], p_effects[effect["parameter"]])
        check.equal(f"effect of {effect['parameter']}: difference", effect["difference"], means.max() - means.min())
        check.equal(f"effect of {effect['parameter']}: best", effect["best"], means.idxmax())
    best = max(found.mean() for found in values)
    values = [found for found in values if found.min() >= best - 0.1]  # A collapsed setting is left out.
    spread = np.sqrt(sum(stats.tvar(found) * (len(found) - 1) for found in values) / sum(len(found) - 1 for found in values))
    check.equal("standard deviation over seeds", shown["deviation"], spread)


def main() -> None:
    """Export, compute again, and print the number of differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="folder for the files (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        export(folder)
        check = recompute(folder)
    print(f"{check.n_compared:,} numbers compared, {check.n_different} differences")
    sys.exit(bool(check.n_different))


if __name__ == "__main__":
    main()
