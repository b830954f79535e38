"""Measure the time from the press of Train to the fine-tuned model with its result on the drawings, and to its MNIST score.

    python benchmarks/fine_tuning.py [--trainings 5] [--starts 3] [--people 3] [--json]

There are twenty drawings, and the settings are the defaults. It is measured with a warm worker on an idle machine, and while
people draw on a server on the same machine as in `load.py`. The first press after the start of the server is measured without a
worker, and with a worker that was started 30 s before the press. On the Draw page, the first label starts the worker.
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
LABELLING = 30  # s from the first label to the press; twenty drawings take longer


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


def first_press(start, seed, wait):
    """Return the times of the first training of a new service, whose worker starts `wait` seconds before it."""
    from digitcore.jobs.service import JobService

    service = JobService()
    try:
        if wait:
            service.warm_up()
            time.sleep(wait)
        return fine_tune(service, start, seed)
    finally:
        service.close()


def medians(pairs):
    """Return the median times of trainings."""
    models, scores = zip(*pairs, strict=True)
    return {"model_and_personal_result_s": round(statistics.median(models), 2), "mnist_s": round(statistics.median(scores), 2)}


def main():
    """Measure and print."""
    from benchmarks.load import draw_together
    from digitcore import models
    from digitcore.jobs.service import JobService
    from tests.support.browser import Server

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainings", type=int, default=5)
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--people", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    start, seeds, starts = models.load("genius"), range(options.trainings), range(options.starts)
    found = {
        "first press without a worker": medians(first_press(start, seed, 0) for seed in starts),
        f"first press {LABELLING} s after the first label": medians(first_press(start, seed, LABELLING) for seed in starts),
    }
    service = JobService()
    fine_tune(service, start, 0)
    found["quiet"] = medians(fine_tune(service, start, seed) for seed in seeds)
    with tempfile.TemporaryDirectory() as folder, multiprocessing.get_context("spawn").Pool(1) as apart:
        server = Server(Path(folder))
        try:
            seconds = WARM_UP + SECONDS_PER_TRAINING * options.trainings
            crowd = apart.apply_async(draw_together, (server.url, options.people, seconds))
            time.sleep(WARM_UP)
            found[f"{options.people} people drawing"] = medians(fine_tune(service, start, seed) for seed in seeds)
            crowd.get()
        finally:
            server.stop()
            service.close()
    print(json.dumps(found, indent=2) if options.json else "\n".join(f"{name}: {values}" for name, values in found.items()))


if __name__ == "__main__":
    main()
