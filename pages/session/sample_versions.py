"""Named versions of the user's samples."""

import datetime
from collections.abc import Iterable
from typing import Any

from digitcore.samples import SampleSet
from digitcore.storage.changes import LabChanges, merge
from digitcore.storage.snapshot import MAX_VERSIONS, SampleVersion, version_id
from pages.session.free_names import with_free_name
from pages.session.session_part import SessionPart, synchronized

MAX_NAME = 60  # characters


class SampleVersions(SessionPart):
    """The named versions of the samples of a session.

    Attributes:
        versions: The versions, oldest first. The tuple is replaced, never changed in place.
        problem: The reason why the last version was not created; "" if it was.
    """

    def __init__(self, lock: Any = None) -> None:
        super().__init__(lock)
        self.versions: tuple[SampleVersion, ...] = ()
        self.problem = ""

    @synchronized
    def create(self, name: str, samples: SampleSet) -> None:
        """Keep the samples under a name. `problem` says why they cannot be kept."""
        name = " ".join(name.split())[:MAX_NAME]
        self.problem = ""
        if not name or not name.isprintable():
            self.problem = "Give the version a name."
        elif not len(samples):
            self.problem = "There are no drawings to keep. Label a drawing first."
        elif any(version.name == name for version in self.versions):
            self.problem = "Another version has this name. Choose another name."
        elif len(self.versions) == MAX_VERSIONS:
            self.problem = f"A lab keeps at most {MAX_VERSIONS} versions. Delete a version first."
        else:
            date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
            self.versions = (*self.versions, SampleVersion(name, date, samples))

    @synchronized
    def delete(self, name: str) -> None:
        """Delete a version."""
        self.versions = tuple(version for version in self.versions if version.name != name)

    @synchronized
    def take_over(self, changes: LabChanges) -> None:
        """Take over the versions that another device has added or removed.

        Of two versions with one name, the newer version gets another name.
        """
        taken: set[str] = set()
        merged = sorted(merge("versions", self.versions, changes), key=lambda version: (version.date, version_id(version)))
        self.versions = tuple(with_free_name(version, taken) for version in merged)

    @synchronized
    def restore(self, versions: Iterable[SampleVersion]) -> None:
        """Restore stored versions before the present ones. Of two versions with the same name, the present one is kept."""
        names = {version.name for version in self.versions}
        self.versions = (*(version for version in versions if version.name not in names), *self.versions)[:MAX_VERSIONS]
