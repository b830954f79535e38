"""The training of a session: the form's values, the job under way, the sweep."""

import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from digitcore.errors import DigitLabError, JobError, ModelError, SettingsError
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.tasks import TrainTask
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.space import Space
from digitcore.training.recipes import NETWORKS, check_network
from digitcore.training.run import Run
from digitcore.training.settings import SETTING_SPECS, TrainSettings
from pages.session.server_resources import ServerResources
from pages.session.session_part import SessionPart, synchronized

NETWORK = "network"  # the kind of query that builds one


class Start(StrEnum):
    """What a training starts from; the values are shown to people."""

    UNTRAINED = "untrained"
    PRETRAINED = "genius"
    TRAINED = "trained"
    BETTER = "better"
    RUN = "a run"


class TrainingState(SessionPart):
    """The training of a session.

    Attributes:
        settings: as the form stands.
        start: what the next training starts from.
        network: that is trained from random weights: a registered name or the JSON of a `NetworkSpec`; "" is that of untrained.
        network_error: why the rows of the network that is being built make none; `network` is the last that did.
        start_model: the name of one of the user's own models, where that is what it starts from.
        train_after_label: whether every label trains.
        job: the training under way.
        error: why the last training failed, in a sentence.
        sweep: the latest hyperparameter sweep.
        sweep_error: why it could not begin, in a sentence.
        revision: changes when the form's values were set by something else than the form.
    """

    def __init__(self, services: ServerResources, lock: Any = None) -> None:
        super().__init__(lock)
        self._services = services
        self.settings = TrainSettings()
        self.start = Start.PRETRAINED
        self.start_model = ""
        self.network = ""
        self.network_error = ""
        self.train_after_label = False
        self.job: Job[Run] | None = None
        self.error = ""
        self.sweep: Sweep | None = None
        self.sweep_error = ""
        self.revision = 0
        self._retrain = False
        self._extra_options: dict[str, set[Any]] = {}

    @property
    def task(self) -> TrainTask | None:
        """What the job under way trains."""
        return self.job.task if self.job and isinstance(self.job.task, TrainTask) else None

    @property
    def network_key(self) -> tuple[str, ...]:
        """The key of the query that builds the network that is trained from random weights."""
        return NETWORK, self.network, str(self.settings.seed)

    def options(self, name: str) -> list[Any]:
        """The values that the form offers for a setting: the usual ones, and those that were set from elsewhere."""
        options = {*SETTING_SPECS[name].options, *self._extra_options.get(name, ())}
        return sorted(options, key=lambda value: (value is not None, value))

    @synchronized
    def set_settings(self, settings: TrainSettings) -> None:
        """Set the form's values from elsewhere: a snapshot, a link, a sweep."""
        self.settings = settings
        self.revision += 1
        for name, value in asdict(settings).items():
            spec = SETTING_SPECS[name]
            if spec.widget in ("select_slider", "slider") and value not in spec.options:
                self._extra_options.setdefault(name, set()).add(value)

    @synchronized
    def choose_start(self, start: Start, model: str = "") -> None:
        """What the next training starts from."""
        self.start = start
        if model:
            self.start_model = model

    @synchronized
    def choose_network(self, network: str) -> None:
        """Which network is trained from random weights.

        Raises:
            ModelError: when there is no such network, or its JSON is wrong.
        """
        self.network = check_network(network) if network else ""
        self.network_error = ""

    @synchronized
    def begin(
        self,
        start: ModelBundle,
        samples: SampleSet,
        settings: TrainSettings,
        owner: str,
        resume_from: Run | None = None,
    ) -> None:
        """Submit a training, unless one is under way, or note why it cannot be."""
        if self.job is not None:
            return
        self.error, self._retrain = "", False
        task = TrainTask(start, samples, settings, resume_from, evaluates_mnist=False)
        try:
            self.job = self._services.jobs().submit(task, owner=owner)
        except JobError as error:
            self.error = str(error)

    @synchronized
    def request_retraining(self) -> bool:
        """Whether a label shall train now; a label during a training is remembered until it ends."""
        self._retrain = self.train_after_label and self.job is not None
        return self.train_after_label and not self._retrain

    @synchronized
    def collect(self) -> tuple[Run, ModelBundle] | None:
        """Take over a training that has ended: its run and what it started from; None when there is none, or it failed."""
        if self.job is None or not self.job.done:
            return None
        job, task, self.job = self.job, self.task, None
        if job.status == JobStatus.DONE and job.result is not None and task is not None:
            return job.result, task.start
        self.error = job.error
        return None

    @synchronized
    def take_retraining_request(self) -> bool:
        """Whether a label came during the training that has just ended."""
        requested, self._retrain = self._retrain, False
        return requested

    @synchronized
    def adopt(self, job: Job[Run] | None, sweep: Sweep | None, owner: str) -> None:
        """Take over work that runs for a session which is gone."""
        if job is not None:
            job.owner, self.job = owner, job
        if sweep is not None:
            sweep.adopt(owner)
            self.sweep = sweep

    @property
    def is_network_invalid(self) -> bool:
        """Whether the next training would need the rows of a network that make none."""
        return self.start == Start.UNTRAINED and bool(self.network_error)

    @property
    def swept_network(self) -> str:
        """The network that the trials of a sweep build with random weights; "" where they train a model."""
        return (self.network or NETWORKS[0]) if self.start == Start.UNTRAINED else ""

    @synchronized
    def begin_sweep(self, start: ModelBundle, samples: SampleSet, owner: str, space: Space, options: Mapping[str, Any]) -> None:
        """Plan a sweep around the form's values and submit it, or note why it cannot be.

        Args:
            start, samples, space: as for `Sweep`.
            owner: the session.
            options: more of `SweepPlan`.
        """
        self.sweep_error = ""
        try:
            sweep = Sweep(start, samples, SweepPlan(space, self.settings, self.swept_network, **options))
            sweep.resume(self._services.jobs(), owner)
            self.sweep = sweep
        except DigitLabError as error:
            self.sweep_error = str(error)

    @synchronized
    def resume_sweep(self, owner: str) -> None:
        """Submit the trials that are not done."""
        if self.sweep is not None:
            self.sweep.resume(self._services.jobs(), owner)

    def advance_sweep(self) -> None:
        """Take over what the trials found, and submit the next."""
        if self.sweep is not None:
            self.sweep.advance(self._services.jobs())

    @synchronized
    def apply_best(self) -> None:
        """Set the form's values to the sweep's with the best combination, and choose what it started from."""
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

    def stop_all(self) -> None:
        """Stop the training and the sweep."""
        if self.job is not None:
            self.job.stop()
        if self.sweep is not None:
            self.sweep.stop()

    def preferences(self) -> dict[str, Any]:
        """What a snapshot holds of the form."""
        return {
            "start": str(self.start),
            "start_model": self.start_model,
            "network": self.network,
            "train_after_label": self.train_after_label,
            "settings": asdict(self.settings),
        }

    @synchronized
    def restore(self, preferences: dict[str, Any]) -> None:
        """The form of a snapshot; preferences of another type are ignored."""
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
        """The sweep of a snapshot; a damaged one is dropped."""
        if values is not None and self.sweep is None:
            with contextlib.suppress(SettingsError):
                self.sweep = Sweep.from_dict(values, start, samples)
