"""The pupils of a class, the teacher's decisions about them, and the union of their drawings."""

import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from digitcore.classroom.rules import ClassOptions
from digitcore.samples import SampleSet

N_FOLDS = 4  # of drawings
N_PUPIL_FOLDS = 5


@dataclass(frozen=True)
class ClassState:
    """The decisions of the teacher of a class.

    Attributes:
        hidden: Identifiers of the pupils whose nicknames are not shown.
        removed_pupils: Identifiers of the pupils whose drawings do not count.
        removed_drawings: Content hashes of the drawings that do not count.
        rounds: Content hashes of the drawings of each earlier round. These drawings do not count in the current round.
        settings: Preferences of the Train page that the teacher has sent to all pupils, or `None`.
        n_sent: Number of times that the teacher has sent settings.
        n_published: Number of models that the teacher has published.
        learnt: Content hashes of the drawings that the published model learnt from.

    Example:
        >>> state = ClassState(hidden=frozenset({"a"}))
        >>> ClassState.from_dict(state.to_dict()) == state
        True
    """

    hidden: frozenset[str] = frozenset()
    removed_pupils: frozenset[str] = frozenset()
    removed_drawings: frozenset[str] = frozenset()
    rounds: tuple[frozenset[str], ...] = ()
    settings: dict[str, Any] | None = None
    n_sent: int = 0
    n_published: int = 0
    learnt: frozenset[str] = frozenset()

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serializable values."""
        sets = {name: sorted(getattr(self, name)) for name in ("hidden", "removed_pupils", "removed_drawings", "learnt")}
        numbers = {name: getattr(self, name) for name in ("settings", "n_sent", "n_published")}
        return sets | numbers | {"rounds": [sorted(hashes) for hashes in self.rounds]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ClassState":
        """Read the values of `to_dict`.

        Args:
            values: The values, by name.

        Returns:
            The state.
        """
        sets = {name: frozenset(values[name]) for name in ("hidden", "removed_pupils", "removed_drawings", "learnt")}
        rounds = tuple(map(frozenset, values["rounds"]))
        return cls(**sets, rounds=rounds, settings=values["settings"], n_sent=values["n_sent"], n_published=values["n_published"])

    @property
    def not_counted(self) -> frozenset[str]:
        """Content hashes of the drawings that do not count in the current round."""
        return self.removed_drawings.union(*self.rounds)


@dataclass(frozen=True, eq=False)
class Pupil:
    """A lab that belongs to a class.

    Attributes:
        id: Identifier of the lab in the database, which does not open the lab.
        nickname: Name that the pupil or the teacher has chosen.
        samples: The samples of the lab.
        version: Version of the lab.

    Example:
        >>> Pupil("ab12", "Ada").nickname
        'Ada'
    """

    id: str
    nickname: str
    samples: SampleSet = field(default_factory=SampleSet)
    version: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class ClassDrawings:
    """The drawings of a class that count.

    Attributes:
        pupils: The pupils with the drawings that count, by nickname.

    Example:
        >>> digits = np.zeros((2, 28, 28), np.uint8)
        >>> drawings = ClassDrawings((Pupil("a", "Ada", SampleSet.from_arrays(digits, [3, 7])), Pupil("b", "Bo")))
        >>> drawings
        ClassDrawings(2 drawings of 2 pupils)
        >>> drawings.owners
        array([0, 0])
    """

    pupils: tuple[Pupil, ...] = ()

    def __len__(self) -> int:
        return sum(len(pupil.samples) for pupil in self.pupils)

    def __repr__(self) -> str:
        return f"ClassDrawings({len(self)} drawings of {len(self.pupils)} pupils)"

    @functools.cached_property
    def samples(self) -> SampleSet:
        """The union of the drawings, pupil after pupil."""
        return functools.reduce(SampleSet.concatenate, (pupil.samples for pupil in self.pupils), SampleSet())

    @functools.cached_property
    def owners(self) -> np.ndarray:
        """Index of the pupil of each drawing of the union, (N,) int."""
        return np.arange(len(self.pupils)).repeat([len(pupil.samples) for pupil in self.pupils])

    @property
    def active(self) -> tuple[Pupil, ...]:
        """The pupils who have drawings."""
        return tuple(pupil for pupil in self.pupils if len(pupil.samples))

    def weights(self) -> np.ndarray:
        """Return a weight for each drawing of the union, so that each pupil has the same total weight.

        Returns:
            (N,) float with the mean 1.

        Example:
            >>> one, three = (SampleSet.from_arrays(np.zeros((n, 28, 28), np.uint8), [7] * n) for n in (1, 3))
            >>> ClassDrawings((Pupil("a", "Ada", one), Pupil("b", "Bo", three))).weights().round(2)
            array([2.  , 0.67, 0.67, 0.67])
        """
        counts = np.bincount(self.owners, minlength=len(self.pupils))
        weights: np.ndarray = len(self.owners) / (len(self.active) or 1) / counts[self.owners]
        return weights

    def holding_out(self, pupils: Collection[str]) -> SampleSet:
        """Return the union in which the drawings of some pupils are held out instead of a quarter of all drawings.

        Args:
            pupils: Identifiers of pupils.

        Returns:
            The union. Without pupils, the held-out drawings of the labs are held out.

        Example:
            >>> single = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
            >>> ClassDrawings((Pupil("a", "Ada", single), Pupil("b", "Bo", single))).holding_out({"b"}).held_out
            array([False,  True])
        """
        if not pupils:
            return self.samples
        is_chosen = np.array([pupil.id in pupils for pupil in self.pupils], bool)
        return replace(self.samples, held_out=is_chosen[self.owners])

    def still_in(self, present: "ClassDrawings") -> "ClassDrawings":
        """Return the drawings of the pupils who are still in the class.

        Args:
            present: The present drawings of the class.

        Returns:
            The drawings with the present nicknames, in the same order.

        Example:
            >>> drawings = ClassDrawings((Pupil("a", "Ada"), Pupil("b", "Bo")))
            >>> drawings.still_in(ClassDrawings((Pupil("b", "Bob"),))).pupils[0].nickname
            'Bob'
        """
        names = {pupil.id: pupil.nickname for pupil in present.pupils}
        return ClassDrawings(tuple(replace(pupil, nickname=names[pupil.id]) for pupil in self.pupils if pupil.id in names))

    def drawing_folds(self) -> np.ndarray:
        """Distribute the drawings to four folds, in which each pupil has a similar number of drawings of each digit.

        Returns:
            (N,) int, 0 to 3.

        Example:
            >>> five = SampleSet.from_arrays(np.zeros((5, 28, 28), np.uint8), [7, 7, 3, 7, 3])
            >>> ClassDrawings((Pupil("a", "Ada", five),)).drawing_folds()
            array([2, 3, 0, 0, 1])
        """
        order = np.lexsort((self.samples.labels, self.owners))
        folds = np.zeros(len(order), int)
        folds[order] = np.arange(len(order)) % N_FOLDS
        return folds

    def pupil_folds(self, pupils: Sequence[str] = ()) -> np.ndarray:
        """Distribute the pupils to folds.

        Args:
            pupils: Identifiers of pupils. Each of them is a fold. Without pupils, all pupils are distributed to five folds.

        Returns:
            The fold of each drawing, (N,) int. Drawings of all other pupils have the fold −1.

        Example:
            >>> single = SampleSet().add(np.zeros((28, 28), np.uint8), 7)
            >>> drawings = ClassDrawings(tuple(Pupil(name, name, single) for name in "abcdefg"))
            >>> drawings.pupil_folds(), drawings.pupil_folds("gb")
            (array([0, 1, 2, 3, 4, 0, 1]), array([-1,  1, -1, -1, -1, -1,  0]))
        """
        if not pupils:
            numbers = {pupil.id: number % N_PUPIL_FOLDS for number, pupil in enumerate(self.active)}
        else:
            numbers = {pupil: number for number, pupil in enumerate(pupils)}
        folds: np.ndarray = np.array([numbers.get(pupil.id, -1) for pupil in self.pupils], int)[self.owners]
        return folds

    def pseudonyms(self) -> dict[str, str]:
        """Return a pseudonym for each pupil that tells nothing about the nickname.

        Returns:
            Identifier of a pupil → pseudonym, in the order of the pseudonyms.

        Example:
            >>> ClassDrawings((Pupil("b", "Ada"), Pupil("a", "Bo"))).pseudonyms()
            {'a': 'pupil 01', 'b': 'pupil 02'}
        """
        return pseudonyms(pupil.id for pupil in self.pupils)


def pseudonyms(pupils: Iterable[str]) -> dict[str, str]:
    """Number pupils in the order of their identifiers, which are random.

    Args:
        pupils: Identifiers of pupils.

    Returns:
        Identifier of a pupil → pseudonym.

    Example:
        >>> pseudonyms(["b", "a"])
        {'a': 'pupil 01', 'b': 'pupil 02'}
    """
    return {pupil: f"pupil {number:02}" for number, pupil in enumerate(sorted(pupils), 1)}


def gather(pupils: Iterable[Pupil], state: ClassState, options: ClassOptions, round: int | None = None) -> ClassDrawings:
    """Return the drawings of a class that count.

    MNIST examples, other digits than the digits of the class, and drawings above the limit of a pupil do not count.

    Args:
        pupils: The labs of the class with all their samples.
        state: The decisions of the teacher. The nickname of a hidden pupil is replaced by a pseudonym.
        options: The options of the class.
        round: Index of an earlier round, or `None` for the current round.

    Returns:
        The drawings, by nickname.

    Example:
        >>> samples = SampleSet.from_arrays(np.zeros((3, 28, 28), np.uint8), [1, 2, 7])
        >>> gather([Pupil("a", "Ada", samples)], ClassState(), ClassOptions(digits=(1, 7)))
        ClassDrawings(2 drawings of 1 pupils)
    """
    present = [pupil for pupil in pupils if pupil.id not in state.removed_pupils]
    names = pseudonyms(pupil.id for pupil in present)
    shown = [
        replace(
            pupil,
            nickname=names[pupil.id].capitalize() if pupil.id in state.hidden else pupil.nickname,
            samples=counted(pupil.samples, state, options, round),
        )
        for pupil in present
    ]
    return ClassDrawings(tuple(sorted(shown, key=lambda pupil: (pupil.nickname.casefold(), pupil.id))))


def counted(samples: SampleSet, state: ClassState, options: ClassOptions, round: int | None = None) -> SampleSet:
    """Return the samples of a pupil that count.

    Args:
        samples: All samples of the pupil.
        state: The decisions of the teacher.
        options: The options of the class.
        round: Index of an earlier round, or `None` for the current round.

    Returns:
        The samples, in the same order.

    Example:
        >>> samples = SampleSet.from_arrays(np.zeros((3, 28, 28), np.uint8), [1, 2, 7])
        >>> counted(samples, ClassState(), ClassOptions(max_drawings=2)).labels
        array([1, 2], dtype=uint8)
    """
    is_counted = ~samples.is_example & np.isin(samples.labels, options.digits)
    if round is not None:
        is_counted &= samples.is_learnt(state.rounds[round]) & ~samples.is_learnt(state.removed_drawings)
    elif hashes := state.not_counted:
        is_counted &= ~samples.is_learnt(hashes)
    indices = np.flatnonzero(is_counted)[: options.max_drawings]
    return samples if len(indices) == len(samples) else samples.take(indices)
