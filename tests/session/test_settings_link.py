"""Settings in the address of a page."""

import re

import pytest

from pages.session import settings_link


class Address(dict):
    """Stands for Streamlit's query parameters."""

    def get_all(self, name):
        return [self[name]] if name in self else []


@pytest.mark.parametrize("name", ["noise", "start", "network", "epochs"])
@pytest.mark.parametrize(
    "text", ["[Log in again](//example.org)", "![](https://example.org/x.png)", "https://example.org", "<b>x"]
)
def test_address_brings_no_link_and_no_picture_into_a_page(session, monkeypatch, name, text):
    monkeypatch.setattr(settings_link.st, "query_params", Address({name: text}))
    settings_link.read(session)
    assert session.link_error
    assert not re.search(r"(?<!\\)(\[|<|!\[|:/)", session.link_error)
