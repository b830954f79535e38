"""Networks with random weights."""

from dataclasses import dataclass

from digitcore.jobs.tasks.task import Progress, ReportProgress, ShouldStop, Task, TaskKey
from digitcore.models.bundle import ModelBundle


@dataclass(frozen=True, eq=False)
class BuiltNetwork:
    """A network with random weights.

    Attributes:
        model: The model.
        seconds_per_1000: Seconds that the worker needs to train it on 1,000 digits.
    """

    model: ModelBundle
    seconds_per_1000: float


@dataclass(frozen=True, eq=False)
class BuildNetworkTask(Task[BuiltNetwork]):
    """Build a network with random weights, and measure how fast it trains.

    Attributes:
        network: The network, as `networks.build` takes it.
        seed: Seed of the random weights.
        name: Name of the model.
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
