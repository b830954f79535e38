"""Learning-rate schedules by name."""

from typing import Any

import keras

COSINE_WARM_UP = 1 / 12  # share of the steps in which a cosine schedule rises
TRIANGULAR_WARM_UP = 1 / 4


def learning_rate_schedule(name: str, peak: float, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return a learning rate for a Keras optimizer.

    Args:
        name: `constant`, `cosine` or `triangular`.
        peak: The highest learning rate.
        steps: Number of batches of the whole training.

    Returns:
        A number for `constant`, otherwise a Keras schedule.

    Example:
        >>> learning_rate_schedule("constant", 0.01, 100)
        0.01
        >>> schedule = learning_rate_schedule("triangular", 0.01, 100)
        >>> [round(float(schedule(step)), 4) for step in (0, 24, 99)]
        [0.0004, 0.01, 0.0001]
    """
    if name == "cosine":
        rise = max(1, round(steps * COSINE_WARM_UP))
        return keras.optimizers.schedules.CosineDecay(
            peak / 20, max(1, steps - rise), alpha=0.01, warmup_target=peak, warmup_steps=rise
        )
    if name == "triangular":
        rise = max(1, int(steps * TRIANGULAR_WARM_UP))
        return TriangularSchedule(peak, rise, max(rise + 1, steps))
    return peak


@keras.saving.register_keras_serializable("digit-lab")
class TriangularSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly from 0 to its peak and then falls linearly to 0.

    Args:
        peak: The highest learning rate.
        rise: Number of batches in which it rises.
        steps: Number of batches of the whole training; larger than `rise`.

    Example:
        >>> schedule = TriangularSchedule(peak=0.1, rise=2, steps=8)
        >>> [round(float(schedule(step)), 3) for step in range(8)]
        [0.05, 0.1, 0.1, 0.083, 0.067, 0.05, 0.033, 0.017]
    """

    def __init__(self, peak: float, rise: int, steps: int):
        self.peak, self.rise, self.steps = peak, rise, steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a batch, as a tensor."""
        step = keras.ops.cast(step, "float32")
        up, down = (step + 1) / self.rise, (self.steps - step) / (self.steps - self.rise)
        return self.peak * keras.ops.minimum(up, down)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, which Keras stores with a compiled model."""
        return {"peak": self.peak, "rise": self.rise, "steps": self.steps}
