"""Digits a second and ms a digit of the same model, answered by LiteRT, Keras and ONNX Runtime.

    python benchmarks/inference.py [--rounds 5]

One digit at a time is what a stroke asks; a thousand at a time what an evaluation asks. All take turns in one process with
as many threads as they take by default, LiteRT with one as the dashboard uses it and with all.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import onnxruntime
import tensorflow as tf

from benchmarks.report import table
from digitcore import mnist, models
from digitcore.models import keras_io
from digitcore.predictor import Predictor

MODEL, SINGLES, MANY = "genius", 50, 1000


def ways():
    """Name → a function from (N, 28, 28, 1) float32 to (N, 10)."""
    bundle = models.load(MODEL)
    keras_model = keras_io.open_model(bundle)
    traced = tf.function(keras_model, reduce_retracing=True)
    session = onnxruntime.InferenceSession(keras_io.to_onnx(bundle))
    name = session.get_inputs()[0].name
    one, every = (Predictor(bundle.tflite_bytes, threads) for threads in (1, os.cpu_count() or 1))
    return {
        "LiteRT, one thread (Digit Lab)": one.probabilities,
        "LiteRT, all threads": every.probabilities,
        "Keras `model(x)`": lambda x: keras_model(x).numpy(),
        "Keras `model.predict`": lambda x: keras_model.predict(x, verbose=0),
        "`tf.function`": lambda x: traced(x).numpy(),
        "ONNX Runtime": lambda x: session.run(None, {name: x})[0],
    }


def seconds(work):
    """Of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main():
    """Measure in turns and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    digits = mnist.load_test()[0][:MANY, ..., None].astype(np.float32)
    answer = ways()
    expected = next(iter(answer.values()))(digits)
    for name, ask in answer.items():
        if np.abs(ask(digits) - expected).max() > 1e-3:
            raise SystemExit(f"{name} answers otherwise.")
        ask(digits[:1])
    single, many = {name: [] for name in answer}, {name: [] for name in answer}
    for _ in range(options.rounds):
        for name, ask in answer.items():
            single[name] += [seconds(lambda i=i, ask=ask: ask(digits[i : i + 1])) for i in range(SINGLES)]
            many[name].append(seconds(lambda ask=ask: ask(digits)))
    ours, ours_many = (statistics.median(found[next(iter(answer))]) for found in (single, many))
    rows = []
    for name in answer:
        alone, together = statistics.median(single[name]), statistics.median(many[name])
        rows.append(
            (name, f"{1000 * alone:.2f}", f"{ours / alone:.3f} ×", f"{MANY / together:,.0f}", f"{together / ours_many:.2f} ×")
        )
    head = ("way", "ms for one digit", "Digit Lab's share of it", "digits a second, 1,000 at once", "times Digit Lab's wait")
    print(table(head, rows))


if __name__ == "__main__":
    main()
