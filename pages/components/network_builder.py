"""Choose the network that is trained from random weights, or build one."""

from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from digitcore.errors import ModelError
from digitcore.images import SIDE
from digitcore.models.network_spec import ACTIVATIONS, KINDS, MAX_DROPOUT, MAX_SIZE, Block, NetworkSpec, is_spec
from digitcore.training.recipes import NETWORKS
from pages.components import figures
from pages.session import state
from pages.session.lab_session import LabSession
from pages.session.training_state import Start

OWN = "Build my own"
FIRST = NetworkSpec((Block("conv", 16, pooling=True), Block("conv", 32, pooling=True), Block("dense", 64, dropout=0.3)))
HELP = (
    "What is trained from random weights. **genius** is the network of the shipped models genius and untrained; **mlp** has one "
    "hidden layer; **convnet** is Keras's own example; **cnn13** and the noise family are tutorials'. Or build one from rows."
)


def network_builder(session: LabSession, place: DeltaGenerator) -> None:
    """The choice, and the rows of a network of one's own, with what it costs.

    Args:
        session: whose training it is.
        place: where the rows stand, as wide as the page.
    """
    training = session.training
    current = OWN if is_spec(training.network) else training.network or NETWORKS[0]
    key = f"network_{training.revision}"  # a new widget where something else has set the form
    state.seed_widget(key, current)
    chosen = str(st.selectbox("Network", [*NETWORKS, OWN], key=key, help=HELP))
    if chosen == OWN:
        with place, st.container(border=True, key="network_builder"):
            _build_own(session)
    else:
        training.choose_network("" if chosen == NETWORKS[0] else chosen)
    if training.network and not training.network_error:
        _show_time(session)


def _build_own(session: LabSession) -> None:
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
        _show_stack(spec, training.settings.resolved(is_trained=False).batch_size or 0)


def is_built(session: LabSession) -> bool:
    """Whether the next training has a model to start from."""
    training = session.training
    if training.is_network_invalid:
        return False
    return training.start != Start.UNTRAINED or not training.network or session.work.result(session.network_task) is not None


def _edit(spec: NetworkSpec, revision: int) -> NetworkSpec:
    """The rows as a table that can be edited.

    Raises:
        ModelError: when they make no network.
    """
    table_key, activation_key = f"network_table_{revision}", f"network_activation_{revision}"
    if not state.has_widget(table_key):  # which keeps its edits beside the rows that it began with
        state.set_widget("network_rows", [_to_row(block) for block in spec.blocks])
    st.caption("Your network, from the picture to the answer: convolutions first, then dense layers.")
    rows = st.data_editor(
        state.widget_value("network_rows"),
        key=table_key,
        num_rows="dynamic",
        hide_index=True,
        column_config={
            "kind": st.column_config.SelectboxColumn("Layer", options=list(KINDS), required=True, default="conv"),
            "size": st.column_config.NumberColumn("Filters or units", min_value=1, max_value=MAX_SIZE, default=16, required=True),
            "kernel_size": st.column_config.NumberColumn(
                "Kernel (px)", min_value=1, max_value=SIDE, default=3, help="Of a convolution; a dense layer has none."
            ),
            "batch_normalization": st.column_config.CheckboxColumn(
                "Batch norm", default=False, help="Batch normalization: keeps the numbers between layers in one range."
            ),
            "pooling": st.column_config.CheckboxColumn("Pooling", default=False, help="After a convolution: halves the picture."),
            "dropout": st.column_config.NumberColumn(
                "Dropout",
                min_value=0.0,
                max_value=MAX_DROPOUT,
                step=0.05,
                default=0.0,
                help="Share of outputs that a training leaves out.",
            ),
        },
    )
    state.seed_widget(activation_key, spec.activation)
    activation = str(st.selectbox("Activation", ACTIVATIONS, key=activation_key))
    return NetworkSpec(tuple(_to_block(row) for row in rows), activation)


def _to_row(block: Block) -> dict[str, Any]:
    return {name: getattr(block, name) for name in Block.__dataclass_fields__}


def _to_block(row: dict[str, Any]) -> Block:
    """What was left empty keeps its default."""
    values: dict[str, Any] = {"kind": "", "size": 0} | {name: value for name, value in row.items() if value is not None}
    return Block(**values)


def _show_stack(spec: NetworkSpec, batch_size: int) -> None:
    """A picture of the layers, each of them in numbers, and what the whole needs."""
    figures.network_stack(spec.shapes())
    rows = [
        {"layer": shape.name, "output": " × ".join(map(str, shape.output)), "parameters": shape.parameters}
        for shape in spec.shapes()
    ]
    columns = {"parameters": st.column_config.NumberColumn(format="localized")}
    st.dataframe(rows, hide_index=True, key="network_stack", width="stretch", column_config=columns)
    megabytes = spec.training_bytes(batch_size) / 1e6
    st.caption(f"{spec.parameters:,} parameters. About {megabytes:,.1f} MB of memory while it is trained.")


def _show_time(session: LabSession) -> None:
    """How long an epoch takes, measured on the worker."""
    built = session.work.result(session.network_task)
    if built is None:
        return
    n_digits = session.training.settings.mnist_samples + len(session.samples.for_training().training_part())
    st.caption(f"About {built.seconds_per_1000 * n_digits / 1000:.2g} s an epoch, measured on this server.")
