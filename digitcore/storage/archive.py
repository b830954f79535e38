"""Export and import of a lab as one file.

The file is a ZIP file with `lab.json`, `samples.npz`, `versions/<number>.npz` and `models/<SHA-256>.keras`. Each model is stored
once. An imported file is untrusted. Its sizes are checked first, every part is validated, and models are opened in a separate
process. Damaged parts are skipped, and a message names each skipped part.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from digitcore.data import sample_files
from digitcore.errors import ZIP_ERRORS, DigitLabError, LabError, ModelError, SampleError
from digitcore.models import registry, upload
from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.storage.snapshot import MAX_VERSIONS, LabSnapshot, RunRecord, SampleVersion, card_from_untrusted
from digitcore.zip_files import INCOMPLETE, is_incomplete, user_files, without_top_folder

FORMAT, VERSION = "digit-lab", 1
MAX_BYTES = 100_000_000  # of the file
MAX_UNPACKED = 200_000_000  # bytes of all members of the ZIP
MAX_LAB_JSON = 20_000_000  # bytes
MAX_MODELS = 200
MAX_VERSION_TEXT = 60  # characters of the name of a version, and of its date
LAB_FILE, SAMPLES_FILE, VERSIONS_FOLDER = "lab.json", "samples.npz", "versions/"
NOT_A_LAB = "This file is not a lab. Choose a ZIP file that was exported on the page “My lab”."
OTHER_VERSION = "This lab was saved by another version of Digit Lab. Open it with that version."


@dataclass(frozen=True, eq=False)
class OpenedLab:
    """A lab that was read from a file.

    Attributes:
        snapshot: The readable parts of the lab.
        skipped: A message for each part that cannot be read.

    Example:
        >>> OpenedLab(LabSnapshot()).skipped
        []
    """

    snapshot: LabSnapshot
    skipped: list[str] = field(default_factory=list)


def write(snapshot: LabSnapshot) -> bytes:
    """Write a lab as a file. The resume states of stopped trainings are not included.

    Args:
        snapshot: State of the lab.

    Returns:
        Bytes of a ZIP file.

    Example:
        >>> read(write(LabSnapshot(preferences={"epochs": 3}))).snapshot.preferences
        {'epochs': 3}
    """
    files = {_file_name(bundle.keras_bytes): bundle.keras_bytes for bundle in snapshot.bundles().values()}
    content = {
        "format": FORMAT,
        "version": VERSION,
        "preferences": snapshot.preferences,
        "sweep": snapshot.sweep,
        "runs": [
            {
                "record": record.to_dict(),
                "model": _file_name(record.model.keras_bytes),
                "start": _file_name(record.start.keras_bytes),
            }
            for record in snapshot.runs
        ],
        "versions": [
            {"name": version.name, "date": version.date, "samples": _version_file(number)}
            for number, version in enumerate(snapshot.versions)
        ],
        "uploads": [{"card": asdict(model.card), "model": _file_name(model.keras_bytes)} for model in snapshot.uploads],
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(LAB_FILE, json.dumps(content))
        if len(snapshot.samples):
            archive.writestr(SAMPLES_FILE, snapshot.samples.to_npz())
        for number, version in enumerate(snapshot.versions):
            archive.writestr(_version_file(number), version.samples.to_npz())
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def find_excess(snapshot: LabSnapshot) -> str:
    """Check whether the file of a lab can be opened again.

    Args:
        snapshot: State of the lab.

    Returns:
        The reason why the file cannot be opened, in a sentence, or "" if it can be opened.

    Example:
        >>> find_excess(LabSnapshot())
        ''
    """
    n_models = len(snapshot.runs) + len(snapshot.uploads)
    if n_models > MAX_MODELS:
        return f"This lab has {n_models:,} runs and models, and a lab file with more than {MAX_MODELS} cannot be opened."
    # The weights of models are random for a compressor. Without compression, the file would be less than a tenth larger.
    n_bytes = sum(len(content) for content in {bundle.keras_bytes for bundle in snapshot.bundles().values()})
    if n_bytes > MAX_BYTES:
        return (
            f"The models of this lab have {n_bytes // 1_000_000:,} MB, and a lab file with more than {MAX_BYTES // 1_000_000} MB "
            "cannot be opened."
        )
    return ""


def read(content: bytes, should_stop: Callable[[], bool] = lambda: False) -> OpenedLab:
    """Read a lab from a file. Models that are not shipped are opened with Keras, which takes seconds.

    Args:
        content: Bytes of the file.
        should_stop: Called a few times per second. The reading stops if it returns true.

    Returns:
        The lab, without its damaged parts.

    Raises:
        CancelledError: If the reading was stopped.
        LabError: If the file is not a lab, is too large, was saved by another version, or has no readable part.

    Example:
        >>> read(b"text")
        Traceback (most recent call last):
        digitcore.errors.LabError: This file is not a lab. Choose a ZIP file that was exported on the page “My lab”.
    """
    lab, samples, files, skipped = _unpack(content)
    try:
        runs, uploads = list(lab["runs"]), list(lab["uploads"])
        preferences, sweep = lab["preferences"], lab["sweep"]
    except (KeyError, TypeError) as error:
        raise LabError(NOT_A_LAB) from error
    if len(runs) + len(uploads) > MAX_MODELS:
        raise LabError(f"This lab has {len(runs) + len(uploads):,} runs and models. Choose a lab with at most {MAX_MODELS}.")
    try:
        models = _open_models(runs, uploads, files, should_stop)
    except OSError as error:
        raise LabError(
            f"The server cannot open the models of this lab now ({error.strerror or error}). Try again later."
        ) from error
    reader = _Reader(models, skipped)
    snapshot = LabSnapshot(
        samples,
        tuple(reader.read_each(runs, reader.read_run, "Run")),
        tuple(reader.read_each(uploads, reader.read_upload, "Model")),
        preferences if isinstance(preferences, dict) else {},
        sweep if isinstance(sweep, dict) else None,
        tuple(_read_versions(lab.get("versions"), files, skipped)),
    )
    if snapshot.is_empty and skipped:
        raise LabError(f"No part of this lab can be opened. {' '.join(skipped[:5])} Export the lab again.")
    return OpenedLab(snapshot, skipped)


class _Reader:
    """A reader of the runs and imported models of a lab. `skipped` contains a message for each damaged run or model."""

    def __init__(self, models: dict[str, ModelBundle | ModelError], skipped: list[str]):
        self.models, self.skipped = models, skipped
        self.names = set(registry.names())

    def read_each(self, entries: list[Any], read_one: Any, kind: str) -> list[Any]:
        found = []
        for number, entry in enumerate(entries, start=1):
            try:
                item = read_one(entry)
                if item.name in self.names:
                    raise LabError("Another model has the same name. Rename the model and export the lab again.")
                self.names.add(item.name)
                found.append(item)
            except DigitLabError as error:
                self.skipped.append(f"{kind} {number} was skipped. {error}")
            except (KeyError, TypeError, AttributeError):
                self.skipped.append(f"{kind} {number} was skipped: it is damaged.")
        return found

    def read_run(self, entry: dict[str, Any]) -> RunRecord:
        model, start = self._model(entry["model"]), self._model(entry["start"])
        values = entry["record"]
        record = RunRecord.from_dict(values, (model.keras_bytes, model.tflite_bytes), (start.keras_bytes, start.tflite_bytes))
        start_card = card_from_untrusted(values["start"])
        return replace(
            record,
            run=replace(record.run, model=_with_card(model, values["model"]), parent=start_card.name),
            start=start if start.card.recipe == start_card.name else _with_card(start, values["start"]),
        )

    def read_upload(self, entry: dict[str, Any]) -> ModelBundle:
        return _with_card(self._model(entry["model"]), entry["card"])

    def _model(self, name: str) -> ModelBundle:
        model = self.models[name]
        if isinstance(model, ModelError):
            raise model
        return model


def _unpack(content: bytes, *, is_inner: bool = False) -> tuple[dict[str, Any], SampleSet, dict[str, bytes], list[str]]:
    """Return the content of lab.json, the samples, the files of the models by name, and a message for each skipped part.

    A lab that was zipped again is read too. Deeper nested ZIP files are not unpacked.
    """
    if len(content) > MAX_BYTES:
        raise LabError(f"This lab is larger than {MAX_BYTES // 1_000_000} MB. Choose a smaller file.")
    if not content:
        raise LabError("The file is empty. Export the lab again.")
    if is_incomplete(content):
        raise LabError(INCOMPLETE)
    skipped: list[str] = []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = without_top_folder(user_files(archive))
            if sum(member.file_size for member in members.values()) > MAX_UNPACKED:
                raise LabError(f"The unpacked lab is larger than {MAX_UNPACKED // 1_000_000} MB. Choose a smaller file.")
            inner = b"" if is_inner or LAB_FILE in members else _read_inner(archive, members)
            if not inner:
                if members[LAB_FILE].file_size > MAX_LAB_JSON:
                    raise LabError(NOT_A_LAB)
                lab = _check_version(json.loads(archive.read(members[LAB_FILE])))
                samples = _read_samples(archive, members, skipped)
                files = _read_model_files(archive, members, skipped)
    except ZIP_ERRORS as error:
        raise LabError(NOT_A_LAB) from error
    return _unpack(inner, is_inner=True) if inner else (lab, samples, files, skipped)


def _read_inner(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> bytes:
    """Return the content of the only ZIP file within a ZIP file."""
    names = [name for name in members if name.lower().endswith(".zip")]
    if len(names) > 1:
        raise LabError(f"The ZIP file contains {len(names):,} ZIP files. Unpack it, and choose the lab alone.")
    if not names:
        raise LabError(NOT_A_LAB)
    if members[names[0]].file_size > MAX_BYTES:
        raise LabError(f"This lab is larger than {MAX_BYTES // 1_000_000} MB. Choose a smaller file.")
    return archive.read(members[names[0]])


def _read_samples(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], skipped: list[str]) -> SampleSet:
    if SAMPLES_FILE not in members:
        return SampleSet()
    try:
        return sample_files.read(archive.read(members[SAMPLES_FILE])).samples
    except (SampleError, *ZIP_ERRORS) as error:
        is_clear = isinstance(error, SampleError)
        skipped.append(f"The drawings were skipped. {error}" if is_clear else "The drawings were skipped: they are damaged.")
        return SampleSet()


def _read_model_files(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], skipped: list[str]) -> dict[str, bytes]:
    files = {}
    for path, member in members.items():
        if path.startswith(("models/", VERSIONS_FOLDER)):
            try:
                files[path] = archive.read(member)
            except ZIP_ERRORS:
                skipped.append(f"The file of a {'model' if path.startswith('models/') else 'version'} is damaged.")
    return files


def _read_versions(entries: Any, files: dict[str, bytes], skipped: list[str]) -> Iterator[SampleVersion]:
    """Read the named versions of the samples. `skipped` gets a message for each damaged version."""
    names = set[str]()
    for number, entry in enumerate(entries[:MAX_VERSIONS] if isinstance(entries, list) else [], start=1):
        try:
            name, date = str(entry["name"])[:MAX_VERSION_TEXT], str(entry["date"])[:MAX_VERSION_TEXT]
            if name in names or not (name and name.isprintable() and date.isprintable()):
                raise ValueError(name)
            names.add(name)
            yield SampleVersion(name, date, sample_files.read(files[entry["samples"]]).samples)
        except (SampleError, KeyError, TypeError, ValueError):
            skipped.append(f"Version {number} of the drawings was skipped: it is damaged.")


def _version_file(number: int) -> str:
    return f"{VERSIONS_FOLDER}{number}.npz"


def _check_version(lab: Any) -> dict[str, Any]:
    if not isinstance(lab, dict) or lab.get("format") != FORMAT or not isinstance(lab.get("version"), int):
        raise LabError(NOT_A_LAB)
    if lab["version"] != VERSION:
        raise LabError(OTHER_VERSION)
    return lab


def _open_models(
    runs: list[Any], uploads: list[Any], files: dict[str, bytes], should_stop: Callable[[], bool]
) -> dict[str, ModelBundle | ModelError]:
    """Return the models of the runs and uploads by their file names. A model that cannot be opened is replaced by its error."""
    named = (entry.get(part) for entry in [*runs, *uploads] if isinstance(entry, dict) for part in ("model", "start"))
    wanted = {name for name in named if isinstance(name, str)}
    opened: dict[str, ModelBundle | ModelError] = {}
    checked: dict[str, bytes] = {}
    for name in (name for name in files if name in wanted):
        if shipped := upload.find_shipped(files[name]):
            opened[name] = shipped
            continue
        try:
            checked[name] = upload.check(files[name])
        except ModelError as error:
            opened[name] = error
    if checked:
        opened |= dict(zip(checked, upload.open_each(list(checked.values()), should_stop), strict=True))
    return opened


def _with_card(bundle: ModelBundle, values: dict[str, Any]) -> ModelBundle:
    """Return a model with the card of the file. The number of parameters and the hashes of the opened model are kept."""
    card = replace(card_from_untrusted(values), parameters=bundle.card.parameters, sha256=bundle.card.sha256)
    return bundle.with_card(card)


def _file_name(keras_bytes: bytes) -> str:
    return f"models/{hashlib.sha256(keras_bytes).hexdigest()}.keras"
