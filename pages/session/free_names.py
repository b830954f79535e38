"""Names of runs, models and versions that no other one of the lab has."""

from typing import TypeVar

from digitcore.models.bundle import ModelBundle
from digitcore.storage.snapshot import RunRecord, SampleVersion

MAX_STEM = 26  # characters of a name that a number follows
Named = TypeVar("Named", RunRecord, ModelBundle, SampleVersion)


def with_free_name(model: Named, taken: set[str]) -> Named:
    """Return an item, renamed with the next free number if its name is taken. Its name is added to the taken names."""
    name = model.name
    stem, _, number = name.rpartition(" ")
    stem, next_number = (stem, int(number) + 1) if stem and number.isdecimal() else (name, 2)
    while name in taken:
        name, next_number = f"{stem[:MAX_STEM].strip()} {next_number}", next_number + 1
    taken.add(name)
    return model if name == model.name else model.rename(name)
