"""Changes of a lab: what a session writes to the database, and what it takes over from other sessions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.storage.snapshot import LabSnapshot, RunRecord, upload_id

T = TypeVar("T")


class PartIds(NamedTuple):
    """Identifiers of parts of a lab.

    Attributes:
        samples: Identifiers of samples.
        runs: Identifiers of runs.
        uploads: Identifiers of imported models.

    Example:
        >>> one, other = PartIds(runs=frozenset("a")), PartIds(runs=frozenset("ab"))
        >>> one.union(other).difference(one).runs
        frozenset({'b'})
    """

    samples: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    uploads: frozenset[str] = frozenset()

    @classmethod
    def of(cls, snapshot: LabSnapshot) -> "PartIds":
        """Return the identifiers of all parts of a lab."""
        return cls(
            frozenset(snapshot.samples.ids),
            frozenset(record.id for record in snapshot.runs),
            frozenset(map(upload_id, snapshot.uploads)),
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is no identifier."""
        return not any(self)

    def union(self, other: "PartIds") -> "PartIds":
        """Return the identifiers in either set."""
        return PartIds(*(one | two for one, two in zip(self, other, strict=True)))

    def difference(self, other: "PartIds") -> "PartIds":
        """Return the identifiers that are not in the other set."""
        return PartIds(*(one - two for one, two in zip(self, other, strict=True)))


class Uncertain(NamedTuple):
    """Parts of a lab of which a session does not know whether the database has them as the session has last read or written them.

    Attributes:
        changed: Parts that are damaged, or that a write without a response has added or changed.
        removed: Parts that a write without a response has removed.

    Example:
        >>> Uncertain().is_empty
        True
    """

    changed: PartIds = PartIds()
    removed: PartIds = PartIds()

    @property
    def is_empty(self) -> bool:
        """Whether every part is known."""
        return self.parts.is_empty

    @property
    def parts(self) -> PartIds:
        """All of these parts."""
        return self.changed.union(self.removed)

    def union(self, lost: "LabChanges") -> "Uncertain":
        """Return these parts and the parts of a write without a response."""
        return Uncertain(self.changed.union(lost.ids), self.removed.union(lost.removed))


@dataclass(frozen=True, eq=False)
class LabChanges:
    """Changes of the parts of a lab. Parts are told apart by their identifiers, so changes of two sessions do not collide.

    Attributes:
        samples: Samples that were added, or whose label has changed.
        runs: Runs that were added or have changed.
        uploads: Imported models that were added.
        removed: Parts that were removed.

    Example:
        >>> lab = LabSnapshot()
        >>> LabChanges.between(lab, lab).is_empty
        True
    """

    samples: SampleSet = field(default_factory=SampleSet)
    runs: tuple[RunRecord, ...] = ()
    uploads: tuple[ModelBundle, ...] = ()
    removed: PartIds = PartIds()

    @classmethod
    def between(cls, before: LabSnapshot, after: LabSnapshot) -> "LabChanges":
        """Return the changes from one state of a lab to another state.

        Args:
            before: The earlier state.
            after: The later state. Its runs are compared with the earlier runs by identity first.
        """
        runs = {record.id: record for record in before.runs}
        uploads = set(map(upload_id, before.uploads))
        return cls(
            SampleSet() if after.samples is before.samples else after.samples.changed_since(before.samples),
            tuple(record for record in after.runs if not _is_same(runs.get(record.id), record)),
            tuple(model for model in after.uploads if upload_id(model) not in uploads),
            PartIds.of(before).difference(PartIds.of(after)),
        )

    @property
    def ids(self) -> PartIds:
        """The identifiers of the parts that were added or changed."""
        return PartIds.of(LabSnapshot(self.samples, self.runs, self.uploads))

    @property
    def is_empty(self) -> bool:
        """Whether nothing has changed."""
        return self.ids.is_empty and self.removed.is_empty

    def without(self, parts: PartIds) -> "LabChanges":
        """Return the changes without the additions and changes of some parts. Removals are kept.

        Args:
            parts: Identifiers of the parts.
        """
        return LabChanges(
            self.samples.drop(i for i, one in enumerate(self.samples.ids) if one in parts.samples),
            tuple(record for record in self.runs if record.id not in parts.runs),
            tuple(model for model in self.uploads if upload_id(model) not in parts.uploads),
            self.removed,
        )

    def then(self, later: "LabChanges") -> "LabChanges":
        """Return the changes followed by later changes.

        Args:
            later: The later changes.
        """
        if later.is_empty:
            return self
        joined = later.apply(LabSnapshot(self.samples, self.runs, self.uploads))
        return LabChanges(joined.samples, joined.runs, joined.uploads, self.removed.difference(later.ids).union(later.removed))

    def apply(self, snapshot: LabSnapshot) -> LabSnapshot:
        """Return a lab with these changes.

        Args:
            snapshot: State of the lab.

        Returns:
            The new state. It is the same object if nothing has changed.
        """
        if self.is_empty:
            return snapshot
        return replace(
            snapshot,
            samples=snapshot.samples.merge(self.samples, self.removed.samples),
            runs=merge_runs(snapshot.runs, self),
            uploads=merge_uploads(snapshot.uploads, self),
        )


def merge_runs(runs: Iterable[RunRecord], changes: LabChanges) -> tuple[RunRecord, ...]:
    """Return runs with changes, oldest first.

    Args:
        runs: The runs.
        changes: The changes.

    Returns:
        The new runs.

    Example:
        >>> merge_runs([], LabChanges())
        ()
    """
    changed = {record.id: record for record in changes.runs}
    return tuple(sorted(_merge({record.id: record for record in runs}, changed, changes.removed.runs), key=lambda one: one.id))


def merge_uploads(uploads: Iterable[ModelBundle], changes: LabChanges) -> tuple[ModelBundle, ...]:
    """Return imported models with changes.

    Args:
        uploads: The imported models.
        changes: The changes.

    Returns:
        The new imported models.

    Example:
        >>> merge_uploads([], LabChanges())
        ()
    """
    known, added = ({upload_id(model): model for model in models} for models in (uploads, changes.uploads))
    return tuple(_merge(known, added, changes.removed.uploads))


def _merge(known: Mapping[str, T], changed: Mapping[str, T], removed: frozenset[str]) -> list[T]:
    return [item for one, item in {**known, **changed}.items() if one not in removed or one in changed]


def _is_same(before: RunRecord | None, after: RunRecord) -> bool:
    if before is None or before is after:
        return before is after
    return before.to_dict() == after.to_dict() and before.run.resume_state == after.run.resume_state
