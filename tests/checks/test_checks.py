"""The checks: each finds its planted fault and no other, and none finds an issue in a clean lab."""

import json
from dataclasses import replace

import numpy as np
import pytest

from digitcore import mnist, models
from digitcore.checks import CHECKS, CheckTask, Status, check_lab
from digitcore.checks.check import PAGE
from digitcore.checks.data import SECOND_MODEL
from digitcore.cli import main
from digitcore.errors import LabError
from digitcore.samples import SampleSet
from digitcore.storage import archive
from digitcore.storage.snapshot import LabSnapshot
from tests.support.check_labs import PLANTED, clean_lab, curve, from_scratch, record


def issues(lab: LabSnapshot, run_name: str = "") -> set[str]:
    return {result.id for result in check_lab(lab, run_name) if result.status == Status.ISSUE}


def test_every_check_has_a_planted_fault():
    assert [check.id for check in CHECKS] == list(PLANTED)


@pytest.mark.parametrize("seed", range(10))
def test_no_check_finds_an_issue_in_a_clean_lab(seed):
    results = check_lab(clean_lab(seed))
    assert [result for result in results if result.status != Status.PASSED] == []


@pytest.mark.parametrize("number", PLANTED)
def test_a_planted_fault_is_found_by_its_check_alone(number):
    assert issues(PLANTED[number](clean_lab(0))) == {number}


def test_an_empty_lab_has_no_issue():
    assert {result.status for result in check_lab(LabSnapshot())} == {Status.NOT_APPLICABLE}


@pytest.mark.parametrize(
    ("error", "number"),
    [
        ("The loss is not a finite number in epoch 1, batch 7 of 40. Choose a lower learning rate and train again.", "R01"),
        ("After epoch 1, 97 % of the ReLU units are dead: they return 0 for every digit and cannot learn.", "R05"),
    ],
)
def test_a_failed_run_is_explained(error, number):
    lab = replace(clean_lab(0), runs=(record(0, error=error, history=[]),))
    assert issues(lab) == {number}


def test_a_loss_that_is_too_high_for_the_accuracy_is_a_learning_rate_that_is_too_high():
    history = curve((2.4, 0.05, 2.4, 0.05), (2.2, 0.84, 2.39, 0.83), (1.7, 0.88, 1.73, 0.884))  # softmax regression, rate 1
    lab = replace(clean_lab(0), runs=(from_scratch(record(0, history=history)),))
    assert issues(lab) == {"R01"}


def test_an_error_of_the_pre_trained_model_alone_is_no_issue():
    digits, labels = mnist.load().test
    expert, second = (models.load(name).predictor().probabilities(digits) for name in ("genius", SECOND_MODEL))
    alone = (expert.argmax(1) != labels) & (expert.max(1) > 0.96) & (second.argmax(1) == labels)
    lab = LabSnapshot(SampleSet.from_arrays(digits[alone], labels[alone]))
    assert alone.any()
    assert "D03" not in issues(lab)


def test_a_confirmed_label_is_no_issue():
    lab = PLANTED["D03"](clean_lab(0))
    assert issues(replace(lab, preferences={"kept_labels": lab.samples.identities()})) == set()


def test_a_drop_by_chance_is_not_called_forgetting():
    lab = clean_lab(0)
    after = replace(lab.runs[0].run.mnist_before, correct=9_930)
    assert issues(replace(lab, runs=(record(0, mnist_after=after, mnist_p_value=0.2),))) == set()


def test_blank_drawings_and_a_single_drawing_are_checked():
    check_lab(LabSnapshot(SampleSet.from_arrays(np.zeros((9, 28, 28), np.uint8), [3] * 9)))
    check_lab(LabSnapshot(SampleSet.from_arrays(np.zeros((1, 28, 28), np.uint8), [3])))


def test_without_mnist_the_distance_is_not_checked(monkeypatch):
    monkeypatch.setattr(mnist, "is_available", lambda: False)
    [result] = [result for result in check_lab(clean_lab(0)) if result.id == "D05"]
    assert result.status == Status.NOT_APPLICABLE


def test_the_named_run_is_checked():
    good, bad = clean_lab(0).runs[0], PLANTED["R04"](clean_lab(0)).runs[0].rename("run 2")
    lab = replace(clean_lab(0), runs=(good, bad))
    assert issues(lab) == issues(lab, "run 2") == {"R04"}
    assert issues(lab, "run 1") == set()
    with pytest.raises(LabError, match=r"no run called “run 3”\. It has run 1, run 2"):
        check_lab(lab, "run 3")


def test_the_task_returns_the_results_and_knows_a_change():
    lab = clean_lab(0)
    assert CheckTask(lab).run(lambda progress: None, lambda: False) == check_lab(lab)
    assert CheckTask(lab).key == CheckTask(clean_lab(0)).key
    assert CheckTask(lab).key != CheckTask(PLANTED["D02"](lab)).key
    assert CheckTask(lab).key != CheckTask(PLANTED["R04"](lab)).key


def test_every_result_has_a_section_in_the_docs():
    anchors = {result.page for result in check_lab(LabSnapshot())}
    assert all(page.startswith(f"{PAGE}#") for page in anchors)
    assert len(anchors) == len(CHECKS)


def test_the_command_prints_the_results(tmp_path, capsys):
    file = tmp_path / "lab.zip"
    lab = PLANTED["D02"](replace(clean_lab(0), runs=()))
    file.write_bytes(archive.write(lab))
    assert main(["check", str(file), "--json"]) == 0
    results = json.loads(capsys.readouterr().out)
    assert [result["id"] for result in results if result["status"] == "issue"] == ["D02"]
    assert main(["check", str(file)]) == 0
    assert "1 of 12 checks found an issue." in capsys.readouterr().out
    assert main(["check", str(file), "--run", "run 9"]) == 1
