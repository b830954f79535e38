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
    assert session.flash == "genius predicts again. run 1 is kept on Train."
