import pytest

from digitcore.lessons import LESSONS
from digitcore.models import networks
from digitcore.sweeps import space as parameter_space
from digitcore.training.settings import SETTING_SPECS


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.title)
def test_trainings_of_a_lesson_are_valid(lesson):
    name = lesson.parameter
    assert len(lesson.trials) > 1
    assert lesson.n_seeds >= 3
    assert lesson.answer
    form = (*parameter_space.BLOCK_VALUES, parameter_space.NETWORK)  # The network builder offers these keys.
    assert name in form or name.split(".")[-1] in form or SETTING_SPECS[name].widget, (
        "the form of the Train page has the parameter"
    )
    for trial in lesson.trials:
        settings, network = lesson.training(trial)
        assert settings.epochs <= 50, "More epochs exceed the limit of a server."
        if network:
            networks.build(network)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.title)
def test_trainings_of_a_lesson_differ_and_have_measured_results(lesson):
    assert len({lesson.training(trial) for trial in lesson.trials}) == len(lesson.trials)
    assert len({trial.label for trial in lesson.trials}) == len(lesson.trials)
    for trial in lesson.trials:
        if trial.measured is not None:
            low, high = trial.measured
            assert 0 < low <= high < 1
