"""Measure the throughput and latency of the same model in LiteRT, Keras and ONNX Runtime.

    python benchmarks/inference.py [--rounds 5]

A stroke predicts one digit, and an evaluation predicts a thousand at once. All runtimes take turns in one process, with their
default number of threads. LiteRT is measured with one thread, as in the dashboard, and with all threads.
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
    """Return functions from (N, 28, 28, 1) float32 to (N, 10) probabilities, by the name of the runtime."""
    bundle = models.load(MODEL)
    keras_model = keras_io.open_model(bundle)
    traced = tf.function(keras_model, reduce_retracing=True)
    session = onnxruntime.InferenceSession(keras_io.to_onnx(bundle))
    name = session.get_inputs()[0].name
    one, every = (Predictor(bundle.tflite_bytes, threads) for threads in (1, os.cpu_count() or 1))
    return {
        "LiteRT, one thread (Digit Lab)": one.probabilities,
        "LiteRT, one thread, again (null)": one.probabilities,
        "LiteRT, all threads": every.probabilities,
        "Keras `model(x)`": lambda x: keras_model(x).numpy(),
        "Keras `model.predict`": lambda x: keras_model.predict(x, verbose=0),
        "`tf.function`": lambda x: traced(x).numpy(),
        "ONNX Runtime": lambda x: session.run(None, {name: x})[0],
    }


def seconds(work):
    """Return the seconds of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def main():
    """Measure the runtimes in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    digits = mnist.load_test()[0][:MANY, ..., None].astype(np.float32)
    answer = ways()
    expected = next(iter(answer.values()))(digits)
    for name, ask in answer.items():
        if np.abs(ask(digits) - expected).max() > 1e-3:
            raise SystemExit(f"{name} predicts other probabilities than LiteRT.")
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
    head = (
        "runtime",
        "ms for one digit",
        "Digit Lab's time ÷ this time",
        "digits a second, 1,000 at once",
        "this time ÷ Digit Lab's time",
    )
    print(table(head, rows))


if __name__ == "__main__":
    main()
