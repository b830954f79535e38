"""Hyperparameter sweeps: the varied parameters, the trials, and the effects of the parameters.

Example:
    >>> from digitcore import sweeps
    >>> from digitcore.training import TrainSettings
    >>> sweeps.SweepPlan({"batch_size": [8, 16]}, TrainSettings()).n_trials
    2
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from digitcore.sweeps.local import run
    from digitcore.sweeps.plan import SweepPlan
    from digitcore.sweeps.runner import Sweep
    from digitcore.sweeps.space import Range

__all__ = ["Range", "Sweep", "SweepPlan", "run"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={"local": ["run"], "plan": ["SweepPlan"], "runner": ["Sweep"], "space": ["Range"]},
)
