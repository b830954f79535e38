"""A lab in one file."""

import io
import json
import re
import zipfile
from dataclasses import asdict, replace

import numpy as np
import pytest

from digitcore import models
from digitcore.data import sample_files
from digitcore.errors import CancelledError, DigitLabError, LabError, SampleError
from digitcore.models import keras_io
from digitcore.models.network_spec import Block, NetworkSpec
from digitcore.storage import archive
from digitcore.storage.snapshot import LabSnapshot, RunRecord
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from tests.support import fuzz
from tests.support.labs import assert_equal


def test_lab_of_shipped_models_is_read_unchanged(lab):
    opened = archive.read(archive.write(lab))
    without_state = replace(lab, runs=tuple(replace(run, run=replace(run.run, resume_state=None)) for run in lab.runs))
    assert opened.skipped == []
    assert_equal(_as_exported(opened.snapshot), _as_exported(without_state))


def _as_exported(snapshot):
    """Return the lab without the parts that are not exported: provenance, and metrics that are not numbers."""

    def reduce(bundle):
        metrics = {name: value for name, value in bundle.card.metrics.items() if type(value) in (int, float)}
        settings = asdict(TrainSettings.from_dict(bundle.card.settings)) if bundle.card.trained else {}
        card = replace(bundle.card, metrics=metrics, settings=settings, machine="", recipe="")
        return replace(bundle, card=card)

    runs = tuple(replace(one, run=replace(one.run, model=reduce(one.model)), start=reduce(one.start)) for one in snapshot.runs)
    return replace(snapshot, runs=runs, uploads=tuple(map(reduce, snapshot.uploads)))


def test_sweep_is_exported(lab):
    sweep = {"start": "genius", "grid": {"epochs": [1]}, "trials": []}
    assert archive.read(archive.write(replace(lab, sweep=sweep))).snapshot.sweep == sweep


@pytest.fixture(scope="module")
def trained():
    """Return a model whose weights differ from those of every shipped model, so that Keras must open its file."""
    start = models.load("mlp")
    model = keras_io.open_model(start)
    model.set_weights([weights * 1.01 for weights in model.get_weights()])
    return keras_io.to_bundle(model, replace(start.card, name="trained"))


@pytest.fixture(scope="module")
def opened(trained):
    """Return a lab that was read from a file, with runs that Keras must open. Keras is started once for all of them."""
    network = NetworkSpec((Block("dense", 8),)).to_json()
    built = keras_io.random_model(network, name="built")
    card = replace(built.card, name="hostile", network='{"blocks":[{"kind":"dense","size":1000000}]}')
    point = {"epoch": 0.0, "samples_seen": 0.0, "seconds": 0.0}
    runs = [
        RunRecord(Run(model, [point], TrainSettings(), "untrained", 1.0), start.rename("untrained"))
        for model, start in ((trained, trained), (built, built), (built.with_card(card), built))
    ]
    return archive.read(archive.write(LabSnapshot(runs=tuple(runs))))


def test_trained_model_predicts_as_before(opened, trained, few):
    again = next(run.model for run in opened.snapshot.runs if run.name == "trained")
    probabilities = [bundle.predictor().probabilities(few.digits) for bundle in (again, trained)]
    assert np.allclose(*probabilities, atol=1e-5)


def test_user_built_network_is_exported(opened):
    built = next(run.model for run in opened.snapshot.runs if run.name == "built")
    assert built.card.network.startswith('{"activation"')


def test_run_with_a_hostile_network_is_skipped(opened):
    assert [run.name for run in opened.snapshot.runs] == ["trained", "built"]
    assert len(opened.skipped) == 1
    assert opened.skipped[0].startswith("Run 3 was skipped")


def test_empty_lab_is_read_as_empty():
    assert archive.read(archive.write(LabSnapshot())).snapshot.is_empty


def test_samples_cannot_be_read_from_a_lab(lab):
    with pytest.raises(SampleError, match="contains a whole lab"):
        sample_files.read(archive.write(lab))


def with_content(lab, **changes):
    """Return the file of a lab in which values of lab.json are replaced."""
    parts = fuzz.read_zip(archive.write(lab))
    return fuzz.make_zip(parts | {"lab.json": json.dumps(json.loads(parts["lab.json"]) | changes)})


def runs_of(lab):
    """Return the entries of the runs in lab.json."""
    return json.loads(fuzz.read_zip(archive.write(lab))["lab.json"])["runs"]


@pytest.mark.parametrize("name", [[], {}, None, 5, "x"])
def test_run_without_a_model_file_is_skipped(lab, name):
    runs = runs_of(lab)
    runs[0]["start"] = name
    opened = archive.read(with_content(replace(lab, uploads=()), runs=runs))
    assert [record.name for record in opened.snapshot.runs] == ["run 2"]
    assert opened.skipped == ["Run 1 was skipped: it is damaged."]


UNREADABLE = (
    "newer",
    "no version",
    "no runs",
    "empty",
    "text",
    "pickle",
    "pickle in a zip",
    "path trick",
    "many members",
    "bomb",
)


def test_hostile_labs_are_rejected_or_read_without_their_damaged_parts(lab, genius):
    """No lab has a model that only Keras can reject. `benchmarks/fuzz.py` tries such labs too."""
    outcomes = {}
    for name, content in fuzz.lab_uploads(replace(lab, uploads=()), genius, 0):
        try:
            outcomes[name] = archive.read(content)
        except DigitLabError as error:
            outcomes[name] = str(error)
    for name in UNREADABLE:
        assert isinstance(outcomes[name], str), name
    repaired = ("a card with an invalid metrics", "history of words")
    for name in repaired:
        assert outcomes[name].snapshot.runs, name
        assert not outcomes[name].skipped, name
    opened = {name: outcome for name, outcome in outcomes.items() if name not in (*UNREADABLE, *repaired, "nested zip")}
    assert len(opened) >= 10
    for name, outcome in opened.items():
        assert not isinstance(outcome, str), f"{name}: {outcome}"
        assert outcome.skipped, name
        assert max(map(len, outcome.skipped)) < 300


@pytest.mark.parametrize("name", ["", "  ", "<b>", "genius"])
def test_run_with_an_invalid_name_is_skipped(lab, name):
    runs = runs_of(lab)
    runs[0]["record"]["model"]["name"] = name
    opened = archive.read(with_content(lab, runs=runs))
    assert [run.name for run in opened.snapshot.runs] == ["run 2"]
    assert len(opened.snapshot.samples) == len(lab.samples)
    assert len(opened.skipped) == 1
    assert opened.skipped[0].startswith("Run 1 was skipped")


def test_damaged_samples_are_skipped(lab):
    parts = fuzz.read_zip(archive.write(lab))
    opened = archive.read(fuzz.make_zip(parts | {"samples.npz": b"damaged"}))
    assert len(opened.snapshot.runs) == 2
    assert len(opened.snapshot.samples) == 0
    assert opened.skipped[0].startswith("The drawings were skipped")


def damage(content, *names):
    """Flip the bits of the compressed bytes of members of a ZIP file, so that their checksums are wrong."""
    damaged = bytearray(content)
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        for name in names:
            member = file.getinfo(name)
            begin = member.header_offset + 30 + len(member.filename)
            damaged[begin : begin + member.compress_size] = bytes(255 - byte for byte in content[begin:][: member.compress_size])
    return bytes(damaged)


def test_only_the_part_with_a_wrong_checksum_is_lost(lab):
    """Only run 1 has this model. The untrained model is its initial model."""
    lab = replace(lab, uploads=())
    content = archive.write(lab)
    opened = archive.read(damage(content, "samples.npz", runs_of(lab)[0]["start"]))
    assert [run.name for run in opened.snapshot.runs] == ["run 2"]
    assert opened.skipped == [
        "The drawings were skipped: they are damaged.",
        "The file of a model is damaged.",
        "Run 1 was skipped: it is damaged.",
    ]


def test_the_initial_model_of_a_run_is_named_as_on_its_card(lab):
    runs = runs_of(lab)
    runs[0]["record"]["parent"] = "other"
    assert archive.read(with_content(lab, runs=runs)).snapshot.runs[0].run.parent == "untrained"


def test_lab_without_a_readable_part_is_rejected(lab):
    with pytest.raises(LabError, match=r"No part of this lab can be opened\. Run 1 was skipped"):
        archive.read(with_content(replace(lab, uploads=(), versions=(), samples=LabSnapshot().samples), runs=[1, 2]))
    with pytest.raises(LabError, match=r"Run 5 was skipped: it is damaged\. Export the lab again\.$"):
        archive.read(with_content(LabSnapshot(), runs=[1] * 7))


@pytest.mark.parametrize("version", [archive.VERSION - 1, archive.VERSION + 1])
def test_lab_of_another_version_is_rejected(lab, version):
    with pytest.raises(LabError, match=r"saved by another version of Digit Lab\. Open it with that version"):
        archive.read(with_content(lab, version=version))


@pytest.mark.parametrize("part", ["preferences", "sweep", "runs", "uploads"])
def test_lab_without_a_required_value_is_rejected(lab, part):
    parts = fuzz.read_zip(archive.write(lab))
    content = json.loads(parts["lab.json"])
    del content[part]
    with pytest.raises(LabError, match="not a lab"):
        archive.read(fuzz.make_zip(parts | {"lab.json": json.dumps(content)}))


def test_lab_with_too_many_runs_is_rejected(lab):
    with pytest.raises(LabError, match=f"at most {archive.MAX_MODELS}"):
        archive.read(with_content(lab, runs=[None] * (archive.MAX_MODELS + 1)))


@pytest.mark.parametrize(
    ("limit", "message"),
    [("MAX_BYTES", "larger than"), ("MAX_UNPACKED", "unpacked lab is larger than"), ("MAX_LAB_JSON", "not a lab")],
)
def test_large_lab_is_rejected(lab, monkeypatch, limit, message):
    content = archive.write(lab)
    monkeypatch.setattr(archive, limit, 100)
    with pytest.raises(LabError, match=message):
        archive.read(content)


def test_reading_can_be_stopped(lab):
    """Only models that are not shipped take time."""
    built = keras_io.random_model("mlp", name="run 1")
    record = replace(lab.runs[0], run=replace(lab.runs[0].run, model=built))
    with pytest.raises(CancelledError):
        archive.read(archive.write(replace(lab, runs=(record,))), should_stop=lambda: True)


def test_a_lab_that_was_unpacked_and_packed_again_opens(few):
    """Safari unpacks a downloaded ZIP file. Finder packs the folder again and adds files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive.write(LabSnapshot(few)))) as lab, zipfile.ZipFile(packed, "w") as again:
        again.writestr("__MACOSX/digit-lab/._lab.json", bytes(60))
        again.writestr("digit-lab/.DS_Store", b"x")
        for name in lab.namelist():
            again.writestr(f"digit-lab/{name}", lab.read(name))
    opened = archive.read(packed.getvalue())
    assert np.array_equal(opened.snapshot.samples.digits, few.digits)
    assert not opened.skipped


def test_a_lab_that_could_not_be_opened_again_is_recognized_before_the_export(lab, genius, monkeypatch):
    assert archive.find_excess(lab) == ""
    monkeypatch.setattr(archive, "MAX_BYTES", len(genius.keras_bytes) - 1)
    assert re.fullmatch("The models of this lab have .* MB cannot be opened\\.", archive.find_excess(lab))
    monkeypatch.undo()
    many = replace(lab, uploads=(genius,) * archive.MAX_MODELS)
    assert archive.find_excess(many).startswith("This lab has 202 runs and models")


def test_an_input_or_output_error_is_a_sentence(lab, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "_open_models", fail)
    with pytest.raises(LabError, match=r"cannot open the models of this lab now \(No space left on device\). Try again later"):
        archive.read(archive.write(lab))


def test_an_array_with_an_unfinished_header_costs_the_drawings_only(lab):
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive.write(lab))) as old, zipfile.ZipFile(file, "w") as new:
        for member in old.namelist():
            new.writestr(member, _with_unfinished_header() if member == archive.SAMPLES_FILE else old.read(member))
    opened = archive.read(file.getvalue())
    assert len(opened.snapshot.runs) == 2
    assert opened.skipped[0].startswith("The drawings were skipped.")


def _with_unfinished_header():
    """Return an .npz file for whose header NumPy raises a TokenError."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as arrays:
        for name in ("digits", "labels"):
            header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1, (".ljust(117) + b"\n"
            arrays.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    return file.getvalue()


def test_lab_that_was_zipped_again_is_read(lab):
    content = archive.write(lab)
    opened = archive.read(fuzz.make_zip({"Downloads/lab.zip": content, "__MACOSX/Downloads/._lab.zip": b"\0"}))
    assert len(opened.snapshot.samples) == len(lab.samples)
    with pytest.raises(LabError, match="contains 2 ZIP files"):
        archive.read(fuzz.make_zip({"a.zip": content, "b.zip": content}))


def test_limits_hold_for_a_lab_that_was_zipped_again(lab, monkeypatch):
    content = archive.write(lab)
    twice = fuzz.make_zip({"a.zip": content})
    with pytest.raises(LabError, match="not a lab"):
        archive.read(fuzz.make_zip({"b.zip": twice}))
    bomb = fuzz.make_zip({"a.zip": fuzz.make_zip({"lab.json": bytes(10_000)}, compression=zipfile.ZIP_DEFLATED)})
    monkeypatch.setattr(archive, "MAX_UNPACKED", 9000)
    with pytest.raises(LabError, match="unpacked lab is larger"):
        archive.read(bomb)
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    padded = fuzz.make_zip({"a.zip": bytes(2000)}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(LabError, match="This lab is larger"):
        archive.read(padded)


@pytest.mark.parametrize(("length", "reason"), [(0, "is empty"), (-60, "the end of the ZIP file is missing")])
def test_incomplete_lab_is_refused_with_the_true_reason(lab, length, reason):
    with pytest.raises(LabError, match=reason):
        archive.read(archive.write(lab)[:length])
