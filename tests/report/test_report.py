"""The report: its numbers, its escaping, and that its file needs nothing else."""

import html as html_module
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from digitcore import mnist
from digitcore.cli import main
from digitcore.evaluation import robustness
from digitcore.evaluation.metrics import Evaluation
from digitcore.report import ReportTask, content, html, results, svg
from digitcore.report.parts import Charts, Table
from digitcore.storage import archive
from digitcore.storage.snapshot import LabSnapshot
from digitcore.sweeps import Sweep, SweepPlan
from digitcore.training.settings import TrainSettings
from tests.support.html import parsed

N = 200  # digits of MNIST on which the models are evaluated
MAX_BYTES = 2_000_000
SHARES = {"Confidence", "Confidence threshold", "Coverage", "Accuracy"}


def done_sweep(genius, samples) -> dict:
    """Return the state of a sweep of two learning rates and two seeds, with scores."""
    sweep = Sweep(genius, samples, SweepPlan({"learning_rate": [0.001, 0.01]}, TrainSettings(), n_seeds=2))
    state = sweep.to_dict()
    for number, trial in enumerate(state["trials"]):
        trial |= {"status": "done", "scores": {"validation": 0.95 + 0.005 * number, "seconds": 1.0}}
    return state


def quick_evaluate(model, *args):
    digits, labels = (part[:N] for part in mnist.load().test)
    return Evaluation.from_probabilities(labels, model.predictor().probabilities(digits))


@pytest.fixture(scope="module")
def measured(module_lab):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results.mnist_evaluation, "evaluate", quick_evaluate)
        return results.measure(module_lab, ["untrained", "run 1"])


@pytest.fixture(scope="module")
def module_lab(few, genius, untrained):
    """Return a lab with a run, drawings that the run did not learn from, and a sweep."""
    from digitcore.storage.snapshot import RunRecord
    from digitcore.training.run import Run

    points = [{"epoch": float(epoch), "samples_seen": 10.0 * epoch, "seconds": 1.0, "val_loss": 2.3 - epoch} for epoch in (0, 1)]
    run = Run(genius.rename("run 1"), points, TrainSettings(), "untrained", 1.5, sample_hashes=frozenset(few.digit_hashes[:5]))
    return LabSnapshot(few, (RunRecord(run, untrained),), (), {"active_model": "run 1"}, done_sweep(genius, few))


@pytest.fixture(scope="module")
def page(measured):
    return html.to_html(content.build(measured))


def texts(page: str) -> str:
    return html_module.unescape(re.sub(r"<[^>]+>", " ", page))


def test_the_report_shows_the_numbers_of_the_library(measured, page):
    pair, drawings = measured.comparison, measured.drawings_comparison
    assert f"run 1 predicts {pair.candidate.correct:,} of {N} test digits of MNIST correctly" in texts(page)
    assert f"run 1 predicts {drawings.candidate.correct} of 15 unseen drawings correctly" in texts(page)
    assert f"{N - pair.candidate.correct} of {N}" in texts(page)


def test_shares_are_percentages_in_the_tables_of_confidences(measured):
    parts = content._calibration(measured)
    tables = [part if isinstance(part, Table) else part.table for part in parts if isinstance(part, Table | Charts)]
    assert [table.caption for table in tables] == ["Accuracy by confidence", "At the confidence threshold of the Draw page"]
    for table in tables:
        assert table.columns[0] == "Model"
        shares = [cell for row in table.rows for title, cell in zip(table.columns, row, strict=True) if title in SHARES]
        assert len(shares) > 3
        assert all(cell.endswith(" %") for cell in shares)


def test_the_report_has_all_sections(page):
    titles = "Scores, Drawings, Curves, Confusion, Calibration, Robustness, Sweep, Checks, Settings and versions, Data, Commands"
    assert re.findall(r"<h2[^>]*>([^<]+)</h2>", page) == titles.split(", ")
    assert "Learning rate" in texts(page)
    assert "digitlab report lab.zip --model untrained --model 'run 1' -o report.html" in texts(page)


def test_the_report_says_how_many_drawings_the_candidate_has_learnt_from(page):
    assert "run 1 has learnt from 5 of the 20 drawings." in texts(page)


def test_the_report_shows_the_changed_drawings(measured, page):
    changed = measured.changed()
    assert changed
    assert page.count("<img") == len(changed)
    assert all(f"true {label}: {before} → {after}" in texts(page) for _, label, before, after in changed)


def test_the_file_needs_nothing_else_and_is_small(page):
    assert len(page.encode()) < MAX_BYTES
    assert "<script" not in page
    addresses = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')\s>]+)""", page)
    assert addresses
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in addresses)
    assert "@import" not in page and "@font-face" not in page
    schemes = set(re.findall(r"\bhttps?://[^\s\"'<]+", page))
    assert schemes <= {"http://www.w3.org/2000/svg"}  # the name of a namespace


def test_every_chart_has_one_description_and_its_own_ids(page):
    if not svg.is_available():
        pytest.skip("vl-convert-python is not installed")
    charts = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(charts) > 15
    assert all(re.match(r'<svg role="img" aria-label="[^"]+', chart) for chart in charts)
    assert all(len(re.findall(r"aria-label|\brole=", chart)) == 2 for chart in charts)
    descriptions = re.findall(r'<svg role="img" aria-label="([^"]+)', page)
    assert len(descriptions) == len(set(descriptions)), "each chart has a description of its own numbers"
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_charts_show_small_values_as_they_are(page):
    if not svg.is_available():
        pytest.skip("vl-convert-python is not installed")
    charts = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    sweep = next(chart for chart in charts if "MNIST validation of" in chart)
    assert {"0.001", "0.01"} <= set(re.findall(r"<text[^>]*>([^<]+)</text>", sweep))


def test_trials_have_the_titles_and_percentages_of_the_page(page):
    table = re.search(r"<caption>Trials</caption>.*?</table>", page, re.DOTALL)[0]
    assert re.findall(r"<th scope=\"col\">([^<]+)", table) == ["Learning rate", "Seed", "Status", "MNIST validation", "Seconds"]
    assert "<td>95.00 %</td>" in table


def test_numbers_are_not_rounded_to_other_whole_numbers():
    table = Table.from_frame("Sizes", pd.DataFrame({"Parameters": [238_510.0, np.nan], "Loss": [0.123456, 2.0]}))
    assert table.rows == [["238,510", "0.1235"], ["–", "2"]]


def test_without_the_extra_the_report_has_all_tables_and_says_so(measured, page, monkeypatch):
    monkeypatch.setattr(svg, "is_available", lambda: False)
    bare = html.to_html(content.build(measured))
    assert "<svg" not in bare and "<details" not in bare
    assert svg.MISSING in texts(bare)
    assert bare.count("<table") == page.count("<table")


def test_a_lab_without_mnist_says_so(measured, monkeypatch):
    bare = replace(measured, mnist={}, robustness={})
    assert content.NO_MNIST in texts(html.to_html(content.build(bare)))


def test_names_and_texts_are_escaped(measured):
    evil = '<img src=x onerror="alert(1)">&amp;'
    models = {evil if name == "run 1" else name: model for name, model in measured.models.items()}
    renamed = {part: {evil if name == "run 1" else name: value for name, value in getattr(measured, part).items()} for part in
               ("mnist", "robustness", "drawings")}  # fmt: skip
    page = html.to_html(content.build(replace(measured, models=models, **renamed)))
    assert "<img src=x" not in page
    assert not [tag for tag, attributes in parsed(page) if any(name.startswith("on") for name in attributes)]
    assert evil in texts(page)


def test_the_same_state_has_the_same_key_and_a_change_another(module_lab):
    key = ReportTask(module_lab, ("a",)).key
    assert key == ReportTask(module_lab, ("a",)).key
    changed = [
        ReportTask(module_lab, ("b",)),
        ReportTask(replace(module_lab, samples=module_lab.samples.relabel([0], 9)), ("a",)),
        ReportTask(replace(module_lab, sweep=None), ("a",)),
        ReportTask(replace(module_lab, runs=()), ("a",)),
    ]
    assert all(task.key != key for task in changed)


def test_a_damaged_sweep_is_left_out(measured):
    damaged = replace(measured, lab=replace(measured.lab, sweep={"plan": {}, "trials": []}))
    assert "Sweep" not in [section.title for section in content.build(damaged).sections]


def test_the_command_writes_the_report_of_a_lab(tmp_path, monkeypatch, capsys, few):
    monkeypatch.setattr(results.mnist_evaluation, "evaluate", quick_evaluate)
    monkeypatch.setattr(results, "_robustness", lambda model, *_: robustness.from_card({"blur": [0.9, 0.8, 0.7, 0.6, 0.5]}, 0.99))
    lab, out = tmp_path / "lab.zip", tmp_path / "report.html"
    lab.write_bytes(archive.write(LabSnapshot(few)))
    assert main(["report", str(lab), "-o", str(out), "--model", "untrained", "--model", "mlp"]) == 0
    assert "Baseline untrained, candidate mlp" in out.read_text(encoding="utf-8")
    assert main(["report", str(lab), "-o", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["report", str(lab), "-o", str(tmp_path / "other.html"), "--model", "nobody", "--model", "mlp"]) == 1
    assert "no model called “nobody”" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "none.zip")]) == 1


@pytest.mark.parametrize("folder", ["none", "file"])
def test_a_report_that_cannot_be_written_is_not_measured(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ReportTask, "run", lambda *_: pytest.fail("measured"))
    (tmp_path / "file").write_text("")
    lab, out = tmp_path / "lab.zip", tmp_path / folder / "report.html"
    lab.write_bytes(archive.write(LabSnapshot()))
    assert main(["report", str(lab), "-o", str(out)]) == 1
    assert str(out) in capsys.readouterr().err
    assert not out.exists()


def test_a_report_that_fails_leaves_no_file(tmp_path, capsys):
    lab, out = tmp_path / "lab.zip", tmp_path / "report.html"
    lab.write_bytes(archive.write(LabSnapshot()))
    assert main(["report", str(lab), "-o", str(out), "--model", "nobody", "--model", "mlp"]) == 1
    assert not out.exists()


def test_the_report_has_the_clear_interactions_of_the_sweep(measured, genius, few):
    plan = SweepPlan({"learning_rate": [0.001, 0.01], "batch_size": [16, 64]}, TrainSettings(), n_seeds=3)
    state = Sweep(genius, few, plan).to_dict()
    for number, trial in enumerate(state["trials"]):
        is_best = trial["values"] == {"learning_rate": 0.01, "batch_size": 16}
        trial |= {"status": "done", "scores": {"validation": 0.9 + 0.05 * is_best + 0.001 * (number % 3), "seconds": 1.0}}
    text = texts(html.to_html(content.build(replace(measured, lab=replace(measured.lab, sweep=state)))))
    assert "Learning rate and Batch size" in text


def test_a_long_table_says_how_many_rows_are_left_out():
    from digitcore.report.parts import MAX_ROWS, Table

    table = Table.from_frame("Trials", pd.DataFrame({"Score": np.arange(MAX_ROWS + 3)}))
    assert len(table.rows) == MAX_ROWS
    assert table.n_left_out == 3
