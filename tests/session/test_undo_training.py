from unittest import mock

import pytest

from digitcore.evaluation.score import Score
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.components import undo_training


class Rerun(Exception):
    pass


def test_undoing_a_training_runs_the_whole_page_again(session, genius, untrained, monkeypatch):
    """The button is in a fragment, but the page outside the fragment also shows the active model."""
    scores = {"mnist_before": Score.from_counts(9970, 10_000), "mnist_after": Score.from_counts(1030, 10_000)}
    run = Run(untrained.rename("x"), [], TrainSettings(), "genius", 1.0, **scores)
    record = session.models.add_run(run, genius)
    page = mock.MagicMock()
    page.button.side_effect = lambda label, on_click=None, args=(), **options: on_click(*args) if on_click else True
    page.rerun.side_effect = Rerun
    monkeypatch.setattr(undo_training, "st", page)
    with pytest.raises(Rerun):
        undo_training.undo_training(session, record, is_prominent=True)
    assert session.active_model is genius
    assert session.flash == "The training is undone. Now genius predicts. Train still has run 1."


@pytest.mark.parametrize("activate", [lambda session: session.activate("run 1"), lambda session: session.start_training()])
def test_an_undone_training_is_mentioned_until_another_model_predicts(session, genius, untrained, few, activate):
    record = session.models.add_run(Run(untrained.rename("x"), [], TrainSettings(), "genius", 1.0), genius)
    session.replace_samples(few, "20 drawings imported.")
    session.activate("run 1")
    assert session.flash == "20 drawings imported.", "other sentences stay"
    session.undo_training(record)
    activate(session)
    assert session.flash == ""


def test_a_network_that_was_taught_before_predicts_again(session, genius, untrained):
    session.teach("untrained")
    session.models.add_run(Run(genius.rename("x"), [], TrainSettings(), "untrained", 1.0), untrained)
    session.teach("genius")
    assert session.active_model is genius
    session.teach("untrained")
    assert session.active_model.name == "run 1"
    assert session.start_model()[0].name == "untrained", "the next training starts again"
    session.models.delete_run("run 1")
    session.teach("genius")
    session.teach("untrained")
    assert session.active_model.name == "untrained"
