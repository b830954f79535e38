"""Sweeps in the current process, without a job service and without Dask."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from digitcore.errors import DigitLabError, JobError, WithdrawnError
from digitcore.jobs.job import Job
from digitcore.jobs.tasks.task import Task
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle
from digitcore.models.reader import check_trainable
from digitcore.samples import SampleSet
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.space import Space
from digitcore.sweeps.trial import VALIDATION
from digitcore.training.settings import TrainSettings

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class LocalRunner:
    """A `TaskRunner` that runs each task in the current process when `run_next` is called.

    Example:
        >>> runner = LocalRunner()
        >>> runner.run_next(lambda: False)
        False
    """

    is_closed = False
    capacity = 1

    def __init__(self) -> None:
        self._waiting: deque[Job[Any]] = deque()

    def submit(self, task: Task[T], *, owner: str = "") -> Job[T]:
        """Add a task to the queue. The job can be stopped while it is queued."""
        job: Job[T] = Job(task, owner=owner, on_stop=lambda stopped: stopped.fail(WithdrawnError()))
        self._waiting.append(job)
        return job

    def run_next(self, should_stop: Callable[[], bool]) -> bool:
        """Run the next task.

        Args:
            should_stop: Called a few times a second. When it returns True, the task stops, and its job has no result.

        Returns:
            Whether a task was waiting.
        """
        while self._waiting:
            job = self._waiting.popleft()
            if not job.done:
                self._run(job, should_stop)
                return True
        return False

    def _run(self, job: Job[Any], should_stop: Callable[[], bool]) -> None:
        job.on_start()
        try:
            result = job.task.run(job.on_progress, should_stop)
        except DigitLabError as error:
            job.is_stopping = should_stop()
            job.fail(error)
        except Exception as error:  # noqa: BLE001 As on a worker, a failed trial does not end the sweep.
            job.fail(
                JobError(f"The training failed ({type(error).__name__}: {error}). Correct the cause, and run the sweep again.")
            )
        else:
            job.is_stopping = should_stop()  # A training that was stopped is not complete.
            job.finish(result)


def run_locally(
    sweep: Sweep,
    on_progress: Callable[[Sweep], None] = lambda sweep: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Run the trials of a sweep that are not done, one after another in the current process.

    Args:
        sweep: The sweep, which stores the results.
        on_progress: Called with the sweep after each training.
        should_stop: Called a few times a second. When it returns True, the sweep stops. The results of completed trials
            are kept.

    Example:
        >>> from digitcore import models
        >>> sweep = Sweep(models.load("mlp"), SampleSet(), SweepPlan({"batch_size": [8, 16]}, TrainSettings()))
        >>> run_locally(sweep, should_stop=lambda: True)
        >>> sweep.n_done
        0
    """
    runner = LocalRunner()
    sweep.resume(runner)
    while not should_stop() and runner.run_next(should_stop):
        sweep.advance(runner)
        on_progress(sweep)
    sweep.stop()
    sweep.poll()


def run(
    space: Space,
    settings: TrainSettings | None = None,
    *,
    start: ModelBundle | None = None,
    network: str = "",
    samples: SampleSet | None = None,
    n_seeds: int = 1,
    n_combinations: int | None = None,
    pruner: str = "",
    ranked_by: str = VALIDATION,
    search: str = "",
    on_progress: Callable[[Sweep], None] = lambda sweep: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> "pd.DataFrame":
    """Run a sweep in the current process, and return the scores.

    The trainings run one after another, without a job service and without workers.

    Args:
        space: For each parameter, the values to try, or a `Range` to draw values from. Parameters are settings, `network`,
            `activation`, and `blocks.N.FIELD` of a built network.
        settings: Settings that are not swept; `None` for the default settings.
        start: The model that each trial trains; `None` for the shipped model `genius`. If a network is built, the model is not
            used.
        network: Name or JSON of the network that is built with random weights; "" if `start` is trained.
        samples: The user's samples. The held-out samples are scored and not used for training.
        n_seeds: Number of seeds for each combination.
        n_combinations: Number of combinations; `None` for all combinations of lists of values.
        pruner: How poor combinations are stopped: `halving` (by successive halving), `wilcoxon` (by a test after each seed), or
            "" (not stopped).
        ranked_by: The score that ranks the trials: `validation` or `held_out`.
        search: How combinations are chosen: `grid`, `random`, `tpe`, or "", which means `random` if there is a range, otherwise
            `grid`.
        on_progress: Called with the `Sweep` after each training. Its `table()`, `best()` and `n_done` contain the
            results so far.
        should_stop: Called a few times a second. When it returns True, the sweep stops, and trials that are not done have the
            status `waiting`.

    Returns:
        One row for each trial: the swept values, `seed`, `trained_epochs`, `status`, the scores (0 to 1), `parameters`, `seconds`
        and `error`. The scores are measured on MNIST's validation digits and on the held-out samples.

    Raises:
        SettingsError: If a name or a value of a setting is not valid, or the number of trials is not allowed.
        ModelError: If the model cannot be trained, or a value of the network is not valid.

    Example:
        >>> from digitcore import models, sweeps
        >>> settings = TrainSettings(mnist_samples=100, epochs=1, validation_samples=100)
        >>> table = sweeps.run({"batch_size": [20, 50]}, settings, start=models.load("mlp"))
        >>> table[["batch_size", "seed", "trained_epochs", "status"]]
           batch_size  seed  trained_epochs status
        0          20     0               1   done
        1          50     0               1   done
    """
    plan = SweepPlan(space, settings or TrainSettings(), network, n_seeds, n_combinations, pruner, ranked_by, search)
    sweep = Sweep(
        check_trainable(start or registry.load(registry.DEFAULT_MODEL)), SampleSet() if samples is None else samples, plan
    )
    run_locally(sweep, on_progress, should_stop)
    return sweep.table()
