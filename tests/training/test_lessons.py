import pytest

from digitcore.models import networks
from digitcore.sweeps import space as parameter_space
from digitcore.training.lessons import LESSONS
from digitcore.training.settings import SETTING_SPECS


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.title)
def test_trainings_of_a_lesson_are_valid(lesson):
    ((name, values),) = lesson.values.items()
    assert len(values) > 1
    assert lesson.n_seeds >= 3
    assert lesson.answer
    form = (*parameter_space.BLOCK_VALUES, parameter_space.NETWORK)  # The network builder offers these keys.
    assert name in form or name.split(".")[-1] in form or SETTING_SPECS[name].widget, (
        "the form of the Train page has the parameter"
    )
    for value in values:
        settings, network = parameter_space.apply({name: value}, lesson.settings, lesson.network)
        assert settings.epochs <= 50, "More epochs exceed the limit of a server."
        if network:
            networks.build(network)
