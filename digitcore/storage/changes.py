"""Changes of a lab: what a session writes to the database, and what it takes over from other sessions."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from digitcore.models.bundle import ModelBundle
from digitcore.samples import SampleSet
from digitcore.storage.snapshot import LabSnapshot, RunRecord, SampleVersion, upload_id, version_id

ITEM_IDS: dict[str, Callable[[Any], str]] = {  # kind of the parts that are no samples → identifier of a part
    "runs": lambda record: record.id,
    "uploads": upload_id,
    "versions": version_id,
}


class PartIds(NamedTuple):
    """Identifiers of parts of a lab.

    Attributes:
        samples: Identifiers of samples.
        runs: Identifiers of runs.
        uploads: Identifiers of imported models.
        versions: Identifiers of named versions of the samples.

    Example:
        >>> one, other = PartIds(runs=frozenset("a")), PartIds(runs=frozenset("ab"))
        >>> one.union(other).difference(one).runs
        frozenset({'b'})
    """

    samples: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()
    uploads: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()

    @classmethod
    def of(cls, parts: "LabSnapshot | LabChanges") -> "PartIds":
        """Return the identifiers of all parts of a lab or of changes."""
        items = (frozenset(map(find_id, getattr(parts, kind))) for kind, find_id in ITEM_IDS.items())
        return cls(frozenset(parts.samples.ids), *items)

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
        versions: Named versions of the samples that were added.
        removed: Parts that were removed.

    Example:
        >>> lab = LabSnapshot()
        >>> LabChanges.between(lab, lab).is_empty
        True
    """

    samples: SampleSet = field(default_factory=SampleSet)
    runs: tuple[RunRecord, ...] = ()
    uploads: tuple[ModelBundle, ...] = ()
    versions: tuple[SampleVersion, ...] = ()
    removed: PartIds = field(default_factory=PartIds)

    @classmethod
    def between(cls, before: LabSnapshot, after: LabSnapshot) -> "LabChanges":
        """Return the changes from one state of a lab to another state.

        Args:
            before: The earlier state.
            after: The later state. Its runs are compared with the earlier runs by identity first.
        """
        known = PartIds.of(before)
        runs = {record.id: record for record in before.runs}
        return cls(
            SampleSet() if after.samples is before.samples else after.samples.changed_since(before.samples),
            tuple(record for record in after.runs if not _is_same(runs.get(record.id), record)),
            tuple(model for model in after.uploads if upload_id(model) not in known.uploads),
            tuple(version for version in after.versions if version_id(version) not in known.versions),
            known.difference(PartIds.of(after)),
        )

    @property
    def ids(self) -> PartIds:
        """The identifiers of the parts that were added or changed."""
        return PartIds.of(self)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has changed."""
        return self.ids.is_empty and self.removed.is_empty

    def without(self, parts: PartIds) -> "LabChanges":
        """Return the changes without the additions and changes of some parts. Removals are kept.

        Args:
            parts: Identifiers of the parts.
        """
        kept = {
            kind: tuple(item for item in getattr(self, kind) if find_id(item) not in getattr(parts, kind))
            for kind, find_id in ITEM_IDS.items()
        }
        samples = self.samples.drop(i for i, one in enumerate(self.samples.ids) if one in parts.samples)
        return LabChanges(samples, **kept, removed=self.removed)

    def only(self, parts: PartIds) -> "LabChanges":
        """Return the additions and changes of some parts.

        Args:
            parts: Identifiers of the parts.
        """
        return replace(self.without(self.ids.difference(parts)), removed=PartIds())

    def then(self, later: "LabChanges") -> "LabChanges":
        """Return the changes followed by later changes.

        Args:
            later: The later changes.
        """
        if later.is_empty:
            return self
        joined = later.apply(LabSnapshot(self.samples, self.runs, self.uploads, versions=self.versions))
        removed = self.removed.difference(later.ids).union(later.removed)
        return LabChanges(joined.samples, joined.runs, joined.uploads, joined.versions, removed)

    def apply(self, snapshot: LabSnapshot) -> LabSnapshot:
        """Return a lab with these changes.

        Args:
            snapshot: State of the lab.

        Returns:
            The new state. It is the same object if nothing has changed.
        """
        if self.is_empty:
            return snapshot
        items: dict[str, Any] = {kind: merge(kind, getattr(snapshot, kind), self) for kind in ITEM_IDS}
        return replace(snapshot, samples=snapshot.samples.merge(self.samples, self.removed.samples), **items)


def merge(kind: str, items: Iterable[Any], changes: LabChanges) -> tuple[Any, ...]:
    """Apply changes to the runs, the imported models or the versions of a lab, and return the new items.

    Args:
        kind: Kind of the items, one of `ITEM_IDS`.
        items: The items.
        changes: The changes.

    Returns:
        The new items. Runs are sorted by age.

    Example:
        >>> merge("runs", [], LabChanges())
        ()
    """
    find_id, removed = ITEM_IDS[kind], getattr(changes.removed, kind)
    changed = {find_id(item): item for item in getattr(changes, kind)}
    merged = {find_id(item): item for item in items} | changed
    kept = [item for one, item in merged.items() if one not in removed or one in changed]
    return tuple(sorted(kept, key=find_id) if kind == "runs" else kept)


def _is_same(before: RunRecord | None, after: RunRecord) -> bool:
    if before is None or before is after:
        return before is after
    return before.to_dict() == after.to_dict() and before.run.resume_state == after.run.resume_state
