"""Settings in the address of a page."""

import re

import pytest

from digitcore.training.settings import TrainSettings
from pages.session import settings_link
from pages.session.training_state import Start


class Address(dict):
    """A replacement of Streamlit's query parameters."""

    def get_all(self, name):
        return [self[name]] if name in self else []


@pytest.mark.parametrize("name", ["noise", "start", "network", "epochs"])
@pytest.mark.parametrize(
    "text", ["[Log in again](//example.org)", "![](https://example.org/x.png)", "https://example.org", "<b>x"]
)
def test_an_address_adds_neither_a_link_nor_a_picture_to_a_page(session, monkeypatch, name, text):
    monkeypatch.setattr(settings_link.st, "query_params", Address({name: text}))
    settings_link.read(session)
    assert session.link_error
    assert not re.search(r"(?<!\\)(\[|<|!\[|:/)", session.link_error)


def test_an_address_with_a_setting_describes_the_whole_form(session, monkeypatch):
    session.training.choose_start(Start.PRETRAINED)
    session.training.set_settings(TrainSettings(learning_rate=0.9, epochs=7))
    monkeypatch.setattr(settings_link.st, "query_params", Address({"epochs": "3"}))
    settings_link.read(session)
    assert session.training.settings == TrainSettings(epochs=3)
    assert session.training.start == Start.UNTRAINED
    assert session.link_error == ""


def test_an_address_without_settings_keeps_the_form(session, monkeypatch):
    session.training.choose_start(Start.PRETRAINED)
    session.training.set_settings(TrainSettings(epochs=7))
    monkeypatch.setattr(settings_link.st, "query_params", Address({"show": "errors", "lab": "abc"}))
    settings_link.read(session)
    assert session.training.settings == TrainSettings(epochs=7)
    assert session.training.start == Start.PRETRAINED
