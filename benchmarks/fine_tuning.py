"""Measure the time from the press of Train to the fine-tuned model with its result on the drawings, and to its MNIST score.

    python benchmarks/fine_tuning.py [--trainings 5] [--people 3] [--json]

The worker is warm, there are twenty drawings, and the settings are the defaults. It is measured on an idle machine, and while
people draw on a server on the same machine as in `load.py`.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

N_DRAWINGS = 20
TIMEOUT = 120  # s
SECONDS_PER_TRAINING = 15  # s that people draw for each training
WARM_UP = 5  # s until all people draw


def drawings(seed):
    """Return digits that are drawn by code, with their strokes, in place of a person's drawings."""
    import numpy as np

    from digitcore.data import strokes, synthetic
    from digitcore.images import digit_from_ink
    from digitcore.samples import SampleSet

    rng, digits, texts = np.random.default_rng(seed), [], []
    labels = [i % 10 for i in range(N_DRAWINGS)]
    for label in labels:
        placed = synthetic.fit(synthetic.handwritten_strokes(synthetic.choose_glyph(label, rng), rng), extent=200)
        digits.append(digit_from_ink(strokes.paint(placed, brush=20)))
        points = [stroke.round().astype(int).tolist() for stroke in placed]
        texts.append(strokes.to_json(points, 20))
    return SampleSet.from_arrays(np.array(digits), np.array(labels), strokes=texts)


def fine_tune(service, start, seed):
    """Return the seconds to the model and its result on the drawings, which come together, and to its MNIST score."""
    from digitcore.jobs.tasks import ScoreRunTask, TrainTask
    from digitcore.training.settings import TrainSettings

    samples = drawings(seed)
    began = time.perf_counter()
    job = service.submit(TrainTask(start, samples, TrainSettings(seed=seed)))
    job.wait(TIMEOUT)
    model = time.perf_counter() - began
    service.submit(ScoreRunTask("run", start, job.result.model)).wait(TIMEOUT)
    return model, time.perf_counter() - began


def medians(service, start, n):
    """Return the median times of `n` trainings."""
    models, scores = zip(*(fine_tune(service, start, seed) for seed in range(n)), strict=True)
    return {"model_and_personal_result_s": round(statistics.median(models), 2), "mnist_s": round(statistics.median(scores), 2)}


def main():
    """Measure and print."""
    from benchmarks.load import draw_together
    from digitcore import models
    from digitcore.jobs.service import JobService
    from tests.support.browser import Server

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainings", type=int, default=5)
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    start, service = models.load("genius"), JobService()
    fine_tune(service, start, 0)
    found = {"quiet": medians(service, start, options.trainings)}
    with tempfile.TemporaryDirectory() as folder, multiprocessing.get_context("spawn").Pool(1) as apart:
        server = Server(Path(folder))
        try:
            seconds = WARM_UP + SECONDS_PER_TRAINING * options.trainings
            crowd = apart.apply_async(draw_together, (server.url, options.people, seconds))
            time.sleep(WARM_UP)
            found[f"{options.people} people drawing"] = medians(service, start, options.trainings)
            crowd.get()
        finally:
            server.stop()
            service.close()
    print(json.dumps(found, indent=2) if options.json else "\n".join(f"{name}: {values}" for name, values in found.items()))


if __name__ == "__main__":
    main()
