"""The session: the user's samples and models, and the work under way. Lives in st.session_state under the key `lab`."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st

from digitcore import models
from digitcore.jobs import DONE, Job
from digitcore.models import ModelBundle
from digitcore.runs import Run, TrainSettings
from digitcore.samples import SampleSet
from digitcore.worker import Comparison
from pages.shared import caches

STUPID, GENIUS, TRAINED, BETTER = "stupid", "genius", "trained", "better"


@dataclass
class Canvas:
    """The drawing on the canvas, kept over page changes.

    A canvas of a new number starts from `start`; what is drawn later comes back in `strokes`, which is never fed to the
    same canvas.
    """

    number: int = 0
    start: dict[str, Any] | None = None
    strokes: dict[str, Any] | None = None
    picture: str | None = None  # the last PNG that was read, to read it once
    digit: np.ndarray | None = None  # (28, 28) uint8; None when blank

    @property
    def key(self) -> str:
        return f"canvas_{self.number}"

    def clear(self) -> None:
        """A new, blank canvas."""
        self.number += 1
        self.start = self.strokes = self.picture = self.digit = None

    def restore(self) -> None:
        """A new canvas with the old drawing, after another page was shown."""
        self.number += 1
        self.start = self.strokes


@dataclass
class Lab:
    """All that a session owns."""

    samples: SampleSet = field(default_factory=SampleSet)
    initial: str = GENIUS  # stupid, genius, trained or better: where the next training starts
    start: ModelBundle | None = None  # what the last training started from
    run: Run | None = None  # the last training
    canvas: Canvas = field(default_factory=Canvas)
    training: Job | None = None
    settings: TrainSettings = field(default_factory=TrainSettings)  # of the training under way
    learnt: SampleSet = field(default_factory=SampleSet)  # the samples that the last training learnt from
    read_before: int = 0  # how many of them the start reads
    read_after: int = 0  # and the trained model
    comparing: Job | None = None
    comparison: Comparison | None = None
    compared: list[str] = field(default_factory=list)  # hashes of the models in it
    comparing_notice: str = ""
    counted: int = 0  # the samples that the sidebar last showed
    last_label: int | None = None  # just given, and can be undone
    notice: str = ""  # what went wrong with the last training, in one sentence

    @property
    def trained(self) -> ModelBundle | None:
        """The user's own latest model."""
        return self.run.model if self.run else None

    @property
    def first(self) -> ModelBundle:
        """The initial model in every comparison: what the last training started from, or what the next one would."""
        return self.start or caches.shipped(STUPID if self.initial == STUPID else GENIUS)

    def chosen_start(self) -> tuple[ModelBundle, str]:
        """The model that the next training starts from, and why where there was a choice."""
        if self.initial == STUPID or (self.trained is None and self.initial != STUPID):
            return caches.shipped(STUPID if self.initial == STUPID else GENIUS), ""
        if self.initial == GENIUS:
            return caches.shipped(GENIUS), ""
        if self.initial == TRAINED:
            return self.trained, ""
        return models.better(self.first, self.trained, self.samples)

    def begin_training(self, start: ModelBundle, settings: TrainSettings) -> None:
        """Send a training to the worker."""
        self.notice, self.settings = "", settings
        self._pending = start, self.samples
        self.training = caches.jobs().train(start, self.samples, settings)

    def collect(self) -> bool:
        """Take over a training that has ended; True when there was one."""
        if self.training is None or not self.training.over:
            return False
        job, self.training = self.training, None
        if job.state == DONE:
            self.run = job.result
            self.start, self.learnt = self._pending
            self.read_before, self.read_after = (models.reads(model, self.learnt) for model in (self.start, self.run.model))
        else:
            self.notice = job.error
        return True

    def begin_comparing(self, bundles: list[ModelBundle]) -> None:
        """Send a comparison to the worker."""
        self.comparing_notice = ""
        self._comparing_hashes = [bundle.hash for bundle in bundles]
        self.comparing = caches.jobs().compare(bundles, self.samples)

    def collect_comparison(self) -> None:
        """Take over a comparison that has ended; one that was stopped leaves the last one in place."""
        job, self.comparing = self.comparing, None
        if job.state != DONE:
            self.comparing_notice = job.error
        else:
            self.comparison, self.compared = job.result, self._comparing_hashes


def lab() -> Lab:
    """This session's lab; made at the first call."""
    if "lab" not in st.session_state:
        st.session_state.lab = Lab()
    return st.session_state.lab


def is_known(key: str) -> bool:
    """True while a widget of this key is on the page that is shown."""
    return key in st.session_state


def is_first_visit() -> bool:
    """True until this session has been shown a page."""
    return "visited" not in st.session_state


def visited() -> None:
    """Note that it has."""
    st.session_state.visited = True
