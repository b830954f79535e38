from digitcore.jobs.job import Job
from pages.session.import_state import ImportKind, ImportState


def test_an_import_and_its_outcome():
    imports, job = ImportState(), Job(None)
    imports.begin(job, ImportKind.MODEL)
    assert imports.collect() is None and imports.kind == ImportKind.MODEL
    job.finish("model")
    assert imports.collect() is job and imports.job is None and imports.message == ""
    imports.finish(ImportKind.MODEL, "Here it is.")
    assert imports.message == "Here it is."


def test_a_failed_import_says_why():
    imports, job = ImportState(), Job(None)
    imports.begin(job, ImportKind.LAB)
    job.finish(error="This is no lab.")
    imports.collect()
    assert imports.message == "This is no lab." and imports.collect() is None
