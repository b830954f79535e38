"""Building of networks with random weights."""

from dataclasses import dataclass

from digitcore.jobs.tasks.task import Progress, ReportProgress, ShouldStop, Task, TaskKey
from digitcore.models.bundle import ModelBundle


@dataclass(frozen=True, eq=False)
class BuiltNetwork:
    """A network with random weights and its training speed.

    Attributes:
        model: The model.
        seconds_per_1000: Seconds that the worker needs to train it on 1,000 digits.

    Example:
        >>> from digitcore import models
        >>> BuiltNetwork(models.load("untrained"), seconds_per_1000=0.5).seconds_per_1000
        0.5
    """

    model: ModelBundle
    seconds_per_1000: float


@dataclass(frozen=True, eq=False)
class BuildNetworkTask(Task[BuiltNetwork]):
    """A task that builds a network with random weights and measures its training speed.

    Attributes:
        network: Registered name or JSON of the network, as for `networks.build`.
        seed: Seed of the random weights.
        name: Name of the model.

    Example:
        >>> BuildNetworkTask("mlp", seed=1, name="mine").key
        ('network', 'mlp', '1')
    """

    network: str
    seed: int
    name: str

    @property
    def key(self) -> TaskKey:
        return "network", self.network, str(self.seed)

    @property
    def label(self) -> str:
        return "Building the network"

    def run(self, progress: ReportProgress, should_stop: ShouldStop) -> BuiltNetwork:
        from digitcore.models import keras_io
        from digitcore.training.throughput import seconds_per_1000_digits

        model = keras_io.random_model(self.network, name=self.name, seed=self.seed)
        progress(Progress(0.5))
        return BuiltNetwork(model, seconds_per_1000_digits(model))
