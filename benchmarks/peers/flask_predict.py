"""A page as in many tutorials: Flask, a canvas whose PNG is sent with fetch, and `model.predict` in the server."""

import base64
import io
import os
from pathlib import Path

import keras
import numpy as np
from fitting import begin
from flask import Flask, request
from PIL import Image

MODEL = Path(__file__).resolve().parents[2] / "models" / "genius" / "model.keras"
PAGE = """<!doctype html><title>Digits</title>
<canvas class="upper-canvas" width="280" height="280" style="background:#000"></canvas><div class="st-key-answer">nothing</div>
<script>
const canvas = document.querySelector("canvas"), pen = canvas.getContext("2d");
pen.fillRect(0, 0, 280, 280); pen.lineWidth = 20; pen.lineCap = "round"; pen.strokeStyle = "#fff";
let drawing = false;
canvas.onpointerdown = (e) => { drawing = true; pen.beginPath(); pen.moveTo(e.offsetX, e.offsetY); };
canvas.onpointermove = (e) => { if (drawing) { pen.lineTo(e.offsetX, e.offsetY); pen.stroke(); } };
canvas.onpointerup = async () => {
  drawing = false;
  const answer = await fetch("/predict", { method: "POST", body: canvas.toDataURL() });
  document.querySelector(".st-key-answer").innerText = await answer.text();
};
</script>"""

model = keras.saving.load_model(MODEL, compile=False)
app = Flask(__name__)


@app.get("/")
def page():
    """Return the page with the canvas."""
    return PAGE


@app.get("/_stcore/health")
def health():
    """Return a status for health checks."""
    return "ok"


@app.post("/predict")
def predict():
    """Return the prediction and the probabilities of a PNG in a data URL."""
    picture = Image.open(io.BytesIO(base64.b64decode(request.get_data().split(b",")[1]))).convert("L").resize((28, 28))
    probabilities = model.predict(np.asarray(picture, np.float32)[None, ..., None], verbose=0)[0]
    return f"{probabilities.argmax()} " + " ".join(f"{share:.6f}" for share in probabilities)


if __name__ == "__main__":
    begin(MODEL)
    app.run(port=int(os.environ["STREAMLIT_SERVER_PORT"]), threaded=True)
