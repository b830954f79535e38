"""Train: teach the network with a few sliders, and watch it learn."""

import streamlit as st

from digitcore import charts
from digitcore.runs import NOISES, TrainSettings
from pages.shared import caches, frame, history, sweeping, words
from pages.shared import lab as labs

WEIGHTS = [1, 2, 5, 10, 20, 50, 100]
MNIST_SAMPLES = [0, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 55_000]
BATCHES = [None, 8, 16, 32, 64, 128, 256]
RATES = [None, 1e-4, 2e-4, 5e-4, 1e-3, 3e-3, 1e-2]
SHARES = [None, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
STARTS = {
    labs.STUPID: "random weights: it has learnt nothing yet.",
    labs.GENIUS: "the best shipped model.",
    labs.TRAINED: "your own model in use.",
    labs.BETTER: "the initial or the trained model, whichever reads more of your drawings.",
    labs.A_RUN: "any run of the table below, or a model that you brought.",
}
KEEP = {"bind": "query-params"}  # values survive a change of page, and a link carries them to others


def choose_start():
    """Where the training starts."""
    lab.initial = st.radio(
        "Start from",
        STARTS,
        index=1,
        horizontal=True,
        key="start_from",
        help="  \n".join(f"**{name}**: {text}" for name, text in STARTS.items()),
        **KEEP,
    )
    if lab.initial == labs.A_RUN and lab.own:
        lab.initial_run = st.selectbox("Model", list(lab.own), key="start_run", label_visibility="collapsed")
    start, reason = lab.chosen_start()
    if reason:
        st.caption(f"Starts from {reason}")
    elif lab.initial in (labs.TRAINED, labs.BETTER, labs.A_RUN) and not lab.own:
        st.caption("Nothing trained yet: this training starts from genius.")
    return start


def choose_settings():
    """The sliders."""
    main = {
        "sample_weight": st.select_slider(
            "Your drawings count",
            WEIGHTS,
            value=50,
            format_func=lambda times: f"{times} ×",
            key="sample_weight",
            help="At 1 × a drawing of yours counts as much as one MNIST digit; at 100 × it outweighs a hundred of them.",
            **KEEP,
        ),
        "mnist_samples": st.select_slider(
            "MNIST digits mixed in",
            MNIST_SAMPLES,
            value=500,
            format_func=lambda count: f"{count:,}",
            key="mnist_samples",
            help="With 0 the network learns your hand alone and forgets others; with 55,000 it forgets little and takes minutes.",
            **KEEP,
        ),
        "epochs": st.slider(
            "Epochs",
            1,
            20,
            2,
            key="epochs",
            help="How often everything is seen. 1 is quick and shallow; 20 learns your drawings by heart.",
            **KEEP,
        ),
    }
    with st.expander("Advanced"):
        return TrainSettings(**main, **choose_advanced())


def or_auto(value):
    """A number as people read it, or that it is chosen by what the training starts from."""
    return "auto" if value is None else f"{value:g}"


def choose_advanced():
    """What most people leave alone."""
    rate = st.select_slider(
        "Learning rate",
        RATES,
        value=None,
        format_func=or_auto,
        key="learning_rate",
        help="The size of a step. Too small learns nothing, too large forgets everything. Auto: 0.0005 for a model that can "
        "read, 0.003 falling to 0 from random weights.",
        **KEEP,
    )
    return {
        "learning_rate": rate,
        "batch_size": st.select_slider(
            "Batch size",
            BATCHES,
            value=None,
            format_func=or_auto,
            key="batch_size",
            help="Digits per step. Small: more, noisier steps. Auto: 32 for a model that can read, 16 from random weights.",
            **KEEP,
        ),
        "gentle": st.select_slider(
            "Gentle",
            SHARES,
            value=None,
            format_func=or_auto,
            key="gentle",
            help="Share of the old weights mixed back in at the end: 0 learns most, 0.9 hardly changes anything. "
            "Auto: 0.3 for a model that can read, 0 from random weights.",
            **KEEP,
        ),
        "focus": "".join(
            map(
                str,
                st.pills(
                    "More of these MNIST digits",
                    range(10),
                    selection_mode="multi",
                    key="focus",
                    help="They make up half of the MNIST digits: 7 and 9, say, where those are confused.",
                    **KEEP,
                ),
            )
        ),
        "noise": st.segmented_control(
            "Noise on the MNIST digits",
            NOISES,
            default="none",
            required=True,
            key="noise",
            help="A different degree in each epoch.",
            **KEEP,
        ),
        "augment_samples": st.toggle(
            "Move my drawings a little in each epoch", key="augment_samples", help="A small turn, shift and stretch.", **KEEP
        ),
        "seed": int(
            st.number_input(
                "Seed", 0, 999_999, 0, key="seed", help="The same seed draws the same MNIST digits in the same order.", **KEEP
            )
        ),
    }


def choose_teaching():
    """How the drawings are used."""
    lab.hold_out = st.toggle(
        "Hold out every fourth drawing",
        value=True,
        key="hold_out",
        help="Of each digit. They are not learnt from, so that the score on them is honest.",
        **KEEP,
    )
    lab.train_after_label = st.toggle(
        "Train after each label",
        key="train_after_label",
        help="Every label on the Draw page trains at once, with these settings.",
        **KEEP,
    )


def press_train(start, settings):
    """The button; a press while a training runs does nothing."""
    learnt = lab.lesson().to_learn()
    nothing = not len(learnt) and not settings.mnist_samples
    if nothing:
        st.info("Nothing to learn from: label a drawing, or mix in MNIST digits.")
    elif not len(lab.samples):
        st.caption("No labelled drawings yet: this trains on MNIST alone.")
    else:
        held = len(lab.samples) - len(learnt)
        st.caption(
            f"Learns from {words.drawings(len(learnt))} of yours{f', {held} held out' * bool(held)}, "
            f"{words.count(settings.mnist_samples)} of MNIST."
        )
    if st.button("Train", type="primary", width="stretch", key="train", disabled=nothing or lab.training is not None):
        if not lab.training:
            lab.begin_training(start, settings)
        st.rerun()


def show_training():
    """Progress while a training runs, its outcome afterwards."""
    if lab.training and (lab.collect() or frame.pace(lab.training) != pace):
        st.rerun()
    if lab.training:
        show_progress(lab.training)
        return
    if lab.notice:
        st.error(lab.notice)
    if lab.in_use:
        show_outcome(lab.in_use)
    elif not lab.notice:
        st.markdown("Nothing trained yet. Press **Train**, and the curves grow here.")


def show_progress(job):
    last = job.messages[-1] if job.messages else {"epoch": 0}
    bar, stop = st.columns([5, 1], vertical_alignment="bottom")
    bar.progress(min(1.0, last["epoch"] / lab.settings.epochs), text=words.progress(job, lab.settings.epochs))
    stop.button(
        "Stop", key="stop", on_click=job.stop, disabled=job.stopping, width="stretch", help="Ends now and keeps what was learnt."
    )
    if job.messages:
        show_curves(job.messages, lab.settings.epochs)


def show_outcome(one):
    for sentence in words.outcome(one.run):
        st.markdown(sentence)
    if hurt := words.warning(one.run):
        st.warning(hurt)
    with st.container(horizontal=True):
        if one.run.stopped and st.button("Continue", key="continue", help="Goes on from where it was stopped."):
            lab.begin_training(one.start, one.run.settings, goes_on=one.run)
            st.rerun()
        st.page_link(frame.DRAW, label="Draw with it", icon=":material/draw:")
        st.page_link(frame.EVALUATE, label="Compare", icon=":material/bar_chart:")
    show_curves(one.run.history, one.run.settings.epochs)
    table = charts.curve_table({one.name: one.run.history})
    st.download_button("Download the curves (CSV)", table.to_csv(index=False), "curves.csv", "text/csv", type="tertiary")


def show_curves(points, epochs):
    for column, measure in zip(st.columns(2), charts.MEASURES, strict=True):
        table = charts.curve_table({"training": points}, measure)
        column.altair_chart(charts.curves(table, measure, epochs=epochs), key=f"curve_{measure}")
    st.caption("Solid: the digits it learns from. Dashed: MNIST digits that it never learns from.")


lab = frame.begin(frame.TRAIN)
caches.jobs().warm()
st.title("Train", anchor=False)
if not caches.has_mnist():
    st.warning(words.NO_MNIST)
sweeping.apply(lab, {"sample_weight": "sample_weight", "mnist_samples": "mnist_samples", "epochs": "epochs", "gentle": "gentle"})
left, right = st.columns([1, 2], gap="large")
with left:
    start, lab.chosen = choose_start(), choose_settings()
    choose_teaching()
    press_train(start, lab.chosen)
with right, st.container(key="training"):
    pace = frame.pace(lab.training)
    st.fragment(show_training, run_every=pace)()
history.show(lab)
sweeping.show(lab, start)
