"""My lab: the state of the loop, export and import of models, and the lab in a file."""

from dataclasses import replace

import pytest

from digitcore import models
from digitcore.jobs.tasks import ImportModelTask, OpenLabTask
from digitcore.lessons import LESSONS
from digitcore.storage import archive
from pages.session import resources
from tests.support.app import (
    MY_LAB,
    active_name,
    add_run,
    add_samples,
    draw,
    go,
    keep_open,
    label,
    new_app,
    session_of,
    texts,
    until,
    until_answered,
)

EXPORT, IMPORT = "Export a model", "Import a model"


def open_my_lab(at, expander):
    keep_open(at, expander)
    go(at, MY_LAB)
    keep_open(at, expander).run()
    assert not at.exception
    return at


def until_imported(at, expander):
    until(at, lambda: not session_of(at).work.running(OpenLabTask, ImportModelTask), lambda: open_my_lab(at, expander))


def test_the_state_of_the_loop(app):
    go(app, MY_LAB)
    said = texts(app) + " ".join(app.dataframe[0].value["Model"])
    assert app.title[0].value == "My lab"
    steps = ("The canvas is empty", "0 drawings labelled", "No training yet", "No comparison yet")
    for piece in (*steps, "genius", "untrained"):
        assert piece in said
    assert not app.error


def test_lessons_have_answers_and_open_in_this_lab(app, few):
    add_samples(app, few)
    open_my_lab(app, "Lessons for a class")
    assert all(lesson.question in texts(app) and lesson.answer in texts(app) for lesson in LESSONS)
    app.button(key="lesson_open_3").click().run()
    assert not app.exception
    assert app.title[0].value == "Train"
    assert session_of(app).lessons.number == 3
    assert len(session_of(app).samples) == 20


def test_models_are_exported(app, few):
    add_samples(app, few)
    open_my_lab(app, EXPORT)
    assert "The exported file predicts the same probabilities on your 20 drawings." in texts(app)
    assert len(app.get("download_button")) == 4, "three files of the model, one of the lab"
    next(button for button in app.button if button.label == "Export as .onnx").click().run()
    until_answered(app)
    open_my_lab(app, EXPORT)
    assert len(app.get("download_button")) == 5
    assert not app.error


@pytest.mark.parametrize("name", ["plain", "nothing"])
def test_a_model_is_imported(app, name):
    open_my_lab(app, IMPORT)
    content = models.load(name).keras_bytes if name == "plain" else b"\0 nothing"
    app.file_uploader(key="model_file").upload("my <b>best</b>.keras", content, "application/zip").run()
    keep_open(app, IMPORT).button(key="model_upload").click().run()
    until_imported(app, IMPORT)
    if name == "nothing":
        assert "The file is not a model saved by Keras." in texts(app)
        assert not session_of(app).models.uploads
        return
    (imported,) = session_of(app).models.uploads
    assert imported.name == "my b best b"
    assert "Imported as" in texts(app)
    session_of(app).models.activate(imported.name)
    open_my_lab(app, IMPORT)
    assert active_name(app) == imported.name
    resources.saver().wait()
    again = new_app(lab=app.query_params["lab"])
    assert session_of(again).models.uploads[0].key == imported.key


def test_a_lab_is_opened_from_its_file(app, few, genius):
    add_samples(app, few)
    add_run(app, genius, genius)
    content = archive.write(session_of(app).snapshot())
    other = new_app()
    go(other, MY_LAB)
    for file in (b"no lab", content):
        other.file_uploader(key="lab_file").upload("lab.zip", file, "application/zip").run()
        other.button(key="lab_open").click().run()
        until_imported(other, IMPORT)
        assert ("This file is not a lab" in texts(other)) == (file != content)
    assert len(session_of(other).samples) == 20
    assert session_of(other).models.active_name == "run 1"
    assert "Opened: 20 drawings, 1 run" in texts(other)
    assert len(session_of(app).samples) == 20, "the exported lab is not changed"
    assert not other.error


def test_a_lab_is_deleted(app, data):
    draw(app, data.test_images[0])
    label(app, 7)
    go(app, MY_LAB)
    token = session_of(app).saving.state.token
    app.button(key="lab_delete").click().run()
    assert not app.exception
    assert len(session_of(app).samples) == 0
    assert resources.saver().store.load(token) is None
    assert "lab" not in app.query_params


def test_versions_and_lineage_are_shown(app, few, genius, untrained):
    add_samples(app, few)
    card = replace(genius.card, sample_hashes=sorted(few.digit_hashes), versions={"digitlab": "0.1.0+abc"})
    add_run(app, genius.with_card(card), untrained, seed=7)
    session = session_of(app)
    open_my_lab(app, "Versions of your drawings")
    app.text_input(key="version_name").set_value("before").run()
    open_my_lab(app, "Versions of your drawings")
    session.versions.create("before", few)
    add_samples(app, few.drop([0]))
    open_my_lab(app, "Versions of your drawings")
    assert "**before**" in texts(app)
    assert "Since then: 1 removed." in texts(app)
    app.button(key="version_restore_before").click()
    open_my_lab(app, "Versions of your drawings")
    assert len(session.samples) == 20
    app = open_my_lab(app, "Lineage")
    assert "- **untrained**\n  - **run 1**" in texts(app)
    origin = next(frame.value for frame in app.dataframe if "Origin" in frame.value).set_index("Origin")["Value"]
    assert origin["Seed"] == "7"
    assert origin["Code"] == "0.1.0+abc"
    assert origin["Started from"].startswith("untrained, model.keras ")
