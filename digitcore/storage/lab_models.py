"""The models of a stored lab: the user's models, the shipped models, and the models that the lab compares."""

from collections.abc import Iterable, Sequence

from digitcore import palette, sanitize
from digitcore.errors import ModelError
from digitcore.models import registry, upload
from digitcore.models.bundle import ModelBundle
from digitcore.storage import learnt
from digitcore.storage.learnt import Learnt
from digitcore.storage.snapshot import LabSnapshot, RunRecord

REFERENCE_MODEL = "plain"  # Shipped models are compared with it.
MAX_COMPARED = 6
FIRST_SHIPPED = ("untrained", registry.DEFAULT_MODEL)  # the shipped models from which trainings start


def is_shipped(model: ModelBundle) -> bool:
    """Return whether a model has the files of a shipped model, under any name.

    Args:
        model: The model.

    Example:
        >>> is_shipped(registry.load("mlp").rename("mine"))
        True
    """
    return upload.find_shipped(model.keras_bytes) is not None


def every_model(lab: LabSnapshot) -> dict[str, ModelBundle]:
    """Return all models by name: runs that did not fail and imported models, newest first, then the shipped models.

    Args:
        lab: The lab.

    Example:
        >>> list(every_model(LabSnapshot()))[:2]
        ['cnn13', 'convnet']
    """
    runs = {record.name: record.model for record in usable_runs(lab)[::-1]}
    uploads = {model.name: model for model in lab.uploads[::-1]}
    return runs | uploads | {name: registry.load(name) for name in registry.names()}


def usable_runs(lab: LabSnapshot) -> list[RunRecord]:
    """Return the runs that did not fail, oldest first.

    Args:
        lab: The lab.

    Example:
        >>> usable_runs(LabSnapshot())
        []
    """
    return [record for record in lab.runs if not record.run.error]


def active_run(lab: LabSnapshot) -> RunRecord | None:
    """Return the run whose model predicts: the chosen run, or the latest run that did not fail if no model is chosen.

    Args:
        lab: The lab.

    Returns:
        The run, or `None` if another model predicts.

    Example:
        >>> active_run(LabSnapshot()) is None
        True
    """
    runs, name = usable_runs(lab), str(lab.preferences.get("active_model") or "")
    found = next((record for record in runs if record.name == name), None)
    return found or (runs[-1] if runs and name not in every_model(lab) else None)


def compared(lab: LabSnapshot, names: Sequence[str] = ()) -> dict[str, ModelBundle]:
    """Return the models that the lab compares, by name: baseline, candidate, then further models.

    Args:
        lab: The lab.
        names: Names of models. If empty, the models of the Evaluate page are returned, or else the active run and the model that
            it started from.

    Raises:
        ModelError: If the lab has no model of a name, or there are fewer than two or more than `MAX_COMPARED` names.

    Example:
        >>> list(compared(LabSnapshot()))
        ['plain', 'genius']
    """
    every, run = every_model(lab), active_run(lab)
    if run is not None:
        every.setdefault(run.start.name, run.start)  # The start of the active run may be a network that the user built.
    if unknown := [name for name in names if name not in every]:
        raise ModelError(f"The lab has no model called “{unknown[0]}”. Choose from {', '.join(every)}.")
    chosen = list(dict.fromkeys(names or sanitize.strings(lab.preferences.get("compared_models"))))
    chosen = [name for name in chosen if name in every]
    if not names and len(chosen) < 2:
        chosen = [run.start.name, run.name] if run else [REFERENCE_MODEL, registry.DEFAULT_MODEL]
    if not 2 <= len(chosen) <= MAX_COMPARED:
        raise ModelError(f"A comparison needs 2 to {MAX_COMPARED} models, not {len(chosen)}. Name other models.")
    return {name: every[name] for name in chosen}


def in_order(shipped: Iterable[str]) -> list[str]:
    """Return names of shipped models in the order of menus: `untrained`, `genius`, then the other models.

    Args:
        shipped: The names.

    Example:
        >>> in_order(registry.names())[:3]
        ['untrained', 'genius', 'cnn13']
    """
    names = list(shipped)
    return [*(name for name in FIRST_SHIPPED if name in names), *(name for name in names if name not in FIRST_SHIPPED)]


def colors(names: Iterable[str], runs: Sequence[RunRecord], uploads: Sequence[ModelBundle] = ()) -> dict[str, str]:
    """Return the colors of models that are shown together. A run has the same color everywhere, and failed runs are red.

    Args:
        names: Names of the models.
        runs: The runs of the lab.
        uploads: The imported models of the lab.

    Returns:
        Name → color, in the order of `names`.

    Example:
        >>> colors(["untrained"], []) == {"untrained": palette.GREY}
        True
    """
    found = {record.name: palette.FAILED if record.run.error else palette.run_color(record.number) for record in runs}
    # Imported models have the colors from the last one, because runs begin with the first.
    found |= {model.name: palette.run_color(-position) for position, model in enumerate(uploads)}
    found |= {name: palette.shipped_color(position) for position, name in enumerate(in_order(registry.names()))}
    return palette.distinct({name: found.get(name, palette.GREY) for name in names})  # A built network is grey.


def learnt_from(lab: LabSnapshot, model: ModelBundle) -> Learnt:
    """Return the content hashes of the samples of a lab that a model learnt from, or `None` if they are not known.

    Args:
        lab: The lab.
        model: The model.

    Example:
        >>> learnt_from(LabSnapshot(), registry.load("mlp"))
        frozenset()
    """
    return learnt.learnt_from(model, lab.runs, is_shipped)
