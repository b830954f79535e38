"""Predict the digit in images: `python predict.py picture.png …` needs ai-edge-litert, numpy and pillow, and nothing else."""

import json
import sys
from pathlib import Path

from PIL import Image

from digitcore.images import digit_from_image
from digitcore.predictor import Predictor

FOLDER = Path(__file__).resolve().parent
predictor = Predictor.load(FOLDER / "model.tflite")
card = json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))
for name in sys.argv[1:]:
    digit = digit_from_image(Image.open(name)) if Path(name).is_file() else None
    if digit is None:
        print(json.dumps({"file": name, "digit": None, "problem": "blank, or no such file"}))
        continue
    probabilities = predictor.probabilities(digit[None])[0].round(4).tolist()
    unsure = max(probabilities) < card["metrics"].get("confidence_threshold", 0.5)
    best = probabilities.index(max(probabilities))
    print(json.dumps({"file": name, "digit": best, "unsure": unsure, "probabilities": probabilities}))
