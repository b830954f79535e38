import pytest

from digitcore.models import networks
from digitcore.sweeps import space as parameter_space
from digitcore.training.lessons import LESSONS


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.title)
def test_a_lesson_s_trainings_can_be_made(lesson):
    ((name, values),) = lesson.values.items()
    assert len(values) > 1 and lesson.n_seeds >= 3 and lesson.answer
    for value in values:
        settings, network = parameter_space.apply({name: value}, lesson.settings, lesson.network)
        assert settings.epochs <= 50, "which every server allows"
        if network:
            networks.build(network)
