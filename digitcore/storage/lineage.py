"""The lineage of the models of a lab: from which model and which samples each run learnt."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from digitcore.storage.snapshot import RunRecord


@dataclass(frozen=True)
class Node:
    """A model in the tree of a lab's models.

    Attributes:
        name: Name of the model.
        depth: Number of trainings of this lab from the first initial model.
        record: The run that trained the model, or `None` if the model is not the result of a run of the lab.

    Example:
        >>> Node("genius", depth=0).record is None
        True
    """

    name: str
    depth: int
    record: RunRecord | None = None


def tree(records: Sequence[RunRecord]) -> list[Node]:
    """Return the runs below the models that they started from, depth first.

    Args:
        records: The runs of a lab, oldest first.

    Returns:
        The nodes. Each initial model that is not the result of a run precedes the runs that started from it.

    Example:
        >>> from digitcore import models
        >>> from digitcore.training.run import Run
        >>> from digitcore.training.settings import TrainSettings
        >>> genius, mlp = models.load("genius"), models.load("mlp")
        >>> first = RunRecord(Run(mlp.rename("run 1"), [], TrainSettings(), "genius", 1.0), genius)
        >>> [(node.name, node.depth) for node in tree([first])]
        [('genius', 0), ('run 1', 1)]
    """
    usable = [record for record in records if not record.run.error]
    trained = {record.model.key for record in usable}
    roots = {record.start.key: record.start.name for record in usable if record.start.key not in trained}
    seen = set(roots)
    return [node for key, name in roots.items() for node in (Node(name, 0), *_below(usable, key, 1, seen))]


def _below(records: Sequence[RunRecord], key: str, depth: int, seen: set[str]) -> Iterator[Node]:
    """Return the runs that started from a model. Of several runs with the same model, the first one has the following runs."""
    for record in records:
        if record.start.key == key:
            yield Node(record.name, depth, record)
            if record.model.key not in seen:
                seen.add(record.model.key)
                yield from _below(records, record.model.key, depth + 1, seen)


@dataclass(frozen=True)
class SampleRuns:
    """The runs that have learnt from a sample.

    Attributes:
        direct: Runs whose training set had the sample, oldest first.
        inherited: Names of all other runs whose initial model had learnt from the sample.

    Example:
        >>> SampleRuns((), ("run 2",)).direct
        ()
    """

    direct: tuple[RunRecord, ...]
    inherited: tuple[str, ...]


def runs_of_sample(records: Sequence[RunRecord], digit_hash: str) -> SampleRuns:
    """Return the runs that have learnt from a sample.

    Args:
        records: The runs of a lab, oldest first.
        digit_hash: Content hash of the sample, as `SampleSet.digit_hashes` returns it.

    Returns:
        The runs. Runs that failed, and runs whose samples are not known, are left out.

    Example:
        >>> runs_of_sample([], "0123456789abcdef").inherited
        ()
    """
    usable = [record for record in records if not record.run.error]
    direct = tuple(record for record in usable if digit_hash in record.model.card.sample_hashes)
    others = (record for record in usable if record not in direct)
    return SampleRuns(direct, tuple(record.name for record in others if digit_hash in (record.run.sample_hashes or ())))
