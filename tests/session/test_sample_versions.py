"""Named versions of the samples of a session."""

from digitcore.data.sample_changes import SampleChanges, compare
from digitcore.samples import SampleSet
from digitcore.storage.changes import LabChanges, PartIds
from digitcore.storage.snapshot import MAX_VERSIONS, LabSnapshot, SampleVersion
from pages.session.lab_session import LabSession
from pages.session.sample_versions import SampleVersions


def test_a_version_is_created_compared_and_restored(resources, few):
    session = LabSession(resources)
    session.samples.replace(few)
    session.versions.create(" first  try ", few)
    (version,) = session.versions.versions
    assert version.name == "first try"
    session.samples.replace(few.drop([0, 1]).relabel([0], 9).add(few.digits[0] // 2, 3))
    assert compare(version.samples, session.samples.current) == SampleChanges(added=1, removed=2, relabelled=1)
    session.replace_samples(version.samples, "Restored.")
    assert session.samples.current is few
    session.undo_samples()
    assert len(session.samples) == 19


def test_a_version_that_cannot_be_kept_has_a_reason(few):
    versions = SampleVersions()
    for name, samples, reason in (
        (" ", few, "a name"),
        ("\x07", few, "a name"),
        ("one", SampleSet(), "no drawings"),
        ("one", few, ""),
        ("one", few, "Another version has this name"),
    ):
        versions.create(name, samples)
        assert reason in versions.problem
    assert len(versions.versions) == 1
    for number in range(MAX_VERSIONS):
        versions.create(str(number), few)
    assert len(versions.versions) == MAX_VERSIONS
    assert "Delete a version" in versions.problem
    versions.delete("one")
    assert versions.versions[0].name == "0"


def test_versions_are_stored_with_the_session(resources, few):
    session = LabSession(resources)
    session.versions.create("one", few)
    other = LabSession(resources)
    other.versions.create("two", few)
    other.restore_before(session.snapshot())
    assert [version.name for version in other.snapshot().versions] == ["one", "two"]
    other.versions.restore([SampleVersion("two", "", few)])
    assert len(other.versions.versions) == 2


def test_two_devices_keep_their_versions_under_the_same_names(few):
    """Both devices create a version "first" in one lab, and one of them deletes another version."""
    one, other = SampleVersions(), SampleVersions()
    for versions, n in ((one, 5), (other, 6)):
        versions.create("first", few.take(range(n)))
    lab = LabSnapshot(versions=one.versions)
    one.take_over(LabChanges.between(LabSnapshot(), LabSnapshot(versions=other.versions)))
    other.take_over(LabChanges.between(LabSnapshot(), lab))
    assert {version.name for version in one.versions} == {version.name for version in other.versions} == {"first", "first 2"}
    one.take_over(LabChanges(removed=PartIds.of(LabSnapshot(versions=one.versions[:1]))))
    assert len(one.versions) == 1
