"""Undo, redo, images and colors of the canvas, without a browser."""

import base64
import io
import threading

import numpy as np
import pytest
from PIL import Image

from digitcore.errors import ImageError
from digitcore.images import digit_from_canvas
from pages.session import canvas_state
from pages.session.canvas_state import BLACK, WHITE, CanvasState, Drawing

PATHS = [{"path": [["M", 9, 9], ["L", 20, 20 + i]], "stroke": WHITE} for i in range(3)]


def rgba(digit):
    return np.asarray(Image.fromarray(digit).resize((280, 280)).convert("RGBA"))


def sent(image, paths=PATHS[:1]):
    """Return a value of the widget."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"drawing": {"raw": {"objects": list(paths)}, "data": url}}


@pytest.fixture
def canvas():
    return CanvasState()


@pytest.fixture
def drawn(canvas, data):
    canvas.sync_from_widget(canvas.key, sent(rgba(data.test_images[0]), PATHS[:2]))
    return canvas


def test_a_new_canvas_is_blank(canvas):
    assert canvas.digit is None
    assert canvas.drawing.n_strokes == 0
    assert canvas.encoded_strokes() == ""


def test_undo_and_redo_on_a_blank_canvas_replace_the_widget(canvas):
    """The browser keeps new strokes until the next widget is there."""
    keys = [canvas.key]
    canvas.undo()
    keys.append(canvas.key)
    canvas.redo()
    keys.append(canvas.key)
    assert len(set(keys)) == 3
    assert canvas.drawing.n_strokes == 0


def test_the_digit_is_that_of_the_image(canvas, data):
    canvas.sync_from_widget(canvas.key, sent(rgba(data.test_images[0])))
    assert np.array_equal(canvas.digit, digit_from_canvas(rgba(data.test_images[0])))
    assert canvas.drawing.n_strokes == 1
    assert canvas.encoded_strokes().startswith('{"side":280')


@pytest.mark.parametrize("value", [None, {}, {"drawing": None}, {"drawing": {"raw": None, "data": None}}])
def test_an_empty_value_changes_nothing(drawn, value):
    before = drawn.drawing
    drawn.sync_from_widget(drawn.key, value)
    assert drawn.drawing is before


def test_the_image_of_another_revision_is_ignored(drawn, data):
    before, old_key = drawn.drawing, drawn.key
    drawn.new_revision()
    drawn.sync_from_widget(old_key, sent(rgba(data.test_images[1])))
    assert drawn.digit is None
    assert before.digit is not None


def test_an_unreadable_image_gives_an_error_message(canvas):
    broken = sent(np.zeros((4, 4, 4), np.uint8))
    broken["drawing"]["data"] = sent(np.zeros((4, 4, 3), np.uint8))["drawing"]["data"]
    with pytest.raises(ImageError, match="RGBA") as error:
        digit_from_canvas(np.zeros((4, 4, 3), np.uint8))
    canvas.sync_from_widget(canvas.key, broken)
    assert canvas.digit is None
    assert canvas.error == str(error.value)
    assert canvas.drawing.n_strokes == 1


def test_undo_and_redo_of_restored_strokes(drawn):
    drawn.remount()
    drawn.undo()
    assert drawn.drawing.n_strokes == 1
    assert drawn.initial_drawing["objects"] == PATHS[:1]
    assert drawn.awaiting_image
    assert drawn.digit is None
    assert drawn.drawing.digit is not None
    drawn.undo()
    assert drawn.drawing.n_strokes == 0
    assert not drawn.awaiting_image
    assert drawn.drawing.digit is None
    drawn.redo()
    drawn.redo()
    assert drawn.initial_drawing["objects"] == PATHS[:2]
    assert drawn.drawing.redo_stack == ()


def test_a_new_stroke_clears_the_redo_history(drawn, data):
    drawn.undo()
    drawn.sync_from_widget(drawn.key, sent(rgba(data.test_images[1]), PATHS[:1]))
    assert drawn.drawing.redo_stack == (PATHS[1],), "the image after Undo is not a new stroke"
    drawn.sync_from_widget(drawn.key, sent(rgba(data.test_images[2]), PATHS))
    assert drawn.drawing.redo_stack == ()


def test_one_undo_reverts_clear(drawn):
    before = drawn.drawing.digit
    drawn.clear()
    assert drawn.digit is None
    assert drawn.initial_drawing is None
    drawn.clear()
    drawn.undo()
    assert drawn.digit is before
    assert drawn.initial_drawing["objects"] == PATHS[:2]


def test_redo_clears_again(drawn, data):
    drawn.clear()
    drawn.undo()
    drawn.redo()
    assert drawn.digit is None
    assert drawn.drawing.n_strokes == 0
    drawn.undo()
    assert drawn.drawing.n_strokes == 2, "Undo restores the drawing"
    drawn.sync_from_widget(drawn.key, sent(rgba(data.test_images[1]), PATHS))
    drawn.redo()
    assert drawn.drawing.n_strokes == 3, "a new stroke clears the redo history"


def test_redo_shows_an_image_again(drawn, data):
    drawn.load_digit(data.test_images[3])
    drawn.undo()
    drawn.redo()
    assert drawn.drawing.from_image
    assert np.array_equal(drawn.digit, data.test_images[3])


def test_an_image_replaces_the_drawing_until_the_first_stroke(drawn, data):
    drawn.load_digit(data.test_images[3])
    assert drawn.drawing.from_image
    assert np.array_equal(drawn.digit, data.test_images[3])
    assert drawn.initial_drawing is None
    drawn.sync_from_widget(drawn.key, sent(np.zeros((280, 280, 4), np.uint8), []))
    assert drawn.drawing.from_image, "the blank canvas does not replace the image"
    drawn.undo()
    assert not drawn.drawing.from_image
    assert drawn.drawing.n_strokes == 2


def test_undo_restores_strokes_in_the_current_colors(drawn):
    drawn.undo()
    drawn.clear()
    drawn.set_white_background(True)
    assert drawn.colors == (BLACK, WHITE)
    drawn.undo()
    assert [path["stroke"] for path in drawn.initial_drawing["objects"]] == [BLACK]
    assert drawn.initial_drawing["background"] == WHITE
    assert [path["stroke"] for path in drawn.drawing.redo_stack] == [BLACK]


def test_one_prediction_is_recorded_for_each_stroke(canvas):
    for n, prediction in ((1, 1), (2, 7), (3, 9), (2, 4)):
        canvas.drawing = Drawing(strokes={"objects": PATHS[:n]}, predictions=canvas.drawing.predictions)
        canvas.record_prediction(prediction, 0.5)
    assert [prediction for prediction, _ in canvas.drawing.predictions] == [1, 4], "predictions of undone strokes are removed"


def test_remounting_keeps_the_drawing(drawn):
    before, key = drawn.digit, drawn.key
    drawn.remount()
    assert drawn.digit is before
    assert drawn.key != key
    assert drawn.initial_drawing["objects"] == PATHS[:2]


def test_a_label_waits_for_the_image_of_the_stroke(data, monkeypatch):
    """A second thread that labels during the decoding never sees a partial change."""
    from pages.session import canvas_state

    canvas, decoding, found = CanvasState(), threading.Event(), []
    decode = canvas_state.images.digit_from_ink

    def slow(image):
        decoding.set()
        threading.Event().wait(0.2)
        return decode(image)

    monkeypatch.setattr(canvas_state.images, "digit_from_ink", slow)
    value, key = sent(rgba(data.test_images[0])), canvas.key
    answering = threading.Thread(target=canvas.sync_from_widget, args=(key, value))

    def label():
        decoding.wait()
        canvas.sync_from_widget(key, value)
        found.append(canvas.digit)

    labelling = threading.Thread(target=label)
    for thread in (answering, labelling):
        thread.start()
    for thread in (answering, labelling):
        thread.join()
    assert found[0] is not None


def test_keys_of_earlier_revisions_are_used_again(drawn):
    """Streamlit keeps some kilobytes for each key until the session ends."""
    keys = []
    for _ in range(100):
        drawn.new_revision()
        keys.append(drawn.key)
    assert len(set(keys)) == canvas_state.N_KEYS
    assert len(set(keys[-canvas_state.N_KEYS :])) == canvas_state.N_KEYS
