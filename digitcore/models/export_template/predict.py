"""Predict the digit in images: `python predict.py picture.png …` needs ai-edge-litert, numpy, pillow and scipy."""

import json
import sys
from pathlib import Path

from digitcore.errors import ImageError
from digitcore.images import ink_from_file
from digitcore.predictor import Predictor

FOLDER = Path(__file__).resolve().parent
predictor = Predictor.load(FOLDER / "model.tflite")
card = json.loads((FOLDER / "card.json").read_text(encoding="utf-8"))
for name in sys.argv[1:]:
    try:
        found, problem = ink_from_file(Path(name).read_bytes()).digits(), "the picture is blank"
    except (OSError, ImageError) as error:
        found, problem = [], str(error)
    if not found:
        print(json.dumps({"file": name, "digit": None, "problem": problem}))
        continue
    probabilities = predictor.probabilities(found[0].digit[None])[0].round(4).tolist()
    unsure = max(probabilities) < card["metrics"].get("confidence_threshold", 0.5)
    best = probabilities.index(max(probabilities))
    print(json.dumps({"file": name, "digit": best, "unsure": unsure, "probabilities": probabilities}))
