"""Home: what this is, where I am. The first visit of a session goes straight to Draw."""

import pandas as pd
import streamlit as st

from pages.shared import caches, frame, state, words

if state.is_first_visit():
    state.visited()
    st.switch_page(frame.DRAW)


def steps():
    """The loop with its present state: page, what one does there, how things stand."""
    drawn = "A drawing is on the canvas." if lab.canvas.digit is not None else "Nothing drawn yet."
    trained = lab.in_use.model.card.lesson if lab.in_use else "Nothing trained yet."
    compared = "Compared." if lab.has_compared else "Nothing compared yet."
    return [
        (frame.DRAW, "Draw and see the guess", drawn),
        (frame.DRAW, "Label it to teach", f"{words.drawings(len(lab.samples))} labelled."),
        (frame.TRAIN, "Train", trained),
        (frame.EVALUATE, "Compare", compared),
    ]


lab = frame.begin(frame.HOME)
st.title("Digit Lab", anchor=False)
st.markdown(
    "Draw a digit and watch a neural network guess after every stroke.  \n"
    "Label your drawings to teach it your hand, and train it with a few sliders.  \n"
    "Compare before and after in charts that say how sure they are."
)
for number, (column, (page, what, standing)) in enumerate(zip(st.columns(4), steps(), strict=True), start=1):
    with column.container(border=True, height="stretch"):
        st.markdown(f"**{number}. {what}**  \n{standing}")
        st.page_link(page, label=f"Go to {frame.PAGES[page][0]}", icon=":material/arrow_forward:")
st.subheader("Models", anchor=False)
shelf = [caches.shipped(name).card for name in caches.shelf()] + [one.model.card for one in lab.runs]
st.dataframe(
    pd.DataFrame(
        {
            "Model": [card.name for card in shelf],
            "MNIST": [f"{card.figures['mnist_accuracy']:.2%}" if card.figures else "" for card in shelf],
            "Parameters": [f"{card.parameters:,}" for card in shelf],
            "Learnt": [card.lesson for card in shelf],
        }
    ),
    hide_index=True,
)
