"""The operations of `faults.py --exhaustive`: everything that writes or reads a lab, a file of samples, or a file of settings.

To add an operation, add an `Operation` to the table. Its `work` must raise an error with a sentence if it reports a failure. A
test checks that the operations call each public method of the store.
"""

import json
import operator
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from unittest import mock

import numpy as np
import sqlalchemy as sql

from benchmarks.fault_points import Operation, World
from digitcore import models
from digitcore.classroom.pupils import ClassState
from digitcore.classroom.rules import ClassOptions
from digitcore.cli.options import read_network_file
from digitcore.data import sample_files
from digitcore.errors import LabError, SampleError
from digitcore.files import read_bytes
from digitcore.models import registry, upload
from digitcore.models.bundle import ModelBundle
from digitcore.models.cost import Cost
from digitcore.models.network_spec import NetworkSpec
from digitcore.samples import SampleSet
from digitcore.storage import archive, background_saver, schema
from digitcore.storage.classes import ClassStore, Membership
from digitcore.storage.database import token_hash, view_token
from digitcore.storage.snapshot import LabSnapshot, RunRecord, SampleVersion
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.store import SweepStore
from digitcore.training import history
from digitcore.training.checkpoint import Checkpoint
from digitcore.training.run import Run
from digitcore.training.settings import TrainSettings
from tests.support.labs import assert_equal

MINE, THEIRS, COPY = "mine", "theirs", "copy"  # tokens of labs
DELETE_SECONDS = 30.0
DATE = "2026-11-29T12:00:00+00:00"
MIGRATION = (
    "ALTER TABLE samples ADD COLUMN pressure FLOAT",
    "CREATE TABLE written_again AS SELECT * FROM uploads",
    "DROP TABLE uploads",
    "ALTER TABLE written_again RENAME TO uploads",
)
MLP, FAST = models.load("mlp"), models.load("fast")
DIGITS = np.arange(3 * 784, dtype=np.uint8).reshape(3, 28, 28)


def _model(name: str) -> ModelBundle:
    """Return a small model that the database stores, and that no program can open."""
    card = replace(MLP.card, name=name, history=[history.START])
    return ModelBundle(card, f"{name} keras".encode(), f"{name} tflite".encode())


def _run(name: str) -> RunRecord:
    return RunRecord(
        Run(_model(name), [history.START], TrainSettings(), "start", 1.0, resume_state=name.encode()), _model("start")
    )


SAMPLES = SampleSet.from_arrays(DIGITS, np.array([1, 2, 3]), dates=[DATE] * 3)
LAB = LabSnapshot(SAMPLES, (_run("run 1"), _run("run 2")), (_model("upload"),), {"epochs": 3}, {"state": "done"})
OTHER = LabSnapshot(SAMPLES, (_run("run 1"),))  # It shares a model with LAB.
# Identifiers are random, so that each part is created once.
LABELLED, LABELLED_BESIDE = (SampleSet.from_arrays(DIGITS[:1], [label], dates=[DATE]) for label in (7, 8))
THIRD_RUN = _run("run 3")
LABS = {MINE: LAB, THEIRS: OTHER}


def _change(name: str, change) -> Operation:
    """Return an operation that opens a lab, changes it, and saves it as a session does."""
    return Operation(name, lambda world: world.save(MINE, change), LABS, lambda world: world.open(MINE))


def _label(lab: LabSnapshot) -> LabSnapshot:
    return replace(lab, samples=lab.samples.concatenate(LABELLED))


def _open(world: World) -> None:
    found = world.store.load(MINE)
    assert not found.skipped
    assert_equal(found.snapshot, LAB)


def _open_beside(world: World) -> None:
    """Open a lab. Then another device, which has the lab open as well, labels a drawing and deletes another."""
    world.open(MINE)
    saved = world.states[MINE].saved
    world.store.save(MINE, replace(saved, samples=saved.samples.merge(LABELLED_BESIDE, SAMPLES.ids[:1])), saved)


def _take_over(world: World) -> None:
    """Take over the changes of the other device, as a page does."""
    state = world.states[MINE]
    state.polled_at = 0.0
    with mock.patch.object(background_saver, "RETRY_INTERVAL", 0.0):  # The saver pauses after a look without an answer.
        world.saver.poll(state).result()
    changes = world.saver.take(state, state.saved)
    world.saver.confirm(state, changes, changes.apply(state.saved))
    if LABELLED_BESIDE.ids[0] not in state.saved.samples.ids:
        raise LabError("The changes of the other device are not known yet.")
    assert not set(state.saved.samples.ids) & set(SAMPLES.ids[:1]), "A drawing that the other device has deleted is left."


def _renew_link(world: World) -> None:
    """Renew the link of a lab, as a page does. The new token is known, so that the outcome can be compared."""
    state = world.states[MINE]
    if state.token != COPY:
        state.next_token = COPY
        world.saver.renew_token(state, DELETE_SECONDS)


def _delete_file(world: World) -> None:
    """Open a lab. Then the file of the database is deleted."""
    world.open(MINE)
    Path(world.engine.url.database).unlink()


def _copy(world: World) -> None:
    """Open a read-only link, and save the copy with another label as a new lab."""
    found = world.store.load_view(view_token(MINE))
    world.save(COPY, lambda _: _label(found.snapshot))


def _execute(world: World, *statements: str) -> None:
    with world.engine.begin() as db:
        for statement in statements:
            db.execute(sql.text(statement))


def _begin_expired(world: World) -> None:
    _execute(world, "UPDATE labs SET last_used = 1")


def _begin_marked(world: World) -> None:
    _execute(world, "UPDATE labs SET last_used = 1, expired_since = 1")


def _migrate(world: World) -> None:
    """Run an artificial migration, as a change of the tables must run."""
    with schema.exclusive_transaction(world.engine) as db:
        if "pressure" not in {column["name"] for column in sql.inspect(db).get_columns("samples")}:
            for statement in MIGRATION:
                db.execute(sql.text(statement))


def _class_operation(name: str, token: str, is_done: Callable[[Membership | None], bool], act, begin=()) -> Operation:
    """Return an operation on classes, which a page offers while it is not done.

    Args:
        name: Name of the operation.
        token: Token of the lab that acts.
        is_done: Says from the class of this lab whether the operation is done.
        act: The operation, a function of the classes.
        begin: Functions of the classes that are called before.
    """

    def work(world: World) -> None:
        classes = ClassStore(world.store)
        if not is_done(classes.find(token)):
            act(classes)

    def begin_all(world: World) -> None:
        for function in begin:
            function(ClassStore(world.store))

    return Operation(name, work, LABS, OPENED, begin_all)


def _create(classes: ClassStore) -> None:
    classes.create(MINE, "Class 4b", ClassOptions())


def _join(classes: ClassStore) -> None:
    classes.join(THEIRS, classes.find(MINE).room.code, "Ada")


def _read_class(classes: ClassStore) -> None:
    room, pupil = classes.find(MINE).room, classes.find(THEIRS)
    found = classes.check_code(room.code), classes.find_view(view_token(MINE)), room, pupil.room
    assert {known.id for known in found} == {ROOM}
    assert classes.version(THEIRS) == (ROOM, room.version, "Ada")
    assert [found.nickname for found in classes.pupils(ROOM)] == ["Ada"]
    assert classes.model(ROOM).key == _model("published").key


def _publish(classes: ClassStore) -> None:
    classes.publish(ROOM, _model("published"), ["1"])


def _hide(state: ClassState) -> ClassState:
    return replace(state, hidden=frozenset({PUPIL}))


ROOM, PUPIL = token_hash(MINE), token_hash(THEIRS)
ONE_DIGIT = ClassOptions(digits=(7,))
OPENED = operator.attrgetter("store")  # It opens the store before the faults begin.
LAB_OPERATIONS = (
    Operation("create tables", lambda world: world.store, None),
    Operation("open the database of another server", lambda world: world.store, LABS),
    Operation("artificial migration", _migrate, LABS, OPENED, errors=(sql.exc.SQLAlchemyError,)),
    Operation("save a new lab", lambda world: world.save(COPY, lambda _: LAB), LABS, lambda world: world.open(COPY)),
    _change("save a label", _label),
    _change("delete a drawing", lambda lab: replace(lab, samples=lab.samples.drop([1]))),
    _change("save a run", lambda lab: replace(lab, runs=(*lab.runs, THIRD_RUN))),
    _change("delete a run", lambda lab: replace(lab, runs=lab.runs[1:])),
    _change("rename a run", lambda lab: replace(lab, runs=(lab.runs[0].rename("best"), *lab.runs[1:]))),
    _change("save an imported model", lambda lab: replace(lab, uploads=(*lab.uploads, _model("second upload")))),
    _change("save settings", lambda lab: replace(lab, preferences={"epochs": 9, "active_model": "run 1"})),
    _change("save a sweep", lambda lab: replace(lab, sweep={"state": "stopped"})),
    _change("name a version", lambda lab: replace(lab, versions=(SampleVersion("first", DATE, lab.samples),))),
    _change("replace everything", lambda lab: replace(OTHER, preferences={"epochs": 1})),
    Operation("save a label beside another device", lambda world: world.save(MINE, _label), LABS, _open_beside),
    Operation("open a lab", _open, LABS, OPENED),
    Operation("open a copy and save it", _copy, LABS, lambda world: world.open(COPY)),
    Operation("renew the link of a lab", lambda world: world.store.renew_token(MINE, COPY), LABS, OPENED),
    Operation("renew the link of an open lab", _renew_link, LABS, lambda world: world.open(MINE)),
    Operation("take over the changes of another device", _take_over, LABS, _open_beside),
    Operation("note the use of a lab", lambda world: world.store.mark_used(MINE), LABS, OPENED, _begin_expired),
    Operation("compute the size of a lab", lambda world: world.store.size(MINE), LABS, OPENED),
    Operation(
        "delete a lab", lambda world: world.saver.delete(world.states[MINE], DELETE_SECONDS), LABS, lambda world: world.open(MINE)
    ),
    Operation("mark unused labs", lambda world: world.store.delete_expired(90), LABS, OPENED, _begin_expired),
    Operation("delete unused labs", lambda world: world.store.delete_expired(90), LABS, OPENED, _begin_marked),
)

CLASS_OPERATIONS = (
    _class_operation("create a class", MINE, bool, _create),
    _class_operation("join a class", THEIRS, bool, _join, (_create,)),
    _class_operation("leave a class", THEIRS, operator.not_, lambda classes: classes.leave(THEIRS), (_create, _join)),
    _class_operation("publish a model", MINE, lambda found: found.room.has_model, _publish, (_create, _join)),
    _class_operation("close a class", MINE, lambda _: False, lambda classes: classes.set_open(ROOM, False), (_create, _join)),
    _class_operation("read a class", MINE, lambda _: False, _read_class, (_create, _join, _publish)),
    _class_operation(
        "rename a pupil",
        THEIRS,
        lambda found: found.nickname == "Grace",
        lambda classes: classes.rename_pupil(ROOM, PUPIL, "Grace"),
        (_create, _join),
    ),
    _class_operation(
        "change the options of a class", MINE, lambda _: False, lambda classes: classes.set_options(ROOM, ONE_DIGIT), (_create,)
    ),
    _class_operation("hide a nickname", MINE, lambda _: False, lambda classes: classes.change(ROOM, _hide), (_create, _join)),
    _class_operation("delete a class", MINE, operator.not_, lambda classes: classes.delete(ROOM), (_create, _join)),
)
STORE_OPERATIONS = (*LAB_OPERATIONS, *CLASS_OPERATIONS)
SQLITE_OPERATIONS = (
    Operation("save a label after the file was deleted", lambda world: world.save(MINE, _label), LABS, _delete_file),
)
# Public methods that no operation calls, with the reason.
WITHOUT_STEPS = {
    "LabStore.from_url": "It only creates the engine. The operations “create tables” and “open the database …” do the rest.",
    "BackgroundSaver.mark_used": "It reports no outcome. The operation “note the use of a lab” calls the method of the store.",
    "BackgroundSaver.take_rewritten": "It reads a field.",
}


def _write(name: str, content: bytes):
    """Return a function that writes a file of the folder."""

    def write(world: World) -> None:
        (world.folder / name).write_bytes(content)

    return write


def _open_lab_file(world: World) -> None:
    """Open a lab with a model that is not shipped. Instead of the processes that open and measure models, results are copied."""

    def run(command: list[str], *_: object) -> str:
        if "--measure" in command:
            Path(command[-1]).with_name("stdout").write_text(json.dumps(asdict(Cost(milliseconds=1.0, megabytes=1.0))))
            return ""
        file = Path(command[-1]) / "0.keras"
        file.write_bytes(MLP.keras_bytes)
        file.with_suffix(".tflite").write_bytes(MLP.tflite_bytes)
        file.with_suffix(".json").write_text(MLP.card.to_json())
        return ""

    with mock.patch("tempfile.tempdir", str(world.folder)), mock.patch.object(upload, "_run", run):
        opened = archive.read(LAB_FILE)
    assert not opened.skipped, opened.skipped
    assert len(opened.snapshot.samples) == len(SAMPLES)


def _read_samples(world: World) -> None:
    read = sample_files.read(read_bytes(world.folder / "samples.npz", SampleError))
    assert len(read.samples) == len(SAMPLES)


def _checkpoint(step: int) -> Checkpoint:
    return Checkpoint(step, [history.START], [np.zeros(3)], [np.array(step)])


def _sweep(world: World, n_done: int) -> None:
    plan = SweepPlan({"batch_size": [8, 16]}, TrainSettings())
    sweep = Sweep(MLP, SAMPLES, plan)
    sweep.stop()
    store = SweepStore(world.folder / "sweeps", world.folder / "sweep.csv", MLP, SAMPLES, plan)
    for trial in sweep.trials[:n_done]:
        trial.scores = {"validation": 0.5}
    store.save(sweep)
    store.open()


def _read_model(folder: Path) -> tuple[str, str] | None:
    """Return the hash of a model's files and its card, or None if there is no model."""
    if registry.names(folder) != ["model"]:
        return None
    model = registry.load("model", folder)
    return model.key, model.card.to_json()


UPLOAD = replace(LAB, runs=(), uploads=(ModelBundle(replace(MLP.card, name="mine"), MLP.keras_bytes + b"\0", MLP.tflite_bytes),))
LAB_FILE = archive.write(UPLOAD)
FILE_OPERATIONS = (
    Operation("open a lab file", _open_lab_file),
    Operation("read a sample file", _read_samples, begin=_write("samples.npz", SAMPLES.to_npz()), files=("samples.npz",)),
    Operation(
        "read settings of a network",
        lambda world: json.loads(read_network_file(world.folder / "network.json")),
        begin=_write("network.json", NetworkSpec().to_json().encode()),
        files=("network.json",),
    ),
    Operation(
        "save a checkpoint",
        lambda world: _checkpoint(2).save(world.folder / "checkpoint"),
        begin=lambda world: _checkpoint(1).save(world.folder / "checkpoint"),
        files=("checkpoint",),
        errors=(OSError,),
    ),
    Operation(
        "save the results of a sweep",
        lambda world: _sweep(world, 2),
        begin=lambda world: _sweep(world, 0),
        files=("sweep.csv",),
        errors=(OSError,),
    ),
    Operation(
        "replace a model",
        lambda world: registry.save(FAST, world.folder / "model"),
        begin=lambda world: registry.save(MLP, world.folder / "model"),
        read=_read_model,
    ),
    Operation("save a first model", lambda world: registry.save(MLP, world.folder / "model"), read=_read_model),
    Operation(
        "load a model",
        lambda world: registry.load_folder(world.folder / "model"),
        begin=lambda world: registry.save(MLP, world.folder / "model"),
        read=_read_model,
    ),
)
