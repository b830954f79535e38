"""The Draw page: drawing, labels, explanations, pictures and the gallery."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from streamlit.runtime.context import ContextProxy

from digitcore import models
from digitcore.data import sample_files
from digitcore.errors import ModelError
from digitcore.evaluation.score import Score
from digitcore.jobs.tasks import ReadSamplesTask
from digitcore.models import registry
from digitcore.models.bundle import TrainingData
from digitcore.palette import GREY
from digitcore.training.settings import TrainSettings
from pages.components.prediction import Reading
from pages.session import canvas_state, resources
from pages.views.draw import label_review
from tests.support.app import (
    DRAW,
    EVALUATE,
    TRAIN,
    active_name,
    add_run,
    add_samples,
    draw,
    go,
    html,
    keep_open,
    label,
    label_buttons,
    new_app,
    open_expander,
    predicted_digits,
    put_on_canvas,
    select_in_gallery,
    session_of,
    texts,
    until,
    until_answered,
    until_trained,
)
from tests.support.photographs import photograph


def test_the_first_visit_goes_to_draw(app):
    assert "Draw a digit." in html(app)
    assert predicted_digits(app) == []
    assert app.button(key="train").disabled
    assert app.button(key="train").help == "Draw and label a digit first."
    assert "Tap the digit that you drew." in html(app)


def test_a_new_visitor_teaches_a_new_network():
    at = new_app()
    assert at.radio(key="teach").value == "untrained"
    assert "It knows nothing. Draw each digit once or twice and teach it." in texts(at)
    at.radio(key="teach").set_value("genius").run()
    assert active_name(at) == "genius"
    assert session_of(at).start_model()[0].name == "genius"
    assert "Try to fool it." in texts(at)


def test_a_training_ends_with_a_verdict_and_a_test_with_five_new_drawings(app, data, few, genius, untrained):
    add_samples(app, few)
    before, after = Score.from_counts(2, 20), Score.from_counts(20, 20)
    learnt = frozenset(few.digit_hashes)
    add_run(app, genius, untrained, {"personal_before": before, "personal_after": after, "sample_hashes": learnt})
    app.run()
    said = texts(app)
    assert "**Better: 20 of 20 (before: 2)**" in said
    assert "These are drawings that it learnt from. MNIST …" in said
    assert app.button(key="draw_more").label == "Draw five more: does it read them?"
    for digit, true in zip(data.test_images[:5], data.test_labels[:5], strict=True):
        draw(app, digit)
        label(app, int(true))
    assert "It read **5 of 5** new drawings (95 % interval 57–100 %)." in texts(app)
    assert "**Better: 20 of 20 (before: 2)**" in texts(app), "the verdict stays with its drawings"
    app.button(key="undo_training").click().run()
    assert active_name(app) == "untrained"
    assert "Better" not in texts(app)


def test_a_low_confidence_is_described():
    flat = np.full(10, 0.85 / 9)
    flat[7] = 0.15
    assert Reading("genius", flat, 0.94, GREY).remark == "Not a digit? Closest: 7 (15 %)"
    assert Reading("untrained", flat, 0.1, GREY).remark == "", "nearly all predictions of random weights have a low confidence"
    sure = np.eye(10)[4]
    assert Reading("genius", 0.6 * sure + 0.4 * np.eye(10)[9], 0.94, GREY).remark == "unsure: 4 or 9"
    assert Reading("genius", sure, 0.94, GREY).remark == ""


def test_a_drawing_is_predicted_and_labelled_and_the_label_is_undone(app, data):
    draw(app, data.test_images[0])
    assert predicted_digits(app) == [7]
    assert [name.partition(",")[0] for name in label_buttons(app)["names"][7:9]] == ["It is a 7", "It is an 8"]
    label(app, 3)
    assert session_of(app).samples.current.labels.tolist() == [3]
    assert "Saved as **3**" in texts(app)
    assert "1 drawing" in html(app)
    assert "Tap the digit that you drew." not in html(app)
    assert any("My newest drawings" in element.proto.body for element in app.get("html"))
    assert "Draw a digit." in html(app)
    assert "The network is 99.9 % sure of **a 7**" in texts(app)
    app.button(key="undo_label").click().run()
    assert len(session_of(app).samples) == 0
    assert predicted_digits(app) == [7], "the drawing comes back with its label"


def test_expanders_do_not_print_values_of_expressions(app, data):
    """Streamlit writes the value of a bare expression onto the page."""
    for key in ("why", "own", "picture", "files"):
        keep_open(app, key)
    draw(app, data.test_images[0])
    assert app.get("file_uploader")
    assert not any("None" in element.value for element in app.markdown)


def test_a_blank_canvas_is_not_stored(app):
    draw(app, np.zeros((28, 28), np.uint8))
    assert "Draw a digit." in html(app)
    label(app, 5)
    assert len(session_of(app).samples) == 0


def test_a_contradicted_label_is_corrected_with_one_tap(app, data):
    draw(app, data.test_images[0])
    label(app, 4)
    app.button(key="accept_contradiction").click().run()
    assert session_of(app).samples.current.labels.tolist() == [7]
    assert "Saved as **7**" in texts(app)
    draw(app, data.test_images[0])
    label(app, 4)
    app.button(key="keep_label").click().run()
    assert session_of(app).samples.current.labels.tolist() == [7, 4]
    assert "sure of" not in texts(app)
    assert "Check" not in " ".join(button.label for button in app.button), "the user has settled both labels"
    draw(app, data.test_images[0])
    assert "Saved as" not in texts(app), "the message disappears with the next stroke"


def test_contradicted_labels_are_listed_for_a_check(app, data):
    draw(app, data.test_images[0])
    label(app, 4)
    assert app.button(key="review").label == "Check 1 label"
    app.button(key="review").click()
    keep_open(app, "own").run()
    assert app.segmented_control(key="own_kind").value == "review"
    assert "No drawings of this kind" not in texts(app)


def test_a_drawing_names_the_runs_that_learnt_from_it(app, few, genius, untrained):
    add_samples(app, few)
    card = replace(genius.card, sample_hashes=sorted(few.digit_hashes[:5]))
    add_run(app, genius.with_card(card), untrained)
    select_in_gallery(app, 12).run()
    assert "No run has learnt from this drawing." in texts(app)
    select_in_gallery(app, 0).run()
    assert "Learnt by run 1." in texts(app)
    assert app.button(key="drawing_effect").label == "What did this drawing change?"
    add_samples(app, few.drop([1]))
    select_in_gallery(app, 0).run()
    assert "cannot be measured: other drawings of the training were deleted" in texts(app)


def test_the_page_suggests_the_next_drawing_and_warns_of_a_small_digit(app, data):
    draw(app, data.test_images[0])
    label(app, 7)
    assert "Saved as **7**. Draw a 0 next: you have no 0 yet." in texts(app)
    small = np.zeros((280, 280, 4), np.uint8)
    small[..., 3] = 255
    small[100:130, 100:130] = np.asarray(Image.fromarray(data.test_images[0]).resize((60, 60)).convert("RGBA"))[15:45, 15:45]
    put_on_canvas(app, small)
    app.run()
    assert "very small" in texts(app)


def test_a_drawing_is_explained(app, data, untrained):
    add_run(app, models.load("mlp"), untrained)  # It computes the features of 20,000 digits in a second.
    draw(app, data.test_images[0])
    open_expander(app, "why")
    assert "Pixels that matter" not in texts(app), "the explanation is computed only on request"
    app.button(key="explain").click().run()
    until_answered(app)
    said = texts(app)
    assert "Pixels that matter" in said
    assert app.segmented_control(key="towards").label == "Smallest change that gives another prediction (run 1)"
    assert "of ink and erases" in said
    assert "Layer by layer in run 1" in said
    assert " dead" in said
    assert "Nearest MNIST digits (by run 1's features)" in said
    assert not app.error
    assert len(session_of(app).samples) == 0, "an explained drawing is not stored"


def test_own_drawings_are_relabelled_and_deleted(app, few):
    add_samples(app, few)

    def select(*numbers):
        return select_in_gallery(app, *numbers)

    app.run()
    for undone in (True, False):
        select(0, 3).run()
        select(0, 3).selectbox(key="own_label").set_value(9).run()
        select(0, 3).button(key="own_relabel").click().run()
        assert session_of(app).samples.current.labels[[0, 3]].tolist() == [9, 9]
        if undone:
            select().button(key="undo_samples").click().run()
            assert session_of(app).samples.current is few
    select().segmented_control(key="own_kind").set_value("errors").run()
    select(0, 3, 5).run()  # Drawing 5 is predicted correctly. It is not shown and cannot be selected.
    select(0, 3, 5).button(key="own_delete").click().run()
    assert len(session_of(app).samples) == 18
    assert not app.exception
    select().button(key="undo_samples").click().run()
    assert len(session_of(app).samples) == 20


def test_doubtful_labels_are_relabelled_or_kept(app, few, monkeypatch):
    monkeypatch.setattr(label_review, "PRETRAINED", "mlp")  # It trains fastest.
    wrong = few.relabel([6], 8).relabel([9], 7)
    add_samples(app, wrong)

    def run(*selected):
        return select_in_gallery(app, *selected, n_doubtful=2).run()

    app.run()
    open_expander(app, "own")
    keep_open(app, "own").segmented_control(key="own_kind").set_value("review").run()
    session = session_of(app)
    assert sorted(session.contradicted_samples().tolist()) == [6, 9]
    keep_open(app, "own").toggle(key="review_closer").set_value(True).run()
    until(app, lambda: not session.work.jobs, run)
    assert "Relabel all 2 as suggested" in [button.label for button in run().button]
    run(6).button(key="review_keep").click()
    run(6)
    assert session.samples.is_kept().tolist() == [i == 6 for i in range(20)]
    assert session.contradicted_samples().tolist() == [9]
    keep_open(app, "own").button(key="review_relabel").click()
    run()
    assert session.samples.current.labels.tolist() == few.relabel([6], 8).labels.tolist()
    assert not app.exception
    assert "No label looks wrong." in texts(app)


def test_misclassified_by_a_chosen_model(app, few):
    add_samples(app, few)
    app.run()
    open_expander(app, "own")
    keep_open(app, "own").segmented_control(key="own_kind").set_value("errors").run()
    assert "No drawings of this kind." in texts(app), "genius predicts all twenty correctly"
    keep_open(app, "own")
    next(box for box in app.selectbox if box.label == "Errors of").set_value("untrained").run()
    assert not app.exception
    assert "No drawings of this kind." not in texts(app)


def test_an_image_instead_of_a_drawing(app, data):
    open_expander(app, "picture")
    app.button(key="example").click().run()
    drawing = session_of(app).canvas.drawing
    assert drawing.from_image
    assert drawing.is_example
    assert len(predicted_digits(app)) == 1
    assert (data.validation[0] == drawing.digit).all((1, 2)).any(), "the example is a validation digit"
    file = io.BytesIO()
    Image.fromarray(255 - data.test_images[0]).resize((300, 400)).save(file, "PNG")
    for content in (file.getvalue(), b"", b"no picture", file.getvalue()[:200]):
        keep_open(app, "picture").file_uploader(key="picture").upload("digit.png", content, "image/png").run()
        is_good = content == file.getvalue()
        assert not app.exception, "the old digit must not look like the prediction"
        assert session_of(app).canvas.drawing.from_image == is_good, "the old digit must not look like the prediction"
        assert ("be read" in texts(app)) == (not is_good)
        assert bool(app.error) == (not is_good), "the message is beside the uploader"
        assert predicted_digits(app) == [7] or not is_good
    session_of(app).canvas.undo()
    app.run()
    assert predicted_digits(app) == [7]
    assert "be read" not in texts(app)


def test_several_digits_in_a_photograph_give_a_message(app):
    open_expander(app, "picture")
    photo = photograph("ruled", 4, np.random.default_rng(4), n_digits=3)
    keep_open(app, "picture").file_uploader(key="picture").upload("photo.jpg", photo, "image/jpeg").run()
    assert predicted_digits(app) == [4]
    assert "3 digits found. The largest is used." in texts(app)
    assert not app.error
    assert len(session_of(app).samples) == 0, "a picture is not stored without a label"


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [("http://192.168.1.7:8501/", False), ("http://localhost:8501/", True), ("https://lab.example.org/", True)],
)
def test_the_camera_needs_https(app, monkeypatch, url, is_allowed):
    monkeypatch.setattr(ContextProxy, "url", url)
    open_expander(app, "picture")
    keep_open(app, "picture").toggle(key="camera_on").set_value(True).run()
    warnings = [warning.value for warning in app.warning]
    assert ("The camera needs https or localhost. Upload a photo instead." in warnings) == (not is_allowed)
    assert not app.exception


def test_samples_are_exported_and_imported(app, few):
    add_samples(app, few.drop([1]))
    app.run()
    open_expander(app, "files")
    assert len(app.get("download_button")) == 3
    table = "\n".join(",".join(map(str, [few.labels[i], *few.digits[i].ravel()])) for i in (0, 1)).encode()
    files = {"more.zip": sample_files.to_image_zip(few.take([0, 1])), "table.txt": table, "bad.zip": b"PK"}
    for name, content in files.items():
        keep_open(app, "files").file_uploader(key="samples_file").upload(name, content, "application/zip").run()
        keep_open(app, "files").button(key="samples_add").click().run()
        until(app, lambda: not session_of(app).work.running(ReadSamplesTask), lambda: keep_open(app, "files").run())
        assert len(session_of(app).samples) == 20
        assert ("You have 1 of these samples already." in texts(app)) == (name == "more.zip")
        assert ("You have all of these samples already." in texts(app)) == (name == "table.txt")
    assert "cannot be read" in texts(app)


def test_the_background_changes_and_the_drawing_stays(app, data):
    draw(app, data.test_images[0])
    app.toggle(key="paper").set_value(True).run()
    assert session_of(app).canvas.white_background
    assert predicted_digits(app) == [7]
    assert not app.error


def test_a_drawing_survives_a_page_change(app, data):
    draw(app, data.test_images[0])
    before = session_of(app).canvas.digit
    go(app, TRAIN)
    go(app, DRAW)
    assert np.array_equal(session_of(app).canvas.digit, before)
    assert predicted_digits(app) == [7]
    assert session_of(app).canvas.initial_drawing == {"objects": [{"path": [["M", 9, 9], ["L", 20, 20]]}]}
    assert len(session_of(app).samples) == 0, "the drawing is not stored without a label"


def test_training_after_each_label(app, data):
    go(app, TRAIN)
    app.toggle(key="train_after_label").set_value(True).run()
    app.select_slider(key="mnist_samples").set_value(0).run()
    app.slider(key="epochs").set_value(1).run()
    go(app, DRAW)
    draw(app, data.test_images[0])
    label(app, 7)
    assert session_of(app).training_job.task.settings.epochs == 1
    until_trained(app)
    assert session_of(app).models.runs[-1].model.card.training_data == TrainingData(drawings=1)
    assert len(session_of(app).models.runs) == 1, "no second training is started"
    assert not app.error


@pytest.mark.parametrize(("name", "works"), [("plain", True), ("genius", False)])
def test_a_damaged_model_gives_one_error_message(app, monkeypatch, name, works):
    load = registry.load

    def broken(asked):
        if asked == name:
            raise ModelError(f"The files of the model “{asked}” do not match its card. Fetch the project again.")
        return load(asked)

    monkeypatch.setattr(registry, "load", broken)
    cached = (resources.shipped_model, resources.usable_models, resources.model_error)
    for function in cached:
        function.cache_clear()
    try:
        go(app, EVALUATE)
        assert "Fetch the project again." in texts(app)
        assert bool(app.multiselect) == works
    finally:
        for function in cached:
            function.cache_clear()


def test_an_invalid_configuration_gives_one_error_message(monkeypatch):
    monkeypatch.setenv("DIGITLAB_KEEP_DAYS", "abc")
    at = new_app()
    assert [error.value for error in at.error] == [
        "DIGITLAB_KEEP_DAYS cannot be “abc”: input should be a valid integer, unable to parse string as an integer."
    ]


def test_a_new_session_has_none_of_the_content_of_another_session(app, data, few, genius, untrained):
    add_samples(app, few)
    add_run(app, untrained, genius)
    session_of(app).training.set_settings(TrainSettings(epochs=9))
    draw(app, data.test_images[0])
    other = session_of(new_app())
    assert len(other.samples) == 0
    assert other.canvas.digit is None
    assert other.models.runs == ()
    assert other.active_model.name == "untrained"
    assert other.training.settings == TrainSettings()
    assert len(session_of(app).samples) == 20
    assert session_of(app).canvas.digit is not None
    assert [record.name for record in session_of(app).models.runs] == ["run 1"]
    assert session_of(app).training.settings == TrainSettings(epochs=9)


def test_a_canvas_whose_key_is_used_again_is_blank(app, data, monkeypatch):
    monkeypatch.setattr(canvas_state, "N_KEYS", 2)
    for number in range(1, 5):
        draw(app, data.test_images[number])
        assert session_of(app).canvas.digit is not None
        label(app, number)
        assert session_of(app).canvas.digit is None
        assert len(session_of(app).samples) == number
