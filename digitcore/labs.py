"""A whole lab as plain data, so that it can be stored, carried away and opened again."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from digitcore.errors import LabError, SettingsError
from digitcore.models import ModelBundle, ModelCard
from digitcore.runs import Run, Score, TrainSettings
from digitcore.samples import SampleSet

NAME = r"[\w .-]{1,40}"  # of a model or a run
SENTENCE = r"[\w ,.:;()%’“”-]{0,300}"
DAMAGED = "A run in this lab is damaged."
SCORES = ("before", "after", "yours_before", "yours_after")


@dataclass(frozen=True, eq=False)
class Trained:
    """A run in the history, with the model that it started from."""

    run: Run
    start: ModelBundle

    @property
    def model(self) -> ModelBundle:
        """What was trained."""
        return self.run.model

    @property
    def name(self) -> str:
        """The trained model's name."""
        return self.run.model.name

    def renamed(self, name: str) -> "Trained":
        """The same under another name."""
        return replace(self, run=replace(self.run, model=self.run.model.renamed(name)))

    def about(self) -> dict[str, Any]:
        """All but the models' files and the state, as JSON can hold it."""
        run = self.run
        scores = {name: asdict(score) if (score := getattr(run, name)) else None for name in SCORES}
        return scores | {
            "model": asdict(run.model.card),
            "start": asdict(self.start.card),
            "history": run.history,
            "settings": asdict(run.settings),
            "parent": run.parent,
            "seconds": run.seconds,
            "stopped": run.stopped,
            "on_held_out": run.on_held_out,
        }

    @classmethod
    def from_about(cls, about: dict[str, Any], model: "Files", start: "Files", state: bytes | None = None) -> "Trained":
        """Back from what `about` gave and the files of both models.

        Raises:
            LabError: when something is missing or of the wrong kind.
        """
        try:
            scores = {name: _score(about[name]) for name in SCORES}
            run = Run(
                model=ModelBundle(ModelCard.from_dict(about["model"]), *model),
                history=_points(about["history"]),
                settings=TrainSettings.from_dict(about["settings"]),
                parent=str(about["parent"]),
                seconds=float(about["seconds"]),
                stopped=bool(about["stopped"]),
                on_held_out=bool(about["on_held_out"]),
                state=state,
                **scores,
            )
            return cls(run, ModelBundle(ModelCard.from_dict(about["start"]), *start))
        except (KeyError, TypeError, ValueError, AttributeError, SettingsError) as error:
            raise LabError(DAMAGED) from error


Files = tuple[bytes, bytes]  # model.keras, model.tflite


@dataclass(frozen=True, eq=False)
class LabRecord:
    """What is kept of a session. Never changed in place.

    Attributes:
        samples: the user's.
        runs: the history, oldest first.
        uploads: models that the user brought.
        choices: how the sliders stand, which model is in use, and the like, as JSON can hold it.
    """

    samples: SampleSet = field(default_factory=SampleSet)
    runs: tuple[Trained, ...] = ()
    uploads: tuple[ModelBundle, ...] = ()
    choices: dict[str, Any] = field(default_factory=dict)

    def same_as(self, other: "LabRecord | None") -> bool:
        """Whether nothing has changed; parts are compared by identity, since none is changed in place."""
        return (
            other is not None
            and self.samples is other.samples
            and common(self.runs, other.runs) == len(self.runs) == len(other.runs)
            and common(self.uploads, other.uploads) == len(self.uploads) == len(other.uploads)
            and self.choices == other.choices
        )

    @property
    def worth_keeping(self) -> bool:
        """Whether there is anything that somebody would miss."""
        return bool(len(self.samples) or self.runs or self.uploads)

    def bundles(self) -> dict[str, ModelBundle]:
        """Every model of the lab by its key, each once."""
        every = [*(one.model for one in self.runs), *(one.start for one in self.runs), *self.uploads]
        return {bundle.key: bundle for bundle in every}


def clean_card(values: dict[str, Any]) -> ModelCard:
    """A card from a stranger's file: only what is of the right kind, and no figure that is not a number.

    Raises:
        LabError: when its name, lesson or a number is not what it should be.
    """
    try:
        card = ModelCard(
            name=_text(values["name"], NAME),
            network=_text(values["network"], NAME),
            parameters=int(values["parameters"]),
            parent=_text(values["parent"], NAME) if values.get("parent") else None,
            trained=bool(values["trained"]),
            lesson=_text(values["lesson"], SENTENCE),
            settings=asdict(TrainSettings.from_dict(values["settings"])) if values.get("trained") else {},
            history=_points(values["history"]),
            figures={str(key): value for key, value in values["figures"].items() if type(value) in (int, float)},
            seconds=float(values["seconds"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, SettingsError) as error:
        raise LabError(DAMAGED) from error
    return card


def common(first: Iterable, second: Iterable) -> int:
    """How many things two sequences share at their beginning, by identity."""
    number = 0
    for one, other in zip(first, second, strict=False):
        if one is not other:
            break
        number += 1
    return number


def _score(values):
    if values is None:
        return None
    low, high = values["interval"]
    return Score(int(values["correct"]), int(values["of"]), (float(low), float(high)))


def _points(values):
    return [{str(key): float(value) for key, value in point.items()} for point in values]


def _text(value, kind):
    if not re.fullmatch(kind, value):
        raise ValueError(value)
    return value
