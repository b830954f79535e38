"""A page as in Gradio's guides: a Sketchpad, a Label, and `model.predict` in the server."""

import os
from pathlib import Path

import gradio
import keras
import numpy as np
from fitting import begin
from PIL import Image

MODEL = Path(__file__).resolve().parents[2] / "models" / "genius" / "model.keras"
model = keras.saving.load_model(MODEL, compile=False)


def predict(drawn):
    """Return the probabilities of a sketch."""
    if drawn is None or not drawn["layers"]:
        return {}
    picture = Image.fromarray(drawn["layers"][0][..., 3]).resize((28, 28))
    probabilities = model.predict(np.asarray(picture, np.float32)[None, ..., None], verbose=0)[0]
    return {f"{digit} {share:.6f}": float(share) for digit, share in enumerate(probabilities)}


with gradio.Blocks() as page:
    pad = gradio.Sketchpad(
        type="numpy",
        image_mode="RGBA",
        canvas_size=(280, 280),
        width=300,
        height=340,
        brush=gradio.Brush(default_size=20),
        elem_classes="canvas",
    )
    pad.change(predict, pad, gradio.Label(num_top_classes=10, elem_classes="st-key-answer"), show_progress="hidden")

if __name__ == "__main__":
    begin(MODEL)
    page.launch(server_port=int(os.environ["STREAMLIT_SERVER_PORT"]), quiet=True)
