"""A lab as plain data, so that it can be stored, exported and opened again."""

import base64
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from digitcore import sanitize
from digitcore.errors import LabError, ModelError, SettingsError
from digitcore.evaluation.score import Score
from digitcore.models.bundle import ModelBundle, ModelCard, TrainingData, is_valid_name
from digitcore.models.network_spec import NetworkSpec, is_spec
from digitcore.samples import SampleSet
from digitcore.training import history as curves
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from digitcore.training.snapshots import MAX_BYTES

DAMAGED_RUN = "A run in this lab is damaged."
SCORES = ("mnist_before", "mnist_after", "personal_before", "personal_after")
ModelFiles = tuple[bytes, bytes]  # model.keras, model.tflite


@dataclass(frozen=True, eq=False)
class RunRecord:
    """A training run, with the model that it started from.

    Attributes:
        id: what stays when the run is renamed; new each time a lab is opened.
    """

    run: Run
    start: ModelBundle
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

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
            "mnist_p_value": run.mnist_p_value,
            "snapshots": base64.b64encode(run.snapshots).decode(),
        }

    @classmethod
    def from_dict(
        cls, values: dict[str, Any], model: ModelFiles, start: ModelFiles, resume_state: bytes | None = None
    ) -> "RunRecord":
        """Read what `to_dict` gave, and the files of both models. What is odd of the curves and the scores is dropped.

        Raises:
            LabError: when the settings or a model's card are missing or of the wrong kind.
        """
        try:
            history = curves.from_json(values.get("history"))
            run = Run(
                model=ModelBundle(read_card(values["model"]), *model),
                history=history or [curves.START],
                settings=TrainSettings.from_dict(values["settings"]),
                parent=str(values["parent"]),
                seconds=sanitize.finite(values.get("seconds")),
                stopped=bool(values.get("stopped")),
                personal_is_held_out=bool(values.get("personal_is_held_out")),
                mnist_p_value=sanitize.share(values.get("mnist_p_value")),
                resume_state=resume_state if history else None,
                snapshots=sanitize.encoded(values.get("snapshots"), MAX_BYTES),
                **{name: Score.from_json(values.get(name)) for name in SCORES},
            )
            return cls(run, ModelBundle(read_card(values["start"]), *start))
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


def read_card(values: dict[str, Any]) -> ModelCard:
    """A card of the store; what is odd of its curves and its metrics is dropped.

    Raises:
        TypeError, ValueError, AttributeError: If it is not a card.
    """
    card = ModelCard.from_dict(values)
    return replace(
        card,
        history=curves.from_json(card.history),
        metrics=sanitize.metrics(card.metrics),
        seconds=sanitize.finite(card.seconds),
    )


def card_from_untrusted(values: dict[str, Any]) -> ModelCard:
    """A card from an untrusted file: only what is of the right kind, and no metric that is not a number.

    Raises:
        LabError: If its name, its training data or a number is malformed.
    """
    try:
        return ModelCard(
            name=_check_name(values["name"]),
            network=_check_network(values["network"]),
            parameters=int(values["parameters"]),
            parent=_check_name(values["parent"]) if values.get("parent") else None,
            trained=bool(values["trained"]),
            training_data=TrainingData.from_dict(values["training_data"]),
            settings=asdict(TrainSettings.from_dict(values["settings"])) if values.get("trained") else {},
            history=curves.from_json(values.get("history")),
            metrics={key: value for key, value in sanitize.metrics(values["metrics"]).items() if type(value) in (int, float)},
            seconds=sanitize.finite(values.get("seconds")),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, ModelError, SettingsError) as error:
        raise LabError(DAMAGED_RUN) from error


def common_prefix_length(first: Iterable[object], second: Iterable[object]) -> int:
    """How many items two sequences share at their beginning, by identity."""
    length = 0
    for one, other in zip(first, second, strict=False):
        if one is not other:
            break
        length += 1
    return length


def _check_name(value: object) -> str:
    if not is_valid_name(value):
        raise ValueError(value)
    return str(value)


def _check_network(value: Any) -> str:
    """A registered name, or the JSON of a network that was built."""
    return NetworkSpec.from_json(value).to_json() if is_spec(value) else _check_name(value)
