"""The choice of the active model in the bar above every page."""

import pytest

from pages.components.model_selector import COMPARISON_KEY, SELECTOR_KEY
from pages.session.training_state import Start
from tests.support.app import DRAW, EVALUATE, MY_LAB, TRAIN, active_name, add_run, draw, go, predicted_digits, session_of


def choose(at, name):
    at.menu_button(key=SELECTOR_KEY).click(name).run()
    assert not at.exception


def test_every_page_lists_all_models_and_marks_the_active_model(app, genius, untrained):
    add_run(app, genius, untrained)
    session_of(app).models.add_upload(untrained.rename("mine"))
    for page in (DRAW, TRAIN, EVALUATE, MY_LAB):
        go(app, page)
        options = app.menu_button(key=SELECTOR_KEY).options
        assert options[:4] == [":material/check: run 1", "mine", "untrained", "genius"]
        assert "plain" in options


@pytest.mark.parametrize("page", [DRAW, TRAIN, EVALUATE, MY_LAB])
def test_a_shipped_model_is_active_again_after_a_training(app, genius, untrained, page):
    add_run(app, untrained, genius)
    go(app, page)
    assert active_name(app) == "run 1"
    choose(app, "genius")
    assert active_name(app) == "genius"
    assert session_of(app).active_model.hash == genius.hash
    choose(app, "run 1")
    assert session_of(app).active_model.hash == untrained.hash


def test_the_next_training_starts_from_the_chosen_shipped_model(app):
    go(app, TRAIN)
    choose(app, "untrained")
    assert app.radio(key="start_from").value == Start.UNTRAINED
    choose(app, "genius")
    assert app.radio(key="start_from").value == Start.PRETRAINED
    choose(app, "plain")
    assert session_of(app).training.start == Start.PRETRAINED
    go(app, DRAW)
    choose(app, "untrained")
    go(app, TRAIN)
    assert app.radio(key="start_from").value == Start.UNTRAINED


def test_a_toggle_compares_the_active_model_with_its_initial_model(app, data, genius, untrained):
    assert COMPARISON_KEY not in app.session_state, "a shipped model has no initial model"
    add_run(app, genius, untrained)
    go(app, DRAW)
    draw(app, data.test_images[0])
    assert predicted_digits(app) == [7]
    toggle = app.toggle(key=COMPARISON_KEY)
    assert (toggle.label, toggle.help) == ("Compare", "Let untrained predict too.")
    toggle.set_value(True).run()
    assert len(predicted_digits(app)) == 2
    assert predicted_digits(app)[1] == 7
    choose(app, "genius")
    assert len(predicted_digits(app)) == 1
