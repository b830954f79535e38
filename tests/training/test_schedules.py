import keras
import pytest

from digitcore.training.schedules import TriangularSchedule, learning_rate_schedule


def rates(schedule, steps):
    return [float(schedule(step)) for step in range(steps)]


def test_constant_schedule_is_a_number():
    assert learning_rate_schedule("constant", 0.01, 100) == 0.01


def test_cosine_schedule_rises_and_falls_to_a_hundredth():
    values = rates(learning_rate_schedule("cosine", 0.01, 120), 120)
    assert values.index(max(values)) == 10
    assert max(values) == pytest.approx(0.01, rel=0.01)
    assert values[-1] < 2e-4


def test_triangular_schedule_peaks_after_a_quarter():
    values = rates(learning_rate_schedule("triangular", 0.01, 100), 100)
    assert values.index(max(values)) in (24, 25)
    assert max(values) == pytest.approx(0.01)
    assert values[-1] < 2e-4


def test_schedule_can_be_saved_and_loaded():
    config = keras.saving.serialize_keras_object(TriangularSchedule(0.1, 2, 8))
    assert keras.saving.deserialize_keras_object(config).get_config() == {"peak": 0.1, "rise": 2, "steps": 8}
