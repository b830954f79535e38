"""The models of a session: runs, imported models, the active model and the compared models."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from digitcore import palette, sanitize
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle, is_valid_name
from digitcore.storage import lab_models, learnt
from digitcore.storage.changes import LabChanges, merge
from digitcore.storage.lab_models import MAX_COMPARED, REFERENCE_MODEL
from digitcore.storage.snapshot import MAX_NOTE, RunRecord, clean_tags, upload_id
from digitcore.training.run import MnistScores, Run
from pages.session.free_names import MAX_STEM, with_free_name
from pages.session.server_resources import ServerResources
from pages.session.session_part import SessionPart, synchronized

UNTRAINED, PRETRAINED = "untrained", registry.DEFAULT_MODEL  # names of shipped models
REQUIRED_MODELS = (UNTRAINED, PRETRAINED)  # No page works without them.
CLASS_MODEL = "class model"  # first words of the names of models that a teacher has published
MAX_RUN_COUNTER = 1_000_000


@dataclass(frozen=True, eq=False)
class DeletedRun:
    """A deleted run, with the name of the model that was active."""

    record: RunRecord
    active_name: str


def _with_free_numbers(runs: Iterable[RunRecord]) -> list[RunRecord]:
    """Return runs of which no two have the same number, and therefore the same color. The older run keeps its number."""
    found: dict[int, RunRecord] = {}
    for record in runs:
        number = record.number
        while number in found:
            number += 1
        found[number] = record if number == record.number else replace(record, number=number)
    return list(found.values())


class ModelLibrary(SessionPart):
    """The models of a session.

    Attributes:
        runs: The runs, oldest first. The tuple is replaced, never changed in place.
        uploads: The imported models, oldest first. The tuple is replaced, never changed in place.
        run_counter: Number of runs that were ever created, used for their names.
        active_name: Name of the run, the imported model or the shipped model that predicts; "" is the latest run.
        rejected_name: The last name that was not allowed; `None` if the last name was accepted.
        deleted: The run that was deleted last, until the next change.
        has_compared: Whether the user has seen a comparison.
        view: Slug of the view of the Evaluate page; "" is the default view.
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
        self._learnt_in_class: dict[str, frozenset[str]] = {}
        self._compared: list[str] = []
        self._compared_pair: tuple[str, ...] = ()

    @property
    def active_run(self) -> RunRecord | None:
        """The run whose model predicts: the chosen run, or the latest run that did not fail if no model is chosen."""
        usable = [record for record in self.runs if not record.run.error]
        if found := next((record for record in usable if record.name == self.active_name), None):
            return found
        is_other = self._active_shipped or any(upload.name == self.active_name for upload in self.uploads)
        return usable[-1] if usable and not is_other else None

    @property
    def _active_shipped(self) -> str:
        """Name of the shipped model that the user has gone back to, or ""."""
        return self.active_name if self.active_name and self.active_name in self._resources.usable_names() else ""

    @property
    def own(self) -> dict[str, ModelBundle]:
        """The user's models by name: runs that did not fail, then imported models, newest first."""
        runs = {record.name: record.model for record in self.runs[::-1] if not record.run.error}
        return runs | {upload.name: upload for upload in self.uploads[::-1]}

    @property
    def trained(self) -> ModelBundle | None:
        """The active model if it is the user's, else `None`."""
        run = self.active_run
        return run.model if run else self.own.get(self.active_name)

    def initial(self, default: str = PRETRAINED) -> ModelBundle:
        """Return the model that the active run started from.

        If no run is active, return the shipped model that is active, or else the shipped model `default`.
        """
        run = self.active_run
        return run.start if run else self._resources.shipped(self._active_shipped or default)

    def active(self, default: str = PRETRAINED) -> ModelBundle:
        """Return the model that predicts."""
        return self.trained or self.initial(default)

    def find_run(self, name: str) -> RunRecord | None:
        """Return a run by its name, or `None`."""
        return next((record for record in self.runs if record.name == name), None)

    def present(self, record: RunRecord) -> RunRecord | None:
        """Return the present state of a run that may have been renamed; `None` if it was deleted."""
        return next((known for known in self.runs if known.id == record.id), None)

    def every_model(self) -> dict[str, ModelBundle]:
        """Return all models by name: the user's models, then the shipped models."""
        return self.own | {name: self._resources.shipped(name) for name in self._resources.usable_names()}

    def selectable(self) -> list[str]:
        """Return the names of all models that can be active: the user's models, untrained, genius, and other shipped models."""
        return list(dict.fromkeys([*self.own, *lab_models.in_order(self._resources.shipped_names())]))

    def comparable(self, default: str = PRETRAINED) -> dict[str, ModelBundle]:
        """Return all models by name, and the active run's initial model if it is a built network."""
        every, initial = self.every_model(), self.initial(default)
        return every if initial.name in every else every | {initial.name: initial}

    @property
    def tags(self) -> list[str]:
        """The different tags of all runs."""
        return list(dict.fromkeys(tag for record in self.runs for tag in record.tags))

    def colors(self, names: Iterable[str]) -> dict[str, str]:
        """Return the colors of models that are shown together. A run has the same color on all pages."""
        return lab_models.colors(names, self.runs, self.uploads)

    @property
    def next_color(self) -> str:
        """Color of the next run."""
        return palette.run_color(self.run_counter + 1)

    def learnt_from(self, model: ModelBundle) -> frozenset[str] | None:
        """Return the content hashes of the user's samples that a model learnt from; `None` if they are not known."""
        resources, shipped = self._resources, self._resources.usable_names()
        if model.name in shipped and resources.shipped(model.name).hash == model.hash:
            return frozenset()
        known = [*self.runs, *([self.deleted.record] if self.deleted else [])]
        if model.hash in self._learnt_in_class:
            return self._learnt_in_class[model.hash]
        return learnt.learnt_from(model, known, lambda one: any(resources.shipped(name).hash == one.hash for name in shipped))

    def is_free_name(self, name: str) -> bool:
        """Check whether a name is valid and no other model has it."""
        is_taken = name in self.own or self.find_run(name) is not None or name in self._resources.shipped_names()
        return is_valid_name(name) and not is_taken

    @synchronized
    def add_run(self, run: Run, start: ModelBundle, replaced: str = "") -> RunRecord:
        """Add a run under the next unused name, and activate its model unless the training failed.

        `replaced` is the hash of the model that is active before, which `undo_training` activates again; "" is the initial model.

        The run also learnt from the samples that its initial model learnt from.
        """
        inherited = self.learnt_from(start)
        is_known = run.sample_hashes is not None and inherited is not None
        run = replace(run, sample_hashes=(run.sample_hashes or frozenset()) | (inherited or frozenset()) if is_known else None)
        self.run_counter += 1
        while not self.is_free_name(f"run {self.run_counter}"):
            self.run_counter += 1
        name, number = f"run {self.run_counter}", self.run_counter
        record = RunRecord(run, start, replaced=replaced or start.hash, number=number).rename(name)
        self.runs = (*self.runs, record)
        self.active_name, self.deleted = self.active_name if run.error else record.name, None
        return record

    @synchronized
    def annotate(self, record: RunRecord, note: str, tags: Iterable[str]) -> None:
        """Set the note and the tags of a run. A run that was deleted is ignored."""
        changes: dict[str, Any] = {"note": note.strip()[:MAX_NOTE], "tags": clean_tags(list(tags))}
        self.runs = tuple(replace(known, **changes) if known.id == record.id else known for known in self.runs)

    @synchronized
    def mark_as_learnt(self, record: RunRecord) -> None:
        """Record that the initial model of a run had learnt from drawings on which the run is scored."""
        marked = replace(record, run=replace(record.run, personal_is_held_out=False))
        self.runs = tuple(marked if known is record else known for known in self.runs)

    @synchronized
    def rename_run(self, record: RunRecord, name: str) -> bool:
        """Rename a run everywhere. Return whether the name is allowed."""
        self.rejected_name = None
        present = self.present(record)
        if present is None or name == present.name:
            return True
        if not self.is_free_name(name):
            self.rejected_name = name
            return False

        self._follow({present.name: name})
        self.runs = tuple(known.rename(name) if known is present else known for known in self.runs)
        self.deleted = None
        return True

    def _follow(self, names: dict[str, str]) -> None:
        """Use the new names of renamed models, given by their old names."""
        self._compared = [names.get(name, name) for name in self._compared]
        self._compared_pair = tuple(names.get(name, name) for name in self._compared_pair)
        self.active_name = names.get(self.active_name, self.active_name)

    @synchronized
    def take_over(self, changes: LabChanges) -> dict[str, str]:
        """Take over the runs and imported models that another device has added, changed or removed.

        Of two runs with one name, the newer run gets another name. Of two imported models with one name, all devices rename the
        same model.

        Returns:
            The new names of renamed models by their old names.
        """
        before = {record.id: record.name for record in self.runs}
        uploads, taken = merge("uploads", self.uploads, changes), set(self._resources.shipped_names())
        runs = _with_free_numbers(merge("runs", self.runs, changes))
        self.run_counter = max([self.run_counter, *(record.number for record in runs)])
        self.runs = tuple(with_free_name(record, taken) for record in runs)
        named = {upload_id(model): with_free_name(model, taken) for model in sorted(uploads, key=lambda model: model.key)}
        renamed = {before[record.id]: record.name for record in self.runs if before.get(record.id, record.name) != record.name}
        renamed |= {old.name: new.name for old in self.uploads if (new := named.get(upload_id(old), old)).name != old.name}
        self.uploads = tuple(named[upload_id(model)] for model in uploads)
        self._follow(renamed)
        return renamed

    @synchronized
    def set_mnist_scores(self, run_id: str, scores: MnistScores) -> None:
        """Set the MNIST scores of a run. A run that was deleted is ignored."""
        self.runs = tuple(
            replace(known, run=known.run.with_mnist_scores(scores)) if known.id == run_id else known for known in self.runs
        )

    @synchronized
    def delete_run(self, name: str) -> None:
        """Delete a run. `undo_delete` restores it. Models that started from it are kept."""
        record = self.find_run(name)
        if record is None:
            return
        self.deleted = DeletedRun(record, self.active_name)
        self.runs = tuple(known for known in self.runs if known is not record)
        if self.active_name == name:
            self.active_name = ""

    @synchronized
    def undo_delete(self) -> None:
        """Restore the run that was deleted last, and the model that was active then."""
        if self.deleted is not None:
            self.runs = tuple(sorted([*self.runs, self.deleted.record], key=lambda record: record.id))
            self.active_name, self.deleted = self.deleted.active_name, None

    @synchronized
    def add_upload(self, model: ModelBundle) -> str:
        """Add an imported model under an unused name. Return the name."""
        name, number = model.name, 1
        while not self.is_free_name(name):
            number += 1
            name = f"{model.name[:MAX_STEM].strip() or 'model'} {number}"
        self.uploads = (*self.uploads, model.rename(name))
        return name

    @synchronized
    def follow_class(self, model: ModelBundle, learnt: frozenset[str]) -> bool:
        """Offer the published model of the class, and activate it unless another of the user's models is active.

        Args:
            model: The model. It replaces the model that was published before.
            learnt: Content hashes of the drawings that the model learnt from.

        Returns:
            Whether the model is new.
        """
        self._learnt_in_class[model.hash] = learnt
        if any(upload.hash == model.hash for upload in self.uploads):
            return False
        before = [upload.name for upload in self.uploads if upload.name.startswith(CLASS_MODEL)]
        is_free = self.trained is None or self.trained.name in before
        self.uploads = tuple(upload for upload in self.uploads if upload.name not in before)
        name = self.add_upload(model)
        if is_free:
            self.active_name = name
        return True

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
        """Record that the user has seen a comparison."""
        self.has_compared = True

    @synchronized
    def activate(self, name: str) -> None:
        """Activate one of the user's models or a shipped model."""
        self.active_name = name

    @synchronized
    def undo_training(self, record: RunRecord) -> str:
        """Activate the model that `previous` returns. Return its name. An initial model that was deleted is added again."""
        model = self.previous(record)
        present = self.every_model().get(model.name)
        self.active_name = model.name if present is not None and present.hash == model.hash else self.add_upload(model)
        return self.active_name

    def previous(self, record: RunRecord) -> ModelBundle:
        """Return the model that was active before a run, or the run's initial model if the former model was deleted."""
        if record.replaced == record.start.hash:
            return record.start
        others = (model for name, model in self.every_model().items() if name != record.name)
        return next((model for model in others if model.hash == record.replaced), record.start)

    def pair(self, default: str = PRETRAINED) -> tuple[str, str]:
        """Return the default baseline and candidate: the active model's initial model, and the active model.

        A shipped model is compared with another shipped model.
        """
        initial, trained = self.initial(default).name, self.trained
        if trained:
            return initial, trained.name
        if initial == UNTRAINED:
            return UNTRAINED, PRETRAINED
        return PRETRAINED if initial == REFERENCE_MODEL else REFERENCE_MODEL, initial

    @synchronized
    def compared(self, default: str = PRETRAINED) -> list[str]:
        """Return the names of the compared models: the pair, then the models that the user has added."""
        pair = self.pair(default)
        if pair != self._compared_pair:
            added = [name for name in self._compared if name not in self._compared_pair]
            self._compared, self._compared_pair = [*pair, *added], pair
        every = self.comparable(default)
        return [name for name in dict.fromkeys(self._compared) if name in every][:MAX_COMPARED]

    @synchronized
    def set_compared(self, names: Sequence[str]) -> None:
        """Set the compared models."""
        self._compared = list(names)

    def preferences(self) -> dict[str, Any]:
        """Return the values to store with the lab, without runs and imported models."""
        return {
            "run_counter": self.run_counter,
            "active_model": self.active_name,
            "compared_models": list(self._compared),
            "compared_pair": list(self._compared_pair),
            "has_compared": self.has_compared,
        }

    @synchronized
    def restore(self, runs: Sequence[RunRecord], uploads: Sequence[ModelBundle], preferences: dict[str, Any]) -> None:
        """Restore stored models. Preferences of a wrong type are ignored."""
        self.runs, self.uploads = tuple(runs), tuple(uploads)
        counter, active = preferences.get("run_counter"), preferences.get("active_model")
        self.run_counter = counter if isinstance(counter, int) and 0 <= counter <= MAX_RUN_COUNTER else 0
        self.active_name = active if isinstance(active, str) else ""
        self._compared = sanitize.strings(preferences.get("compared_models"))
        self._compared_pair = tuple(sanitize.strings(preferences.get("compared_pair")))
        self.has_compared = preferences.get("has_compared") is True
