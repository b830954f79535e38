"""The sweep on the Train page: parameters and values, and buttons to start, stop and resume."""

from typing import Any

import streamlit as st

from digitcore.errors import ModelError, SettingsError
from digitcore.models.bundle import ModelBundle
from digitcore.models.network_spec import NetworkSpec, is_spec
from digitcore.sweeps import space as parameter_space
from digitcore.sweeps import summary
from digitcore.sweeps.plan import MAX_TRIALS, MIN_WILCOXON_SEEDS, SweepPlan
from digitcore.sweeps.search import GRID, HALVING, RANDOM, TPE, WILCOXON
from digitcore.sweeps.space import Range, Space, Values
from digitcore.sweeps.trial import HELD_OUT, VALIDATION
from digitcore.training.recipes import NETWORKS
from digitcore.training.settings import TrainSettings
from pages.components.sweep_results import sweep_results
from pages.session import state
from pages.session.lab_session import LabSession
from pages.session.training_state import Start

DEFAULT_SPACE: dict[str, list[Any]] = {"sample_weight": [5.0, 50.0], "mnist_samples": [200, 1000]}
MAX_SEEDS = 10
NO_VALUE = "Choose at least one value, or remove the parameter."
DEFAULT_DRAWS = 12
SIZE, DROPOUT = "size", "dropout"  # fields of a block
SEARCH_LABELS = {GRID: "Grid", RANDOM: "Random", TPE: "TPE"}
SEARCH_HELP = (
    "**Grid** trains with all combinations of the values. **Random** draws numbers from ranges. With the same number of trials, "
    "random draws find better settings if only some parameters matter (J. Bergstra, Y. Bengio, JMLR 13, 2012). "
    "**TPE** draws most numbers near the best settings so far (tree-structured Parzen estimator, J. Bergstra et al., "
    "2011)."
)
PRUNER_HELP = (
    "**By epochs**: each combination is trained with few epochs first. It is trained with twice as many epochs only if it "
    "is among the better half so far (successive halving). The setting Epochs must be at least two, and must not be a parameter "
    f"of the sweep. **By seeds**: with {MIN_WILCOXON_SEEDS} or more seeds, a combination gets no more seeds if it is "
    "worse than the best combination (Wilcoxon's signed-rank test, p < 0.1)."
)
NO_PRUNER = "none"
PRUNER_LABELS = {NO_PRUNER: "Never", HALVING: "By epochs", WILCOXON: "By seeds"}


def sweep_panel(session: LabSession, start: ModelBundle) -> None:
    """Draw the inputs, and below them the results of the latest sweep."""
    training = session.training
    is_on = state.seed_widget("sweeping", training.sweep is not None)
    if not st.toggle("Hyperparameter sweep", is_on, key="sweeping", persist_state="session"):
        return
    plan = training.sweep.plan if training.sweep else None  # After a reload the inputs show the values of this plan.
    is_untrained = training.start == Start.UNTRAINED
    space, search, is_valid = _choose_space(training.settings, training.swept_network, is_untrained, plan)
    options = _choose_trials(space, search, training.settings.epochs, training.swept_network, plan)
    options["ranked_by"] = _choose_ranking(session, plan)
    if is_valid and space:
        try:
            SweepPlan(space, training.settings, training.swept_network, **options)
        except (SettingsError, ModelError) as error:
            st.error(str(error))
            is_valid = False
    _buttons(session, start, space if is_valid else {}, options)
    if training.sweep_error:
        st.error(training.sweep_error)
    if training.sweep:
        sweep_results(session, training.sweep)


def _choose_ranking(session: LabSession, plan: SweepPlan | None) -> str:
    """Let the user choose the score that ranks the trials. Without held-out drawings, choose the score on validation digits."""
    samples = session.samples.for_training()
    if not samples.held_out.any():
        no_drawing = "You have no drawings yet." if not len(samples) else "No drawing is held out."
        st.caption(f"{no_drawing} The trials are ranked by MNIST's 5,000 validation digits.")
        return VALIDATION
    ranked_by = st.segmented_control(
        "Rank trials by",
        [VALIDATION, HELD_OUT],
        default=plan.ranked_by if plan else VALIDATION,
        required=True,
        key="sweep_ranked_by",
        format_func=lambda name: summary.SCORE_TITLES[name],
        help="A sweep ranks its trials by MNIST's 5,000 validation digits or by your held-out drawings. It does not use MNIST's "
        "test digits.",
        persist_state="session",
    )
    return str(ranked_by)


def _choose_space(settings: TrainSettings, network: str, is_untrained: bool, plan: SweepPlan | None) -> tuple[Space, str, bool]:
    """Return the chosen parameters and values, the search, and whether all values are valid. Errors are shown below them."""
    names = [*parameter_space.parameters(network), *([parameter_space.NETWORK] if is_untrained else [])]
    before = plan.space if plan else {}
    first, second = st.columns([3, 2], vertical_alignment="bottom")
    search = str(
        second.segmented_control(
            "Search",
            list(SEARCH_LABELS),
            default=plan.search if plan else GRID,
            required=True,
            key="sweep_search",
            format_func=lambda name: SEARCH_LABELS[name],
            help=SEARCH_HELP,
        )
    )
    chosen = first.multiselect(
        "Parameters to try",
        names,
        default=[name for name in before if name in names] or _default_names(network),
        format_func=lambda name: parameter_space.label(name, network),
        key=f"sweep_parameters_{len(names)}",
        persist_state="session",
    )
    columns = st.columns(3)
    space: dict[str, Values] = {}
    is_valid = True
    for number, name in enumerate(chosen):
        column = columns[number % len(columns)]
        choose = _choose_range if search != GRID and parameter_space.is_numeric(name) else _choose_list
        try:
            space[name] = choose(column, name, network, before.get(name))
            _check(name, space[name], settings, network)
        except (SettingsError, ModelError) as error:
            column.error(str(error))
            is_valid = False
    return space, search, is_valid


def _check(name: str, values: Values, settings: TrainSettings, network: str) -> None:
    """Check the values of one parameter.

    Raises:
        SettingsError, ModelError: If a value is not valid. The message names the value.
    """
    if not values:
        raise SettingsError(NO_VALUE)
    for value in values.ends if isinstance(values, Range) else values:
        SweepPlan({name: [value]}, settings, network)


def _default_names(network: str) -> list[str]:
    """Return two default parameters. For a built network they are the first row's size and the last row's dropout."""
    blocks = NetworkSpec.from_json(network).blocks if is_spec(network) else ()
    return [f"blocks.1.{SIZE}", f"blocks.{len(blocks)}.{DROPOUT}"] if blocks else list(DEFAULT_SPACE)


def _choose_range(column: Any, name: str, network: str, before: Values | None) -> Values:
    """Let the user choose the range of a parameter. `before` holds its values in the latest sweep."""
    options = [_text(value) for value in parameter_space.usual_values(name, network)]
    ends = [_text(end) for end in before.ends] if isinstance(before, Range) else [options[0], options[-1]]
    options = sorted({*options, *ends}, key=float)
    label = f"{parameter_space.label(name, network)}: from, to"
    low, high = column.select_slider(label, options, ends, key=f"sweep_range_{name}", persist_state="session")
    if low == high:
        return [parameter_space.parse_value(name, low)]
    first, last = sorted(float(end) for end in (low, high))
    return Range(first, last, parameter_space.is_integer(name))


def _choose_list(column: Any, name: str, network: str, before: Values | None) -> Values:
    """Let the user choose the values of a parameter. `before` holds its values in the latest sweep."""
    usual = NETWORKS if name == parameter_space.NETWORK else parameter_space.usual_values(name, network)
    default = [_text(value) for value in (before if isinstance(before, list) else DEFAULT_SPACE.get(name, usual[:2]))]
    texts = column.multiselect(
        f"Values of {parameter_space.label(name, network)}",
        list(dict.fromkeys([*map(_text, usual), *default])),
        default=default,
        accept_new_options=True,
        key=f"sweep_{name}",
        format_func=lambda text: text or "none",
        persist_state="session",
        help="Choose values, or type other values.",
    )
    return [parameter_space.parse_value(name, text) for text in texts]


def _text(value: Any) -> str:
    return parameter_space.to_text([value])


def _choose_trials(space: Space, search: str, epochs: int, network: str, plan: SweepPlan | None) -> dict[str, Any]:
    """Return the arguments `search`, `n_combinations`, `n_seeds` and `pruner` of `SweepPlan`."""
    first, second, third = st.columns(3, vertical_alignment="bottom")
    total = _count(space, network)
    n_seeds = second.slider(
        "Seeds per combination",
        1,
        MAX_SEEDS,
        min(plan.n_seeds, MAX_SEEDS) if plan else 1,
        key="sweep_seeds",
        help="Several seeds show how much the score varies by chance.",
        persist_state="session",
    )
    n_combinations = None
    if total is None or total > 1:
        most = min(total or MAX_TRIALS, MAX_TRIALS)
        drawn = first.slider(
            "Combinations to try",
            1,
            most,
            min(most, (plan and plan.n_combinations) or (most if search == GRID else DEFAULT_DRAWS)),
            key=f"sweep_draws_{search}_{total}",
            help="If you choose fewer than all combinations, the combinations depend on the seed under Advanced.",
            persist_state="session",
        )
        n_combinations = None if search == GRID and drawn == total else int(drawn)
    elif search != GRID:
        n_combinations = 1
    offered = [NO_PRUNER]
    if epochs > 1 and "epochs" not in space:
        offered.append(HALVING)
    if n_seeds >= MIN_WILCOXON_SEEDS:
        offered.append(WILCOXON)
    pruner = third.segmented_control(
        "Stop poor combinations",
        offered,
        default=plan.pruner if plan and plan.pruner in offered else NO_PRUNER,
        required=True,
        key=f"sweep_pruner_{len(offered)}_{offered[-1]}",
        format_func=lambda name: PRUNER_LABELS[name],
        help=PRUNER_HELP,
        persist_state="session",
    )
    return {
        "search": search,
        "n_combinations": n_combinations,
        "n_seeds": int(n_seeds),
        "pruner": "" if pruner == NO_PRUNER else str(pruner),
    }


def _count(space: Space, network: str) -> int | None:
    """Return the number of combinations. Values that do not fit the network count as they are; an error is shown for them."""
    try:
        return parameter_space.n_combinations(space, network)
    except (SettingsError, ModelError):
        return parameter_space.n_combinations(space)


def _buttons(session: LabSession, start: ModelBundle, space: Space, options: dict[str, Any]) -> None:
    training, sweep = session.training, session.training.sweep
    is_running = sweep is not None and not sweep.is_idle
    with st.container(horizontal=True):
        st.button(
            "Start sweep",
            key="sweep",
            on_click=lambda: training.begin_sweep(start, session.samples.for_training(), session.owner, space, options),
            disabled=is_running or not space or training.is_network_invalid,
        )
        if sweep:
            label = "Stopping …" if is_running and sweep.is_stopping else "Stop"
            st.button(label, key="sweep_stop", on_click=sweep.stop, disabled=not is_running or sweep.is_stopping)
            is_complete = sweep.n_done == sweep.n_planned
            st.button(
                "Resume",
                key="sweep_go",
                on_click=training.resume_sweep,
                args=(session.owner,),
                disabled=is_running or is_complete,
            )
