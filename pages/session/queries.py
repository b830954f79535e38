"""Questions to the worker, and their cached results."""

import functools
import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from digitcore.jobs import model_tasks, tasks
from digitcore.jobs.model_tasks import BuiltNetwork
from digitcore.jobs.tasks import MnistResult, Task
from digitcore.models.bundle import ModelBundle
from digitcore.models.network_spec import is_spec
from digitcore.samples import SampleSet
from pages.session.lab_session import LabSession
from pages.session.model_library import PRETRAINED
from pages.session.training_state import NETWORK

if TYPE_CHECKING:
    import pandas as pd

    from digitcore.data.label_issues import LabelIssue
    from digitcore.data.statistics import DatasetStatistics
    from digitcore.evaluation.activations import LayerActivation
    from digitcore.evaluation.feature_map import FeatureMap
    from digitcore.evaluation.neighbors import Neighbors

EVALUATION, ROBUSTNESS, NEIGHBORS, ACTIVATIONS = "evaluation", "robustness", "neighbors", "activations"
STATISTICS, ONNX, LABEL_ISSUES, FEATURE_MAP = "statistics", "onnx", "label issues", "feature map"
SENTENCES = {
    EVALUATION: "Reading MNIST's 10,000 test digits",
    ROBUSTNESS: "Reading MNIST's 10,000 test digits, spoilt in ten ways at five strengths",
    NEIGHBORS: "Looking for digits that look alike",
    ACTIVATIONS: "Looking into the network",
    STATISTICS: "Looking at the data set",
    ONNX: "Making the ONNX file",
    FEATURE_MAP: "Laying out the map",
    NETWORK: "Building the network",
    LABEL_ISSUES: "Training four models, each without a part of your drawings",
}
CUSTOM_NETWORK_NAME = "untrained custom"
Models = dict[str, ModelBundle]


def evaluations(session: LabSession, models: Models) -> dict[str, MnistResult]:
    """The models that were evaluated on MNIST's test digits; the others are asked for."""
    return _for_each(session, EVALUATION, models, tasks.EvaluateTask)


def robustness_tables(session: LabSession, models: Models) -> "dict[str, pd.DataFrame]":
    """The models that were evaluated on all corrupted digits; the others are asked for."""
    return _for_each(session, ROBUSTNESS, models, tasks.RobustnessTask)


def known_robustness_tables(session: LabSession, models: Models) -> "dict[str, pd.DataFrame]":
    """The models that were evaluated on all corrupted digits before; nothing is asked."""
    tables = {name: session.queries.known((ROBUSTNESS, model.hash)) for name, model in models.items()}
    return {name: table for name, table in tables.items() if table is not None}


def nearest_neighbors(session: LabSession, model: ModelBundle, digit: np.ndarray) -> "Neighbors | None":
    """The MNIST digits nearest to one; None while they are searched."""
    key = (NEIGHBORS, model.hash, _hash(digit))
    neighbors: Neighbors | None = session.queries.find(key, lambda: tasks.NeighborsTask(model, digit[None]))
    return neighbors


def feature_map(session: LabSession, models: Sequence[ModelBundle], digits: np.ndarray) -> "FeatureMap | None":
    """MNIST's digits on a map of the first model, with others placed by each; None while it is made."""
    key = (FEATURE_MAP, *(model.hash for model in models), _hash(digits))
    found: FeatureMap | None = session.queries.find(key, lambda: tasks.FeatureMapTask(tuple(models), digits))
    return found


def layer_activations(session: LabSession, model: ModelBundle, digit: np.ndarray) -> "list[LayerActivation] | None":
    """The activation of each layer for a digit; None while it is computed."""
    key = (ACTIVATIONS, model.hash, _hash(digit))
    layers: list[LayerActivation] | None = session.queries.find(key, lambda: tasks.ActivationsTask(model, digit))
    return layers


def onnx(session: LabSession, model: ModelBundle) -> bytes | None:
    """A model as an ONNX file; None while it is exported."""
    content: bytes | None = session.queries.find((ONNX, model.key), lambda: model_tasks.ExportOnnxTask(model))
    return content


def dataset_statistics(session: LabSession, seed: int) -> "DatasetStatistics | None":
    """Statistics of MNIST; None while they are computed."""
    found: DatasetStatistics | None = session.queries.find((STATISTICS, str(seed)), lambda: tasks.StatisticsTask(seed))
    return found


def built_network(session: LabSession) -> BuiltNetwork | None:
    """The chosen network with random weights; None while it is built."""
    network, seed = session.training.network, session.training.settings.seed
    name = CUSTOM_NETWORK_NAME if is_spec(network) else f"untrained {network}"
    found: BuiltNetwork | None = session.queries.find(
        session.training.network_key, lambda: model_tasks.BuildNetworkTask(network, seed, name)
    )
    return found


def label_issues(session: LabSession, samples: SampleSet) -> "list[LabelIssue] | None":
    """The samples whose label is doubtful, the most doubtful first; None while they are looked for."""
    start = session.services.shipped(PRETRAINED)
    key = (LABEL_ISSUES, start.hash, _hash(samples.digits), _hash(samples.labels))
    issues: list[LabelIssue] | None = session.queries.find(key, lambda: tasks.LabelIssuesTask(start, samples))
    return issues


def _hash(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def _for_each(session: LabSession, kind: str, models: Models, make_task: Callable[[ModelBundle], Task[Any]]) -> dict[str, Any]:
    results = {
        name: session.queries.find((kind, model.hash), functools.partial(make_task, model)) for name, model in models.items()
    }
    return {name: result for name, result in results.items() if result is not None}
