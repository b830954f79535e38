"""Each page from the empty case on, in Streamlit's own test runner, with the real models and the real worker."""

import base64
import io
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from digitcore import exchange, mnist, models
from digitcore.errors import ModelError
from digitcore.images import digit_from_canvas
from digitcore.jobs import Limits
from digitcore.runs import Run, TrainSettings
from digitcore.samples import SampleSet
from pages.shared import caches

APP = str(Path(__file__).resolve().parent.parent / "streamlit_app.py")
PATIENCE = 120  # s


@pytest.fixture
def app():
    """A session on its first page."""
    at = AppTest.from_file(APP, default_timeout=60).run()
    assert not at.exception
    yield at
    job = at.session_state["lab"].training
    if job:
        job.stop()


@pytest.fixture(scope="module", autouse=True)
def one_worker():
    yield
    caches.jobs().close()


def go(at, page):
    at.switch_page(page).run()
    assert not at.exception
    return at


def lab(at):
    return at.session_state["lab"]


def on_canvas(digit):
    """A digit at the canvas's size: (280, 280, 4) uint8."""
    return np.asarray(Image.fromarray(digit).resize((280, 280)).convert("RGBA"))


def picture_of(rgba):
    """A canvas as the browser sends it."""
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "PNG")
    url = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    return {"drawing": {"raw": {"objects": [{"path": [["M", 9, 9], ["L", 20, 20]]}]}, "data": url}, "backgroundFit": None}


def draw(at, digit):
    """Put a picture on the canvas."""
    at.session_state[lab(at).canvas.key] = picture_of(on_canvas(digit))
    at.run()
    assert not at.exception
    return at


def texts(at):
    return " ".join(
        str(element.value) for kind in ("markdown", "caption", "info", "error", "warning") for element in at.get(kind)
    )


def html(at):
    return " ".join(element.proto.body for element in at.get("html"))


def until_over(at, name):
    end = time.monotonic() + PATIENCE
    while getattr(lab(at), name) is not None:
        assert time.monotonic() < end
        time.sleep(0.2)
        at.run()
    assert not at.exception


def test_first_visit_goes_to_draw(app):
    app.button(key="label_0").click().run()
    assert len(lab(app).samples) == 0 and "Draw first" in app.toast[0].value
    assert "Draw a digit" in html(app)


def test_home_says_how_things_stand(app):
    go(app, "streamlit_app.py")
    said = texts(app) + " ".join(app.dataframe[0].value["Model"])
    assert app.title[0].value == "Digit Lab"
    for piece in ("Nothing drawn yet", "0 drawings labelled", "Nothing trained yet", "Nothing compared yet", "genius", "stupid"):
        assert piece in said


def test_draw_answers_labels_and_takes_back(app, data):
    draw(app, data.test_images[0])
    assert 'font-weight:650">7<' in html(app)
    app.button(key="label_3").click().run()
    assert lab(app).samples.labels.tolist() == [3]
    assert "Saved as **3**" in texts(app) and "Your drawings: 1" in html(app)
    assert "Draw a digit" in html(app)
    app.button(key="unlabel").click().run()
    assert len(lab(app).samples) == 0
    assert 'font-weight:650">7<' in html(app), "the drawing comes back with its label"


def open_drawer(at, key):
    at.session_state[f"drawer_{key}"] = True
    at.run()
    assert not at.exception


def test_what_would_help_is_said(app, data):
    assert "Draw next: a **0**. You have none yet." in texts(app)
    thin = np.asarray(Image.fromarray(data.test_images[0]).resize((60, 60)).convert("RGBA"))
    small = np.zeros((280, 280, 4), np.uint8)
    small[..., 3] = 255
    small[100:130, 100:130] = thin[15:45, 15:45]
    app.session_state[lab(app).canvas.key] = picture_of(small)
    app.run()
    assert "very small" in texts(app)


def test_a_drawing_is_explained(app, data):
    draw(app, data.test_images[0])
    open_drawer(app, "why")
    assert "What the guess hangs on" not in texts(app), "nothing is computed before it is asked for"
    app.button(key="explain").click().run()
    until_read(app)
    said = texts(app)
    assert "What the guess hangs on" in said and "of ink added" in said and "Layer by layer in genius" in said
    assert "of them dead" in said and "look most like it to genius" in said


def test_own_drawings_are_relabelled_and_deleted(app, few):
    lab(app).samples = few

    def choose(*numbers):
        """AppTest knows neither drawers nor the gallery: both are set before each run."""
        app.session_state["drawer_own"], app.session_state["own_20"] = True, {"picked": [str(number) for number in numbers]}
        return app

    app.run()  # the sidebar counts anew
    choose(0, 3).run()
    choose(0, 3).selectbox(key="own_label").set_value(9).run()
    choose(0, 3).button(key="own_relabel").click().run()
    assert lab(app).samples.labels[[0, 3]].tolist() == [9, 9]
    choose().button(key="take_back").click().run()
    assert lab(app).samples is few
    choose(0, 3).run()
    choose(0, 3).selectbox(key="own_label").set_value(9).run()
    choose(0, 3).button(key="own_relabel").click().run()
    choose().segmented_control(key="own_kind").set_value("Misread").run()
    choose(0, 3, 5).run()  # 5 is read right: it is not shown, so it is not chosen
    choose(0, 3, 5).button(key="own_delete").click().run()
    assert len(lab(app).samples) == 18 and not app.exception
    choose().button(key="take_back").click().run()
    assert len(lab(app).samples) == 20


def test_misread_by_a_chosen_model(app, few):
    lab(app).samples = few
    app.run()  # the sidebar counts anew
    app.session_state["drawer_own"] = True
    app.run()
    app.session_state["drawer_own"] = True
    app.segmented_control(key="own_kind").set_value("Misread").run()
    assert "None of this kind." in texts(app), "genius reads all twenty"
    app.session_state["drawer_own"] = True
    next(one for one in app.selectbox if one.label == "Misread by").set_value("stupid").run()
    assert not app.exception and "None of this kind." not in texts(app)


def test_a_picture_instead_of_a_drawing(app, data):
    from pages.shared import canvas  # needs a running page

    open_drawer(app, "picture")
    app.button(key="picture_random").click().run()
    assert lab(app).canvas.given and "Draw a digit" not in html(app)
    file = io.BytesIO()
    Image.fromarray(255 - data.test_images[0]).resize((300, 400)).save(file, "PNG")
    canvas.bring(lab(app), file.getvalue())
    app.run()
    assert 'font-weight:650">7<' in html(app)
    before = lab(app).canvas.digit
    for wrong in (b"", b"no picture", file.getvalue()[:200]):
        canvas.bring(lab(app), wrong)
        app.run()
        assert "be read" in texts(app) and lab(app).canvas.digit is before


def test_samples_out_and_in(app, few):
    lab(app).samples = few.without([1])
    app.run()
    open_drawer(app, "files")
    assert len(app.get("download_button")) == 3
    for name, content in (("more.zip", exchange.to_zip(few.take([0, 1]))), ("bad.zip", b"PK")):
        app.session_state["drawer_files"] = True
        app.file_uploader(key="samples_file").upload(name, content, "application/zip").run()
        app.session_state["drawer_files"] = True
        app.button(key="samples_add").click().run()
        assert len(lab(app).samples) == 20
        assert ("2 samples taken. 1 of them here already." in texts(app)) == (name == "more.zip")
    assert "cannot be read" in texts(app)


def test_the_paper_changes_and_the_drawing_stays(app, data):
    draw(app, data.test_images[0])
    app.toggle(key="paper").set_value(True).run()
    assert lab(app).on_white and 'font-weight:650">7<' in html(app)


def test_a_quick_label_takes_the_newest_picture(app, data):
    """The label comes with a picture that no run of the page has seen yet."""
    draw(app, data.test_images[0])
    newest = on_canvas(data.test_images[1])
    app.session_state[lab(app).canvas.key] = picture_of(newest)
    app.button(key="label_2").click().run()
    assert np.array_equal(lab(app).samples.digits[0], digit_from_canvas(newest))


def test_two_runs_never_share_a_name(app, genius, stupid):
    has_run(app, stupid, genius)
    lab(app).rename(lab(app).run_called("run 1"), "run 2")
    has_run(app, genius, stupid)
    assert [one.name for one in lab(app).runs] == ["run 2", "run 3"] and lab(app).trained.hash == genius.hash
    assert not lab(app).may_be_called("run 3") and not lab(app).may_be_called("genius") and not lab(app).may_be_called("<b>")
    assert lab(app).may_be_called("my best 7-9")


def test_a_sweep_belongs_to_its_session(monkeypatch):
    class Runtime:
        def is_active_session(self, session):
            return session == "ann"

    monkeypatch.setattr(caches.runtime, "exists", lambda: True)
    monkeypatch.setattr(caches.runtime, "get_instance", Runtime)
    monkeypatch.setattr(caches, "_last_seen", {"ann": -1e9, "bob": -1e9})
    assert caches._is_there("ann") and caches._is_there("ann/sweep") and not caches._is_there("bob/sweep")


def test_blank_is_not_stored(app):
    draw(app, np.zeros((28, 28), np.uint8))
    assert "Draw a digit" in html(app)
    app.button(key="label_5").click().run()
    assert len(lab(app).samples) == 0 and "Draw first" in app.toast[0].value


def test_drawing_survives_a_page_change(app, data):
    draw(app, data.test_images[0])
    before = lab(app).canvas.digit
    go(app, "pages/Train.py")
    go(app, "pages/Draw.py")
    assert np.array_equal(lab(app).canvas.digit, before)
    assert lab(app).canvas.start == {"objects": [{"path": [["M", 9, 9], ["L", 20, 20]]}]}
    assert 'font-weight:650">7<' in html(app)


def test_train_from_the_empty_case(app):
    go(app, "pages/Train.py")
    assert "trains on MNIST alone" in texts(app)
    app.select_slider(key="mnist_samples").set_value(0).run()
    assert "Nothing to learn from" in texts(app) and app.button(key="train").disabled


def test_train_then_compare(app, few, stupid):
    lab(app).samples = few
    go(app, "pages/Train.py")
    app.radio(key="start_from").set_value("stupid").run()
    app.slider(key="epochs").set_value(1).run()
    app.button(key="train").click().run()
    assert lab(app).training is not None and app.button(key="train").disabled
    go(app, "streamlit_app.py")
    go(app, "pages/Train.py")
    assert app.slider(key="epochs").value == 1 and app.radio(key="start_from").value == "stupid"
    until_over(app, "training")
    said = texts(app)
    assert "Trained on your 20 drawings and 500 MNIST digits." in said and "Started from stupid" in said
    assert "Your hand" in said and "20 drawings that it learnt from" in said
    assert f"MNIST {stupid.card.figures['mnist_accuracy']:.2%} →" in said
    go(app, "pages/Draw.py")
    assert lab(app).trained is not None and "Model in use: **run 1**" in texts(app)
    go(app, "pages/Evaluate.py")
    until_read(app)
    scores = app.dataframe[0].value
    assert scores["Model"].tolist() == ["stupid", "run 1"] and scores["MNIST"][1] > scores["MNIST"][0]
    assert scores["Your hand 95 %"][1].endswith("of 20") and (scores["Time (ms)"] > 0).all()
    see(app, "Two in depth")
    assert "unlikely to be luck (p < 0.001" in texts(app) and lab(app).has_compared
    see(app, "Your drawings")
    assert "of 20 drawings" in texts(app)


def until_read(at):
    """Until the worker has answered everything that the Evaluate page asks."""
    end = time.monotonic() + PATIENCE
    while lab(at).asked:
        assert time.monotonic() < end
        time.sleep(0.2)
        at.run()
    assert not at.exception and not lab(at).asking_stopped, lab(at).asking_notice


def see(at, view):
    at.segmented_control(key="view").set_value(view).run()
    assert not at.exception
    until_read(at)


@pytest.mark.parametrize("chosen", [["genius"], ["genius", "plain", "salt-pepper"], ["stupid", "genius"]])
def test_every_view(app, few, chosen):
    lab(app).samples = few
    go(app, "pages/Evaluate.py")
    app.multiselect(key="models_").set_value(chosen).run()
    until_read(app)
    for view in app.segmented_control(key="view").options:
        see(app, view)
        for kind in ("altair_chart", "dataframe"):
            assert all(element for element in app.get(kind))


def test_evaluating_nothing(app):
    go(app, "pages/Evaluate.py")
    app.multiselect(key="models_").set_value([]).run()
    assert not app.exception and "Choose a model" in texts(app)


def test_asking_is_stopped_and_goes_on(app, stupid):
    caches.results().clear()
    before = caches.jobs().stress(stupid)  # the worker is busy, so that there is time to press
    go(app, "pages/Evaluate.py")
    app.button(key="stop_asking").click().run()
    assert "Stopped" in texts(app) and not lab(app).asked
    before.stop()
    app.segmented_control(key="view").set_value("Calibration").run()
    assert not lab(app).asked, "nothing is asked until told to go on"
    app.button(key="ask_again").click().run()
    until_read(app)
    assert "Calibration error: genius" in texts(app)


def test_a_second_look_asks_nothing(app):
    go(app, "pages/Evaluate.py")
    until_read(app)
    other = AppTest.from_file(APP, default_timeout=60).run()
    go(other, "pages/Evaluate.py")
    assert not lab(other).asked and not np.isnan(other.dataframe[0].value["Time (ms)"]).any()


def has_run(at, model, start, **values):
    """Put a run into the session's history."""
    run = Run(model=model, history=model.card.history, settings=TrainSettings(**values), parent=start.name, seconds=1.0)
    lab(at).pending = start
    lab(at)._add(run)


def test_better_says_why(app, few, genius, stupid):
    lab(app).samples = few
    has_run(app, stupid, genius)
    go(app, "pages/Train.py")
    app.radio(key="start_from").set_value("better").run()
    assert "“genius”: it reads 20 of your 20 drawings" in texts(app)


def test_runs_are_used_renamed_and_deleted(app, genius, stupid):
    has_run(app, stupid, genius, epochs=3)
    has_run(app, genius, stupid, epochs=7)
    assert lab(app).trained.name == "run 2"
    go(app, "pages/Train.py")
    table = app.dataframe[0].value
    assert table["Run"].tolist() == ["run 2 (in use)", "run 1"] and table["Started from"].tolist() == ["stupid", "genius"]
    lab(app).used = "run 1"
    go(app, "pages/Train.py")
    assert "Model in use: **run 1**" in texts(app)
    lab(app).rename(lab(app).run_called("run 2"), "mine")
    lab(app).delete("run 1")
    go(app, "pages/Train.py")
    assert app.dataframe[0].value["Run"].tolist() == ["mine (in use)"]


def test_a_link_carries_the_settings():
    at = AppTest.from_file(APP, default_timeout=60).run()
    at.query_params["epochs"] = "7"
    at.query_params["sample_weight"] = "50 ×"
    go(at, "pages/Train.py")
    assert lab(at).chosen.epochs == 7


def test_a_limit_of_the_server_is_said(app, monkeypatch):
    monkeypatch.setattr(caches.jobs(), "limits", Limits(epochs=1))
    go(app, "pages/Train.py")
    app.button(key="train").click().run()
    assert not app.exception and "This server allows 1 epochs, and this would be 2" in texts(app)


def test_train_after_each_label(app, data):
    go(app, "pages/Train.py")
    app.toggle(key="train_after_label").set_value(True).run()
    app.select_slider(key="mnist_samples").set_value(0).run()
    app.slider(key="epochs").set_value(1).run()
    go(app, "pages/Draw.py")
    draw(app, data.test_images[0])
    app.button(key="label_7").click().run()
    assert lab(app).training is not None and lab(app).settings.epochs == 1
    until_over(app, "training")
    assert lab(app).runs[-1].model.card.lesson == "Trained on your 1 drawing."


def test_without_mnist_everything_opens(app, tmp_path, monkeypatch):
    monkeypatch.setenv("DIGITLAB_CACHE", str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    caches.has_mnist.clear()
    mnist.load.cache_clear()
    try:
        for page in ("pages/Train.py", "pages/Evaluate.py"):
            go(app, page)
            assert "python -m digitcore data" in texts(app)
        go(app, "pages/Draw.py")
    finally:
        caches.has_mnist.clear()


@pytest.mark.parametrize(("name", "goes_on"), [("plain", True), ("genius", False)])
def test_a_damaged_model_is_one_sentence(app, monkeypatch, name, goes_on):
    load = models.load

    def broken(asked):
        if asked == name:
            raise ModelError(f"The files of the model “{asked}” do not match its card. Fetch the project again.")
        return load(asked)

    monkeypatch.setattr(models, "load", broken)
    for cache in (caches.shipped, caches.shelf, caches.damage):
        cache.clear()
    try:
        go(app, "pages/Evaluate.py")
        assert "Fetch the project again." in texts(app) and bool(app.multiselect) == goes_on
    finally:
        for cache in (caches.shipped, caches.shelf, caches.damage):
            cache.clear()


def test_sessions_share_nothing(app, few):
    lab(app).samples = few
    other = AppTest.from_file(APP, default_timeout=60).run()
    assert len(lab(other).samples) == 0 and isinstance(lab(other).samples, SampleSet)


def reopened(at):
    """Another session at the same address."""
    caches.keeper().wait()
    other = AppTest.from_file(APP, default_timeout=60)
    other.query_params["lab"] = at.query_params["lab"]
    other.run()
    assert not other.exception
    return other


def test_a_lab_is_found_again_by_its_address(app, data, genius):
    assert "lab" not in app.query_params, "an empty lab is not worth keeping"
    draw(app, data.test_images[0])
    app.button(key="label_7").click().run()
    has_run(app, genius, genius)
    app.run()
    again = reopened(app)
    assert lab(again).samples.labels.tolist() == [7] and lab(again).used == "run 1"
    assert "Saved" in texts(again)
    caches.keeper().wait()
    assert lab(again).kept.version == lab(app).kept.version, "opening changes nothing"


def test_a_change_without_a_new_count_is_saved(app, few):
    lab(app).samples = few
    app.run()
    lab(app).change_samples(few.relabelled([0], 9), "1 drawing labelled 9.")
    app.run()
    assert lab(reopened(app)).samples.labels[0] == 9


def test_opening_another_lab_leaves_nothing_of_this_one(app, few, genius):
    lab(app).samples = few
    lab(app).change_samples(few.without([0]), "1 drawing deleted.")
    lab(app).last_label = 3
    other = lab(app).record()
    lab(app).be(other)
    assert lab(app).before is None and lab(app).last_label is None and lab(app).kept is None and not lab(app).told
    assert lab(app).samples is other.samples


def test_an_unknown_address_begins_a_new_lab(app):
    other = AppTest.from_file(APP, default_timeout=60)
    other.query_params["lab"] = "nobody's"
    other.run()
    assert not other.exception and "no lab under this address" in texts(other) and lab(other).kept is None


def test_two_windows_go_apart(app, data):
    draw(app, data.test_images[0])
    app.button(key="label_7").click().run()
    other = reopened(app)
    for at in (app, other):
        draw(at, data.test_images[1])
        at.button(key="label_2").click().run()
        caches.keeper().wait()
    if "another window" not in texts(other):
        other.run()  # a slow write is known of at the next run
    caches.keeper().wait()
    assert "another window" in texts(other)
    assert lab(other).kept.token != lab(app).kept.token
    assert [lab(reopened(at)).samples.labels.tolist() for at in (app, other)] == [[7, 2]] * 2


def on_home(at, title):
    """Home with a drawer open; AppTest knows no drawers."""
    at.session_state[f"drawer_{title}"] = True
    go(at, "streamlit_app.py")
    at.session_state[f"drawer_{title}"] = True
    at.run()
    assert not at.exception
    return at


def until_received(at, title):
    end = time.monotonic() + PATIENCE
    while lab(at).coming and time.monotonic() < end:
        time.sleep(0.5)
        on_home(at, title)


def test_models_go_out(app, few):
    lab(app).samples = few
    on_home(app, "Take a model along")
    assert "Checked on your 20 drawings: it answers as here." in texts(app)
    assert len(app.get("download_button")) == 4, "three files of the model, one of the lab"
    next(button for button in app.button if button.label == "Make .onnx").click().run()
    until_read(app)
    on_home(app, "Take a model along")
    assert len(app.get("download_button")) == 5


@pytest.mark.parametrize("name", ["plain", "nothing"])
def test_a_model_is_brought(app, name):
    title = "Bring a model"
    on_home(app, title)
    content = models.load(name).keras_bytes if name == "plain" else b"PK nothing"
    app.file_uploader(key="model_file").upload("my <b>best</b>.keras", content, "application/zip").run()
    app.session_state[f"drawer_{title}"] = True
    app.button(key="model_bring").click().run()
    until_received(app, title)
    if name == "nothing":
        assert "no model that Keras has saved" in texts(app) and not lab(app).uploads
        return
    (brought,) = lab(app).uploads
    assert brought.name == "my b best b" and "On your shelf as" in texts(app)
    lab(app).used = brought.name
    on_home(app, title)
    assert f"Model in use: **{brought.name}**" in texts(app)
    assert lab(reopened(app)).uploads[0].key == brought.key


def test_a_lab_travels_in_a_file(app, few, genius):
    from digitcore import labfile

    lab(app).samples = few
    has_run(app, genius, genius)
    data = labfile.write(lab(app).record())
    other = AppTest.from_file(APP, default_timeout=60).run()
    go(other, "streamlit_app.py")
    for name, content in (("lab.zip", b"no lab"), ("lab.zip", data)):
        other.file_uploader(key="lab_file").upload(name, content, "application/zip").run()
        other.button(key="lab_open").click().run()
        until_received(other, "Bring a model")
        if content != data:
            assert "This is no lab" in texts(other)
    assert len(lab(other).samples) == 20 and lab(other).used == "run 1"
    assert "Opened: 20 drawings, 1 run" in texts(other)


def test_undo_and_paper_in_any_order(app, data):
    """What Undo and Redo bring back has the colours of the paper, and a brought picture can be undone."""
    draw(app, data.test_images[0])
    lab(app).clear_canvas()
    app.run()
    app.toggle(key="paper").set_value(True).run()
    lab(app).undo()
    app.run()
    back = lab(app).canvas
    assert [one["stroke"] for one in back.start["objects"]] == ["#000000"] and back.start["background"] == "#ffffff"
    lab(app).undo()
    app.run()
    assert lab(app).canvas.digit is None and lab(app).canvas.undone
    app.toggle(key="paper").set_value(False).run()
    lab(app).redo()
    assert lab(app).canvas.start["objects"][0]["stroke"] == "#ffffff" and lab(app).canvas.unread
    app.run()
    app.button(key="label_7").click().run()
    assert not len(lab(app).samples), "not before the new picture has come"
    draw(app, data.test_images[0])
    lab(app).hold(data.test_images[1])
    app.run()
    assert lab(app).canvas.given
    lab(app).undo()
    assert not lab(app).canvas.given and lab(app).canvas.drawn


def test_forgetting_a_lab(app, data):
    draw(app, data.test_images[0])
    app.button(key="label_7").click().run()
    go(app, "streamlit_app.py")
    token = lab(app).kept.token
    app.button(key="lab_forget").click().run()
    assert not app.exception and len(lab(app).samples) == 0
    assert caches.keeper().store.load(token) is None and "lab" not in app.query_params
