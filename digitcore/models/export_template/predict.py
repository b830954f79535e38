"""Predict the digit in each image, or every digit with its box in px: `python predict.py [--all] picture.png …`.

It needs ai-edge-litert, numpy, pillow and scipy."""

import json
import sys
from pathlib import Path

from digitcore.errors import ImageError
from digitcore.images import ink_from_file
from digitcore.predictor import Predictor

if __name__ == "__main__":
    folder = Path(__file__).resolve().parent
    predictor = Predictor.load(folder / "model.tflite")
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    for name in (argument for argument in sys.argv[1:] if argument != "--all"):
        try:
            found, problem = ink_from_file(Path(name).read_bytes()).digits(every="--all" in sys.argv), "the picture is blank"
        except (OSError, ImageError) as error:
            found, problem = [], str(error)
        if not found:
            print(json.dumps({"file": name, "digit": None, "problem": problem}))
        for one in found:
            probabilities = predictor.probabilities(one.digit[None])[0].astype(float).round(4).tolist()
            answer = {
                "file": name,
                "digit": probabilities.index(max(probabilities)),
                "unsure": max(probabilities) < card["metrics"].get("confidence_threshold", 0.5),
                "probabilities": probabilities,
                "box": one.box,
                "digits_found": one.n_found,
            }
            print(json.dumps(answer))
