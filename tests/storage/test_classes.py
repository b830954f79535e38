"""Classes in a real SQLite and a real PostgreSQL: pupils join, draw and leave, and the teacher decides."""

import threading
import time
from dataclasses import replace

import pytest
import sqlalchemy as sql

from digitcore.classroom.pupils import gather
from digitcore.classroom.rules import ClassOptions
from digitcore.errors import LabError
from digitcore.storage import classes, database, schema
from digitcore.storage.classes import ClassStore
from digitcore.storage.database import LabStore, new_token, token_hash, view_token
from digitcore.storage.snapshot import LabSnapshot
from tests.support.clock import set_clock


@pytest.fixture
def store(url):
    return LabStore.from_url(url)


@pytest.fixture
def room(store):
    """Return the store of classes, the token of a teacher, and the teacher's class."""
    token = saved_lab(store)
    return ClassStore(store), token, ClassStore(store).create(token, "Class 4b", ClassOptions())


def saved_lab(store, snapshot=None):
    token = new_token()
    store.save(token, snapshot or LabSnapshot())
    return token


def joined(store, rooms, code, nickname, samples=None):
    token = saved_lab(store, LabSnapshot(samples) if samples is not None else None)
    rooms.join(token, code, nickname)
    return token


def test_pupils_join_and_their_drawings_are_one_set(store, room, few):
    rooms, teacher, created = room
    ada = joined(store, rooms, created.code, " Ada ", few.take(range(5)))
    bo = joined(store, rooms, created.code, "Bo", few.take(range(5, 9)))
    assert (rooms.find(teacher).is_teacher, rooms.find(ada).is_teacher) == (True, False)
    assert rooms.find(ada).nickname == "Ada"
    assert rooms.version(ada) == (created.id, 1, "Ada")
    drawings = gather(rooms.pupils(created.id), created.state, created.options)
    assert drawings.samples.digit_hashes == few.take(range(9)).digit_hashes
    rooms.leave(bo)
    assert len(gather(rooms.pupils(created.id), created.state, created.options)) == 5
    assert rooms.find(bo) is None
    assert len(store.load(bo).snapshot.samples) == 4, "a pupil who leaves keeps the lab"


def test_a_class_keeps_its_options(store, room):
    rooms, teacher, created = room
    options = ClassOptions(max_drawings=7, digits=(1, 7), may_train=False)
    other = saved_lab(store)
    assert rooms.create(other, "Class 4c", options).options == options
    assert rooms.find(other).room.options == options
    rooms.set_options(created.id, options)
    assert rooms.find(teacher).room.options == options


def test_only_changed_labs_are_read_again(store, room, few):
    rooms, _, created = room
    ada = joined(store, rooms, created.code, "Ada", few)
    joined(store, rooms, created.code, "Bo", few)
    known = {pupil.id: pupil for pupil in rooms.pupils(created.id)}
    store.save(ada, LabSnapshot(few.drop([0])), LabSnapshot(few))
    now = {pupil.id: pupil for pupil in rooms.pupils(created.id, known)}
    assert [now[lab] is known[lab] for lab in known] == [lab != token_hash(ada) for lab in known]
    assert len(now[token_hash(ada)].samples) == len(few) - 1


def test_only_changed_samples_are_read_again(store, room, few, monkeypatch):
    rooms, _, created = room
    first = few.take(range(5))
    ada = joined(store, rooms, created.code, "Ada", first)
    known = {pupil.id: pupil for pupil in rooms.pupils(created.id)}
    now = few.take(range(6)).relabel([1], 9).drop([0])
    store.save(ada, LabSnapshot(now), LabSnapshot(first))
    n_read = []
    is_sound = database._is_sound
    monkeypatch.setattr(database, "_is_sound", lambda row: n_read.append(row.id) or is_sound(row))
    (pupil,) = rooms.pupils(created.id, known)
    assert (pupil.samples.ids, pupil.samples.identities()) == (now.ids, now.identities())
    assert n_read == [now.ids[0], now.ids[-1]]


def test_a_lab_that_was_written_again_with_a_lower_version_is_read_as_a_whole(store, room, few):
    rooms, _, created = room
    joined(store, rooms, created.code, "Ada", few)
    (known,) = rooms.pupils(created.id)
    (pupil,) = rooms.pupils(created.id, {known.id: replace(known, samples=few.take([0]), version=known.version + 5)})
    assert pupil.samples.ids == few.ids


def test_a_save_of_a_lab_keeps_its_class(store, room, few):
    rooms, _, created = room
    ada = joined(store, rooms, created.code, "Ada")
    store.save(ada, LabSnapshot(few), LabSnapshot())
    assert rooms.find(ada).nickname == "Ada"


@pytest.mark.parametrize(
    "nickname", ["", " ", "<b>", "x" * 21, "a\u202eb", "Z" + "\u0301\u0302\u0303", "a\nb/c", "![x](y)", "\u3164", "Ada\ufe0f"]
)
def test_a_nickname_that_is_not_allowed_joins_no_class(store, room, nickname):
    rooms, _, created = room
    with pytest.raises(LabError, match="nickname"):
        joined(store, rooms, created.code, nickname)
    assert rooms.pupils(created.id) == ()


def test_a_nickname_is_used_once(store, room):
    rooms, _, created = room
    ada, bo = (joined(store, rooms, created.code, name) for name in ("Ada", "Bo"))
    with pytest.raises(LabError, match="Another pupil"):
        joined(store, rooms, created.code, "ADA")
    with pytest.raises(LabError, match="Another pupil"):
        joined(store, rooms, created.code, "Ａｄａ")
    with pytest.raises(LabError, match="Another pupil"):
        rooms.rename_pupil(created.id, token_hash(bo), "ada")
    rooms.rename_pupil(created.id, token_hash(ada), "Zoë")
    assert rooms.find(ada).nickname == "Zoë"


def test_codes_that_join_no_class(store, room, monkeypatch):
    rooms, teacher, created = room
    with pytest.raises(LabError, match="No class has this code"):
        joined(store, rooms, "BBBBBB" if created.code != "BBBBBB" else "CCCCCC", "Ada")
    with pytest.raises(LabError, match="your own class"):
        rooms.join(teacher, created.code, "Ada")
    with pytest.raises(LabError, match="not saved"):
        rooms.join(new_token(), created.code, "Ada")
    rooms.set_open(created.id, False)
    with pytest.raises(LabError, match="closed"):
        joined(store, rooms, created.code, "Ada")
    assert rooms.set_open(created.id, True).is_open
    now = time.time()
    set_clock(monkeypatch, classes, time=lambda: now + 60 * 91)
    with pytest.raises(LabError, match="closed"):
        rooms.check_code(created.code)


def test_a_full_class_takes_no_pupil(store, room, monkeypatch):
    rooms, _, created = room
    monkeypatch.setattr(classes.rules, "MAX_PUPILS", 1)
    joined(store, rooms, created.code, "Ada")
    with pytest.raises(LabError, match="maximum"):
        joined(store, rooms, created.code, "Bo")
    (ada,) = rooms.pupils(created.id)
    rooms.change(created.id, lambda state: replace(state, removed_pupils=frozenset({ada.id})))
    joined(store, rooms, created.code, "Bo")


def test_the_teacher_removes_a_pupil_and_a_drawing_and_undoes_both(store, room, few):
    rooms, _, created = room
    ada = joined(store, rooms, created.code, "Ada", few)
    pupil = token_hash(ada)

    def count(found):
        return len(gather(rooms.pupils(found.id), found.state, found.options))

    removed = rooms.change(created.id, lambda state: replace(state, removed_pupils=frozenset({pupil})))
    assert (count(removed), rooms.find(ada).is_removed) == (0, True)
    restored = rooms.change(created.id, lambda state: replace(state, removed_pupils=frozenset()))
    assert (count(restored), rooms.find(ada).is_removed) == (len(few), False)
    without = rooms.change(created.id, lambda state: replace(state, removed_drawings=frozenset(few.digit_hashes[:1])))
    assert count(without) == len(few) - 1
    assert count(rooms.change(created.id, lambda state: replace(state, removed_drawings=frozenset()))) == len(few)


def test_a_new_round_begins_empty_and_keeps_the_drawings_of_the_last(store, room, few):
    rooms, _, created = room
    ada = joined(store, rooms, created.code, "Ada", few.take(range(8)))
    ended = rooms.change(created.id, lambda state: replace(state, rounds=(frozenset(few.take(range(8)).digit_hashes),)))
    store.save(ada, LabSnapshot(few.take(range(10))), LabSnapshot(few.take(range(8))))
    pupils = rooms.pupils(created.id)
    assert len(gather(pupils, ended.state, ended.options)) == 2
    assert len(gather(pupils, ended.state, ended.options, round=0)) == 8


def test_changes_of_two_windows_at_once_are_both_kept(url, room):
    rooms, teacher, created = room
    other = ClassStore(LabStore.from_url(url))

    def add(name):
        return lambda: other.change(created.id, lambda state: replace(state, hidden=state.hidden | {name}))

    threads = [threading.Thread(target=add(name)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert rooms.find(teacher).room.state.hidden == frozenset("abcd")


def test_a_published_model_is_read_by_pupils_of_another_server(url, store, room, genius, untrained):
    rooms, _, created = room
    ada = joined(store, rooms, created.code, "Ada")
    rooms.publish(created.id, genius, ["ab"])
    other = ClassStore(LabStore.from_url(url))
    found = other.find(ada).room
    assert (found.has_model, found.state.learnt, found.version) == (True, frozenset({"ab"}), 2)
    assert other.model(created.id).name == "class model 1"
    assert other.model(created.id).hash == genius.hash
    token, lab = new_token(), LabSnapshot(uploads=(genius, untrained))
    store.save(token, lab)
    store.delete(token)
    assert other.model(created.id).hash == genius.hash, "the files of a published model are in use"
    with sql.create_engine(database.with_driver(url)).connect() as db:
        assert db.scalars(sql.select(schema.models.c.key)).all() == [genius.key], "the files of other models are not"


def test_a_deleted_class_leaves_nothing_but_the_teachers_lab(store, url, room, few, genius):
    rooms, teacher, created = room
    ada = joined(store, rooms, created.code, "Ada", few)
    rooms.publish(created.id, genius)
    rooms.delete(created.id)
    assert rooms.find(teacher) is None
    assert store.load(ada) is None
    assert store.load(teacher) is not None
    engine = sql.create_engine(database.with_driver(url))
    with engine.begin() as db:
        for table in (schema.samples, schema.models, schema.classes):
            assert db.scalar(sql.select(sql.func.count()).select_from(table)) == 0
    with pytest.raises(LabError, match="deleted"):
        rooms.set_open(created.id, True)


def test_the_class_goes_with_the_teachers_lab_and_pupils_keep_theirs(store, room, few):
    rooms, teacher, created = room
    ada = joined(store, rooms, created.code, "Ada", few)
    store.delete(teacher)
    assert rooms.find(ada) is None
    assert len(store.load(ada).snapshot.samples) == len(few)
    with pytest.raises(LabError, match="No class"):
        rooms.check_code(created.code)


def test_a_lab_has_one_class(store, room):
    rooms, teacher, created = room
    ada = joined(store, rooms, created.code, "Ada")
    with pytest.raises(LabError, match="has a class"):
        rooms.create(teacher, "Other", ClassOptions())
    with pytest.raises(LabError, match="Leave the class"):
        rooms.create(ada, "Other", ClassOptions())


def test_the_projector_finds_the_class_by_the_view_token_of_the_teacher_only(store, room):
    rooms, teacher, created = room
    ada = joined(store, rooms, created.code, "Ada")
    assert rooms.find_view(view_token(teacher)).id == created.id
    assert rooms.find_view(view_token(ada)) is None
    assert rooms.find_view(teacher) is None
    assert rooms.version(view_token(teacher)) == (created.id, created.version, "")


def test_unused_labs_of_a_class_expire(store, room, few, monkeypatch):
    rooms, _, created = room
    joined(store, rooms, created.code, "Ada", few)
    now = time.time()
    for days in (0, 11, 22):
        set_clock(monkeypatch, database, time=lambda days=days: now + days * database.DAY)
        store.delete_expired(10)
    assert rooms.pupils(created.id) == ()


def test_a_class_is_kept_when_its_teacher_or_a_pupil_renews_the_link(store, room, few):
    rooms, teacher, created = room
    ada = joined(store, rooms, created.code, "Ada", few)
    new_teacher, new_ada = new_token(), new_token()
    store.renew_token(teacher, new_teacher)
    store.renew_token(ada, new_ada)
    found = rooms.find(new_teacher)
    assert found.is_teacher
    assert rooms.find(new_ada).nickname == "Ada"
    assert [pupil.nickname for pupil in rooms.pupils(found.room.id)] == ["Ada"]
    assert rooms.find(teacher) is rooms.find(ada) is None
