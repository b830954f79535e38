"""A bare Streamlit page that echoes the amount of ink on the canvas. It is the lower bound for Streamlit pages."""

import streamlit as st
from streamlit_drawable_canvas import st_canvas

drawn = st_canvas(
    stroke_width=20,
    stroke_color="#ffffff",
    background_color="#000000",
    width=280,
    height=280,
    return_image_data=True,
    key="canvas",
)
with st.container(key="answer"):
    st.write("ink", 0 if drawn.image_data is None else int(drawn.image_data[..., 0].sum()))
