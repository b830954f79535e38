"""A typical API: FastAPI, `model.predict`, pictures resized to 28 × 28. Run by `benchmarks/api.py`."""

import io
from pathlib import Path

import keras
import numpy as np
from fastapi import FastAPI, Request
from PIL import Image

model = keras.saving.load_model(Path(__file__).resolve().parents[2] / "models" / "genius" / "model.keras", compile=False)
app = FastAPI()


@app.post("/api/v1/predict")
async def predict(request: Request):
    """Return the prediction and the ten probabilities of a picture."""
    picture = Image.open(io.BytesIO(await request.body())).convert("L").resize((28, 28))
    probabilities = model.predict(np.asarray(picture, np.float32)[None, ..., None], verbose=0)[0]
    return {"digit": int(probabilities.argmax()), "probabilities": probabilities.tolist()}


@app.get("/healthz")
def health():
    """Return a status for health checks."""
    return {"status": "ok"}
