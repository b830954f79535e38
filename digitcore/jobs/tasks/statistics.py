"""Statistics of the MNIST data set."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digitcore.jobs.tasks.task import ReportProgress, ShouldStop, Task, TaskKey

if TYPE_CHECKING:
    from digitcore.data.statistics import DatasetStatistics


@dataclass(frozen=True, eq=False)
class StatisticsTask(Task["DatasetStatistics"]):
    """A task that computes the statistics of MNIST.

    Attributes:
        seed: Seed of the random choice of digits in the mosaic.

    Example:
        >>> StatisticsTask(seed=1).key
        ('statistics', '1')
    """

    seed: int

    @property
    def key(self) -> TaskKey:
        return "statistics", str(self.seed)

    @property
    def label(self) -> str:
        return "Computing statistics of MNIST"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> "DatasetStatistics":
        from digitcore.data.statistics import dataset_statistics

        return dataset_statistics(self.seed)
