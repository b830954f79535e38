"""The training of a session: the settings in the form, and the sweep."""

import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from digitcore.errors import DigitLabError, ModelError, SettingsError, WithdrawnError
from digitcore.jobs.job import Job
from digitcore.jobs.tasks import TrainTask
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.space import Space
from digitcore.training import history
from digitcore.training.recipes import NETWORKS, check_network
from digitcore.training.run import Run
from digitcore.training.settings import SETTING_SPECS, TrainSettings
from pages.session.server_resources import ServerResources
from pages.session.session_part import SessionPart, synchronized


class Start(StrEnum):
    """The initial model of a training. The values are stored and are part of links."""

    UNTRAINED = "untrained"
    PRETRAINED = "genius"
    TRAINED = "trained"
    BETTER = "better"
    RUN = "run"


class TrainingState(SessionPart):
    """The settings of a session's trainings, and its sweep.

    Attributes:
        settings: The settings in the form. The page's script writes them.
        start: The initial model of the next training.
        start_model: Name of the user's model that the next training starts from if `start` is `Start.RUN`.
        network: The network that is trained from random weights: a registered name or the JSON of a `NetworkSpec`; "" is the
            network of the shipped model `untrained`.
        network_error: The reason why the rows of the network builder are not a valid network; `network` is the last valid one.
        train_after_label: Whether each label starts a training. The page's script writes it.
        sweep: The latest sweep.
        sweep_error: The reason why the sweep could not start, in a sentence.
        revision: A counter that increases when a link, a lab or a sweep sets the values of the form.
    """

    def __init__(self, resources: ServerResources, lock: Any = None) -> None:
        super().__init__(lock)
        self._resources = resources
        self.settings = TrainSettings()
        self.start = Start.UNTRAINED
        self.start_model = ""
        self.network = ""
        self.network_error = ""
        self.train_after_label = False
        self.sweep: Sweep | None = None
        self.sweep_error = ""
        self.revision = 0
        self._retrain = False
        self._extra_options: dict[str, set[Any]] = {}

    def options(self, name: str) -> list[Any]:
        """Return the values that the form offers for a setting: the usual values, and values that a link or a lab has set."""
        options = {*SETTING_SPECS[name].options, *self._extra_options.get(name, ())}
        return sorted(options, key=lambda value: (value is not None, value))

    @synchronized
    def set_settings(self, settings: TrainSettings) -> None:
        """Set the values of the form from a stored lab, a link or a sweep."""
        self.settings = settings
        self.revision += 1
        for name, value in asdict(settings).items():
            spec = SETTING_SPECS[name]
            if spec.widget in ("select_slider", "slider") and value not in spec.options:
                self._extra_options.setdefault(name, set()).add(value)

    @synchronized
    def choose_start(self, start: Start, model: str = "") -> None:
        """Choose the initial model of the next training."""
        self.start = start
        if model:
            self.start_model = model

    @synchronized
    def choose_network(self, network: str) -> None:
        """Choose the network that is trained from random weights.

        Raises:
            ModelError: If there is no such network, or its JSON is not valid.
        """
        self.network = check_network(network) if network else ""
        self.network_error = ""

    @synchronized
    def reject_network(self, reason: str) -> None:
        """Store the reason why the rows of the network builder are not a valid network."""
        self.network_error = reason

    @synchronized
    def rename_start_model(self, before: str, after: str) -> None:
        """Update the name of the initial model after one of the user's models was renamed."""
        if self.start_model == before:
            self.start_model = after

    @synchronized
    def request_retraining(self, is_training: bool) -> bool:
        """Return whether a label must start a training now. A label during a training is remembered until the training ends."""
        self._retrain = self.train_after_label and is_training
        return self.train_after_label and not is_training

    @synchronized
    def take_retraining_request(self) -> bool:
        """Return whether a drawing was labelled during the training, and reset the request."""
        requested, self._retrain = self._retrain, False
        return requested

    @synchronized
    def adopt_sweep(self, sweep: Sweep | None, owner: str) -> None:
        """Continue the running sweep of a session that has ended."""
        if sweep is not None:
            sweep.adopt(owner)
            self.sweep = sweep

    @property
    def is_network_invalid(self) -> bool:
        """Whether the next training starts from a built network whose rows are not valid."""
        return self.start == Start.UNTRAINED and bool(self.network_error)

    @property
    def swept_network(self) -> str:
        """The network that the trials of a sweep build with random weights; "" if they train a given model."""
        return (self.network or NETWORKS[0]) if self.start == Start.UNTRAINED else ""

    @synchronized
    def begin_sweep(self, start: ModelBundle, samples: SampleSet, owner: str, space: Space, options: Mapping[str, Any]) -> None:
        """Plan a sweep around the settings in the form and start it. `sweep_error` says why it cannot start.

        Args:
            start: The initial model.
            samples: The user's samples.
            owner: Identifier of the session.
            space: Parameter → the values to try.
            options: More arguments of `SweepPlan`.
        """
        self.sweep_error = ""
        try:
            sweep = Sweep(start, samples, SweepPlan(space, self.settings, self.swept_network, **options))
            sweep.resume(self._resources.jobs(), owner)
            self.sweep = sweep
        except DigitLabError as error:
            self.sweep_error = str(error)

    @synchronized
    def resume_sweep(self, owner: str) -> None:
        """Submit the trials that are not done."""
        if self.sweep is not None:
            self.sweep.resume(self._resources.jobs(), owner)

    def advance_sweep(self) -> None:
        """Collect the results of trials, and submit the next trials."""
        if self.sweep is not None:
            self.sweep.advance(self._resources.jobs())

    @synchronized
    def apply_best(self) -> None:
        """Set the form to the best combination of the sweep, and choose the sweep's initial model."""
        best = self.sweep.best() if self.sweep else None
        if self.sweep is None or best is None:
            return
        settings, network = parameter_space.apply(best, self.sweep.plan.base, self.sweep.plan.network)
        self.set_settings(settings)
        if network:
            self.choose_start(Start.UNTRAINED)
            self.choose_network("" if network == NETWORKS[0] else network)
        elif self.sweep.start.name == Start.PRETRAINED:
            self.choose_start(Start.PRETRAINED)
        else:
            self.choose_start(Start.RUN, self.sweep.start.name)

    def stop_sweep(self) -> None:
        """Stop the sweep."""
        if self.sweep is not None:
            self.sweep.stop()

    def preferences(self) -> dict[str, Any]:
        """Return the form's values to store with the lab."""
        return {
            "start": str(self.start),
            "start_model": self.start_model,
            "network": self.network,
            "train_after_label": self.train_after_label,
            "settings": asdict(self.settings),
        }

    @synchronized
    def restore(self, preferences: dict[str, Any]) -> None:
        """Restore the form's stored values. Preferences of a wrong type are ignored."""
        with contextlib.suppress(ValueError):
            self.start = Start(preferences.get("start", self.start))
        start_model = preferences.get("start_model")
        self.start_model = start_model if isinstance(start_model, str) else ""
        with contextlib.suppress(ModelError, AttributeError):
            self.choose_network(preferences.get("network", ""))
        self.train_after_label = preferences.get("train_after_label") is True
        with contextlib.suppress(SettingsError, TypeError):
            self.set_settings(TrainSettings.from_dict(preferences.get("settings", {})))

    @synchronized
    def restore_sweep(self, values: dict[str, Any] | None, start: ModelBundle, samples: SampleSet) -> None:
        """Restore the stored sweep. A damaged sweep is dropped."""
        if values is not None and self.sweep is None:
            with contextlib.suppress(SettingsError):
                self.sweep = Sweep.from_dict(values, start, samples)


def failed_run(job: Job[Run]) -> Run | None:
    """Return the run of a training that ended with an error; `None` if it was withdrawn or has no curve."""
    task = job.task
    assert isinstance(task, TrainTask)
    before = task.resume_from.history if task.resume_from else []
    points = [*before, *history.from_json([event.point for event in job.events])]
    if not points or isinstance(job.error, WithdrawnError):
        return None
    return Run.failed(task.start, task.samples.training_part(), task.settings, points, str(job.error))
