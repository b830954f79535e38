"""Failure of each statement and commit of each operation of the store. `benchmarks/faults.py` lets further steps fail."""

from dataclasses import replace
from inspect import isfunction, ismethod

import pytest

from benchmarks.fault_operations import SQLITE_OPERATIONS, STORE_OPERATIONS, WITHOUT_STEPS
from benchmarks.fault_points import Kind, Operation, Point, PostgresDatabase, SqliteDatabase, try_points
from digitcore.storage import database
from digitcore.storage.background_saver import BackgroundSaver
from digitcore.storage.classes import ClassStore
from digitcore.storage.database import LabStore

KINDS = (Kind.STATEMENT, Kind.COMMIT, Kind.ANSWER)
ON_POSTGRES = ("create tables", "save a label", "delete unused labs")
OPERATIONS = {operation.name: operation for operation in (*STORE_OPERATIONS, *SQLITE_OPERATIONS)}


@pytest.fixture
def sqlite(tmp_path, monkeypatch):
    monkeypatch.setitem(database.SQLITE_PRAGMAS, "synchronous", "OFF")  # No power cut is tested, and writes are quicker.
    return SqliteDatabase(tmp_path)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_failed_step_loses_nothing_and_the_operation_can_be_repeated(name, sqlite):
    report = try_points(OPERATIONS[name], sqlite, KINDS)
    assert report.n_points > 0
    assert not report.failures


@pytest.mark.parametrize("name", ON_POSTGRES)
def test_a_failed_step_of_postgres_loses_nothing_and_the_operation_can_be_repeated(name, postgres):
    report = try_points(OPERATIONS[name], PostgresDatabase(postgres), KINDS)
    assert report.n_points > 0
    assert not report.failures


def test_the_operations_call_every_public_method_of_the_store(sqlite, monkeypatch):
    """If this test names a method that you have added, add an operation that calls it to `fault_operations.py`."""
    methods, called, working = set(), set(), []

    def watch(owner, name):
        path, method = f"{owner.__name__}.{name}", getattr(owner, name)
        methods.add(path)
        if ismethod(method):  # The class is its first argument.
            return

        def call(*arguments, **options):
            if working:
                called.add(path)
            return method(*arguments, **options)

        monkeypatch.setattr(owner, name, call)

    for owner in (LabStore, ClassStore, BackgroundSaver):
        for name in vars(owner):
            if not name.startswith("_") and (isfunction(getattr(owner, name)) or ismethod(getattr(owner, name))):
                watch(owner, name)

    def work_watched(operation):
        def work(world):
            working.append(operation.name)
            try:
                operation.work(world)
            finally:
                working.clear()

        return work

    for operation in OPERATIONS.values():
        try_points(replace(operation, work=work_watched(operation)), sqlite, ())
    assert methods - called == set(WITHOUT_STEPS) | {"BackgroundSaver.close", "BackgroundSaver.retry"}


def test_an_operation_that_reports_a_success_it_does_not_have_is_found(sqlite):
    def pretend(world):
        try:
            world.store.delete("mine")
        except database.LabError:
            return

    careless = Operation("careless", pretend, OPERATIONS["delete a lab"].labs, lambda world: world.store)
    report = try_points(careless, sqlite, (Kind.STATEMENT,))
    assert {kind for kind, _ in report.failures} == {"lost"}
    assert "0 of" in str(report)


def test_an_operation_that_cannot_be_repeated_is_found(sqlite):
    attempts = []

    def work_once(world):
        attempts.append(world)
        if len([attempt for attempt in attempts if attempt is world]) > 1:
            raise database.LabError("A second attempt is not possible.")
        world.store.delete("mine")

    report = try_points(
        Operation("single", work_once, OPERATIONS["delete a lab"].labs, lambda world: world.store), sqlite, (Kind.COMMIT,)
    )
    assert {kind for kind, _ in report.failures} == {"stuck"}


def test_a_point_names_what_fails():
    assert str(Point(Kind.COMMIT, 2, True)) == "commits, number 2 and all later steps"
