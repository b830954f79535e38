"""Settings in the address of a page."""

import re

import pytest

from pages.session import settings_link


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
