from dataclasses import replace

import numpy as np
import pytest

from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.metrics import Evaluation
from digitcore.evaluation.score import Score
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.tasks import Progress, TrainTask
from digitcore.samples import SampleSet
from digitcore.storage.changes import LabChanges
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.session import training_summary


def test_the_progress_of_a_training_is_a_sentence(genius):
    job = Job(TrainTask(genius, SampleSet(), TrainSettings(epochs=4)), get_position=lambda job: 2)
    assert training_summary.job_text(job) == "Waiting for 2 other jobs"
    job.status = JobStatus.RUNNING
    job.on_start()
    assert training_summary.job_text(job) == "Starting the training …"
    job.on_progress(Progress(0.25, {"epoch": 1.0, "seconds": 3.0}))
    assert training_summary.job_text(job) == "Epoch 2 of 4 · 9 s left"
    job.is_stopping = True
    assert training_summary.job_text(job) == "Stopping. The current weights are kept."
    job.is_stopping = False
    job.on_progress(Progress(1.0, {"epoch": 4.0, "seconds": 12.0}))
    assert training_summary.job_text(job) == "Finishing the training …"
    job.on_start()
    assert training_summary.job_text(job).endswith("started again because its worker died")


def test_the_progress_of_several_jobs_names_what_runs_or_else_the_first_in_the_queue(genius):
    jobs = [Job(TrainTask(genius, SampleSet(), TrainSettings()), get_position=lambda job, n=n: n) for n in (1, 2)]
    assert training_summary.progress_text(jobs) == "Waiting for 1 other job"
    jobs[0].status = JobStatus.RUNNING
    jobs[0].on_start()
    assert training_summary.progress_text(jobs) == "Starting the training …"


def run(genius, **scores):
    return Run(genius, [{"epoch": 1.0}], TrainSettings(epochs=3), "untrained", 2.0, **scores)


def test_the_outcome_of_a_training_is_a_sentence(genius):
    scores = {
        "mnist_before": Score.from_counts(9000, 10_000),
        "mnist_after": Score.from_counts(9500, 10_000),
        "personal_before": Score.from_counts(1, 4),
        "personal_after": Score.from_counts(3, 4),
    }
    first, second = training_summary.outcome(run(genius, **scores, personal_is_held_out=True))
    assert first.endswith("Started from untrained. It took 2 s.")
    assert "Your handwriting 25 % → **75 %** (4 drawings held out; 95 % interval: " in second
    assert "MNIST 90.00 % → **95.00 %**" in second
    assert "used for training" in training_summary.outcome(run(genius, **scores))[1]
    assert training_summary.outcome(run(genius))[1] == "MNIST … (not evaluated yet)."


def verdict(start, model, scoring="", **scores):
    return training_summary.verdict(RunRecord(run(model, **scores), start), scoring)


@pytest.mark.parametrize(
    ("before", "after", "is_held_out", "expected"),
    [
        (1, 20, False, ("better", "Better: 20 of 20 (before: 1)")),
        (19, 20, False, ("better", "Better: 20 of 20 (before: 19)")),
        (20, 20, False, ("same", "About the same: 20 of 20 (before: 20)")),
        (19, 18, False, ("worse", "Worse: 18 of 20 (before: 19)")),
        (19, 3, False, ("worse", "Much worse: 3 of 20 (before: 19)")),
        (15, 19, True, ("same", "About the same: 19 of 20 (before: 15)")),
        (12, 19, True, ("better", "Better: 19 of 20 (before: 12)")),
        (19, 12, True, ("worse", "Worse: 12 of 20 (before: 19)")),
    ],
)
def test_the_verdict_counts_drawings(genius, untrained, before, after, is_held_out, expected):
    scores = {"personal_before": Score.from_counts(before, 20), "personal_after": Score.from_counts(after, 20)}
    found = verdict(untrained, genius, personal_is_held_out=is_held_out, **scores)
    assert (found.tone, found.headline) == expected
    which = "held-out drawings (95 % interval " if is_held_out else "drawings that it learnt from. MNIST …"
    assert which in found.detail


@pytest.mark.parametrize(
    ("p_value", "tone", "expected"),
    [(0.01, "better", ": clearly better."), (0.2, "same", ": about the same."), (None, "same", ".")],
)
def test_the_verdict_without_drawings_is_about_mnist(genius, untrained, p_value, tone, expected):
    before, after = Score(9000, 10_000), Score(9500, 10_000)
    found = verdict(untrained, genius, mnist_before=before, mnist_after=after, mnist_p_value=p_value)
    assert (found.tone, found.headline) == (tone, "Trained without your drawings")
    assert found.detail == "MNIST 90.00 % → **95.00 %** of 10,000 test digits" + expected
    waiting = verdict(untrained, genius, "evaluating: 40 %", mnist_before=before)
    assert waiting.detail == "MNIST 90.00 % → … (evaluating: 40 %)."


def test_a_collapse_on_mnist_is_worse_even_if_the_drawings_improve(genius, untrained):
    before, after = Score.from_counts(9970, 10_000), Score.from_counts(1030, 10_000)
    mnist = {"mnist_before": before, "mnist_after": after, "mnist_p_value": 0.0}
    found = verdict(genius, untrained, **mnist, personal_before=Score.from_counts(3, 4), personal_after=Score.from_counts(4, 4))
    assert (found.tone, found.headline) == ("worse", "Much worse: MNIST 99.7 % → 10.3 %")
    assert found.detail.startswith("4 of 4 (before: 3) drawings that it learnt from. MNIST")


def test_a_model_that_is_better_on_mnist_is_better_if_few_drawings_show_no_difference(genius, untrained):
    mnist = {"mnist_before": Score(1500, 10_000), "mnist_after": Score(8833, 10_000), "mnist_p_value": 0.0}
    drawings = {"personal_before": Score(0, 2), "personal_after": Score(2, 2), "personal_is_held_out": True}
    found = verdict(untrained, genius, **mnist, **drawings)
    assert (found.tone, found.headline) == ("better", "Better on MNIST: 15.0 % → 88.3 %")
    assert found.detail.startswith("2 of 2 (before: 0) held-out drawings")


def test_a_worse_model_gives_a_warning(genius):
    better, worse = Score(3, 4), Score(2, 4)
    assert "Your accuracy dropped" in training_summary.warning(run(genius, personal_before=better, personal_after=worse))
    assert training_summary.warning(run(genius, personal_before=worse, personal_after=better)) == ""
    before, much, little = Score(9900, 10_000), Score(9800, 10_000), Score(9880, 10_000)
    assert "MNIST" in training_summary.warning(run(genius, mnist_before=before, mnist_after=much))
    assert training_summary.warning(run(genius, mnist_before=before, mnist_after=little)) == ""


def test_the_score_on_unseen_drawings(genius, untrained):
    record = RunRecord(run(genius.rename("run 1")), untrained)
    scores = Score.from_counts(1, 3), Score.from_counts(3, 3)
    sentence = training_summary.unseen(record, scores)
    assert sentence == "run 1 predicts **3 of 3** unseen drawings correctly (95 % interval 44–100 %; untrained: 1)."
    held_out = RunRecord(run(genius, personal_after=scores[1], personal_is_held_out=True), untrained)
    assert training_summary.unseen(held_out, scores) == training_summary.unseen(held_out, None) == ""


def evaluation(labels, predictions):
    return Evaluation.from_probabilities(labels, np.eye(10)[predictions])


def test_the_sentence_of_a_comparison():
    labels = np.arange(20) % 10
    right, wrong = evaluation(labels, labels), evaluation(labels, (labels + 1) % 10)
    sentence = training_summary.comparison(PairedComparison(wrong, right), "old_one", "new")
    assert sentence.startswith(
        "new predicts **20 more** of 20 test digits correctly than old\\_one: these two models differ (p < 0.001"
    )
    assert sentence.endswith("It corrects 20 and adds 0 errors.")
    same = training_summary.comparison(PairedComparison(right, right), "a", "b")
    assert same.startswith("b and a predict equally many of 20 test digits correctly.")


def test_a_training_that_early_stopping_has_ended(genius):
    points = [{"epoch": float(epoch), "samples_seen": 0.0, "seconds": 0.0, "val_loss": 1.0} for epoch in range(5)]
    found = replace(run(genius), history=points, settings=TrainSettings(epochs=20, early_stopping=2))
    assert training_summary.epochs(found) == "4 of 20"
    assert (
        "The training ended after 4 of 20 epochs, because the validation loss did not fall any more."
        in training_summary.outcome(found)[0]
    )


def test_a_risen_validation_loss_gives_a_warning_and_no_praise(genius, untrained):
    before, after = Score.from_counts(1500, 10_000), Score.from_counts(4053, 10_000)
    points = [{"epoch": 0.0, "val_loss": 2.4}, {"epoch": 1.0, "val_loss": 12.1}]
    failed = replace(run(genius, mnist_before=before, mnist_after=after, mnist_p_value=0.0), history=points)
    assert "The validation loss rose from 2.40 to 12.10" in training_summary.warning(failed)
    assert training_summary.verdict(RunRecord(failed, untrained)).tone == "same"
    assert "better" not in training_summary.verdict(RunRecord(failed, untrained)).detail
    fallen = replace(failed, history=points[::-1])
    assert training_summary.warning(fallen) == ""
    assert "clearly better" in training_summary.verdict(RunRecord(fallen, untrained)).detail


@pytest.mark.parametrize(("before", "after", "is_warned"), [(0.009, 0.014, False), (0.009, 0.06, True), (0.1, 0.14, False)])
def test_a_small_rise_of_the_validation_loss_gives_no_warning(genius, before, after, is_warned):
    """A lesson with one wrong label changes the loss of an accurate model by thousandths, and its accuracy not at all."""
    risen = replace(run(genius), history=[{"epoch": 0.0, "val_loss": before}, {"epoch": 1.0, "val_loss": after}])
    assert bool(training_summary.warning(risen)) == is_warned


def test_a_stopped_training_names_its_part_of_the_training_set(genius):
    points = [{"epoch": 0.0, "samples_seen": 0, "seconds": 0.0}, {"epoch": 0.064, "samples_seen": 128, "seconds": 1.0}]
    stopped = replace(run(genius), history=points, settings=TrainSettings(epochs=4), stopped=True)
    first = training_summary.outcome(stopped)[0]
    assert first.startswith("The training was stopped after 0.064 of 4 epochs of 55,000 MNIST digits")
    assert "Trained on" not in first


def test_a_lower_accuracy_is_called_worse_beside_the_advice(genius, untrained):
    before, after = Score.from_counts(9900, 10_000), Score.from_counts(9700, 10_000)
    worse = run(genius, mnist_before=before, mnist_after=after, mnist_p_value=0.0)
    assert "MNIST accuracy dropped" in training_summary.warning(worse)
    assert "clearly worse" in training_summary.verdict(RunRecord(worse, untrained)).detail


def test_the_changes_of_another_device_are_described(few, genius, untrained):
    record = RunRecord(run(genius.rename("run 1")), untrained)
    lab = LabSnapshot(few, (record,))
    for after, sentence in (
        (LabSnapshot(few.concatenate(few.take([0, 1])), (record,)), "2 drawings came from another device."),
        (LabSnapshot(few.drop([0]), ()), "1 drawing and 1 run were deleted on another device."),
        (LabSnapshot(few.drop([0]), (record,)), "1 drawing was deleted on another device."),
        (LabSnapshot(few.relabel([0], 9), (record,)), "1 label changed on another device."),
        (LabSnapshot(few, (record.rename("mine"),)), ""),
        (
            LabSnapshot(few.drop([0]).concatenate(SampleSet.from_arrays(few.digits[:1], few.labels[:1])), (record,)),
            "1 drawing came from another device. 1 drawing was deleted on another device.",
        ),
    ):
        assert training_summary.taken_over(LabChanges.between(lab, after), lab) == sentence
