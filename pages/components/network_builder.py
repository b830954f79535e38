"""The choice of the network that is trained from random weights, and the network builder."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.errors import ModelError
from digitcore.images import SIDE
from digitcore.models.network_spec import ACTIVATIONS, KINDS, MAX_DROPOUT, MAX_SIZE, Block, NetworkSpec, is_spec
from digitcore.training.recipes import NETWORKS
from digitcore.training.settings import TrainSettings
from pages.components import figures
from pages.session import formatting, state
from pages.session.lab_session import LabSession
from pages.session.training_state import Start

CUSTOM = "Build my own"
ROWS, VERSION, IS_REPLACED = "network_rows", "network_version", "network_is_replaced"  # keys of the rows and of their table
FIRST = NetworkSpec((Block("conv", 16, pooling=True), Block("conv", 32, pooling=True), Block("dense", 64, dropout=0.3)))
HELP = (
    "This network is trained from random weights. **genius** is the network of the shipped models genius and untrained. "
    "**mlp** has one hidden layer. **convnet** is an example of Keras. **cnn13** and the noise networks come from tutorials. "
    "You can also build your own network from rows."
)


def network_builder(session: LabSession, builder_area: DeltaGenerator) -> None:
    """Let the user choose or build a network, and show the time of an epoch.

    Args:
        session: The session.
        builder_area: A container as wide as the page, in which the rows of the builder are drawn.
    """
    training = session.training
    current = CUSTOM if is_spec(training.network) else training.network or NETWORKS[0]
    key = f"network_{training.revision}"  # A new key makes a new widget after a link, a lab or a sweep has set the form.
    names = [*NETWORKS, CUSTOM]
    before = state.seed_widget(key, current)
    chosen = str(st.selectbox("Network", names, names.index(before), key=key, help=HELP, format_func=_describe))
    if chosen == CUSTOM:
        with builder_area, st.container(border=True, key="network_builder"):
            _build_custom(session)
    else:
        training.choose_network("" if chosen == NETWORKS[0] else chosen)
    if training.network and not training.network_error:
        _show_time(session)


def _build_custom(session: LabSession) -> None:
    training = session.training
    spec = NetworkSpec.from_json(training.network) if is_spec(training.network) else FIRST
    rows, stack = st.columns([2, 1], gap="medium")
    try:
        with rows:
            spec = _edit(spec, training.revision)
        training.choose_network(spec.to_json())
    except ModelError as error:
        training.reject_network(str(error))
        stack.error(str(error))
        return
    with stack:
        _show_stack(spec, training.settings.resolved(is_trained=False))


def _describe(network: str) -> str:
    return f"{network} (the network of the expert)" if network == NETWORKS[0] else network


def is_built(session: LabSession) -> bool:
    """Check whether the next training has a model to start from."""
    training = session.training
    if training.is_network_invalid:
        return False
    return training.start != Start.UNTRAINED or not training.network or session.work.result(session.network_task) is not None


def _edit(spec: NetworkSpec, revision: int) -> NetworkSpec:
    """Draw the rows as an editable table, and return the network.

    Raises:
        ModelError: If the rows are not a valid network.
    """
    version = state.widget_value(VERSION) or 0
    table_key, activation_key = f"network_table_{revision}_{version}", f"network_activation_{revision}"
    if state.widget_value(IS_REPLACED):
        state.set_widget(IS_REPLACED, False)
    elif not state.has_widget(table_key):  # The widget stores its edits relative to its first rows.
        state.set_widget(ROWS, [_to_row(block) for block in spec.blocks])
    st.caption(
        "These rows are your network, from input to output. Convolutions come before dense layers. The layers of a row follow in "
        "this order: convolution or dense layer, pooling, batch normalization, activation, dropout."
    )
    kind = _last_kind(state.widget_value(ROWS))
    rows = st.data_editor(
        state.widget_value(ROWS),
        key=table_key,
        num_rows="dynamic",
        hide_index=True,
        column_order=("kind", "size", "kernel_size", "pooling", "batch_normalization", "dropout"),
        column_config={
            "kind": st.column_config.SelectboxColumn("Layer", options=list(KINDS), required=True, default=kind),
            "size": st.column_config.NumberColumn("Filters or units", min_value=1, max_value=MAX_SIZE, default=16, required=True),
            "kernel_size": st.column_config.NumberColumn(
                "Kernel (px)",
                min_value=1,
                max_value=SIDE,
                default=3,
                help="A dense layer has no kernel.",
            ),
            "batch_normalization": st.column_config.CheckboxColumn(
                "Batch norm", default=False, help="Batch normalization is applied before the activation."
            ),
            "pooling": st.column_config.CheckboxColumn(
                "Pooling", default=False, help="Pooling halves width and height after a convolution."
            ),
            "dropout": st.column_config.NumberColumn(
                "Dropout",
                min_value=0.0,
                max_value=MAX_DROPOUT,
                step=0.05,
                default=0.0,
                help="This share of the outputs is dropped during training, after the activation.",
            ),
        },
    )
    if _last_kind(rows) != kind:  # The kind of a new row is a property of the table, so the table is created again.
        _replace_rows(rows)
        st.rerun()
    _move_buttons(rows)
    before = state.seed_widget(activation_key, spec.activation)
    activation = str(st.selectbox("Activation", ACTIVATIONS, ACTIVATIONS.index(before), key=activation_key))
    return NetworkSpec(tuple(_to_block(row) for row in rows), activation)


def _last_kind(rows: list[dict[str, Any]]) -> str:
    """Return the kind of the last row, which is the default of a new row."""
    return str(rows[-1].get("kind") or KINDS[0]) if rows else KINDS[0]


def _replace_rows(rows: list[dict[str, Any]]) -> None:
    """Let the next script run draw a new table with these rows."""
    state.set_widget(ROWS, rows)
    state.set_widget(VERSION, (state.widget_value(VERSION) or 0) + 1)
    state.set_widget(IS_REPLACED, True)


def _move_buttons(rows: list[dict[str, Any]]) -> None:
    """Draw the choice of a row and the buttons that move it."""
    if len(rows) < 2:
        return
    key = f"network_row_{len(rows)}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        row = int(
            st.selectbox(
                "Row to move",
                range(len(rows)),
                key=key,
                format_func=lambda number: f"{number + 1}: {rows[number].get('kind') or ''} {rows[number].get('size') or ''}",
                width=180,
            )
        )
        st.button("Move up", key="network_up", on_click=_move, args=(rows, row, row - 1, key), disabled=row == 0)
        st.button("Move down", key="network_down", on_click=_move, args=(rows, row, row + 1, key), disabled=row + 1 == len(rows))


def _move(rows: list[dict[str, Any]], row: int, other: int, key: str) -> None:
    """Swap two neighbouring rows, and keep the moved row selected."""
    moved = list(rows)
    moved[row], moved[other] = moved[other], moved[row]
    _replace_rows(moved)
    state.set_widget(key, other)


def _to_row(block: Block) -> dict[str, Any]:
    return {name: getattr(block, name) for name in Block.__dataclass_fields__}


def _to_block(row: dict[str, Any]) -> Block:
    """Return a block. Empty cells keep their default."""
    values: dict[str, Any] = {"kind": "", "size": 0} | {name: value for name, value in row.items() if value is not None}
    return Block(**values)


def _show_stack(spec: NetworkSpec, settings: TrainSettings) -> None:
    """Draw the layers as a picture and as a table, and show the memory that a training needs."""
    figures.network_stack(spec.shapes())
    rows = [
        {"layer": shape.name, "output": " × ".join(map(str, shape.output)), "parameters": shape.parameters}
        for shape in spec.shapes()
    ]
    columns = {"parameters": st.column_config.NumberColumn(format="localized")}
    st.dataframe(rows, hide_index=True, key="network_stack", width="stretch", column_config=columns)
    megabytes = spec.training_bytes(settings.batch_size or 1, settings.n_optimizer_slots) / 1e6
    st.caption(
        f"{spec.parameters:,} parameters. A training needs about {megabytes:,.1f} MB of memory for the network and a batch of "
        f"{settings.batch_size} digits."
    )


def _show_time(session: LabSession) -> None:
    """Show the duration of an epoch, measured on the worker."""
    built = session.work.result(session.network_task)
    if built is None:
        return
    n_digits = session.training.settings.mnist_samples + len(session.samples.for_training().training_part())
    seconds = formatting.about_seconds(built.seconds_per_1000 * n_digits / 1000)
    st.caption(f"An epoch takes {seconds}, measured on this server.")
