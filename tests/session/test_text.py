import numpy as np
import pytest

from digitcore.evaluation.comparison import PairedComparison
from digitcore.evaluation.metrics import Evaluation
from digitcore.evaluation.score import Score
from digitcore.jobs.job import Job, JobStatus
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.session import text


@pytest.mark.parametrize(("n", "expected"), [(0, "0 drawings"), (1, "1 drawing"), (1234, "1,234 drawings")])
def test_plurals(n, expected):
    assert text.drawings(n) == expected


@pytest.mark.parametrize(("n_bytes", "expected"), [(10, "1 kB"), (3_400, "3 kB"), (99_999, "100 kB"), (1_240_000, "1.2 MB")])
def test_file_sizes(n_bytes, expected):
    assert text.file_size(n_bytes) == expected


def test_names_are_shown_as_they_are():
    assert text.escape("run 1") == "run 1" and text.escape("salt-pepper") == "salt-pepper"
    assert text.escape("[x](y) <b> _a_ $1$") == r"\[x\]\(y\) \<b\> \_a\_ \$1\$"


def test_progress_of_a_training():
    job = Job(None, get_position=lambda job: 2)
    assert text.training_progress(job, 4) == "2 ahead of you"
    job.status = JobStatus.RUNNING
    assert text.training_progress(job, 4) == "Starting …"
    job.on_event({"epoch": 1.0, "seconds": 3.0})
    assert text.training_progress(job, 4) == "Epoch 2 of 4 · 9 s left"
    job.is_stopping = True
    assert text.training_progress(job, 4).startswith("Stopping")
    job.is_stopping = False
    job.on_event({"epoch": 4.0, "seconds": 12.0})
    assert text.training_progress(job, 4) == "Finishing …"


def run(genius, **scores):
    return Run(genius, [{"epoch": 1.0}], TrainSettings(epochs=3), "untrained", 2.0, **scores)


def test_the_outcome_of_a_training(genius):
    scores = {
        "mnist_before": Score.from_counts(9000, 10_000),
        "mnist_after": Score.from_counts(9500, 10_000),
        "personal_before": Score.from_counts(1, 4),
        "personal_after": Score.from_counts(3, 4),
    }
    first, second = text.outcome(run(genius, **scores, personal_is_held_out=True))
    assert first.endswith("Started from untrained; took 2 s.")
    assert "Your handwriting 25 % → **75 %** (4 drawings set aside for testing; 95 % interval: " in second
    assert "MNIST 90.00 → **95.00 %**" in second
    assert "that it learnt from" in text.outcome(run(genius, **scores))[1]
    assert text.outcome(run(genius))[1] == "MNIST … (not read yet)."


@pytest.mark.parametrize(
    ("p_value", "expected"),
    [(0.01, ", a significant difference."), (0.2, ", no significant difference."), (None, ".")],
)
def test_the_headline_says_whether_a_difference_is_significant(genius, p_value, expected):
    before, after = Score(9000, 10_000), Score(9500, 10_000)
    found = run(genius, mnist_before=before, mnist_after=after, mnist_p_value=p_value)
    assert text.headline(found) == "MNIST 90.00 → **95.00 %**" + expected
    waiting = run(genius, mnist_before=before)
    assert text.headline(waiting, text.scoring_progress(0.4)) == "MNIST 90.00 → … (Reading MNIST: 40 %)."


def test_a_training_that_made_things_worse_is_warned_of(genius):
    better, worse = Score(3, 4), Score(2, 4)
    assert "Your accuracy dropped" in text.warning(run(genius, personal_before=better, personal_after=worse))
    assert text.warning(run(genius, personal_before=worse, personal_after=better)) == ""
    before, much, little = Score(9900, 10_000), Score(9800, 10_000), Score(9880, 10_000)
    assert "MNIST" in text.warning(run(genius, mnist_before=before, mnist_after=much))
    assert text.warning(run(genius, mnist_before=before, mnist_after=little)) == ""


def evaluation(labels, predictions):
    return Evaluation.from_probabilities(labels, np.eye(10)[predictions])


def test_the_sentence_of_a_comparison():
    labels = np.arange(20) % 10
    right, wrong = evaluation(labels, labels), evaluation(labels, (labels + 1) % 10)
    sentence = text.comparison(PairedComparison(wrong, right), "old_one", "new")
    assert sentence.startswith("new reads **20 more** of 20 test digits than old\\_one: significant (p < 0.001")
    assert sentence.endswith("It corrects 20 and adds 0 errors.")
    assert text.comparison(PairedComparison(right, right), "a", "b").startswith("Both read equally many of 20 test digits.")


@pytest.mark.parametrize(
    ("share", "places", "expected"),
    [(0.956, 0, "96 %"), (0.9996, 0, "99.9 %"), (0.994, 0, "99 %"), (1.0, 0, "100 %"), (0.9996, 1, "99.9 %"), (0, 0, "0 %")],
)
def test_percentages(share, places, expected):
    assert text.percent(share, places) == expected
