"""Home: what this is, where I am. The first visit of a session goes straight to Draw."""

import streamlit as st

from pages.shared import frame, state, words
from pages.views import shelf, whole

if state.is_first_visit():
    state.visited()
    st.switch_page(frame.DRAW, query_params=st.query_params.to_dict())


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
st.subheader("This lab", anchor=False)
with st.container(key="whole"):
    whole.show(lab)
st.subheader("Models", anchor=False)
shelf.show_table(lab)
drawers = {"Take a model along": shelf.show_out, "Bring a model": shelf.show_in}
for title, show in drawers.items():
    drawer = st.expander(title, key=f"drawer_{title}", on_change="rerun")
    if drawer.open:
        with drawer:
            show(lab)
