"""The session of a visitor, made of plain objects. `state` keeps it in Streamlit's session state."""

import datetime
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from digitcore.data import sample_files
from digitcore.data.label_issues import contradicted
from digitcore.data.sample_files import ImportResult
from digitcore.data.suggestion import Suggestion, suggest_next_digit
from digitcore.evaluation.comparison import better_model
from digitcore.evaluation.score import Score
from digitcore.jobs.job import Job, JobStatus
from digitcore.jobs.tasks import (
    BuildNetworkTask,
    ImportModelTask,
    OpenLabTask,
    ReadSamplesTask,
    ScoreRunTask,
    TrainClassTask,
    TrainTask,
)
from digitcore.lessons import Trial
from digitcore.models.bundle import ModelBundle
from digitcore.models.network_spec import is_spec
from digitcore.models.upload import describe_import
from digitcore.samples import FirstPrediction, SampleSet
from digitcore.storage import learnt
from digitcore.storage.archive import OpenedLab
from digitcore.storage.changes import LabChanges
from digitcore.storage.classes import StoredClass
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from pages.session import formatting, training_summary
from pages.session.canvas_state import CanvasState, Drawing
from pages.session.classroom import NO_IMPORT, NO_TRAINING, Classroom
from pages.session.lesson_state import ANY_SEED, LessonState
from pages.session.model_library import PRETRAINED, UNTRAINED, ModelLibrary
from pages.session.sample_list import Contradiction, SampleList
from pages.session.sample_versions import SampleVersions
from pages.session.saving_state import SavingState
from pages.session.server_resources import ServerResources
from pages.session.session_part import synchronized
from pages.session.training_state import Start, TrainingState, failed_run
from pages.session.work import Work

MAX_SKIPPED = 5  # damaged parts of a lab file that are named
LAB_IS_FULL = (
    f"A lab holds at most {sample_files.MAX_SAMPLES:,} drawings, so this drawing was not labelled. "
    "Delete drawings below “My drawings” first."
)
CUSTOM_NETWORK = "untrained custom"  # name of the model of a network that the user has built


class LabSession:
    """A visitor's session. It consists of parts, and its methods change several parts together.

    Args:
        resources: Resources of the server.
        owner: Identifier of the session, for the queue of jobs.

    Attributes:
        samples, versions, canvas, models, training, lessons, work, saving, classroom: The parts.
        link_error: The reason why settings of the address cannot be used; `None` until the address was read. Only the page's
            script writes it.
        page_state: The state that the page shows outside its polling fragment. Only the page's script writes it.
        flash: The outcome of the last deletion, relabelling or import, in a sentence.
        is_flash_error: Whether `flash` says that something went wrong.
        doubtful_import: Samples whose labels do not fit their pictures, until the user imports or discards them.
        new_run_id: Identifier of the run of this session's latest training; "" before the first one.
    """

    def __init__(self, resources: ServerResources, owner: str = ""):
        self.lock = threading.RLock()
        self.resources, self.owner = resources, owner
        self.link_error: str | None = None
        self.page_state: tuple[Any, ...] = ()
        self._make_parts()
        self.saving = SavingState(self.lock)
        self.canvas = CanvasState(self.lock)

    def _make_parts(self) -> None:
        self.samples = SampleList(self.lock)
        self.versions = SampleVersions(self.lock)
        self.models = ModelLibrary(self.resources, self.lock)
        self.training = TrainingState(self.resources, self.lock)
        self.lessons = LessonState(self.lock)
        self.work = Work(self.resources, self.owner, self.lock)
        self.classroom = Classroom(self.lock)
        self._tell("")
        self.doubtful_import: ImportResult | None = None
        self.new_run_id = ""
        self._labelled: Drawing | None = None
        self._shown_model: ModelBundle | None = None
        self._left: dict[str, str] = {}  # model that the user has taught → model that was active when the user left it
        self._suggestion: tuple[SampleSet, ModelBundle, Suggestion] | None = None

    @property
    def default_start(self) -> str:
        """Name of the shipped model that the next training starts from if none of the user's models is chosen."""
        return UNTRAINED if self.training.start == Start.UNTRAINED else PRETRAINED

    @property
    def initial_model(self) -> ModelBundle:
        """The model that the active run started from."""
        return self.models.initial(self.default_start)

    @property
    def shown_model(self) -> ModelBundle:
        """The model whose prediction for the drawing the person has seen: the active model, unless the page shows another."""
        return self._shown_model or self.active_model

    @synchronized
    def show_prediction_of(self, model: ModelBundle) -> None:
        """Record that the page shows the prediction of a model for the drawing."""
        self._shown_model = model

    @property
    def active_model(self) -> ModelBundle:
        """The model that predicts."""
        return self.models.active(self.default_start)

    def suggestion(self) -> Suggestion:
        """Return the suggested next digit to draw. It is computed when the samples or the active model have changed."""
        samples, model = self.samples.current, self.active_model
        if self._suggestion is None or self._suggestion[0] is not samples or self._suggestion[1] is not model:
            # The errors of random weights say nothing about the drawings.
            is_trained = model.card.trained
            probabilities = self.resources.probabilities(model, samples.digits) if is_trained else np.eye(10)[samples.labels]
            self._suggestion = samples, model, suggest_next_digit(samples, probabilities, self.classroom.digits)
        return self._suggestion[2]

    @synchronized
    def show_error(self, sentence: str) -> None:
        """Show an error message on the Draw page; "" removes it."""
        self._tell(sentence, is_error=True)
        self.samples.forget_undo()

    @synchronized
    def label(self, digit: int) -> bool:
        """Store the drawing with a label and clear the canvas. Return whether there was a drawing, and space in the lab."""
        drawn = self.canvas.digit
        if drawn is None:
            self.samples.forget_last()
            return False
        if len(self.samples) >= sample_files.MAX_SAMPLES:
            self.show_error(LAB_IS_FULL)
            return False
        if reason := self.classroom.refuse_label(digit, self.samples.current):
            self.canvas.refuse_label(reason)
            return False
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.samples.add(
            drawn,
            digit,
            self.canvas.encoded_strokes(),
            now,
            self._contradiction(self.shown_model, drawn, digit),
            is_example=self.canvas.drawing.is_example,
            first_prediction=self._first_prediction(drawn),
        )
        self._labelled, self._shown_model, self.flash = self.canvas.drawing, None, ""
        self.canvas.new_revision()
        self.canvas.set_notice("")
        if self.training.request_retraining(is_training=self.training_job is not None):
            self.start_training()
        return True

    def _contradiction(self, model: ModelBundle, digit: np.ndarray, label: int) -> Contradiction | None:
        """Check whether a model confidently predicts another digit than the label for (28, 28) uint8."""
        probabilities = self.resources.probabilities(model, digit[None])
        if not contradicted(np.array([label]), probabilities, model.card.confidence_threshold)[0]:
            return None
        return Contradiction(int(probabilities[0].argmax()), float(probabilities[0].max()))

    def _first_prediction(self, digit: np.ndarray) -> FirstPrediction | None:
        """Return the shown model's prediction for (28, 28) uint8; `None` if the model has learnt from this digit."""
        model = self.shown_model
        single = SampleSet.from_arrays(digit[None], [0])
        if single.is_learnt(self.models.learnt_from(model) or ())[0]:
            return None
        probabilities = self.resources.probabilities(model, digit[None])[0]
        return FirstPrediction(model.hash, int(probabilities.argmax()), float(probabilities.max()))

    def contradicted_samples(self) -> np.ndarray:
        """Return the indices of samples for which the shipped model confidently predicts another digit, without kept labels.

        The sample with the least likely label comes first.
        """
        model, samples = self.resources.shipped(PRETRAINED), self.samples.current
        if not len(samples):
            return np.zeros(0, int)
        probabilities = self.resources.probabilities(model, samples.digits)
        found = contradicted(samples.labels, probabilities, model.card.confidence_threshold)
        doubted = np.flatnonzero(found & ~self.samples.is_kept())
        return doubted[np.argsort(probabilities[doubted, samples.labels[doubted]], kind="stable")]

    @synchronized
    def undo_label(self) -> None:
        """Remove the last sample. Restore its drawing if the canvas is blank."""
        self.samples.remove_last()
        if self.canvas.drawing.digit is None and self._labelled:
            self.canvas.new_revision(self._labelled)

    @synchronized
    def replace_samples(self, samples: SampleSet, sentence: str) -> None:
        """Replace the samples, and show a sentence about the change. `undo_samples` undoes this."""
        self.samples.replace(samples)
        self._tell(sentence)

    @synchronized
    def activate(self, name: str) -> None:
        """Activate a model on all pages. The next training starts from `untrained` or `genius` if one of them is chosen."""
        self.models.activate(name)
        self._shown_model = None
        self._forget_undone_training()
        if name in (UNTRAINED, PRETRAINED):
            self.training.choose_start(Start.UNTRAINED if name == UNTRAINED else Start.PRETRAINED)

    @synchronized
    def teach(self, name: str) -> None:
        """Activate a shipped model or, if the user has taught it before, the model that was active when the user left it."""
        self._left[self.start_model()[0].name] = self.active_model.name
        self.activate(name)
        if self._left.get(name) in self.models.own:
            self.models.activate(self._left[name])

    @synchronized
    def undo_training(self, record: RunRecord) -> None:
        """Activate the model that was active before the training of a run, and show its name on the Draw page."""
        name = self.models.undo_training(record)
        self._shown_model = None
        self.show_error("")
        name, run = formatting.escape(name), formatting.escape(record.name)
        self._tell(f"The training is undone. Now {name} predicts. Train still has {run}.", is_about_model=True)

    def _tell(self, sentence: str, *, is_error: bool = False, is_about_model: bool = False) -> None:
        """Show a sentence on the Draw page. A sentence about the active model ends when another model predicts."""
        self.flash, self.is_flash_error, self._is_flash_about_model = sentence, is_error, is_about_model

    def _forget_undone_training(self) -> None:
        if self._is_flash_about_model:
            self._tell("")

    @synchronized
    def undo_samples(self) -> None:
        """Restore the samples before the last `replace_samples`."""
        self.samples.undo()
        self.flash = ""

    def start_model(self) -> tuple[ModelBundle, str]:
        """Return the model that the next training starts from, and the reason if there was a choice."""
        training, trained = self.training, self.models.trained
        if training.start == Start.RUN and (chosen := self.models.own.get(training.start_model)):
            return chosen, ""
        if trained and training.start == Start.TRAINED:
            return trained, ""
        if trained and training.start == Start.BETTER:
            samples, is_unseen = self.tested_drawings([self.initial_model, trained])
            model, reason = better_model(self.initial_model, trained, samples)
            return model, reason + " They may have been used for training." * bool(len(samples) and not is_unseen)
        if training.start == Start.UNTRAINED and (built := self.work.known(self.network_task)):
            return built.model, ""
        return self.resources.shipped(self.default_start), ""

    @property
    def network_task(self) -> BuildNetworkTask:
        """The task that builds the chosen network with random weights."""
        network, seed = self.training.network, self.training.settings.seed
        return BuildNetworkTask(network, seed, CUSTOM_NETWORK if is_spec(network) else f"untrained {network}")

    @synchronized
    def open_lesson(self, number: int) -> None:
        """Open a lesson and set the form to its first training. The form before the lesson returns when the lesson is closed."""
        if not self.lessons.number:
            self.lessons.keep_form(self.training.preferences())
        self.lessons.open(number)
        if lesson := self.lessons.lesson:
            self.choose_trial(lesson.trials[0])

    @synchronized
    def close_lesson(self) -> None:
        """Close the open lesson, and set the form as it was before the lesson."""
        self.training.restore(self.lessons.form_before)
        self.lessons.open(0)

    @synchronized
    def choose_trial(self, trial: Trial) -> None:
        """Set the form to a training of the open lesson."""
        if lesson := self.lessons.lesson:
            settings, network = lesson.training(trial)
            self.training.choose_start(Start.UNTRAINED if network else Start.PRETRAINED)
            self.training.choose_network(network)
            self.training.set_settings(settings)

    @property
    def chosen_trial(self) -> Trial | None:
        """The training of the open lesson that the form describes, with any seed; `None` if the form describes another one."""
        lesson, training = self.lessons.lesson, self.training
        network = training.network if training.start == Start.UNTRAINED else ""
        form = training.settings.replace(seed=ANY_SEED), network
        return next((trial for trial in lesson.trials if lesson.training(trial) == form), None) if lesson else None

    def training_samples(self) -> SampleSet:
        """Return the samples of the next training.

        A training of a lesson uses the drawings of the lesson's digit, or no drawings, like the trainings that were measured.
        """
        samples, lesson = self.samples.for_training(), self.lessons.lesson
        if lesson is None or self.chosen_trial is None:
            return samples
        return SampleSet() if lesson.digit is None else samples.take(np.flatnonzero(samples.labels == lesson.digit))

    @synchronized
    def train(self, start: ModelBundle, settings: TrainSettings, resume_from: Run | None = None) -> None:
        """Start a training on the samples, unless a training is under way or the class does not allow it."""
        if not self.classroom.may_train:
            self.work.set_notice(TrainTask, NO_TRAINING)
        elif self.training_job is None:
            self.training.take_retraining_request()
            self._forget_undone_training()
            self.work.submit(TrainTask(start, self.training_samples(), settings, resume_from=resume_from))

    @synchronized
    def start_training(self) -> None:
        """Start a training from the chosen model, with the settings of the form."""
        self.train(self.start_model()[0], self.training.settings)

    @synchronized
    def train_on_class(self, held_out: Sequence[str] = ()) -> None:
        """Start a training on the drawings of the class, unless a training is under way. Each pupil has the same weight.

        Args:
            held_out: Identifiers of the pupils whose drawings are held out, instead of a quarter of all drawings.
        """
        if self.training_job is None:
            drawings = self.classroom.drawings
            samples, weights = drawings.holding_out(held_out), drawings.weights()
            n_pupils = len(drawings.active)
            task = TrainClassTask(self.start_model()[0], samples, self.training.settings, weights=weights, n_pupils=n_pupils)
            self.work.submit(task)

    @synchronized
    def follow_class(self, room: StoredClass, model: ModelBundle | None) -> bool:
        """Apply the settings that the teacher has sent to a pupil, and the model that the teacher has published.

        Args:
            room: The class.
            model: The published model if it is new, else `None`.

        Returns:
            Whether the settings have changed.
        """
        settings = room.state.settings if room.state.n_sent > self.classroom.n_sent else None
        if self.classroom.is_pupil and settings is not None:
            self.training.restore(settings)
            self._tell("Your teacher has sent settings. They are on the page Train.")
        if self.classroom.is_pupil and model is not None and self.models.follow_class(model, room.state.learnt):
            self._tell(f"Your teacher has published {formatting.escape(model.name)}.")
        self.classroom.mark_applied(model)
        return settings is not None

    @property
    def training_job(self) -> Job[Run] | None:
        """The waiting or running training, or `None`."""
        return next(iter(self.work.running(TrainTask)), None)

    @property
    def training_epochs(self) -> int:
        """Epochs of the training under way; 0 if no training is under way."""
        return next((task.settings.epochs for task in self.work.waiting(TrainTask)), 0)

    @synchronized
    def score(self, record: RunRecord) -> None:
        """Score a run on MNIST, unless its scores are known or are being computed."""
        if record.run.mnist_after is None and not self.is_scoring(record):
            self.work.submit(ScoreRunTask(record.id, record.start, record.model))

    def is_scoring(self, record: RunRecord) -> bool:
        """Check whether the MNIST scores of a run are being computed or are queued."""
        return any(task.run_id == record.id for task in self.work.waiting(ScoreRunTask))

    @synchronized
    def collect(self) -> bool:
        """Add the results of ended jobs to the session, and submit the jobs that follow. Return whether a job has ended."""
        jobs = self.work.collect()
        for job in jobs:
            if job.status == JobStatus.DONE:
                self._apply_result(job)
            else:
                self._keep_failed(job)
        if any(isinstance(job.task, TrainTask) for job in jobs) and self.training.take_retraining_request():
            self.start_training()
        self.work.start_background()
        return bool(jobs)

    def _apply_result(self, job: Job[Any]) -> None:
        """Apply the result of a job to the session."""
        task, result = job.task, job.wait()
        match task:
            case TrainTask():
                self._add_run(result, task)
            case ScoreRunTask():
                self.models.set_mnist_scores(task.run_id, result)
            case OpenLabTask():
                self._open_lab(result)
            case ImportModelTask():
                self._add_model(result)
            case ReadSamplesTask():
                self._add_samples(result)

    def _add_run(self, run: Run, task: TrainTask) -> None:
        record = self.models.add_run(run, task.start, self.active_model.hash)
        learnt = record.run.sample_hashes
        if run.personal_is_held_out and learnt is not None and task.samples.test_part().is_learnt(learnt).any():
            self.models.mark_as_learnt(record)
        self.score(record)
        self.new_run_id = record.id
        if self.samples.contradiction is not None:
            last = self.samples.last()
            found = self._contradiction(self.active_model, last.digits[0], int(last.labels[0])) if len(last) else None
            self.samples.update_contradiction(found)

    def _keep_failed(self, job: Job[Any]) -> None:
        """Add the run of a training that ended with an error, if it had begun."""
        if isinstance(job.task, TrainTask) and (run := failed_run(job)):
            self.models.add_run(run, job.task.start)

    def _add_model(self, model: ModelBundle) -> None:
        name = self.models.add_upload(model)
        sentences = [describe_import(model), f"Imported as “{name}”. The model is listed with your models."]
        self.work.set_notice(ImportModelTask, " ".join(sentences).strip())

    def _open_lab(self, opened: OpenedLab) -> None:
        self.replace_with(opened.snapshot)
        sentence = f"Opened: {formatting.samples(self.samples.current)}, {formatting.plural(len(self.models.runs), 'run')}."
        self.work.set_notice(OpenLabTask, " ".join([sentence, *opened.skipped[:MAX_SKIPPED]]))

    @synchronized
    def confirm_import(self, is_accepted: bool) -> None:
        """Import the samples whose labels do not fit their pictures, or discard them."""
        result, self.doubtful_import = self.doubtful_import, None
        self.work.set_notice(ReadSamplesTask, "The samples were imported unchanged." if is_accepted else "Nothing was imported.")
        if result is not None and is_accepted:
            self._add_samples(replace(result, doubt=""))

    def _add_samples(self, result: ImportResult) -> None:
        if self.classroom.is_pupil:
            self.work.set_notice(ReadSamplesTask, NO_IMPORT, is_error=True)
            return
        self.doubtful_import = result if result.doubt else None
        if result.doubt:
            self.work.set_notice(ReadSamplesTask, f"{result.doubt} Nothing was imported yet.", is_error=True)
            return
        samples = self.samples.current
        new = result.samples.difference(samples)
        n_excess = max(0, len(samples) + len(new) - sample_files.MAX_SAMPLES)
        if not len(new):
            self.work.set_notice(ReadSamplesTask, training_summary.no_samples_added(result))
        else:
            added = new.take(range(len(new) - n_excess))
            self.replace_samples(samples.concatenate(added), training_summary.samples_added(result, len(new), n_excess))

    def unseen(self, models: Iterable[ModelBundle]) -> np.ndarray:
        """Return a mask of the drawings that no given model has learnt from, (N,) bool.

        These drawings are held out, or were drawn after the trainings. If the training drawings of a model are not known, only
        the held-out drawings count as unseen.
        """
        return learnt.unseen(self.samples.current, map(self.models.learnt_from, models))

    def tested_drawings(self, models: Iterable[ModelBundle]) -> tuple[SampleSet, bool]:
        """Return the drawings on which models are compared, and whether no model has learnt from them.

        If no drawing is unseen by all of these models, they are compared on all drawings.
        """
        return learnt.tested_drawings(self.samples.current, [self.models.learnt_from(model) for model in models])

    def has_learnt(self, model: ModelBundle) -> bool:
        """Check whether a model has learnt, or may have learnt, from any of the drawings."""
        return int(self.unseen([model]).sum()) < self.samples.n_drawings

    def unseen_scores(self, record: RunRecord) -> tuple[Score, Score] | None:
        """Return the scores of a run's initial and trained model on the drawings that the run has not learnt from.

        Returns:
            The scores, or `None` if the run has learnt from all drawings.
        """
        samples, unseen = self.samples.current, self.unseen([record.start, record.model])
        if not unseen.any():
            return None
        before, after = (
            Score.from_counts(int(np.count_nonzero(is_correct[unseen])), int(unseen.sum()))
            for is_correct in (
                self.resources.probabilities(model, samples.digits).argmax(1) == samples.labels
                for model in (record.start, record.model)
            )
        )
        return before, after

    @synchronized
    def rename_run(self, record: RunRecord, name: str) -> bool:
        """Rename a run everywhere. Return whether the name is allowed."""
        before = self.models.present(record)
        if not self.models.rename_run(record, name):
            return False
        if before:
            self.training.rename_start_model(before.name, name)
        return True

    @synchronized
    def snapshot(self) -> LabSnapshot:
        """Return everything that is saved."""
        preferences = {
            **self.samples.preferences(),
            "white_background": self.canvas.white_background,
            **self.training.preferences(),
            **self.models.preferences(),
            **self.classroom.preferences(),
            **self.lessons.preferences(),
        }
        sweep = self.training.sweep
        return LabSnapshot(
            self.samples.current,
            self.models.runs,
            self.models.uploads,
            preferences,
            sweep.to_dict() if sweep else None,
            self.versions.versions,
        )

    @synchronized
    def replace_with(self, snapshot: LabSnapshot) -> None:
        """Replace this lab by a stored lab. Running work of this lab is stopped."""
        self.training.stop_sweep()
        self.work.stop_all()
        self._make_parts()
        self.saving, self.canvas = SavingState(self.lock), CanvasState(self.lock, revision=self.canvas.revision + 1)
        self.saving.begin()
        self.restore(snapshot)

    @synchronized
    def restore_before(self, snapshot: LabSnapshot) -> None:
        """Merge a stored lab with this session's new samples and models. The settings of this session are kept."""
        meanwhile = self.snapshot()
        self.samples.prepend(snapshot.samples, snapshot.preferences)
        self.versions.restore(snapshot.versions)
        self.models.restore(snapshot.runs, snapshot.uploads, snapshot.preferences)
        for record in meanwhile.runs:
            added = self.models.add_run(record.run, record.start, record.replaced)
            self.models.annotate(added, record.note, record.tags)
        for upload in meanwhile.uploads:
            self.models.add_upload(upload)
        if self.training.sweep is None:
            self._restore_sweep(snapshot)

    @synchronized
    def take_over(self, changes: LabChanges) -> str:
        """Take over what another device has changed in this lab. Return a sentence about it, or "" if nothing new is visible.

        Settings are not taken over, so that a form does not change while a person uses it.
        """
        sentence = training_summary.taken_over(changes, self.snapshot())
        self.samples.take_over(changes)
        self.versions.take_over(changes)
        for before, name in self.models.take_over(changes).items():
            self.training.rename_start_model(before, name)
        return sentence

    @synchronized
    def restore(self, snapshot: LabSnapshot) -> None:
        """Restore a stored lab. Preferences of a wrong type are ignored."""
        preferences = snapshot.preferences
        self.samples.restore(snapshot.samples, preferences)
        self.versions.restore(snapshot.versions)
        self.canvas.restore(preferences)
        self.models.restore(snapshot.runs, snapshot.uploads, preferences)
        if self.models.active_run:
            self.score(self.models.active_run)
        self.training.restore(preferences)
        self.classroom.restore(preferences)
        self.lessons.restore(preferences)
        self._restore_sweep(snapshot)

    def _restore_sweep(self, snapshot: LabSnapshot) -> None:
        if snapshot.sweep is not None:
            start = self.models.every_model().get(str(snapshot.sweep.get("start")), self.initial_model)
            self.training.restore_sweep(snapshot.sweep, start, self.samples.for_training())
