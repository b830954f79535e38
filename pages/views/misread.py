"""The digits that a model misreads, the surest first."""

import numpy as np
import streamlit as st

from pages.shared import gallery, results
from pages.shared.lab import Lab
from pages.views import parts


def show(lab: Lab, models: parts.Models) -> None:
    """On MNIST's test digits; a click shows one in full."""
    name = parts.one(models, "misread", "Misread by")
    judged = {other: one.mnist for other, one in results.judged(lab, models).items()}
    if name not in judged:
        st.caption(parts.WAIT)
        return
    found = judged[name]
    wrong = np.flatnonzero(~found.right)
    surest = wrong[np.argsort(-found.confidence[wrong], kind="stable")]
    st.markdown(
        f"{name} misreads **{len(wrong):,}** of {found.of:,} digits. The surest come first: "
        f"what it says, and how sure it is. Click one to see what every model makes of it."
    )
    digits = parts.test_cells(surest, {name: found})
    cells = [gallery.Cell(cell.number, cell.digit, f"{cell.caption} ({found.confidence[cell.number]:.0%})") for cell in digits]
    picked = gallery.show(cells, "misread_gallery", len(wrong))
    if picked is not None:
        parts.in_full(picked.digit, models, int(found.labels[picked.number]), "misread")
