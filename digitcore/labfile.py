"""A whole lab in one file, to carry away and to open elsewhere.

A ZIP of `lab.json` (what there is), `samples.npz`, and `models/<SHA-256>.keras`, each model once. A file that comes in is a
stranger's: sizes are looked at first, every part is checked, and models are opened anew in a process of their own.
"""

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import asdict, replace
from typing import Any

from digitcore import exchange, incoming, models
from digitcore.errors import LabError
from digitcore.labs import LabRecord, Trained, clean_card
from digitcore.models import ModelBundle
from digitcore.samples import SampleSet

FORMAT, VERSION = "digit-lab", 1
MOST_BYTES = 100_000_000  # of a file
MOST_UNPACKED = 200_000_000  # bytes of all its members together
MOST_ABOUT = 20_000_000  # bytes of lab.json
MOST_RUNS = 200
ABOUT, SAMPLES = "lab.json", "samples.npz"
NO_LAB = "This is no lab: a file that “Save this lab” has written is needed."


def write(record: LabRecord) -> bytes:
    """The lab as a file. What a stopped training would go on from is left out."""
    files = {_name(one.keras_bytes): one.keras_bytes for one in record.bundles().values()}
    about = {
        "format": FORMAT,
        "version": VERSION,
        "choices": record.choices,
        "runs": [
            {"about": one.about(), "model": _name(one.model.keras_bytes), "start": _name(one.start.keras_bytes)}
            for one in record.runs
        ],
        "uploads": [{"card": asdict(one.card), "model": _name(one.keras_bytes)} for one in record.uploads],
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(ABOUT, json.dumps(about))
        if len(record.samples):
            packed.writestr(SAMPLES, record.samples.to_npz())
        for name, data in files.items():
            packed.writestr(name, data)
    return file.getvalue()


def read(data: bytes) -> LabRecord:
    """Open a lab's file; takes seconds, since every model is opened anew.

    Raises:
        LabError: when it is no lab, too large, damaged, or of a newer version; the sentence says which.
        SampleError, ModelError: when the samples or a model in it cannot be taken.
    """
    try:
        about, samples, files = _unpacked(data)
        runs, uploads = about["runs"], about["uploads"]
        _check_names([one["about"]["model"]["name"] for one in runs] + [one["card"]["name"] for one in uploads])
        if len(runs) + len(uploads) > MOST_RUNS:
            raise LabError(f"The lab holds {len(runs) + len(uploads):,} models; {MOST_RUNS} is the most.")
        opened = _opened(
            {one[part]: files[one[part]] for one in runs for part in ("model", "start")}
            | {one["model"]: files[one["model"]] for one in uploads}
        )
        return LabRecord(
            samples,
            tuple(_run(one, opened) for one in runs),
            tuple(_with_card(opened[one["model"]], one["card"]) for one in uploads),
            about["choices"] if isinstance(about["choices"], dict) else {},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise LabError(NO_LAB) from error


def _unpacked(data):
    """What lab.json says, the samples, and the models' files by name."""
    if len(data) > MOST_BYTES:
        raise LabError(f"The file is larger than {MOST_BYTES // 1_000_000} MB. Give a smaller one.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = packed.infolist()
            if sum(member.file_size for member in members) > MOST_UNPACKED:
                raise LabError(f"Unpacked, the lab is larger than {MOST_UNPACKED // 1_000_000} MB.")
            if packed.getinfo(ABOUT).file_size > MOST_ABOUT:
                raise LabError(NO_LAB)
            about = json.loads(packed.read(ABOUT))
            _check_version(about)
            samples = exchange.read(packed.read(SAMPLES)).samples if SAMPLES in packed.namelist() else SampleSet()
            files = {member.filename: packed.read(member) for member in members if member.filename.startswith("models/")}
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, KeyError, RuntimeError, NotImplementedError, zlib.error) as error:
        raise LabError(NO_LAB) from error
    return about, samples, files


def _check_version(about: Any):
    if not isinstance(about, dict) or about.get("format") != FORMAT or not isinstance(about.get("version"), int):
        raise LabError(NO_LAB)
    if about["version"] > VERSION:
        raise LabError("The lab was saved by a newer Digit Lab. Update this one to open it.")


def _check_names(found):
    if len(set(found)) < len(found) or set(found) & set(models.names()):
        raise LabError("Two models of this lab bear one name, or a shipped model's.")


def _opened(files: dict[str, bytes]) -> dict[str, ModelBundle]:
    found = {name: incoming.known(data) for name, data in files.items()}
    strange = {name: incoming.checked(data) for name, data in files.items() if found[name] is None}
    made = dict(zip(strange, incoming.opened(list(strange.values())), strict=True)) if strange else {}
    return {name: bundle or made[name] for name, bundle in found.items()}


def _run(one, opened):
    model, start = opened[one["model"]], opened[one["start"]]
    run = Trained.from_about(one["about"], (model.keras_bytes, model.tflite_bytes), (start.keras_bytes, start.tflite_bytes))
    return Trained(
        replace(run.run, model=_with_card(model, one["about"]["model"]), parent=clean_card(one["about"]["start"]).name),
        start if start.card.recipe == one["about"]["start"]["name"] else _with_card(start, one["about"]["start"]),
    )


def _with_card(bundle, values):
    """A model with the card that the lab's file gives it, its parameters and its files counted anew."""
    card = replace(clean_card(values), parameters=bundle.card.parameters, sha256=bundle.card.sha256)
    return replace(bundle, card=card)


def _name(keras_bytes):
    return f"models/{hashlib.sha256(keras_bytes).hexdigest()}.keras"
