"""Results of a sweep on disk: the state, the table, and the trained models. Each completed trial is written immediately."""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from digitcore.errors import SettingsError
from digitcore.jobs.job import JobStatus
from digitcore.models import registry
from digitcore.models.bundle import ModelBundle, is_valid_name
from digitcore.samples import SampleSet
from digitcore.sweeps.plan import SweepPlan
from digitcore.sweeps.runner import Sweep
from digitcore.sweeps.trial import VALIDATION, Trial

TABLE_SUFFIXES = (".csv", ".parquet")
STATE_FILE, TRIALS, BEST = "sweep.json", "trials", "best"


class SweepStore:
    """The files of one sweep. The methods `save` and `keep_best` are thread-safe.

    The folder of the state depends on the plan, the model, the samples and the path of the table.

    Args:
        cache: Folder of the states of all sweeps.
        table: File of the table, with a suffix of `TABLE_SUFFIXES`; `None` if no table is written.
        start: The initial model of the sweep.
        samples: The samples of the sweep.
        plan: The plan of the sweep.

    Attributes:
        model_folder: Folder of the best trial's model. Its path is the path of the table without the suffix.

    Example:
        >>> from digitcore import models
        >>> from digitcore.training import TrainSettings
        >>> plan = SweepPlan({"batch_size": [8, 16]}, TrainSettings())
        >>> SweepStore(Path("cache"), Path("sweep.csv"), models.load("mlp"), SampleSet(), plan).model_folder
        PosixPath('sweep')
    """

    def __init__(self, cache: Path, table: Path | None, start: ModelBundle, samples: SampleSet, plan: SweepPlan):
        self._start, self._samples, self._plan, self._table = start, samples, plan, table
        self._folder = cache / self._key()
        self._lock = threading.Lock()
        self.model_folder = table.with_suffix("") if table else self._folder / BEST

    def check(self, *, force: bool) -> None:
        """Check before the first training that the table and the best model can be written.

        Args:
            force: Whether to discard the results of an earlier sweep.

        Raises:
            SettingsError: If a file cannot be written, or a file is not from this sweep and `force` is False.
        """
        if force:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._table is None:
            return
        if self._table.is_dir():
            raise SettingsError(f"{self._table} is a folder. Give the path of a file.")
        if self._table.parent.is_file():
            raise SettingsError(f"{self._table.parent} is a file, not a folder. Choose another file.")
        if not self._table.parent.is_dir():
            raise SettingsError(f"There is no folder {self._table.parent}. Create the folder, or choose another file.")
        is_writable = os.access(self._table if self._table.exists() else self._table.parent, os.W_OK)
        if not is_writable or (self.model_folder.exists() and not self.model_folder.is_dir()):
            raise SettingsError(f"{self._table} and the folder {self.model_folder} cannot be written. Choose another file.")
        if force or (self._folder / STATE_FILE).exists():
            return
        for path in (self._table, self.model_folder):
            if path.exists():
                raise SettingsError(
                    f"{path} exists and is not from this sweep. Choose another path, or add --force to replace the content."
                )

    def open(self) -> Sweep:
        """Return the stored sweep, or a new sweep if nothing is stored.

        Raises:
            SettingsError, ModelError: If the plan is not valid.
        """
        try:
            values = json.loads((self._folder / STATE_FILE).read_text(encoding="utf-8"))
            sweep = Sweep.from_dict(values, self._start, self._samples)
        except (OSError, ValueError, SettingsError):  # All trials run again if the state is missing or damaged.
            sweep = Sweep(self._start, self._samples, self._plan)
        sweep.keeps_models = True
        return sweep

    def save(self, sweep: Sweep) -> None:
        """Write the state, the table and the models of trials that have completed since the last call.

        Raises:
            OSError, ModelError: If a file cannot be written.
        """
        with self._lock:
            for number, trial in enumerate(sweep.trials):
                if trial.model is not None:
                    registry.save(trial.model.rename(self._model_name()), self._trial_folder(number))
                    trial.model = None
            _replace(self._folder / STATE_FILE, lambda file: file.write_text(json.dumps(sweep.to_dict()), encoding="utf-8"))
            if self._table is not None:
                write = sweep.table().to_csv if self._table.suffix == ".csv" else sweep.table().to_parquet
                _replace(self._table, lambda file: write(file, index=False))

    def keep_best(self, sweep: Sweep) -> bool:
        """Copy the model of the best trial to `model_folder`.

        After a complete sweep, the models of all trials are deleted from the cache.

        Returns:
            Whether there is a best model.
        """
        with self._lock:
            best = _best_trial(sweep)
            if best is None:
                return False
            folder = self._trial_folder(sweep.trials.index(best))
            if folder.exists():
                registry.save(registry.load_folder(folder), self.model_folder)
            if sweep.n_done == sweep.n_planned:
                shutil.rmtree(self._folder / TRIALS, ignore_errors=True)
            return self.model_folder.exists()

    def _trial_folder(self, number: int) -> Path:
        return self._folder / TRIALS / str(number)

    def _model_name(self) -> str:
        return self.model_folder.name if is_valid_name(self.model_folder.name) else BEST

    def _key(self) -> str:
        table = str(self._table.resolve()) if self._table else ""
        values = json.dumps([self._plan.to_dict(), self._start.key, table])
        arrays = (self._samples.digits, self._samples.labels, self._samples.held_out)
        return hashlib.sha256(values.encode() + b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


def _best_trial(sweep: Sweep) -> Trial | None:
    """Return the trial with the highest score among the seeds of the best combination."""
    best = sweep.best()
    done = [trial for trial in sweep.trials if trial.values == best and trial.status == JobStatus.DONE]
    ranking = sweep.plan.ranked_by
    return max(done, key=lambda trial: (trial.scores.get(ranking, 0.0), trial.scores.get(VALIDATION, 0.0)), default=None)


def _replace(file: Path, write: Callable[[Path], Any]) -> None:
    """Write a temporary file, and rename it. An interruption leaves either the old or the new file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    made = file.with_name(f".{file.name}.new")
    write(made)
    made.replace(file)
