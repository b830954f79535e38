"""The files of the components: scripts are joined, and only few files depend on the elements of other packages."""

import re

import pytest

from pages.components import assets

FILES = sorted(path for path in assets.FOLDER.rglob("*") if path.suffix in (".css", ".html", ".js", ".svg"))
NAMES = {path: str(path.relative_to(assets.FOLDER)) for path in FILES}
JOINED = ["canvas/toolbar.js", "live/live.js", "live/worker.js"]
STREAMLIT = re.compile(r"data-testid=\W?st[A-Z]|\.st[A-Z]|stApp")
DRAWABLE_CANVAS = re.compile(r"\.dc-|(upper|lower)-canvas|shadowRoot")


def test_a_script_contains_what_it_imports_before_its_own_code():
    text = assets.script("canvas/toolbar.js")
    places = [text.index(name) for name in ("function findDeep", "function expectReplacement", "function showToolbar")]
    assert places == sorted(places)


@pytest.mark.parametrize("path", JOINED)
def test_a_script_imports_nothing_once_it_is_joined(path):
    assert not re.findall(r"^import\b", assets.script(path), re.MULTILINE)


def test_an_imported_file_is_joined_once():
    assert assets.script("canvas/toolbar.js").count("export const findCanvas") == 1


@pytest.mark.parametrize("path", JOINED)
def test_joined_files_share_no_name(path):
    names = re.findall(r"^(?:export )?(?:default )?(?:const|let|function) (\w+)", assets.script(path), re.MULTILINE)
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("pattern", "owners"),
    [
        (STREAMLIT, {"streamlit.css", "streamlit.js"}),
        (DRAWABLE_CANVAS, {"canvas/canvas_adapter.js"}),
    ],
    ids=["Streamlit", "drawable canvas"],
)
def test_foreign_elements_are_named_in_few_files(pattern, owners):
    assert {NAMES[path] for path in FILES if pattern.search(path.read_text(encoding="utf-8"))} == owners
