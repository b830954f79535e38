"""The trainings of a lab: its runs and the trials of its latest sweep, with resolved parameters."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from digitcore import mnist
from digitcore.errors import ModelError
from digitcore.models.network_spec import NetworkSpec, is_spec
from digitcore.storage.snapshot import RunRecord
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.trial import Trial
from digitcore.training import run_groups
from digitcore.training.run_groups import SEED, TrainedRun, Verdict
from digitcore.training.settings import TrainSettings
from digitcore.values import format_p_value
from pages.session import formatting
from pages.session.lab_session import LabSession
from pages.session.model_library import UNTRAINED

START, NETWORK, DRAWINGS, EPOCHS = "start", "network", "drawings", "epochs"
LABELS = {START: "Started from", NETWORK: "Network", DRAWINGS: "Training drawings", SEED: "Seed"}
HELD_OUT, LEARNT, MNIST = "held_out", "learnt", "mnist"
SCORES = {  # Scores on different sets have different names, so that they are never in one column.
    MNIST: "MNIST test digits",
    "validation": "MNIST validation digits",
    HELD_OUT: "Held-out drawings",
    LEARNT: "Training drawings",
}


def trained_runs(session: LabSession) -> list[TrainedRun]:
    """Return the runs of this lab and the scored trials of its latest sweep."""
    sweep = session.training.sweep
    trials = [_of_trial(sweep, trial, number) for number, trial in enumerate(sweep.trials, 1) if trial.scores] if sweep else []
    return [*map(of_run, session.models.runs), *trials]


def labels(runs: Sequence[TrainedRun]) -> dict[str, str]:
    """Return the text of each parameter of the trainings."""
    names = dict.fromkeys(name for run in runs for name in run.parameters)
    return {name: LABELS.get(name) or _network_label(name, runs) for name in names}


def describe_seeds(session: LabSession, baseline: str, candidate: str) -> str:
    """Describe how much the MNIST accuracy varies between the seeds of two runs' settings, and whether the settings differ.

    McNemar's test compares two models. Only several seeds tell whether one setting is better than another.
    """
    every = trained_runs(session)
    groups = [run_groups.seeds_of(every, name) for name in (baseline, candidate)]
    first, second = ([run.scores[MNIST] for run in found if MNIST in run.scores] for found in groups)
    if groups[0] and groups[0] == groups[1]:
        return f"Both runs have the same settings. {_describe_spread(baseline, first) if len(first) > 1 else ''}".strip()
    spreads = [_describe_spread(name, found) for name, found in ((baseline, first), (candidate, second)) if len(found) > 1]
    if not first or not second:  # A shipped or imported model has no other seeds.
        return " ".join(spreads)
    found = run_groups.difference(second, first)
    if found.verdict == Verdict.UNKNOWN:
        return " ".join([*spreads, "It is not known whether the settings differ. Train each setting with two or more seeds."])
    how = {
        Verdict.BETTER: "are better than",
        Verdict.WORSE: "are worse than",
        Verdict.SAME: "show no clear difference from",
    }[found.verdict]
    p_value = format_p_value(found.p_value if found.p_value is not None else 1.0)
    old, new = formatting.escape(baseline), formatting.escape(candidate)
    return " ".join([*spreads, f"Over the seeds, the settings of {new} {how} the settings of {old} ({p_value}, Welch's test)."])


def _describe_spread(name: str, scores: Sequence[float]) -> str:
    low, high = (formatting.percent(bound, 2) for bound in (min(scores), max(scores)))
    return f"{len(scores)} seeds of the settings of {formatting.escape(name)} reach {low} to {high} on MNIST."


def of_run(record: RunRecord) -> TrainedRun:
    """Return a run with its parameters and scores."""
    run = record.run
    on_drawings = HELD_OUT if run.personal_is_held_out else LEARNT
    scores = {name: found for name, found in ((on_drawings, run.personal_after), (MNIST, run.mnist_after)) if found and found.n}
    card = record.model.card
    parameters = _parameters(
        run.settings,
        run.parent if record.start.card.trained else UNTRAINED,
        record.start.card.trained,
        card.network,
        card.training_data.drawings,
    )
    if run.stopped and run.history:
        parameters[EPOCHS] = round(run.history[-1]["epoch"], 2)
    shares = {name: found.accuracy for name, found in scores.items()}
    sizes = {name: found.n for name, found in scores.items()}
    return TrainedRun(record.name, parameters, shares, run.history, sizes, card.network)


def _of_trial(sweep: Sweep, trial: Trial, number: int) -> TrainedRun:
    is_trained = sweep.start.card.trained and not trial.network
    n_held_out = int(sweep.samples.held_out.sum())
    network = trial.network or sweep.start.card.network
    start = sweep.start.name if is_trained else UNTRAINED
    parameters = _parameters(trial.settings, start, is_trained, network, len(sweep.samples) - n_held_out)
    parameters[EPOCHS] = sweep.plan.epochs(trial, trial.scored_rung)
    sizes = {MNIST: mnist.TEST_SIZE, "validation": mnist.VALIDATION_SIZE, HELD_OUT: n_held_out}
    scores = {name: trial.scores[name] for name in SCORES if name in trial.scores}
    return TrainedRun(f"trial {number}", parameters, scores, trial.history, {name: sizes[name] for name in scores}, network)


def _parameters(settings: TrainSettings, start: str, is_trained: bool, network: str, n_drawings: int) -> dict[str, Any]:
    """Return the parameters that a training used: "auto" is resolved, and a built network is described by its rows."""
    known = {START: start, NETWORK: network, DRAWINGS: n_drawings, **asdict(settings.resolved(is_trained))}
    if not is_spec(network):
        return known
    try:
        spec = NetworkSpec.from_json(network)
    except ModelError:  # A stored lab may hold a network that this version does not accept.
        return known
    known[NETWORK] = f"built: {', '.join(block.kind for block in spec.blocks) or 'softmax only'}"
    rows = [name for name in parameter_space.parameters(network) if name not in known]
    return known | {name: _row_value(spec, name) for name in rows}


def _row_value(spec: NetworkSpec, name: str) -> Any:
    if name == parameter_space.ACTIVATION:
        return spec.activation
    if name == parameter_space.ROWS:
        return len(spec.blocks)
    _, row, field = name.split(".")
    return getattr(spec.blocks[int(row) - 1], field)


def _network_label(name: str, runs: Iterable[TrainedRun]) -> str:
    """Return the label of a parameter. The size of a row is called units or filters if all built networks agree."""
    found = {parameter_space.label(name, run.network) for run in runs if name in run.parameters}
    return found.pop() if len(found) == 1 else f"Row {name.split('.')[1]}: size"
