"""Predict the digit in images: `python predict.py picture.png …` needs ai-edge-litert, numpy and pillow, and nothing else."""

import json
import sys
from pathlib import Path

from digitcore.errors import ImageError
from digitcore.images import digit_from_file
from digitcore.predictor import Predictor

FOLDER = Path(__file__).resolve().parent
predictor = Predictor.load(FOLDER / "model.tflite")
card = json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))
for name in sys.argv[1:]:
    try:
        digit, problem = digit_from_file(Path(name).read_bytes()), "the picture is blank"
    except (OSError, ImageError) as error:
        digit, problem = None, str(error)
    if digit is None:
        print(json.dumps({"file": name, "digit": None, "problem": problem}))
        continue
    probabilities = predictor.probabilities(digit[None])[0].round(4).tolist()
    unsure = max(probabilities) < card["metrics"].get("confidence_threshold", 0.5)
    best = probabilities.index(max(probabilities))
    print(json.dumps({"file": name, "digit": best, "unsure": unsure, "probabilities": probabilities}))
