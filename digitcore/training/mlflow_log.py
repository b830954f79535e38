"""Completed runs in MLflow: parameters, curves, scores, the files of the model, and a report.

MLflow is an optional package (`pip install digitlab[mlflow]`). It is imported when a run is logged. The environment variables of
MLflow apply, such as `MLFLOW_TRACKING_URI` and `MLFLOW_EXPERIMENT_NAME`.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from digitcore.errors import TrainingError
from digitcore.training import run_logs
from digitcore.training.run import Run

MAX_PARAMETER = 500  # characters; MLflow refuses longer values
NOT_INSTALLED = "MLflow is not installed. Install it with “pip install digitlab[mlflow]”, and try again."


def log(run: Run, files: dict[str, bytes] | None = None) -> str:
    """Log a run to the tracking server of `MLFLOW_TRACKING_URI`.

    The curves are metrics whose step is the number of digits that the training had seen. The files of the model and its card are
    artifacts in the folder `model`.

    Args:
        run: The run.
        files: More artifacts by file name, such as a report.

    Returns:
        Identifier of the run in MLflow.

    Raises:
        TrainingError: If MLflow is not installed, or the tracking server does not accept the run.

    Example:
        >>> from digitcore import models
        >>> from digitcore.training.settings import TrainSettings
        >>> run = Run(models.load("mlp").rename("run 1"), [], TrainSettings(), "genius", 1.5)
        >>> log(run)  # doctest: +SKIP
        '5f0c…'
    """
    mlflow = load()
    try:
        with mlflow.start_run(run_name=run.model.name) as logged:
            _log_values(mlflow, run)
            _log_files(mlflow, run, files or {})
            return str(logged.info.run_id)
    except (mlflow.exceptions.MlflowException, OSError) as error:
        raise TrainingError(f"MLflow cannot log {run.model.name}: {error}. Check MLFLOW_TRACKING_URI.") from error


def load() -> Any:
    """Import MLflow.

    Returns:
        The module.

    Raises:
        TrainingError: If MLflow is not installed.

    Example:
        >>> load().__name__  # doctest: +SKIP
        'mlflow'
    """
    try:
        import mlflow
    except ModuleNotFoundError as error:
        raise TrainingError(NOT_INSTALLED) from error
    return mlflow


def _log_values(mlflow: Any, run: Run) -> None:
    card = run.model.card
    mlflow.log_params({name: str(value)[:MAX_PARAMETER] for name, value in run_logs.parameters(run).items()})
    for point in run.history:
        found = {tag: point[name] for name, tag in run_logs.TAGS.items() if name in point}
        if found:
            mlflow.log_metrics(found, step=int(point["samples_seen"]))
    final = {tag: value for tag, value in run_logs.results(run).items() if tag not in run_logs.TAGS.values()}
    mlflow.log_metrics(final | {"seconds": run.seconds, "parameters": float(card.parameters)})
    mlflow.set_tags(
        {
            "digitlab.code": card.versions.get("digitlab", "unknown"),
            "digitlab.start_sha256": card.start_sha256,
            "digitlab.training_data": json.dumps(vars(card.training_data)),
            "digitlab.n_samples": str(len(card.sample_hashes)),
            "digitlab.error": run.error,
        }
    )


def _log_files(mlflow: Any, run: Run, files: dict[str, bytes]) -> None:
    model = run.model
    every = {
        "model/model.keras": model.keras_bytes,
        "model/model.tflite": model.tflite_bytes,
        "model/card.json": model.card.to_json().encode(),
        **files,
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, content in every.items():
            file = Path(folder, name)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
        mlflow.log_artifacts(folder)
