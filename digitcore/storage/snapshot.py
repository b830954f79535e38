"""A lab as plain data, so that it can be stored, exported and opened again."""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from digitcore.errors import LabError, SettingsError
from digitcore.evaluation.score import Score
from digitcore.models.bundle import ModelBundle, ModelCard, is_valid_name
from digitcore.samples import SampleSet
from digitcore.training.run import Point, Run
from digitcore.training.settings import TrainSettings

SENTENCE_PATTERN = r"[\w ,.:;()%’“”-]{0,300}"
DAMAGED_RUN = "A run in this lab is damaged."
SCORES = ("mnist_before", "mnist_after", "personal_before", "personal_after")
ModelFiles = tuple[bytes, bytes]  # model.keras, model.tflite


@dataclass(frozen=True, eq=False)
class RunRecord:
    """A training run, with the model that it started from."""

    run: Run
    start: ModelBundle

    @property
    def model(self) -> ModelBundle:
        """The trained model."""
        return self.run.model

    @property
    def name(self) -> str:
        """The trained model's name."""
        return self.run.model.name

    def rename(self, name: str) -> "RunRecord":
        """The same run under another name."""
        return replace(self, run=replace(self.run, model=self.run.model.rename(name)))

    def to_dict(self) -> dict[str, Any]:
        """All but the models' files and the resume state, as JSON can hold it."""
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
            "personal_is_held_out": run.personal_is_held_out,
        }

    @classmethod
    def from_dict(
        cls, values: dict[str, Any], model: ModelFiles, start: ModelFiles, resume_state: bytes | None = None
    ) -> "RunRecord":
        """Read what `to_dict` gave, and the files of both models.

        Raises:
            LabError: when something is missing or of the wrong kind.
        """
        try:
            scores = {name: _read_score(values[name]) for name in SCORES}
            run = Run(
                model=ModelBundle(ModelCard.from_dict(values["model"]), *model),
                history=_read_history(values["history"]),
                settings=TrainSettings.from_dict(values["settings"]),
                parent=str(values["parent"]),
                seconds=float(values["seconds"]),
                stopped=bool(values["stopped"]),
                personal_is_held_out=bool(values["personal_is_held_out"]),
                resume_state=resume_state,
                **scores,
            )
            return cls(run, ModelBundle(ModelCard.from_dict(values["start"]), *start))
        except (KeyError, TypeError, ValueError, AttributeError, SettingsError) as error:
            raise LabError(DAMAGED_RUN) from error


@dataclass(frozen=True, eq=False)
class LabSnapshot:
    """What is saved of a session. Never changed in place.

    Attributes:
        samples: the user's.
        runs: the training runs, oldest first.
        uploads: imported models.
        preferences: how the form stands, which model is active, and the like, as JSON can hold it.
        sweep: the latest hyperparameter sweep, as `jobs.sweep.Sweep.to_dict` gives it; None where there is none.
    """

    samples: SampleSet = field(default_factory=SampleSet)
    runs: tuple[RunRecord, ...] = ()
    uploads: tuple[ModelBundle, ...] = ()
    preferences: dict[str, Any] = field(default_factory=dict)
    sweep: dict[str, Any] | None = None

    def is_unchanged(self, other: "LabSnapshot | None") -> bool:
        """Whether nothing differs; large parts are compared by identity, since none is changed in place."""
        return (
            other is not None
            and self.samples is other.samples
            and common_prefix_length(self.runs, other.runs) == len(self.runs) == len(other.runs)
            and common_prefix_length(self.uploads, other.uploads) == len(self.uploads) == len(other.uploads)
            and self.preferences == other.preferences
            and self.sweep == other.sweep
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that somebody would miss."""
        return not (len(self.samples) or self.runs or self.uploads or self.sweep)

    def bundles(self) -> dict[str, ModelBundle]:
        """Every model of the lab by its key, each once."""
        every = [*(record.model for record in self.runs), *(record.start for record in self.runs), *self.uploads]
        return {bundle.key: bundle for bundle in every}


def card_from_untrusted(values: dict[str, Any]) -> ModelCard:
    """A card from an untrusted file: only what is of the right kind, and no metric that is not a number.

    Raises:
        LabError: when its name, sentence or a number is not what it should be.
    """
    try:
        return ModelCard(
            name=_check_name(values["name"]),
            network=_check_name(values["network"]),
            parameters=int(values["parameters"]),
            parent=_check_name(values["parent"]) if values.get("parent") else None,
            trained=bool(values["trained"]),
            training_data=_check_sentence(values["training_data"]),
            settings=asdict(TrainSettings.from_dict(values["settings"])) if values.get("trained") else {},
            history=_read_history(values["history"]),
            metrics={str(key): value for key, value in values["metrics"].items() if type(value) in (int, float)},
            seconds=float(values["seconds"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, SettingsError) as error:
        raise LabError(DAMAGED_RUN) from error


def common_prefix_length(first: Iterable[object], second: Iterable[object]) -> int:
    """How many items two sequences share at their beginning, by identity."""
    length = 0
    for one, other in zip(first, second, strict=False):
        if one is not other:
            break
        length += 1
    return length


def _read_score(values: dict[str, Any] | None) -> Score | None:
    if values is None:
        return None
    low, high = values["interval"]
    return Score(int(values["correct"]), int(values["n"]), (float(low), float(high)))


def _read_history(values: list[dict[str, Any]]) -> list[Point]:
    return [{str(key): float(value) for key, value in point.items()} for point in values]


def _check_name(value: object) -> str:
    if not is_valid_name(value):
        raise ValueError(value)
    return str(value)


def _check_sentence(value: Any) -> str:
    if not re.fullmatch(SENTENCE_PATTERN, value):
        raise ValueError(value)
    return str(value)
