"""The lineage of the lab's models: the tree of runs, and what a model was made from."""

import hashlib

import numpy as np
import streamlit as st

from digitcore.samples import SampleSet
from digitcore.storage import lineage
from digitcore.storage.lineage import Node
from digitcore.storage.snapshot import RunRecord
from digitcore.training.settings import DEFAULTS
from digitcore.values import format_value
from pages.components import figures
from pages.session import formatting
from pages.session.lab_session import LabSession
from pages.session.training_data import training_data

MAX_SHOWN = 40  # drawings
SHOWN_DIGITS = 12  # first characters of a SHA-256


def show(session: LabSession) -> None:
    """Draw the tree of the models, and the origin of one model."""
    nodes = lineage.tree(session.models.runs)
    if not nodes:
        st.caption("No training yet. After a training, the tree shows from which model and which drawings each run learnt.")
        return
    st.markdown("\n".join(f"{'  ' * node.depth}- {_describe(node)}" for node in nodes))
    records = {node.name: node.record for node in nodes if node.record is not None}
    names = list(records)[::-1]
    record = records[str(st.selectbox("Origin of", names, key=f"lineage_of_{len(names)}", width=320))]
    st.dataframe(_origin(record), hide_index=True, key="lineage_origin")
    _show_samples(session.samples.current, record.model.card.sample_hashes)


def _describe(node: Node) -> str:
    name = f"**{formatting.escape(node.name)}**"
    if node.record is None:
        return name
    card = node.record.model.card
    return f"{name}: {training_data(card.training_data) or 'no new samples'}, seed {node.record.run.settings.seed}"


def _origin(record: RunRecord) -> list[dict[str, str]]:
    """Return the rows of the table about a model's origin."""
    card, settings = record.model.card, record.run.settings
    changed = {name: value for name in DEFAULTS if (value := getattr(settings, name)) != DEFAULTS[name] and name != "seed"}
    rows = {
        "Started from": f"{record.run.parent}, model.keras {_short(card.start_sha256 or _sha256(record.start.keras_bytes))}",
        "Samples": training_data(card.training_data),
        "Settings": ", ".join(f"{name}={format_value(value)}" for name, value in changed.items()) or "all defaults",
        "Seed": str(settings.seed),
        "Code": card.versions.get("digitlab", "unknown"),
        "Packages": ", ".join(f"{name} {version}" for name, version in card.versions.items() if name != "digitlab") or "unknown",
        "Date": card.date or "unknown",
        "This model": f"model.keras {_short(_sha256(record.model.keras_bytes))}",
    }
    return [{"Origin": name, "Value": value} for name, value in rows.items()]


def _show_samples(samples: SampleSet, hashes: list[str]) -> None:
    """Show the drawings of the training set that are still in the lab."""
    if not hashes:
        st.caption("No drawing of yours was in the training set.")
        return
    present = np.flatnonzero(samples.is_learnt(hashes))
    n_deleted = len(set(hashes) - set(samples.digit_hashes))
    deleted = f" {formatting.drawings(n_deleted)} of the training set {'is' if n_deleted == 1 else 'are'} not in the lab now."
    st.caption(f"The network has learnt from these drawings.{deleted * bool(n_deleted)}")
    figures.figure_row([figures.Figure(samples.digits[i], str(samples.labels[i])) for i in present[:MAX_SHOWN]])
    if len(present) > MAX_SHOWN:
        st.caption(f"… and {formatting.drawings(len(present) - MAX_SHOWN)} more.")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _short(sha256: str) -> str:
    return sha256[:SHOWN_DIGITS]
