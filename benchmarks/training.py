"""Measure our training loop and a bare `model.fit`, the time to the first point, and sweeps with one and two workers.

    python benchmarks/training.py [fits] [points] [sweeps] [--json]

Both loops train the same network on the same digits with the same validation, in turns, three times. The medians and the median
of the ratios are printed.
"""

import argparse
import json
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

DIGITS, EPOCHS, BATCH, VALIDATION = 6_000, 1, 32, 1000
GRID = {"sample_weight": [1, 5, 20, 50], "mnist_samples": [200, 500, 1000], "epochs": [1, 2]}  # 24 trials


def our_fit(start):
    """Return the seconds of `training.train` without the export of the model."""
    from digitcore import training
    from digitcore.samples import SampleSet
    from digitcore.training.settings import TrainSettings

    settings = TrainSettings(mnist_samples=DIGITS, epochs=EPOCHS, batch_size=BATCH, learning_rate=1e-3, schedule="constant")
    return training.train(start, SampleSet(), settings.replace(validation_samples=VALIDATION)).seconds


def bare_fit(start):
    """Return the seconds of `model.fit` on the same arrays, with as many batches per execution as in our loop."""
    import keras
    import numpy as np

    from digitcore import mnist
    from digitcore.models import keras_io
    from digitcore.training.trainer import STEPS_PER_EXECUTION

    model = keras_io.open_model(start)
    model.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.CategoricalCrossentropy(),
        metrics=["accuracy"],
        steps_per_execution=STEPS_PER_EXECUTION,
    )
    (digits, labels), (others, answers) = mnist.load().training, mnist.load().validation
    x, y = digits[:DIGITS, ..., None].astype(np.float32), keras.utils.to_categorical(labels[:DIGITS], 10)
    checked = others[:VALIDATION, ..., None].astype(np.float32), keras.utils.to_categorical(answers[:VALIDATION], 10)
    weights = np.ones(DIGITS, np.float32)
    began = time.perf_counter()
    model.fit(x, y, sample_weight=weights, batch_size=BATCH, epochs=EPOCHS, validation_data=checked, verbose=0)
    return time.perf_counter() - began


def first_point(service, start):
    """Return the seconds from submitting a training to the first point of its curve and to its first training point."""
    from digitcore.jobs.tasks import TrainTask
    from digitcore.samples import SampleSet
    from digitcore.training.settings import TrainSettings

    began = time.perf_counter()
    job = service.submit(TrainTask(start, SampleSet(), TrainSettings(mnist_samples=1000, epochs=1)))
    seen = []
    while len(seen) < 2:
        if len(job.events) > len(seen):
            seen.append(round(time.perf_counter() - began, 2))
        time.sleep(0.005)
    job.wait(60)
    return seen


def sweep(start, workers):
    """Return the seconds of a sweep of 24 trials with `workers` warm workers."""
    import numpy as np

    from digitcore import mnist
    from digitcore.jobs.service import JobService
    from digitcore.jobs.tasks import TrainTask
    from digitcore.samples import SampleSet
    from digitcore.sweeps.plan import SweepPlan
    from digitcore.sweeps.runner import Sweep
    from digitcore.training.settings import TrainSettings

    digits, labels = mnist.load().validation
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:4] for digit in range(10)])
    samples = SampleSet.from_arrays(digits[chosen], labels[chosen])
    service = JobService(n_workers=workers)
    try:
        warm_up = TrainTask(start, samples, TrainSettings(mnist_samples=100, epochs=1))
        for job in [service.submit(warm_up, owner=str(number)) for number in range(workers)]:
            job.wait(120)
        found = Sweep(start, samples, SweepPlan(GRID, TrainSettings()))
        began = time.perf_counter()
        found.resume(service)
        while found.is_running:
            time.sleep(0.05)
            found.advance(service)
        return time.perf_counter() - began
    finally:
        service.close()


def fits(start):
    """Measure both loops in turns, and the bare one twice. The first training of each warms up."""
    ours, bare, again = zip(*((our_fit(start), bare_fit(start), bare_fit(start)) for _ in range(4)), strict=True)
    return {
        "our_fit_s": round(statistics.median(ours[1:]), 2),
        "bare_fit_s": round(statistics.median(bare[1:]), 2),
        "ours_over_bare_median_of_pairs": _median_ratio(ours[1:], bare[1:]),
        "null_bare_over_bare": _median_ratio(again[1:], bare[1:]),
    }


def _median_ratio(seconds, others):
    return round(statistics.median(a / b for a, b in zip(seconds, others, strict=True)), 3)


def points(start):
    """Measure the time from the press of Train to the first points, with a warm worker."""
    from digitcore.jobs.service import JobService

    service = JobService()
    first_point(service, start)
    found = [first_point(service, start) for _ in range(5)]
    service.close()
    return {
        "press_to_first_point_s": statistics.median(point[0] for point in found),
        "press_to_first_training_point_s": statistics.median(point[1] for point in found),
    }


def sweeps(start):
    """Measure the same sweep with one worker, with two, and with one again."""
    one, two, again = sweep(start, 1), sweep(start, 2), sweep(start, 1)
    return {
        "sweep_24_trials_one_worker_s": round(one, 1),
        "sweep_24_trials_two_workers_s": round(two, 1),
        "two_over_one": round(two / one, 2),
        "null_one_over_one": round(again / one, 2),
    }


PARTS = {"fits": fits, "points": points, "sweeps": sweeps}


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"There is no part called {', '.join(unknown)}. The parts are {', '.join(PARTS)}.")
    from digitcore import models

    found, start = {}, models.load("genius")
    for name in options.parts or PARTS:
        found |= PARTS[name](start)
    print(json.dumps(found, indent=2) if options.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
