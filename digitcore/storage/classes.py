"""Storage of classes. A class belongs to the lab of its teacher, and each pupil has a lab that belongs to the class.

The teacher's link is the edit link of the teacher's lab, and the database contains only the hash of its token. The drawings of a
class are the drawings of its labs. They are not copied.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import sqlalchemy as sql

from digitcore.classroom import rules
from digitcore.classroom.pupils import ClassState, Pupil
from digitcore.classroom.rules import ClassOptions
from digitcore.errors import LabError, StoreUnreachableError
from digitcore.models.bundle import ModelBundle
from digitcore.storage import schema
from digitcore.storage.database import LabReader, LabStore, delete_unused_models, insert_models, token_hash
from digitcore.storage.snapshot import read_card

MAX_TRIES = 20  # of a change that other changes have preceded
UNKNOWN_CODE = "No class has this code. Check the six letters on the teacher's screen."
CLOSED = "Joining this class is closed. Ask the teacher to open it again."
FULL = f"This class has {rules.MAX_PUPILS} pupils, which is the maximum. Ask the teacher."
TAKEN = "Another pupil of the class has this nickname. Choose another nickname."
OWN = "This is your own class. Open the code in another browser to join as a pupil."
NO_LAB = "Your lab is not saved yet, so it cannot join a class. Try again in a moment."
DELETED = "The class was deleted."
ONE_CLASS = "This lab has a class already. Delete the class, or open a new lab."
PUPIL = "This lab belongs to a class. Leave the class first."
WHILE_BUSY = "The class is being changed by many people. Try again in a moment."


@dataclass(frozen=True, eq=False)
class StoredClass:
    """A class in the database.

    Attributes:
        id: Identifier, which does not open the teacher's lab.
        code: Join code.
        name: Name of the class.
        version: Number of changes.
        closes_at: Time at which joining closes, in s since 1970.
        options: The options of the class.
        state: The decisions of the teacher.
        has_model: Whether a model is published.

    Example:
        >>> StoredClass("ab12", "BCDFGH", "Class 4b").is_open
        False
    """

    id: str
    code: str
    name: str
    version: int = 1
    closes_at: float = 0.0
    options: ClassOptions = field(default_factory=ClassOptions)
    state: ClassState = field(default_factory=ClassState)
    has_model: bool = False

    @property
    def is_open(self) -> bool:
        """Whether pupils can join now."""
        return time.time() < self.closes_at


class Membership(NamedTuple):
    """The class of a lab.

    Attributes:
        room: The class.
        lab: Identifier of the lab.
        nickname: Nickname of the pupil, or "" for the lab of the teacher.

    Example:
        >>> Membership(StoredClass("ab12", "BCDFGH", "Class 4b"), "ab12", "").is_teacher
        True
    """

    room: StoredClass
    lab: str
    nickname: str

    @property
    def is_teacher(self) -> bool:
        """Whether the lab is the teacher's."""
        return self.lab == self.room.id

    @property
    def is_removed(self) -> bool:
        """Whether the teacher has removed the pupil."""
        return self.lab in self.room.state.removed_pupils


class ClassStore:
    """The classes of a database of labs.

    All methods raise `StoreUnreachableError` if the database does not answer.

    Args:
        store: The database.

    Example:
        >>> from digitcore.storage.database import new_token
        >>> from digitcore.storage.snapshot import LabSnapshot
        >>> store, teacher, pupil = LabStore.from_url("sqlite://"), new_token(), new_token()
        >>> versions = store.save(teacher, LabSnapshot()), store.save(pupil, LabSnapshot())
        >>> classes = ClassStore(store)
        >>> room = classes.create(teacher, "Class 4b", ClassOptions())
        >>> classes.join(pupil, room.code, "Ada").nickname
        'Ada'
        >>> [pupil.nickname for pupil in classes.pupils(room.id)]
        ['Ada']
    """

    def __init__(self, store: LabStore):
        self._store = store

    def create(self, token: str, name: str, options: ClassOptions) -> StoredClass:
        """Create a class. Pupils can join for `rules.JOIN_MINUTES` minutes.

        Args:
            token: Token of the teacher's lab, which is saved.
            name: Name of the class.
            options: Options of the class.

        Returns:
            The class.

        Raises:
            LabError: If the name is not allowed, or the lab has a class or belongs to a class.
        """
        lab, name = token_hash(token), rules.check_class_name(name)

        def work(db: sql.Connection) -> StoredClass:
            present = _read(db, lab)
            if present:
                raise LabError(ONE_CLASS if present.is_teacher else PUPIL)
            _check_saved(db, lab)
            room = StoredClass(lab, _free_code(db), name, 1, _closing_time(), options)
            db.execute(sql.insert(schema.classes).values(id=lab, **_to_row(room)))
            return room

        return self._store.transact(work)

    def find(self, token: str) -> Membership | None:
        """Return the class of a lab.

        Args:
            token: Token of the lab of a teacher or of a pupil.

        Returns:
            The class, or `None` if the lab has no class.
        """
        return self._store.transact(lambda db: _read(db, token_hash(token)))

    def find_view(self, view_token: str) -> StoredClass | None:
        """Return the class of a teacher's lab by the view token of the lab.

        Args:
            view_token: View token of the teacher's lab.

        Returns:
            The class, or `None` if the lab has no class.
        """

        def work(db: sql.Connection) -> StoredClass | None:
            lab = db.scalar(sql.select(schema.labs.c.id).where(schema.labs.c.view_id == token_hash(view_token)))
            found = _read(db, lab) if lab else None
            return found.room if found and found.is_teacher else None

        return self._store.transact(work)

    def version(self, token: str) -> tuple[str, int, str] | None:
        """Return what tells whether the class of a lab has changed. This is quick.

        Args:
            token: Token of the lab of a teacher or of a pupil, or the view token of a teacher's lab.

        Returns:
            Identifier and version of the class, and the nickname, or `None` if the lab has no class.
        """
        lab, labs = token_hash(token), schema.labs.c
        query = _classes_of((labs.id == lab) | (labs.view_id == lab), *_KEYS)
        row = self._store.transact(lambda db: db.execute(query).one_or_none())
        return (row.id, row.version, row.nickname or "") if row else None

    def join(self, token: str, code: str, nickname: str) -> Membership:
        """Let a lab join a class.

        Args:
            token: Token of the lab, which is saved.
            code: Join code as `rules.read_code` returns it.
            nickname: Nickname of the pupil.

        Returns:
            The class.

        Raises:
            LabError: If the nickname is not allowed or is taken, no class has the code, or the class is closed or full.
        """
        lab, nickname = token_hash(token), rules.check_nickname(nickname)

        def work(db: sql.Connection) -> Membership:
            room = _find_open(db, code)
            if present := _read(db, lab):
                raise LabError(OWN if present.lab == room.id else ONE_CLASS if present.is_teacher else PUPIL)
            _check_saved(db, lab)
            if _count_pupils(db, room) >= rules.MAX_PUPILS:
                raise LabError(FULL)
            _check_free(db, room.id, lab, nickname)
            db.execute(_update_lab(lab, **{"class": room.id, "nickname": nickname}))
            return Membership(room, lab, nickname)

        return self._store.transact(work)

    def check_code(self, code: str) -> StoredClass:
        """Return the class of a join code.

        Args:
            code: Join code as `rules.read_code` returns it.

        Returns:
            The class.

        Raises:
            LabError: If no class has the code, or the class is closed.
        """
        return self._store.transact(lambda db: _find_open(db, code))

    def leave(self, token: str) -> None:
        """Let a lab leave its class. Its drawings do not belong to the class any more.

        Args:
            token: Token of the lab.
        """
        self._store.transact(lambda db: db.execute(_update_lab(token_hash(token), **{"class": None, "nickname": None})))

    def pupils(self, room: str, known: Mapping[str, Pupil] | None = None) -> tuple[Pupil, ...]:
        """Return the labs of a class with all their samples. Only the samples that have changed are read.

        Args:
            room: Identifier of the class.
            known: Identifier → pupil of the last call.

        Returns:
            The pupils, also those whom the teacher has removed.
        """
        labs = schema.labs.c

        def work(db: sql.Connection) -> tuple[Pupil, ...]:
            rows = db.execute(sql.select(labs.id, labs.version, labs.nickname).where(labs["class"] == room)).all()
            return tuple(_read_pupil(db, row, (known or {}).get(row.id)) for row in rows)

        return self._store.transact(work)

    def rename_pupil(self, room: str, pupil: str, nickname: str) -> None:
        """Change the nickname of a pupil.

        Args:
            room: Identifier of the class.
            pupil: Identifier of the pupil.
            nickname: The nickname.

        Raises:
            LabError: If the nickname is not allowed or is taken.
        """
        nickname = rules.check_nickname(nickname)

        def work(db: sql.Connection) -> None:
            _check_free(db, room, pupil, nickname)
            db.execute(_update_lab(pupil, nickname=nickname).where(schema.labs.c["class"] == room))

        self._store.transact(work)

    def set_open(self, room: str, is_open: bool) -> StoredClass:
        """Open joining for `rules.JOIN_MINUTES` minutes, or close it.

        Args:
            room: Identifier of the class.
            is_open: Whether joining opens.

        Returns:
            The class.

        Raises:
            LabError: If the class was deleted.
        """
        return self._change(room, lambda known: replace(known, closes_at=_closing_time() if is_open else 0.0))

    def set_options(self, room: str, options: ClassOptions) -> StoredClass:
        """Replace the options of a class. Arguments and errors are like those of `set_open`."""
        return self._change(room, lambda known: replace(known, options=options))

    def change(self, room: str, change: Callable[[ClassState], ClassState]) -> StoredClass:
        """Change the decisions of the teacher.

        Args:
            room: Identifier of the class.
            change: Function of the present decisions. It may be called again if another window has changed them.

        Returns:
            The class.

        Raises:
            LabError: If the class was deleted.
        """
        return self._change(room, lambda known: replace(known, state=change(known.state)))

    def publish(self, room: str, model: ModelBundle, learnt: Iterable[str] = ()) -> StoredClass:
        """Publish a model. It replaces the model that was published before.

        Args:
            room: Identifier of the class.
            model: The model.
            learnt: Content hashes of the drawings that the model learnt from.

        Returns:
            The class.

        Raises:
            LabError: If the class was deleted.
        """
        hashes = frozenset(learnt)

        def count(known: StoredClass) -> StoredClass:
            state = replace(known.state, n_published=known.state.n_published + 1, learnt=hashes)
            return replace(known, state=state, has_model=True)

        def write(db: sql.Connection, now: StoredClass) -> dict[str, Any]:
            insert_models(db, [model])
            card = model.rename(f"class model {now.state.n_published}").card
            return {"model": model.key, "card": json.dumps(asdict(card))}

        return self._change(room, count, write)

    def model(self, room: str) -> ModelBundle | None:
        """Return the published model.

        Args:
            room: Identifier of the class.

        Returns:
            The model, or `None` if no model is published.
        """

        def work(db: sql.Connection) -> ModelBundle | None:
            classes = schema.classes.c
            row = db.execute(sql.select(classes.model, classes.card).where(classes.id == room)).one_or_none()
            if row is None or row.model is None:
                return None
            return ModelBundle(read_card(json.loads(row.card)), *LabReader(db, room).files({row.model})[row.model])

        return self._store.transact(work)

    def delete(self, room: str) -> None:
        """Delete a class with the labs of all its pupils. The teacher's lab is kept.

        Args:
            room: Identifier of the class.
        """

        def work(db: sql.Connection) -> None:
            db.execute(sql.delete(schema.labs).where(schema.labs.c["class"] == room))
            db.execute(sql.delete(schema.classes).where(schema.classes.c.id == room))
            delete_unused_models(db)

        self._store.transact(work)

    def _change(
        self,
        room: str,
        change: Callable[[StoredClass], StoredClass],
        write: Callable[[sql.Connection, StoredClass], dict[str, Any]] = lambda db, now: {},
    ) -> StoredClass:
        """Change a class, unless another window changes it at the same time. Then, read it again."""
        classes = schema.classes

        def work(db: sql.Connection) -> StoredClass | None:
            known = _read(db, room)
            if known is None or not known.is_teacher:
                raise LabError(DELETED)
            now = change(replace(known.room, version=known.room.version + 1))
            is_present = (classes.c.id == room) & (classes.c.version == known.room.version)
            values = _to_row(now) | write(db, now)
            return now if db.execute(sql.update(classes).where(is_present).values(**values)).rowcount else None

        for _ in range(MAX_TRIES):
            if found := self._store.transact(work):
                return found
        raise StoreUnreachableError(WHILE_BUSY)


_KEYS = (schema.classes.c.id, schema.classes.c.version, schema.labs.c.nickname)


def _classes_of(is_wanted: sql.ColumnElement[bool], *columns: Any) -> sql.Select[Any]:
    """Return the query of the classes that the wanted labs have or belong to."""
    labs, classes = schema.labs, schema.classes
    is_class = (classes.c.id == labs.c.id) | (classes.c.id == labs.c["class"])
    return sql.select(*columns).select_from(labs.join(classes, is_class)).where(is_wanted)


def _read(db: sql.Connection, lab: str) -> Membership | None:
    row = db.execute(_classes_of(schema.labs.c.id == lab, schema.classes, schema.labs.c.nickname)).one_or_none()
    return Membership(_from_row(row), lab, row.nickname or "") if row else None


def _find_open(db: sql.Connection, code: str) -> StoredClass:
    row = db.execute(sql.select(schema.classes).where(schema.classes.c.code == code)).one_or_none()
    if row is None:
        raise LabError(UNKNOWN_CODE)
    room = _from_row(row)
    if not room.is_open:
        raise LabError(CLOSED)
    return room


def _check_saved(db: sql.Connection, lab: str) -> None:
    if not db.scalar(sql.select(schema.labs.c.id).where(schema.labs.c.id == lab)):
        raise LabError(NO_LAB)


def _check_free(db: sql.Connection, room: str, lab: str, nickname: str) -> None:
    labs = schema.labs.c
    others = db.scalars(sql.select(labs.nickname).where(labs["class"] == room, labs.id != lab)).all()
    if rules.look(nickname) in map(rules.look, others):
        raise LabError(TAKEN)


def _count_pupils(db: sql.Connection, room: StoredClass) -> int:
    """Return the number of pupils whom the teacher has not removed."""
    present = db.scalars(sql.select(schema.labs.c.id).where(schema.labs.c["class"] == room.id)).all()
    return len(set(present) - room.state.removed_pupils)


def _update_lab(lab: str, **values: Any) -> sql.Update:
    return sql.update(schema.labs).where(schema.labs.c.id == lab).values(**values)


def _read_pupil(db: sql.Connection, row: Any, known: Pupil | None) -> Pupil:
    if known is not None and known.version == row.version:
        return known if known.nickname == row.nickname else replace(known, nickname=row.nickname)
    if known is None or known.version > row.version:  # A lab that was written again has a lower version.
        return Pupil(row.id, row.nickname, LabReader(db, row.id).read_samples(), row.version)
    samples = schema.samples.c
    present = db.scalars(sql.select(samples.id).where(samples.lab == row.id)).all()
    changed = LabReader(db, row.id, lambda version: version > known.version).read_samples()
    return Pupil(row.id, row.nickname, known.samples.merge(changed, set(known.samples.ids) - set(present)), row.version)


def _free_code(db: sql.Connection) -> str:
    while True:
        code = rules.new_code()
        if not db.scalar(sql.select(schema.classes.c.id).where(schema.classes.c.code == code)):
            return code


def _closing_time() -> float:
    return time.time() + 60 * rules.JOIN_MINUTES


def _to_row(room: StoredClass) -> dict[str, Any]:
    return {
        "code": room.code,
        "name": room.name,
        "version": room.version,
        "closes_at": room.closes_at,
        "options": json.dumps(room.options.to_dict()),
        "state": json.dumps(room.state.to_dict()),
    }


def _from_row(row: Any) -> StoredClass:
    options, state = ClassOptions.from_dict(json.loads(row.options)), ClassState.from_dict(json.loads(row.state))
    return StoredClass(row.id, row.code, row.name, row.version, row.closes_at, options, state, row.model is not None)
