"""The models of a session: training runs, imported models, which one is active, which are compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from digitcore import sanitize
from digitcore.models.bundle import ModelBundle, is_valid_name
from digitcore.storage.snapshot import RunRecord
from digitcore.training.run import MnistScores, Run
from pages.session.server_resources import ServerResources
from pages.session.session_part import SessionPart, synchronized

UNTRAINED, PRETRAINED = "untrained", "genius"  # names of shipped models
REQUIRED_MODELS = (UNTRAINED, PRETRAINED)  # no page works without them
REFERENCE_MODEL = "plain"  # the network of many tutorials, compared with ours while nothing is trained
MAX_COMPARED = 6
MAX_RUN_COUNTER = 1_000_000


@dataclass(frozen=True, eq=False)
class DeletedRun:
    """A run that was just deleted, and what it takes to restore it."""

    record: RunRecord
    index: int
    active_name: str


class ModelLibrary(SessionPart):
    """The models of a session.

    Attributes:
        runs: training runs, oldest first; replaced, never changed in place.
        uploads: imported models, oldest first; replaced, never changed in place.
        run_counter: number of runs ever made, for their names.
        active_name: of the run or the upload that predicts; "" takes the latest run.
        rejected_name: the name that was given last, where no run may have it; None where it was accepted.
        deleted: the run that was deleted last, until the next change.
        has_compared: whether the user has seen a comparison.
        view: of the Evaluate page, by its name; "" is the first one shown.
    """

    def __init__(self, resources: ServerResources, lock: Any = None) -> None:
        super().__init__(lock)
        self._resources = resources
        self.runs: tuple[RunRecord, ...] = ()
        self.uploads: tuple[ModelBundle, ...] = ()
        self.run_counter = 0
        self.active_name = ""
        self.rejected_name: str | None = None
        self.deleted: DeletedRun | None = None
        self.has_compared = False
        self.view = ""
        self._compared: list[str] = []
        self._compared_pair: tuple[str, ...] = ()

    @property
    def active_run(self) -> RunRecord | None:
        """The run whose model predicts: the chosen one, or the latest."""
        if any(upload.name == self.active_name for upload in self.uploads):
            return None
        return self.find_run(self.active_name) or (self.runs[-1] if self.runs else None)

    @property
    def own(self) -> dict[str, ModelBundle]:
        """The user's own models by name: the runs, newest first, then the uploads, newest first."""
        runs = {record.name: record.model for record in self.runs[::-1]}
        return runs | {upload.name: upload for upload in self.uploads[::-1]}

    @property
    def trained(self) -> ModelBundle | None:
        """The user's own active model."""
        run = self.active_run
        return run.model if run else self.own.get(self.active_name)

    def initial(self, default: str = PRETRAINED) -> ModelBundle:
        """The baseline of every comparison: what the active run started from; without a run the shipped model `default`."""
        run = self.active_run
        return run.start if run else self._resources.shipped(default)

    def active(self, default: str = PRETRAINED) -> ModelBundle:
        """The model that predicts, trained or not."""
        return self.trained or self.initial(default)

    def find_run(self, name: str) -> RunRecord | None:
        """A run by its name."""
        return next((record for record in self.runs if record.name == name), None)

    def present(self, record: RunRecord) -> RunRecord | None:
        """A run as it is now, under whatever name; None when it was deleted."""
        return next((known for known in self.runs if known.id == record.id), None)

    def every_model(self) -> dict[str, ModelBundle]:
        """All models by name: the user's own, then the shipped ones."""
        return self.own | {name: self._resources.shipped(name) for name in self._resources.usable_names()}

    def comparable(self, default: str = PRETRAINED) -> dict[str, ModelBundle]:
        """All models by name, and what the active run started from where that is none of them: a network that was built."""
        every, initial = self.every_model(), self.initial(default)
        return every if initial.name in every else every | {initial.name: initial}

    def is_free_name(self, name: str) -> bool:
        """Whether a run may have this name: it is valid and no other model has it."""
        return is_valid_name(name) and name not in self.own and name not in self._resources.shipped_names()

    @synchronized
    def add_run(self, run: Run, start: ModelBundle) -> RunRecord:
        """Append a run under the next free name; its model becomes the active one."""
        self.run_counter += 1
        while not self.is_free_name(f"run {self.run_counter}"):
            self.run_counter += 1
        record = RunRecord(run, start).rename(f"run {self.run_counter}")
        self.runs = (*self.runs, record)
        self.active_name, self.deleted = record.name, None
        return record

    @synchronized
    def rename_run(self, record: RunRecord, name: str) -> bool:
        """Rename a run wherever its name is used; False when it may not have this name."""
        self.rejected_name = None
        present = self.present(record)
        if present is None or name == present.name:
            return True
        if not self.is_free_name(name):
            self.rejected_name = name
            return False

        def renamed(known: str) -> str:
            return name if known == present.name else known

        self._compared = list(map(renamed, self._compared))
        self._compared_pair = tuple(map(renamed, self._compared_pair))
        self.active_name = renamed(self.active_name)
        self.runs = tuple(known.rename(name) if known is present else known for known in self.runs)
        self.deleted = None
        return True

    @synchronized
    def set_mnist_scores(self, run_id: str, scores: MnistScores) -> None:
        """Set the MNIST scores of a run. A run that was deleted is ignored."""
        self.runs = tuple(
            replace(known, run=known.run.with_mnist_scores(scores)) if known.id == run_id else known for known in self.runs
        )

    @synchronized
    def delete_run(self, name: str) -> None:
        """Remove a run; `undo_delete` restores it. Models that started from it stay."""
        record = self.find_run(name)
        if record is None:
            return
        self.deleted = DeletedRun(record, self.runs.index(record), self.active_name)
        self.runs = tuple(known for known in self.runs if known is not record)
        if self.active_name == name:
            self.active_name = ""

    @synchronized
    def undo_delete(self) -> None:
        """Restore the run that was deleted last, and the model that was active then."""
        if self.deleted is not None:
            index = self.deleted.index
            self.runs = (*self.runs[:index], self.deleted.record, *self.runs[index:])
            self.active_name, self.deleted = self.deleted.active_name, None

    @synchronized
    def add_upload(self, model: ModelBundle) -> str:
        """Append an imported model under a free name; returns the name."""
        name, number = model.name, 1
        while not self.is_free_name(name):
            number += 1
            name = f"{model.name[:26].strip() or 'model'} {number}"
        self.uploads = (*self.uploads, model.rename(name))
        return name

    @synchronized
    def remove_upload(self, name: str) -> None:
        """Remove an imported model."""
        self.uploads = tuple(upload for upload in self.uploads if upload.name != name)

    @synchronized
    def choose_view(self, slug: str) -> None:
        """Choose the view of the Evaluate page; "" is the default view."""
        self.view = slug

    @synchronized
    def mark_compared(self) -> None:
        """Note that the user has seen a comparison."""
        self.has_compared = True

    @synchronized
    def activate(self, name: str) -> None:
        """Let one of the user's own models predict."""
        self.active_name = name

    def pair(self, default: str = PRETRAINED) -> tuple[str, str]:
        """Baseline and candidate of a comparison: what the active model started from, and the active model."""
        trained = self.trained
        return self.initial(default).name, trained.name if trained else REFERENCE_MODEL

    @synchronized
    def compared(self, default: str = PRETRAINED) -> list[str]:
        """The names of the compared models: the pair, then what the user has added to it."""
        pair = self.pair(default)
        if pair != self._compared_pair:
            added = [name for name in self._compared if name not in self._compared_pair]
            self._compared, self._compared_pair = [*pair, *added], pair
        every = self.comparable(default)
        return [name for name in dict.fromkeys(self._compared) if name in every][:MAX_COMPARED]

    @synchronized
    def set_compared(self, names: Sequence[str]) -> None:
        """The models that the user has chosen."""
        self._compared = list(names)

    def preferences(self) -> dict[str, Any]:
        """What a snapshot holds beside runs and uploads."""
        return {
            "run_counter": self.run_counter,
            "active_model": self.active_name,
            "compared_models": list(self._compared),
            "compared_pair": list(self._compared_pair),
            "has_compared": self.has_compared,
        }

    @synchronized
    def restore(self, runs: Sequence[RunRecord], uploads: Sequence[ModelBundle], preferences: dict[str, Any]) -> None:
        """The models of a snapshot; preferences of another type are ignored."""
        self.runs, self.uploads = tuple(runs), tuple(uploads)
        counter, active = preferences.get("run_counter"), preferences.get("active_model")
        self.run_counter = counter if isinstance(counter, int) and 0 <= counter <= MAX_RUN_COUNTER else 0
        self.active_name = active if isinstance(active, str) else ""
        self._compared = sanitize.strings(preferences.get("compared_models"))
        self._compared_pair = tuple(sanitize.strings(preferences.get("compared_pair")))
        self.has_compared = preferences.get("has_compared") is True
