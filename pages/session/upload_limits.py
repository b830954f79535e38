"""Limits of the files that a session uploads, so that files that no page has requested do not stay in memory."""

import collections
import threading
from collections.abc import Sequence
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec, UploadFileUrlInfo

MAX_FILES = 4  # files that a session may keep; a page has at most two uploaders
MAX_BYTES = 110_000_000  # of all files of a session; a lab file may have 100 MB
UPLOAD_PATH = "/_stcore/upload_file/"
NOT_REQUESTED = "No page has requested this file. Choose the file again."
Manager = MemoryUploadedFileManager
_get_upload_urls, _add_file, _remove_session_files = Manager.get_upload_urls, Manager.add_file, Manager.remove_session_files


class RequestedUploads:
    """The files that the pages have requested, by session.

    Streamlit accepts any number of files for a session, and keeps them until the session ends.

    Args:
        max_files: Number of the newest requests of a session that are accepted, and of its newest files that are kept.
        max_bytes: Maximum size of the files of a session together. The newest file is always kept.
    """

    def __init__(self, max_files: int = MAX_FILES, max_bytes: int = MAX_BYTES):
        self._max_files, self._max_bytes = max_files, max_bytes
        self._lock = threading.Lock()
        self._ids: dict[str, collections.deque[str]] = {}  # ids of the requested files by session, oldest first

    def is_requested(self, session_id: str, file_id: str) -> bool:
        """Return whether a page of the session has requested this file."""
        with self._lock:
            return file_id in self._ids.get(session_id, ())

    def install(self) -> None:
        """Let Streamlit's managers of uploaded files record their requests, and delete the oldest files of a session.

        Streamlit creates the manager itself, so that its methods are replaced.
        """

        def get_upload_urls(manager: Manager, session_id: str, names: Sequence[str]) -> list[UploadFileUrlInfo]:
            urls: list[UploadFileUrlInfo] = _get_upload_urls(manager, session_id, names)
            with self._lock:
                ids = self._ids.setdefault(session_id, collections.deque(maxlen=self._max_files))
                ids.extend(url.file_id for url in urls)
            return urls

        def add_file(manager: Manager, session_id: str, file: UploadedFileRec) -> None:
            _add_file(manager, session_id, file)
            for old in self._superfluous(list(manager.file_storage.get(session_id, {}).values())):
                manager.remove_file(session_id, old)

        def remove_session_files(manager: Manager, session_id: str) -> None:
            with self._lock:
                self._ids.pop(session_id, None)
            _remove_session_files(manager, session_id)

        for replacement in (get_upload_urls, add_file, remove_session_files):
            setattr(Manager, replacement.__name__, replacement)

    def _superfluous(self, files: list[UploadedFileRec]) -> list[str]:
        """Return the ids of the files to delete. `files` is sorted by age, oldest first."""
        n_bytes, superfluous = 0, []
        for number, file in enumerate(reversed(files)):
            n_bytes += len(file.data)
            if number >= self._max_files or (number and n_bytes > self._max_bytes):
                superfluous.append(file.file_id)
        return superfluous


class UploadLimits:
    """A middleware that refuses files that no page has requested, before their content is read.

    Args:
        app: The application.
        requested: The requested files.
    """

    def __init__(self, app: ASGIApp, requested: RequestedUploads):
        self.app, self.requested = app, requested

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app: Any = self.app
        if scope["type"] == "http" and scope["method"] == "PUT" and UPLOAD_PATH in scope["path"]:
            session_id, _, file_id = scope["path"].rpartition(UPLOAD_PATH)[2].partition("/")
            if not self.requested.is_requested(session_id, file_id):
                app = PlainTextResponse(NOT_REQUESTED, 403)
        await app(scope, receive, send)
