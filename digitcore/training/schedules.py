"""Learning-rate schedules by name."""

from typing import Any

import keras

COSINE_WARM_UP = 1 / 12  # share of the steps in which a cosine schedule rises
TRIANGULAR_WARM_UP = 1 / 4


def learning_rate_schedule(name: str, peak: float, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """A schedule for Keras's optimizers.

    Args:
        name: constant, cosine or triangular.
        peak: the highest learning rate.
        steps: length of the whole training.
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
    """Linear from 0 to the peak in `rise` steps, then linear to 0."""

    def __init__(self, peak: float, rise: int, steps: int):
        self.peak, self.rise, self.steps = peak, rise, steps

    def __call__(self, step: Any) -> Any:
        step = keras.ops.cast(step, "float32")
        up, down = (step + 1) / self.rise, (self.steps - step) / (self.steps - self.rise)
        return self.peak * keras.ops.minimum(up, down)

    def get_config(self) -> dict[str, Any]:
        return {"peak": self.peak, "rise": self.rise, "steps": self.steps}
