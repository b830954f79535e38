"""What a session owns and does: samples, drawing, runs, the work under way. Plain data; `state` keeps it in the session."""

import contextlib
import re
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from digitcore import advice, models
from digitcore.errors import JobError, SettingsError
from digitcore.jobs import DONE, Job
from digitcore.labs import LabRecord, Trained
from digitcore.models import ModelBundle
from digitcore.runs import Run, TrainSettings
from digitcore.samples import SampleSet
from digitcore.store import Kept
from digitcore.sweeps import Sweep
from pages.shared import caches
from pages.shared.drawing import Canvas

Asked = tuple[str, ...]  # what was asked of the worker, and of which model
STUPID, GENIUS, TRAINED, BETTER, A_RUN = "stupid", "genius", "trained", "better", "a run"
CHOICES = ("hold_out", "on_white", "initial", "initial_run", "train_after_label", "made", "used", "compared", "has_compared")
STARTS = (STUPID, GENIUS, TRAINED, BETTER, A_RUN)
NEEDED = (STUPID, GENIUS)  # no page can do without them


@dataclass(frozen=True, eq=False)
class Advice:
    """What to draw next, and of which samples and which model that was said."""

    samples: SampleSet
    model: ModelBundle
    digit: int
    reason: str


@dataclass
class Lab:
    """All that a session owns."""

    owner: str = ""  # the session's id, for the fair line at the worker
    kept: Kept | None = None  # where it stands in the store; None while nothing is worth keeping
    sought: bool = False  # whether the store was asked for the lab of the page's address
    moved: str = ""  # why it is not the lab of the page's address, or not saved, in a sentence
    samples: SampleSet = field(default_factory=SampleSet)
    hold_out: bool = True  # every fourth drawing of a digit is kept out of training
    canvas: Canvas = field(default_factory=Canvas)
    heard: int = 0  # how often the page has asked whether this session is still there
    on_white: bool = False  # dark ink on white paper instead of white on black
    explained: np.ndarray | None = None  # the digit that is explained on the Draw page
    told: str = ""  # what became of the last file, picture or deletion, in a sentence
    before: SampleSet | None = None  # the samples before it, where it can be taken back
    advised: Advice | None = None
    last_label: int | None = None  # just given, and can be undone
    last_canvas: Canvas | None = None  # what was labelled

    initial: str = GENIUS  # where the next training starts
    initial_run: str = ""  # the run's name, where that is a run
    chosen: TrainSettings = field(default_factory=TrainSettings)  # as the sliders stand
    train_after_label: bool = False
    train_again: bool = False  # a label came while a training ran
    training: Job | None = None
    settings: TrainSettings = field(default_factory=TrainSettings)  # of the training under way
    pending: ModelBundle | None = None  # what it started from
    notice: str = ""  # what went wrong with the last training, in one sentence
    runs: list[Trained] = field(default_factory=list)  # oldest first
    uploads: list[ModelBundle] = field(default_factory=list)  # models that the user brought
    made: int = 0  # runs ever made, for their names
    used: str = ""  # the name of the run or the upload that is in use
    refused: str = ""  # a name that no run may bear
    coming: Job | None = None  # opens a file that the user brought
    coming_as: str = ""  # what it is: a model or a lab
    received: str = ""  # what became of it, in a sentence
    onnx: str = ""  # the key of the model that is wanted as ONNX
    sweep: Sweep | None = None
    applied: dict[str, Any] = field(default_factory=dict)  # a sweep's best values, on their way to the sliders

    asked: dict[Asked, Job] = field(default_factory=dict)  # what the Evaluate page waits for, by what was asked
    asking_stopped: bool = False  # the user stopped it, or it failed: nothing is asked until told to go on
    asking_notice: str = ""
    compared: list[str] = field(default_factory=list)  # the names of the models on the Evaluate page
    compared_made: int = 0  # how many runs there had been then
    has_compared: bool = False

    @property
    def in_use(self) -> Trained | None:
        """The run whose model answers: the latest, or the one that the user picked."""
        if any(upload.name == self.used for upload in self.uploads):
            return None
        return self.run_called(self.used) or (self.runs[-1] if self.runs else None)

    @property
    def own(self) -> dict[str, ModelBundle]:
        """The user's own models by name: the runs, newest first, then what was brought."""
        return {one.name: one.model for one in self.runs[::-1]} | {one.name: one for one in self.uploads[::-1]}

    @property
    def trained(self) -> ModelBundle | None:
        """The user's own model in use."""
        return self.in_use.model if self.in_use else self.own.get(self.used)

    @property
    def first(self) -> ModelBundle:
        """The initial model in every comparison: what the model in use started from, or what the next one would."""
        return self.in_use.start if self.in_use else caches.shipped(STUPID if self.initial == STUPID else GENIUS)

    @property
    def answers(self) -> ModelBundle:
        """The model in use, trained or not."""
        return self.trained or self.first

    def draw_next(self) -> Advice:
        """What to draw next; worked out anew when the samples or the model in use have changed."""
        samples, model = self.samples, self.answers
        if self.advised is None or self.advised.samples is not samples or self.advised.model is not model:
            self.advised = Advice(samples, model, *advice.draw_next(samples, caches.probabilities(model, samples.digits)))
        return self.advised

    def run_called(self, name: str) -> Trained | None:
        """A run of the history by its name."""
        return next((one for one in self.runs if one.name == name), None)

    def chosen_start(self) -> tuple[ModelBundle, str]:
        """The model that the next training starts from, and why where there was a choice."""
        if self.initial == A_RUN and (picked := self.own.get(self.initial_run)):
            return picked, ""
        if self.trained and self.initial == TRAINED:
            return self.trained, ""
        if self.trained and self.initial == BETTER:
            return models.better(self.first, self.trained, self.samples.to_judge())
        return caches.shipped(STUPID if self.initial == STUPID else GENIUS), ""

    def lesson(self) -> SampleSet:
        """The samples as the next training takes them."""
        return self.samples if self.hold_out else self.samples.none_held_out()

    def begin_training(self, start: ModelBundle, settings: TrainSettings, goes_on: Run | None = None) -> None:
        """Send a training to the worker, or note why it does not go."""
        self.notice, self.settings, self.pending, self.train_again = "", settings, start, False
        try:
            self.training = caches.jobs().train(start, self.lesson(), settings, goes_on=goes_on, owner=self.owner)
        except JobError as error:
            self.notice = str(error)

    def learn_at_once(self) -> None:
        """Train after a label, where that was asked for; a label during a training is learnt when it ends."""
        if self.train_after_label and self.training:
            self.train_again = True
        elif self.train_after_label:
            self.begin_training(self.chosen_start()[0], self.chosen)

    def collect(self) -> bool:
        """Take over a training that has ended; True when there was one."""
        if self.training is None or not self.training.over:
            return False
        job, self.training = self.training, None
        if job.state == DONE and self.pending:
            self._add(job.result)
        else:
            self.notice = job.error
        if self.train_again:
            self.learn_at_once()
        return True

    def _add(self, run):
        self.made += 1
        while self.run_called(f"run {self.made}"):
            self.made += 1
        added = Trained(run, self.pending).renamed(f"run {self.made}")
        self.runs.append(added)
        self.used = added.name

    def change_samples(self, samples: SampleSet, told: str) -> None:
        """Take other samples than before, so that it can be taken back."""
        self.before, self.samples, self.told, self.last_label = self.samples, samples, told, None

    def take_back(self) -> None:
        """The samples as they were before the last change."""
        if self.before is not None:
            self.samples, self.before, self.told, self.last_label = self.before, None, "", None

    def hold(self, digit: np.ndarray) -> None:
        """Put a picture's digit, (28, 28) uint8, in the place of the drawing."""
        self.tell("")
        self.canvas = self.canvas.holding(digit)

    def tell(self, sentence: str) -> None:
        """Say something on the Draw page, in the place of what was said before."""
        self.told, self.before = sentence, None

    def clear_canvas(self) -> None:
        """A new, blank canvas; Undo brings the drawing back."""
        self.canvas = replace(self.canvas.next(), cleared=self.canvas.worth_undoing)

    def hear(self) -> None:
        """The page's connection was lost and is back: say that this session is still there."""
        self.heard += 1

    def undo(self) -> None:
        """Take back what the canvas in the browser cannot."""
        self.canvas = self.canvas.undo()

    def redo(self) -> None:
        """Do again what `undo` took back."""
        self.canvas = self.canvas.redo()

    def may_be_called(self, name: str) -> bool:
        """Whether a run may bear this name: letters, digits, spaces and - _ . alone, and nobody else's."""
        return bool(re.fullmatch(r"[\w .-]{1,30}", name)) and name not in self.own and name not in models.names()

    def rename(self, one: Trained, name: str) -> None:
        """Give a run another name wherever it is known; a name that it may not bear is noted."""
        self.refused = "" if self.may_be_called(name) or name == one.name else name
        if self.refused or name == one.name:
            return
        self.compared = [name if known == one.name else known for known in self.compared]
        self.used, self.initial_run = (name if known == one.name else known for known in (self.used, self.initial_run))
        self.runs = [known.renamed(name) if known is one else known for known in self.runs]

    def delete(self, name: str) -> None:
        """Forget a run. Models that started from it stay."""
        self.runs = [one for one in self.runs if one.name != name]
        if self.used == name:
            self.used = ""

    def every_model(self) -> dict[str, ModelBundle]:
        """All that can be compared, by name: the user's own, then the shelf."""
        return self.own | {name: caches.shipped(name) for name in caches.shelf()}

    def take_in(self, model: ModelBundle) -> str:
        """Put a model that the user brought on the session's shelf, under a name that nobody bears; returns the name."""
        name, number = model.name, 1
        while not self.may_be_called(name):
            number += 1
            name = f"{model.name[:26]} {number}"
        self.uploads.append(model.renamed(name))
        return name

    def expect(self, job: Job, what: str) -> None:
        """A file that the user brought is being opened, as a model or a lab."""
        self.coming, self.coming_as, self.received = job, what, ""

    def receive(self) -> bool:
        """Take over what has come of it; True when something has."""
        if self.coming is None or not self.coming.over:
            return False
        job, self.coming = self.coming, None
        if job.state != DONE:
            self.received = job.error
        elif isinstance(job.result, LabRecord):
            self.be(job.result)
            self.coming_as, self.received = "lab", f"Opened: {len(self.samples):,} drawings, {len(self.runs):,} runs."
        else:
            self.received = f"On your shelf as “{self.take_in(job.result)}”."
        return True

    def put_away(self, name: str) -> None:
        """Take a model that was brought off the shelf."""
        self.uploads = [one for one in self.uploads if one.name != name]

    def record(self) -> LabRecord:
        """All that is worth keeping."""
        choices = {name: getattr(self, name) for name in CHOICES} | {"settings": asdict(self.chosen)}
        return LabRecord(self.samples, tuple(self.runs), tuple(self.uploads), choices)

    def be(self, record: LabRecord) -> None:
        """Be another lab: nothing of this one stays, and what runs for it is stopped."""
        for job in filter(None, [self.training, *self.asked.values()]):
            job.stop()
        if self.sweep:
            self.sweep.stop()
        fresh = Lab(owner=self.owner, sought=True, canvas=self.canvas.next())
        for one in fields(Lab):
            setattr(self, one.name, getattr(fresh, one.name))
        self.restore(record)

    def restore(self, record: LabRecord) -> None:
        """Be the lab that was kept; choices that this version does not know are passed over."""
        self.samples, self.runs, self.uploads = record.samples, list(record.runs), list(record.uploads)
        for name in CHOICES:
            if type(record.choices.get(name)) is type(getattr(self, name)):
                setattr(self, name, record.choices[name])
        self.made, self.compared = max(0, self.made), [name for name in self.compared if isinstance(name, str)]
        if self.initial not in STARTS:
            self.initial = GENIUS
        with contextlib.suppress(SettingsError, TypeError):
            self.chosen = TrainSettings.from_dict(record.choices.get("settings", {}))
