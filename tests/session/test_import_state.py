import pytest

from digitcore.errors import JobError
from digitcore.jobs.tasks import OpenLabTask
from pages.session.import_state import ImportKind, ImportState

TASK = OpenLabTask(b"")


@pytest.fixture
def imports(session):
    return ImportState(session.services, "ann")


def test_an_import_and_its_outcome(imports, jobs):
    imports.begin(TASK, ImportKind.MODEL)
    job = jobs.submitted[0]
    assert imports.collect() is None and imports.kind == ImportKind.MODEL and job.owner == "ann"
    imports.begin(TASK, ImportKind.LAB)
    assert len(jobs.submitted) == 1, "one at a time"
    job.finish("model")
    assert imports.collect() is job and imports.job is None and imports.message == ""
    imports.finish(ImportKind.MODEL, "Here it is.")
    assert imports.message == "Here it is."


def test_a_failed_import_says_why(imports, jobs):
    imports.begin(TASK, ImportKind.LAB)
    jobs.submitted[0].finish(error="This is no lab.")
    imports.collect()
    assert imports.message == "This is no lab." and imports.collect() is None


def test_an_import_that_the_server_refuses_says_why(imports, jobs, monkeypatch):
    def refuse(task, **options):
        raise JobError("This server allows 200 trainings at a time.")

    monkeypatch.setattr(jobs, "submit", refuse)
    imports.begin(TASK, ImportKind.LAB)
    assert imports.job is None and "200 trainings" in imports.message


def test_an_import_is_stopped(imports, jobs):
    imports.stop()
    imports.begin(TASK, ImportKind.SAMPLES)
    imports.stop()
    assert jobs.submitted[0].is_stopping
