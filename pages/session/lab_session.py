"""All that a session owns. Plain objects; `state` keeps them in Streamlit's session state."""

import datetime
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np

from digitcore.data import sample_files
from digitcore.data.label_issues import contradicted
from digitcore.data.sample_files import ImportResult
from digitcore.data.suggestion import Suggestion, suggest_next_digit
from digitcore.evaluation.comparison import better_model
from digitcore.jobs.job import Job
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.storage.archive import OpenedLab
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.session import text
from pages.session.canvas_state import CanvasState, Drawing
from pages.session.import_state import ImportKind, ImportState
from pages.session.model_library import PRETRAINED, UNTRAINED, ModelLibrary
from pages.session.query_list import QueryList
from pages.session.run_scoring import RunScoring
from pages.session.sample_list import Contradiction, SampleList, kept_labels
from pages.session.saving_state import SavingState
from pages.session.server_resources import ServerResources
from pages.session.session_part import synchronized
from pages.session.training_state import Start, TrainingState


class LabSession:
    """A visitor's session in parts, and what concerns several of them.

    Args:
        services: of the server.
        owner: the session's id, for the queue at the worker.

    Attributes:
        samples, canvas, models, training, scoring, queries, imports, saving: the parts.
        link_error: which settings of the address could not be used; None until it was read.
        flash: the outcome of the last import, deletion or the like, in a sentence.
        is_flash_error: whether that is something that went wrong.
    """

    def __init__(self, services: ServerResources, owner: str = ""):
        self.lock = threading.RLock()
        self.services, self.owner = services, owner
        self.link_error: str | None = None
        self._make_parts()
        self.saving = SavingState(self.lock)
        self.canvas = CanvasState(self.lock)

    def _make_parts(self) -> None:
        self.samples = SampleList(self.lock)
        self.models = ModelLibrary(self.services, self.lock)
        self.training = TrainingState(self.services, self.lock)
        self.scoring = RunScoring(self.services, self.owner, self.models, self.lock)
        self.queries = QueryList(self.services, self.owner, self.lock)
        self.imports = ImportState(self.services, self.owner, self.lock)
        self.flash, self.is_flash_error = "", False
        self._labelled: Drawing | None = None
        self._samples_at_outcome: SampleSet | None = None
        self._suggestion: tuple[SampleSet, ModelBundle, Suggestion] | None = None

    @property
    def default_start(self) -> str:
        """The shipped model that the next training starts from, where no own one is chosen."""
        return UNTRAINED if self.training.start == Start.UNTRAINED else PRETRAINED

    @property
    def initial_model(self) -> ModelBundle:
        """The baseline of every comparison."""
        return self.models.initial(self.default_start)

    @property
    def active_model(self) -> ModelBundle:
        """The model that predicts."""
        return self.models.active(self.default_start)

    def suggestion(self) -> Suggestion:
        """What to draw next; computed when the samples or the active model have changed."""
        samples, model = self.samples.current, self.active_model
        if self._suggestion is None or self._suggestion[0] is not samples or self._suggestion[1] is not model:
            probabilities = self.services.probabilities(model, samples.digits)
            self._suggestion = samples, model, suggest_next_digit(samples, probabilities)
        return self._suggestion[2]

    @synchronized
    def show_error(self, sentence: str) -> None:
        """Show what went wrong on the Draw page, in the place of the sentence before; "" when all is well."""
        self.flash, self.is_flash_error = sentence, True
        self.samples.forget_undo()

    @synchronized
    def label(self, digit: int) -> bool:
        """Store the drawing under a label and clear the canvas; False when there is nothing to label."""
        drawn = self.canvas.digit
        if drawn is None:
            self.samples.forget_last()
            return False
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.samples.add(drawn, digit, self.canvas.encoded_strokes(), now, self._contradiction(drawn, digit))
        self._labelled, self.flash = self.canvas.drawing, ""
        self.canvas.new_revision()
        self.canvas.notice = ""
        if self.training.request_retraining():
            self.train(self.start_model()[0], self.training.settings)
        return True

    def _contradiction(self, digit: np.ndarray, label: int) -> Contradiction | None:
        """Whether the active model is sure that a digit, (28, 28) uint8, is another than its label."""
        model = self.active_model
        probabilities = self.services.probabilities(model, digit[None])
        if not contradicted(np.array([label]), probabilities, model.card.confidence_threshold)[0]:
            return None
        return Contradiction(int(probabilities[0].argmax()), float(probabilities[0].max()))

    def contradicted_samples(self) -> np.ndarray:
        """Indices of the samples whose label the shipped model contradicts, being sure of another digit; not the kept ones."""
        model, samples = self.services.shipped(PRETRAINED), self.samples.current
        if not len(samples):
            return np.zeros(0, int)
        probabilities = self.services.probabilities(model, samples.digits)
        found = contradicted(samples.labels, probabilities, model.card.confidence_threshold)
        return np.flatnonzero(found & ~self.samples.is_kept())

    @synchronized
    def undo_label(self) -> None:
        """Remove the last sample; its drawing comes back where the canvas is blank."""
        self.samples.remove_last()
        if self.canvas.drawing.digit is None and self._labelled:
            self.canvas.new_revision(self._labelled)

    @synchronized
    def replace_samples(self, samples: SampleSet, sentence: str) -> None:
        """Other samples, so that this can be undone, and a sentence about it."""
        self.samples.replace(samples)
        self.flash, self.is_flash_error = sentence, False

    @synchronized
    def undo_samples(self) -> None:
        """The samples before the last `replace_samples`."""
        self.samples.undo()
        self.flash = ""

    def start_model(self) -> tuple[ModelBundle, str]:
        """The model that the next training starts from, and why where there was a choice."""
        training, trained = self.training, self.models.trained
        if training.start == Start.RUN and (chosen := self.models.own.get(training.start_model)):
            return chosen, ""
        if trained and training.start == Start.TRAINED:
            return trained, ""
        if trained and training.start == Start.BETTER:
            return better_model(self.initial_model, trained, self.samples.current.test_part())
        if training.start == Start.UNTRAINED and (built := self.queries.known(training.network_key)):
            return built.bundle, ""
        return self.services.shipped(self.default_start), ""

    @synchronized
    def train(self, start: ModelBundle, settings: TrainSettings, resume_from: Run | None = None) -> None:
        """Submit a training on the samples; it does not wait for the scoring of the last one."""
        self.scoring.pause()
        self.training.begin(start, self.samples.for_training(), settings, self.owner, resume_from)

    @synchronized
    def collect_training(self) -> bool:
        """Take over a training that has ended, or the scores of one, and submit what follows; whether there was any."""
        before = self.training.job
        result = self.training.collect()
        if result is not None:
            self.scoring.request(self.models.add_run(*result))
            self._samples_at_outcome = self.samples.current
        ended = before is not None and self.training.job is None
        if ended and self.training.take_retraining_request():
            self.train(self.start_model()[0], self.training.settings)
        scored = self.scoring.collect()
        if self.training.job is None:
            self.scoring.start_next()
        return ended or scored

    def is_scored_on_unseen(self, names: Iterable[str]) -> bool:
        """Whether none of these models has learnt from the samples that it is scored on."""
        return bool(self.samples.current.held_out.any()) or not any(name in self.models.own for name in names)

    @property
    def is_outcome_new(self) -> bool:
        """Whether no sample was added or changed since the last training ended, or since the lab was opened."""
        return self._samples_at_outcome is self.samples.current

    @property
    def training_job(self) -> Job[Any] | None:
        """The training under way, or the scoring of one; None when there is none."""
        return self.training.job or self.scoring.job

    @synchronized
    def collect_import(self) -> bool:
        """Take over a file that was opened; whether there was one."""
        job = self.imports.collect()
        if job is None:
            return False
        if isinstance(job.result, OpenedLab):
            self.replace_with(job.result.snapshot)
            opened = f"Opened: {len(self.samples):,} drawings, {len(self.models.runs):,} runs."
            self.imports.finish(ImportKind.LAB, " ".join([opened, *job.result.skipped[:5]]))
        elif isinstance(job.result, ModelBundle):
            name = self.models.add_upload(job.result)
            self.imports.finish(ImportKind.MODEL, f"Imported as “{name}”. It stands with your models.")
        elif isinstance(job.result, ImportResult):
            self._add_samples(job.result)
        return True

    def _add_samples(self, result: ImportResult) -> None:
        samples = self.samples.current
        new = result.samples.difference(samples)
        n_excess = max(0, len(samples) + len(new) - sample_files.MAX_SAMPLES)
        if not len(new):
            self.imports.finish(ImportKind.SAMPLES, "These samples are here already.")
        else:
            added = new.take(range(len(new) - n_excess))
            self.replace_samples(samples.concatenate(added), text.samples_added(result, len(new), n_excess))

    @synchronized
    def rename_run(self, record: RunRecord, name: str) -> bool:
        """Rename a run wherever its name is used; False when it may not have this name."""
        before = self.models.present(record)
        if not self.models.rename_run(record, name):
            return False
        if before and self.training.start_model == before.name:
            self.training.start_model = name
        return True

    @synchronized
    def snapshot(self) -> LabSnapshot:
        """All that is saved."""
        preferences = {
            **self.samples.preferences(),
            "white_background": self.canvas.white_background,
            **self.training.preferences(),
            **self.models.preferences(),
        }
        sweep = self.training.sweep
        return LabSnapshot(
            self.samples.current,
            self.models.runs,
            self.models.uploads,
            preferences,
            sweep.to_dict() if sweep else None,
        )

    @synchronized
    def replace_with(self, snapshot: LabSnapshot) -> None:
        """Become another lab: nothing of this one stays, and what runs for it is stopped."""
        self.training.stop_all()
        self.scoring.stop()
        self.queries.stop()
        self.imports.stop()
        revision = self.canvas.revision
        self._make_parts()
        self.saving, self.canvas = SavingState(self.lock), CanvasState(self.lock)
        self.canvas.revision = revision + 1
        self.saving.begin()
        self.restore(snapshot)

    @synchronized
    def restore_before(self, snapshot: LabSnapshot) -> None:
        """Put a lab that was saved before what this session has made without it; the form stays as it stands here."""
        meanwhile = self.snapshot()
        self.samples.current = snapshot.samples.concatenate(meanwhile.samples.difference(snapshot.samples))
        self.samples.forget_undo()
        self.samples.kept |= kept_labels(snapshot.preferences)
        self.models.restore(snapshot.runs, snapshot.uploads, snapshot.preferences)
        for record in meanwhile.runs:
            self.models.add_run(record.run, record.start)
        for upload in meanwhile.uploads:
            self.models.add_upload(upload)
        if self.training.sweep is None:
            self._restore_sweep(snapshot)

    @synchronized
    def restore(self, snapshot: LabSnapshot) -> None:
        """Become a lab that was saved; preferences of another type are ignored."""
        preferences = snapshot.preferences
        self.samples.restore(snapshot.samples, preferences)
        self.canvas.white_background = preferences.get("white_background") is True
        self.models.restore(snapshot.runs, snapshot.uploads, preferences)
        if self.models.active_run and self.models.active_run.run.mnist_after is None:
            self.scoring.request(self.models.active_run)
        self.training.restore(preferences)
        self._samples_at_outcome = self.samples.current
        self._restore_sweep(snapshot)

    def _restore_sweep(self, snapshot: LabSnapshot) -> None:
        if snapshot.sweep is not None:
            start = self.models.every_model().get(str(snapshot.sweep.get("start")), self.initial_model)
            self.training.restore_sweep(snapshot.sweep, start, self.samples.for_training())
