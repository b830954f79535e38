"""The review of doubtful labels: accept the suggested label, or keep the present label."""

import streamlit as st

from digitcore.jobs.tasks import LabelIssuesTask
from digitcore.samples import SampleSet
from pages.components import gallery
from pages.session import formatting, resources, state
from pages.session.lab_session import LabSession
from pages.session.model_library import PRETRAINED

MIN_SAMPLES = 10  # With fewer samples, the four models would learn too little.
CLOSER_HELP = (
    "Each of four models is trained without a quarter of your drawings, and predicts that quarter. A model that was trained on a "
    "wrong label would confirm the label. The least likely label comes first (confident learning, C. Northcutt et al. 2021)."
)


def show(session: LabSession, digits: list[int]) -> None:
    """Draw the drawings with doubtful labels, and buttons to relabel the drawings or to keep their labels.

    Args:
        session: The session.
        digits: Labels to show; an empty list shows all.
    """
    suggestions = _suggestions(session)
    if suggestions is None:
        return
    samples = session.samples.current
    shown = {i: digit for i, digit in suggestions.items() if not digits or samples.labels[i] in digits}
    if not shown:
        st.caption("No label looks wrong.")
        return
    cells = [gallery.Cell(i, samples.digits[i], f"{samples.labels[i]}, perhaps {digit}") for i, digit in shown.items()]
    selected = gallery.multi_gallery(cells, f"review_{len(samples)}_{len(cells)}")
    chosen = selected or list(shown)
    n = f"these {len(chosen)}" if selected else f"all {len(chosen)}"
    with st.container(horizontal=True):
        arguments = (session, {i: shown[i] for i in chosen})
        st.button(f"Relabel {n} as suggested", key="review_relabel", on_click=_relabel, args=arguments)
        st.button(f"Keep {n}", key="review_keep", on_click=_keep, args=arguments)


def _suggestions(session: LabSession) -> dict[int, int] | None:
    """Return sample index → suggested label, most doubtful first; `None` while the models are trained."""
    is_closer = st.toggle(
        "Check with other models",
        session.samples.reviewed is not None,
        key="review_closer",
        help=CLOSER_HELP,
        disabled=len(session.samples) < MIN_SAMPLES,
        on_change=_look_closer,
        args=(session,),
    )
    if is_closer and session.samples.reviewed is not None:
        return _doubted_by_others(session, session.samples.reviewed)
    found = session.contradicted_samples()
    model = session.resources.shipped(PRETRAINED)
    predictions = resources.probabilities(model, session.samples.current.digits[found]).argmax(1).tolist() if len(found) else []
    return dict(zip(found.tolist(), predictions, strict=True))


def _doubted_by_others(session: LabSession, reviewed: SampleSet) -> dict[int, int] | None:
    """Return the suggestions for samples that have not changed since the check started and whose label was not kept."""
    issues = session.work.result(LabelIssuesTask(session.resources.shipped(PRETRAINED), reviewed))
    if issues is None:
        return None
    before, kept = reviewed.identities(), session.samples.kept
    place = {identity: i for i, identity in enumerate(session.samples.current.identities()) if identity not in kept}
    return {place[before[issue.index]]: issue.suggested for issue in issues if before[issue.index] in place}


def _look_closer(session: LabSession) -> None:
    session.samples.review(session.samples.current if state.widget_value("review_closer") else None)


def _relabel(session: LabSession, suggestions: dict[int, int]) -> None:
    samples = session.samples.current
    for i, digit in suggestions.items():
        samples = samples.relabel([i], digit)
    session.replace_samples(samples, f"{formatting.drawings(len(suggestions))} relabelled.")


def _keep(session: LabSession, suggestions: dict[int, int]) -> None:
    session.samples.keep(suggestions)
