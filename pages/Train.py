"""Train: teach the network with a few sliders, and watch it learn."""

import streamlit as st

from digitcore import charts
from digitcore.runs import TrainSettings
from pages.shared import caches, frame, state, words

WEIGHTS = [1, 2, 5, 10, 20, 50, 100]
MNIST_SAMPLES = [0, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 55_000]
BATCHES = [8, 16, 32, 64, 128, 256]
RATES = {"chosen for you": None, "0.0001": 1e-4, "0.0002": 2e-4, "0.0005": 5e-4, "0.001": 1e-3, "0.003": 3e-3, "0.01": 1e-2}
STARTS = {
    state.STUPID: "Random weights: it has learnt nothing yet.",
    state.GENIUS: "The best shipped model.",
    state.TRAINED: "Your own latest model.",
    state.BETTER: "The initial or the trained model, whichever reads more of your drawings.",
}
KEEP = {"persist_state": "session"}  # a slider's value survives a change of page


def choose_start():
    """Where the training starts."""
    chosen = st.radio(
        "Start from",
        STARTS,
        index=list(STARTS).index(lab.initial),
        captions=None,
        horizontal=True,
        key="start_from",
        help=" ".join(f"**{name}**: {text}" for name, text in STARTS.items()),
        **KEEP,
    )
    lab.initial = chosen or lab.initial
    start, reason = lab.chosen_start()
    if reason:
        st.caption(f"Starts from {reason}")
    elif chosen in (state.TRAINED, state.BETTER) and lab.trained is None:
        st.caption("Nothing trained yet: this training starts from genius.")
    return start


def choose_settings():
    """The sliders."""
    weight = st.select_slider(
        "Your drawings count",
        WEIGHTS,
        value=20,
        format_func=lambda times: f"{times} ×",
        key="sample_weight",
        help="At 1 × a drawing of yours counts as much as one MNIST digit; at 100 × it outweighs a hundred of them.",
        **KEEP,
    )
    mnist_samples = st.select_slider(
        "MNIST digits mixed in",
        MNIST_SAMPLES,
        value=1000,
        format_func=lambda count: f"{count:,}",
        key="mnist_samples",
        help="With 0 the network learns your hand alone and forgets others; with 55,000 it forgets nothing and takes minutes.",
        **KEEP,
    )
    epochs = st.slider(
        "Epochs",
        1,
        20,
        3,
        key="epochs",
        help="How often everything is seen. 1 is quick and shallow; 20 learns your drawings by heart.",
        **KEEP,
    )
    with st.expander("Advanced"):
        batch = st.select_slider(
            "Batch size",
            BATCHES,
            value=32,
            key="batch_size",
            help="Digits per step. Small: more, noisier steps. Large: fewer, smoother ones.",
            **KEEP,
        )
        rate = st.select_slider(
            "Learning rate",
            list(RATES),
            value="chosen for you",
            key="learning_rate",
            help="The size of a step. Too small learns nothing, too large forgets everything. Chosen for you: 0.0005 for a "
            "trained model, 0.003 falling to 0 from random weights.",
            **KEEP,
        )
        seed = st.number_input(
            "Seed", 0, 999_999, 0, key="seed", help="The same seed draws the same MNIST digits in the same order.", **KEEP
        )
    return TrainSettings(
        sample_weight=weight,
        mnist_samples=mnist_samples,
        epochs=epochs,
        batch_size=batch,
        learning_rate=RATES[rate],
        seed=int(seed),
    )


def press_train(start, settings):
    """The button; a press while a training runs does nothing."""
    nothing = not len(lab.samples) and not settings.mnist_samples
    if nothing:
        st.info("Nothing to learn from: label a drawing, or mix in MNIST digits.")
    elif not len(lab.samples):
        st.caption("No labelled drawings yet: this trains on MNIST alone.")
    else:
        st.caption(f"Learns from {words.drawings(len(lab.samples))} of yours, {words.count(settings.mnist_samples)} of MNIST.")
    if (
        st.button("Train", type="primary", width="stretch", key="train", disabled=nothing or lab.training is not None)
        and not lab.training
    ):
        lab.begin_training(start, settings)
        st.rerun()


def show_training():
    """Progress while a training runs, its outcome afterwards."""
    if lab.training and lab.collect():
        st.rerun()
    if lab.training:
        _show_progress(lab.training)
    elif lab.notice:
        st.error(lab.notice)
    elif lab.run:
        _show_outcome(lab.run)
    else:
        st.markdown("Nothing trained yet. Press **Train**, and the curves grow here.")


def _show_progress(job):
    last = job.messages[-1] if job.messages else {"epoch": 0}
    share = min(1.0, last["epoch"] / lab.settings.epochs)
    bar, stop = st.columns([5, 1], vertical_alignment="bottom")
    bar.progress(share, text=words.progress(job, lab.settings.epochs).capitalize())
    stop.button(
        "Stop", key="stop", on_click=job.stop, disabled=job.stopping, width="stretch", help="Ends now and keeps what was learnt."
    )
    _show_curves(job.messages, lab.settings.epochs)


def _show_outcome(run):
    for sentence in words.outcome(run, lab.read_before, lab.read_after, len(lab.learnt)):
        st.markdown(sentence)
    with st.container(horizontal=True):
        st.page_link(frame.DRAW, label="Draw with it", icon=":material/draw:")
        st.page_link(frame.EVALUATE, label="Compare", icon=":material/bar_chart:")
    _show_curves(run.history, run.settings.epochs)
    table = charts.curve_table({run.model.name: run.history})
    st.download_button("Download the curves (CSV)", table.to_csv(index=False), "curves.csv", "text/csv", type="tertiary")


def _show_curves(points, epochs):
    for column, measure in zip(st.columns(2), charts.MEASURES, strict=True):
        table = charts.curve_table({"training": points}, measure)
        column.altair_chart(charts.curves(table, measure, epochs=epochs), key=f"curve_{measure}")
    st.caption("Solid: the digits it learns from. Dashed: MNIST digits that it never learns from.")


lab = frame.begin(frame.TRAIN)
caches.jobs().warm()
st.title("Train", anchor=False)
if not caches.has_mnist():
    st.warning(words.NO_MNIST)
left, right = st.columns([1, 2], gap="large")
with left:
    press_train(choose_start(), choose_settings())
with right, st.container(key="training"):
    st.fragment(show_training, run_every=frame.POLL if lab.training else None)()
