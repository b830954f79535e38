import keras
import pytest

from digitcore.training.schedules import TriangularSchedule, learning_rate_schedule


def rates(schedule, steps):
    return [float(schedule(step)) for step in range(steps)]


def test_constant():
    assert learning_rate_schedule("constant", 0.01, 100) == 0.01


def test_cosine_rises_and_falls_to_a_hundredth():
    values = rates(learning_rate_schedule("cosine", 0.01, 120), 120)
    assert values.index(max(values)) == 10 and max(values) == pytest.approx(0.01, rel=0.01) and values[-1] < 2e-4


def test_triangular_peaks_after_a_quarter():
    values = rates(learning_rate_schedule("triangular", 0.01, 100), 100)
    assert values.index(max(values)) in (24, 25) and max(values) == pytest.approx(0.01) and values[-1] < 2e-4


def test_a_schedule_survives_saving():
    config = keras.saving.serialize_keras_object(TriangularSchedule(0.1, 2, 8))
    assert keras.saving.deserialize_keras_object(config).get_config() == {"peak": 0.1, "rise": 2, "steps": 8}
