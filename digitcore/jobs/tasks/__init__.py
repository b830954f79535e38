"""The tasks that a worker can run, with one module for each task.

To add a task, write a frozen dataclass that extends `Task`, and pass it to `Work.result` or `Work.submit` of the page's session.
Large modules are imported inside `run`, because the server creates tasks and loads neither Keras nor SciPy.
"""

from digitcore.jobs.tasks.activations import ActivationsTask
from digitcore.jobs.tasks.evaluate import EvaluateTask, MnistResult
from digitcore.jobs.tasks.export_onnx import ExportOnnxTask
from digitcore.jobs.tasks.feature_map import FeatureMapTask
from digitcore.jobs.tasks.handwriting import HandwritingTask
from digitcore.jobs.tasks.import_model import ImportModelTask
from digitcore.jobs.tasks.label_issues import LabelIssuesTask
from digitcore.jobs.tasks.leave_one_out import DrawingEffect, LeaveOneOutTask
from digitcore.jobs.tasks.leave_out import LeaveOutTask
from digitcore.jobs.tasks.neighbors import NeighborsTask
from digitcore.jobs.tasks.network import BuildNetworkTask, BuiltNetwork
from digitcore.jobs.tasks.open_lab import OpenLabTask
from digitcore.jobs.tasks.read_samples import ReadSamplesTask
from digitcore.jobs.tasks.robustness import RobustnessTask
from digitcore.jobs.tasks.score_run import ScoreRunTask
from digitcore.jobs.tasks.statistics import StatisticsTask
from digitcore.jobs.tasks.task import Priority, Progress, ReportProgress, ShouldStop, Task, TaskKey
from digitcore.jobs.tasks.train import TrainTask
from digitcore.jobs.tasks.train_class import TrainClassTask

__all__ = [
    "ActivationsTask",
    "BuildNetworkTask",
    "BuiltNetwork",
    "DrawingEffect",
    "EvaluateTask",
    "ExportOnnxTask",
    "FeatureMapTask",
    "HandwritingTask",
    "ImportModelTask",
    "LabelIssuesTask",
    "LeaveOneOutTask",
    "LeaveOutTask",
    "MnistResult",
    "NeighborsTask",
    "OpenLabTask",
    "Priority",
    "Progress",
    "ReadSamplesTask",
    "ReportProgress",
    "RobustnessTask",
    "ScoreRunTask",
    "ShouldStop",
    "StatisticsTask",
    "Task",
    "TaskKey",
    "TrainClassTask",
    "TrainTask",
]
