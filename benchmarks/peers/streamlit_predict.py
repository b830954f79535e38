"""A typical page: Streamlit, Keras in the server, and `model.predict` on the resized canvas."""

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import streamlit as st
from fitting import begin
from PIL import Image
from streamlit_drawable_canvas import st_canvas

MODEL = Path(__file__).resolve().parents[2] / "models" / "genius" / "model.keras"


@st.cache_resource
def load():
    """Load the model once for the server."""
    begin(MODEL)
    return keras.saving.load_model(MODEL, compile=False)


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
    if drawn.image_data is not None:
        picture = Image.fromarray(drawn.image_data.astype(np.uint8)).convert("L").resize((28, 28))
        probabilities = load().predict(np.asarray(picture, np.float32)[None, ..., None], verbose=0)[0]
        st.write(f"{probabilities.argmax()}: {probabilities.max():.4%} {probabilities[0]:.6f}")
        st.bar_chart(pd.DataFrame({"probability": probabilities}))
