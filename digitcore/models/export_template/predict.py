"""Predict the digit in each picture.

It prints one JSON object for each digit, with its box in px. It needs ai-edge-litert, numpy, pillow and scipy."""

import argparse
import json
import sys
from pathlib import Path

from digitcore.errors import ImageError
from digitcore.images import ink_from_file
from digitcore.predictor import Predictor

parser = argparse.ArgumentParser(description=__doc__, epilog="Exit status: 0, 1 if a picture shows no digit, 2 for wrong usage.")
parser.add_argument("pictures", nargs="+", metavar="picture", help="a picture or a photograph, such as PNG or JPEG")
parser.add_argument("--all", action="store_true", help="predict every digit of a picture instead of the largest")
arguments = parser.parse_args()
folder, status = Path(__file__).resolve().parent, 0
predictor = Predictor.load(folder / "model.tflite")
threshold = json.loads((folder / "card.json").read_text(encoding="utf-8"))["metrics"].get("confidence_threshold", 0.5)
for name in arguments.pictures:
    try:
        found, problem = ink_from_file(Path(name).read_bytes()).digits(every=arguments.all), "The picture is blank."
    except (OSError, ImageError) as error:
        found, problem = [], str(error)
    if not found:
        status = 1
        print(json.dumps({"file": name, "digit": None, "problem": problem}))
    for one in found:
        shares = predictor.probabilities(one.digit[None])[0].astype(float).round(4).tolist()
        answer = {"file": name, "digit": shares.index(max(shares)), "unsure": max(shares) < threshold, "probabilities": shares}
        print(json.dumps(answer | {"box": one.box, "digits_found": one.n_found}))
sys.exit(status)
