"""Data classes for the state of a lab."""

import base64
import hashlib
import json
import operator
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from digitcore import identifiers, sanitize
from digitcore.errors import LabError, ModelError, SettingsError
from digitcore.evaluation.score import Score
from digitcore.models.bundle import METRICS_OF_SEVERAL_VALUES, ModelBundle, ModelCard, TrainingData, is_valid_name
from digitcore.models.network_spec import NetworkSpec, is_spec
from digitcore.samples import SampleSet
from digitcore.training import history as curves
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from digitcore.training.snapshots import MAX_BYTES

DAMAGED_RUN = "A run in this lab is damaged. Open the original lab and export it again."
SCORES = ("mnist_before", "mnist_after", "personal_before", "personal_after")
MAX_ERROR = 1_000  # characters of the error message of a failed training
SAMPLE_HASH, SHA256 = re.compile("[0-9a-f]{16}"), re.compile("[0-9a-f]{64}")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
MAX_VERSIONS = 20  # named versions of the samples of a lab
MAX_PACKAGES, MAX_PACKAGE_TEXT = 50, 100  # packages on a card, characters of a name or a version
MAX_NOTE, MAX_TAG, MAX_TAGS = 500, 30, 10  # characters of a note and of a tag, tags of a run
MAX_NUMBER = 1_000_000  # of a run
ModelFiles = tuple[bytes, bytes]  # model.keras, model.tflite


@dataclass(frozen=True, eq=False)
class RunRecord:
    """A training run with its initial model.

    Attributes:
        run: The training run.
        start: The initial model.
        id: Identifier, which does not change when the run is renamed. Identifiers sort runs by age.
        replaced: Hash of the model that was active before the run, or "" if it is not known.
        number: Number of the run in its lab, from 1. It determines the color of the run.
        note: The user's note about the run.
        tags: The user's tags of the run.

    Example:
        >>> from digitcore import models
        >>> genius = models.load("genius")
        >>> run = Run(genius.rename("run 1"), [curves.START], TrainSettings(), parent="genius", seconds=2.5)
        >>> RunRecord(run, genius).rename("run 2").name
        'run 2'
    """

    run: Run
    start: ModelBundle
    id: str = field(default_factory=lambda: identifiers.create(1)[0])
    replaced: str = ""
    number: int = 1
    note: str = ""
    tags: tuple[str, ...] = ()

    @property
    def model(self) -> ModelBundle:
        """The trained model."""
        return self.run.model

    @property
    def name(self) -> str:
        """The name of the trained model."""
        return self.run.model.name

    def rename(self, name: str) -> "RunRecord":
        """Return the same run with another name."""
        return replace(self, run=replace(self.run, model=self.run.model.rename(name)))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serializable values of the run, without the files of both models and the resume state."""
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
            "sample_hashes": None if run.sample_hashes is None else sorted(run.sample_hashes),
            "snapshots": base64.b64encode(run.snapshots).decode(),
            "error": run.error,
            "replaced": self.replaced,
            "number": self.number,
            "note": self.note,
            "tags": list(self.tags),
        }

    @classmethod
    def from_dict(
        cls,
        values: dict[str, Any],
        model: ModelFiles,
        start: ModelFiles,
        resume_state: bytes | None = None,
        id: str | None = None,
    ) -> "RunRecord":
        """Build a record from the values of `to_dict` and the files of both models.

        Malformed points of the curves and malformed scores are dropped.

        Args:
            values: Values of `to_dict`.
            model: Bytes of `model.keras` and `model.tflite` of the trained model.
            start: Bytes of the same files of the initial model.
            resume_state: Bytes of a .keras file with the model and its optimizer state, or `None` if the run was not stopped.
            id: Identifier of the run. By default, it is created.

        Returns:
            The record.

        Raises:
            LabError: If the settings or the card of a model are missing or malformed.
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
                sample_hashes=_read_hashes(values.get("sample_hashes")),
                resume_state=resume_state if history else None,
                snapshots=sanitize.encoded(values.get("snapshots"), MAX_BYTES),
                error=str(values.get("error", ""))[:MAX_ERROR],
                **{name: Score.from_json(values.get(name)) for name in SCORES},
            )
            replaced = str(values.get("replaced", ""))
            return cls(
                run,
                ModelBundle(read_card(values["start"]), *start),
                id or identifiers.create(1)[0],
                replaced if SHA256.fullmatch(replaced) else "",
                number=_read_number(values.get("number")),
                note=str(values.get("note", ""))[:MAX_NOTE],
                tags=clean_tags(values.get("tags")),
            )
        except (KeyError, TypeError, ValueError, AttributeError, SettingsError) as error:
            raise LabError(DAMAGED_RUN) from error


@dataclass(frozen=True, eq=False)
class SampleVersion:
    """A named version of a lab's samples.

    Attributes:
        name: Name of the version, unique in the lab.
        date: Date and time of the creation, in ISO 8601.
        samples: The samples.

    Example:
        >>> SampleVersion("before the holidays", "2026-07-01T10:00:00+00:00", SampleSet()).name
        'before the holidays'
    """

    name: str
    date: str
    samples: SampleSet

    def rename(self, name: str) -> "SampleVersion":
        """Return the same version with another name."""
        return replace(self, name=name)


@dataclass(frozen=True, eq=False)
class LabSnapshot:
    """The immutable state of a lab.

    Attributes:
        samples: Samples of the user.
        runs: Training runs, oldest first.
        uploads: Imported models.
        preferences: JSON-serializable settings of the pages, such as the name of the active model.
        sweep: Latest hyperparameter sweep as returned by `digitcore.sweeps.runner.Sweep.to_dict`, or `None` without a sweep.
        versions: Named versions of the samples, oldest first.

    Example:
        >>> lab = LabSnapshot(preferences={"active_model": "genius"})
        >>> lab.is_empty, lab.is_unchanged(LabSnapshot())
        (True, False)
    """

    samples: SampleSet = field(default_factory=SampleSet)
    runs: tuple[RunRecord, ...] = ()
    uploads: tuple[ModelBundle, ...] = ()
    preferences: dict[str, Any] = field(default_factory=dict)
    sweep: dict[str, Any] | None = None
    versions: tuple[SampleVersion, ...] = ()

    def is_unchanged(self, other: "LabSnapshot | None") -> bool:
        """Return whether two snapshots are equal. Samples, runs and models are compared by identity.

        Args:
            other: Snapshot to compare with. `None` differs from every snapshot.
        """
        return (
            other is not None
            and self.samples is other.samples
            and _are_same(self.runs, other.runs)
            and _are_same(self.uploads, other.uploads)
            and self.preferences == other.preferences
            and self.sweep == other.sweep
            and _are_same(self.versions, other.versions)
        )

    def is_looked_at(self, other: "LabSnapshot | None") -> bool:
        """Return whether two snapshots differ at most in preferences and in scores of runs, which change when a lab is looked at.

        Args:
            other: Snapshot to compare with. `None` differs from every snapshot.
        """
        return (
            other is not None
            and self.samples is other.samples
            and [(record.id, record.name) for record in self.runs] == [(record.id, record.name) for record in other.runs]
            and _are_same(self.uploads, other.uploads)
            and _are_same(self.versions, other.versions)
            and self.sweep == other.sweep
        )

    @property
    def is_empty(self) -> bool:
        """Whether the lab has no samples, runs, imported models, sweep or versions of samples."""
        return not (len(self.samples) or self.runs or self.uploads or self.sweep or self.versions)

    def digest(self) -> str:
        """Return a SHA-256 of the samples, the models, the scores, the sweep and the confirmed labels."""
        samples = self.samples
        described = [
            [(one.name, one.model.key, one.start.key, *map(str, (one.run.mnist_after, one.run.error))) for one in self.runs],
            [(model.name, model.key) for model in self.uploads],
            samples.identities(),
            samples.held_out.tolist(),
            samples.is_example.tolist(),
            self.preferences.get("kept_labels"),
            self.sweep,
        ]
        return hashlib.sha256(json.dumps(described).encode()).hexdigest()

    def bundles(self) -> dict[str, ModelBundle]:
        """Return all models of the lab by their keys."""
        every = [*(record.model for record in self.runs), *(record.start for record in self.runs), *self.uploads]
        return {bundle.key: bundle for bundle in every}


def upload_id(model: ModelBundle) -> str:
    """Return the identifier of an imported model in its lab: a hash of its name and its files.

    Args:
        model: The imported model.

    Returns:
        24 hexadecimal digits.

    Example:
        >>> from digitcore import models
        >>> genius = models.load("genius")
        >>> upload_id(genius) == upload_id(genius.rename("mine"))
        False
    """
    return hashlib.sha256(f"{model.name}/{model.key}".encode()).hexdigest()[: identifiers.LENGTH]


def version_id(version: SampleVersion) -> str:
    """Return the identifier of a version of the samples in its lab: a hash of its name, its date and its samples.

    Args:
        version: The version.

    Returns:
        24 hexadecimal digits.

    Example:
        >>> version_id(SampleVersion("a", "", SampleSet())) == version_id(SampleVersion("b", "", SampleSet()))
        False
    """
    described = "/".join([version.name, version.date, *version.samples.ids])
    return hashlib.sha256(described.encode()).hexdigest()[: identifiers.LENGTH]


def read_card(values: dict[str, Any]) -> ModelCard:
    """Build a model card from stored values. Malformed points of the curves and malformed metrics are dropped.

    Args:
        values: Values of a card, by name.

    Returns:
        The card.

    Raises:
        TypeError, ValueError: If a value is missing, unknown or malformed.
        AttributeError: If the values are not a dictionary.

    Example:
        >>> read_card({"name": "mine", "network": "mlp", "parameters": 10, "metrics": {"a": 0.5, "b": float("inf")}}).metrics
        {'a': 0.5}
    """
    card = ModelCard.from_dict(values)
    return replace(
        card,
        history=curves.from_json(card.history),
        metrics=sanitize.metrics(card.metrics),
        seconds=sanitize.finite(card.seconds),
        sample_hashes=sorted(_read_hashes(card.sample_hashes) or ()),
    )


def card_from_untrusted(values: dict[str, Any]) -> ModelCard:
    """Build a model card from an untrusted file. Unknown values and metrics that are not numbers are dropped.

    Args:
        values: Values of a card, by name.

    Returns:
        The card.

    Raises:
        LabError: If a name, the training data, a number or the settings are malformed.

    Example:
        >>> from dataclasses import asdict
        >>> from digitcore import models
        >>> card_from_untrusted(asdict(models.load("genius").card)).name
        'genius'
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
            metrics=_read_numbers(values["metrics"]),
            seconds=sanitize.finite(values.get("seconds")),
            versions=_read_versions(values.get("versions")),
            date=date if isinstance(date := values.get("date"), str) and DATE.fullmatch(date) else "",
            start_sha256=sha256 if isinstance(sha256 := values.get("start_sha256"), str) and SHA256.fullmatch(sha256) else "",
            sample_hashes=sorted(_read_hashes(values.get("sample_hashes")) or ()),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, ModelError, SettingsError) as error:
        raise LabError(DAMAGED_RUN) from error


def _read_numbers(metrics: Any) -> dict[str, Any]:
    """Return the metrics that are one number. Pages would fail if a metric of several values were a number."""
    found = sanitize.metrics(metrics).items()
    return {name: value for name, value in found if type(value) in (int, float) and name not in METRICS_OF_SEVERAL_VALUES}


def _are_same(first: Sequence[object], second: Sequence[object]) -> bool:
    """Return whether two sequences have the same items. Items are compared by identity."""
    return len(first) == len(second) and all(map(operator.is_, first, second))


def clean_tags(values: Any) -> tuple[str, ...]:
    """Return the valid tags of a run: at most `MAX_TAGS` different texts of at most `MAX_TAG` characters.

    Args:
        values: Any object, for example a list that was parsed from JSON.

    Example:
        >>> clean_tags([" baseline ", "", "baseline", 3])
        ('baseline',)
    """
    texts = [" ".join(text.split())[:MAX_TAG] for text in sanitize.strings(values)]
    return tuple(dict.fromkeys(filter(None, texts)))[:MAX_TAGS]


def _read_number(value: Any) -> int:
    return value if type(value) is int and 1 <= value <= MAX_NUMBER else 1


def _read_hashes(values: Any) -> frozenset[str] | None:
    """Return content hashes, or `None` if a value is malformed, because a missing hash would make a sample look unseen."""
    is_sound = isinstance(values, list) and all(isinstance(item, str) and SAMPLE_HASH.fullmatch(item) for item in values)
    return frozenset(values) if is_sound else None


def _read_versions(values: Any) -> dict[str, str]:
    """Return the versions of packages. Texts that are too long or not printable are dropped."""
    pairs = list(values.items())[:MAX_PACKAGES] if isinstance(values, dict) else []
    return {name: text for name, text in pairs if all(isinstance(one, str) and _is_short(one) for one in (name, text))}


def _is_short(text: str) -> bool:
    return len(text) <= MAX_PACKAGE_TEXT and text.isprintable()


def _check_name(value: object) -> str:
    if not is_valid_name(value):
        raise ValueError(value)
    return str(value)


def _check_network(value: Any) -> str:
    """Check the name of a network, or the JSON of a network that the user built."""
    return NetworkSpec.from_json(value).to_json() if is_spec(value) else _check_name(value)
