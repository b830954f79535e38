import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from pages.session.upload_limits import NOT_REQUESTED, RequestedUploads, UploadLimits


@pytest.fixture
def requested(monkeypatch):
    """Return requested files with small limits. Streamlit's manager is restored after the test."""
    for name in ("get_upload_urls", "add_file", "remove_session_files"):
        monkeypatch.setattr(MemoryUploadedFileManager, name, getattr(MemoryUploadedFileManager, name))
    made = RequestedUploads(max_files=3, max_bytes=100)
    made.install()
    return made


@pytest.fixture
def manager(requested):
    return MemoryUploadedFileManager("/_stcore/upload_file")


@pytest.fixture
def client(requested):
    return TestClient(UploadLimits(PlainTextResponse("stored"), requested))


def sizes(manager, session="mine"):
    return [len(file.data) for file in manager.file_storage[session].values()]


def add(manager, name, size):
    manager.add_file("mine", UploadedFileRec(name, "a.png", "image/png", bytes(size)))


def test_only_requested_files_are_accepted(manager, client):
    (url,) = manager.get_upload_urls("mine", ["a.png"])
    assert client.put(url.upload_url, content=b"picture").text == "stored"
    for path in ("/_stcore/upload_file/mine/another", url.upload_url.replace("mine", "theirs"), url.upload_url + "/more"):
        refused = client.put(path, content=b"picture")
        assert (refused.status_code, refused.text) == (403, NOT_REQUESTED)
        assert client.put("/prefix" + path, content=b"picture").status_code == 403
    assert client.put("/prefix" + url.upload_url, content=b"picture").text == "stored"
    assert client.get("/_stcore/upload_file/mine/another").text == "stored", "other requests are not concerned"


def test_only_the_newest_requests_of_a_session_are_accepted(manager, client):
    urls = manager.get_upload_urls("mine", ["a.png"] * 5)
    other = manager.get_upload_urls("theirs", ["a.png"])
    assert [client.put(url.upload_url).status_code for url in (*urls, *other)] == [403, 403, 200, 200, 200, 200]


def test_requests_end_with_the_session(manager, client):
    (url,) = manager.get_upload_urls("mine", ["a.png"])
    manager.remove_session_files("mine")
    assert client.put(url.upload_url).status_code == 403


@pytest.mark.parametrize(
    ("added", "kept"), [((10, 20, 30, 40), [20, 30, 40]), ((60, 60), [60]), ((10, 300), [300]), ((50, 50), [50, 50])]
)
def test_the_oldest_files_of_a_session_are_deleted(manager, added, kept):
    for number, size in enumerate(added):
        add(manager, str(number), size)
    assert sizes(manager) == kept


def test_a_file_that_is_sent_again_replaces_the_first(manager):
    add(manager, "same", 10)
    add(manager, "same", 20)
    assert sizes(manager) == [20]
