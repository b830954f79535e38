"""The tasks that make a model, or another file of one. As in `tasks`, what they need is imported when they run."""

from dataclasses import dataclass

from digitcore.jobs import mnist_evaluation
from digitcore.jobs.tasks import Progress, ShouldStop, Unlimited
from digitcore.models.bundle import ModelBundle


@dataclass(frozen=True, eq=False)
class ImportModelTask(Unlimited):
    """Open an untrusted .keras file as a model of this name, with measured metrics."""

    content: bytes
    name: str

    def run(self, progress: Progress, should_stop: ShouldStop) -> ModelBundle:
        from digitcore.models import upload

        bundle = upload.find_shipped(self.content) or upload.open_checked([upload.check(self.content)], should_stop)[0]
        progress({"share": 0.6})
        return (bundle if bundle.card.metrics else mnist_evaluation.with_metrics(bundle, should_stop)).rename(self.name)


@dataclass(frozen=True, eq=False)
class ExportOnnxTask(Unlimited):
    """Export a model as an ONNX file."""

    bundle: ModelBundle

    def run(self, progress: Progress, should_stop: ShouldStop) -> bytes:
        from digitcore.models.keras_io import to_onnx

        return to_onnx(self.bundle)


@dataclass(frozen=True, eq=False)
class BuiltNetwork:
    """A network with random weights.

    Attributes:
        bundle: the model.
        seconds_per_1000: that training on a thousand digits takes on the worker's machine.
    """

    bundle: ModelBundle
    seconds_per_1000: float


@dataclass(frozen=True, eq=False)
class BuildNetworkTask(Unlimited):
    """Build a network with random weights, and measure how long it trains. Events report the share done.

    Attributes:
        network: as for `networks.build`.
        seed: of the weights.
        name: of the model.
    """

    network: str
    seed: int
    name: str

    def run(self, progress: Progress, should_stop: ShouldStop) -> BuiltNetwork:
        from digitcore.models import keras_io
        from digitcore.training.throughput import seconds_per_1000_digits

        bundle = keras_io.random_model(self.network, name=self.name, seed=self.seed)
        progress({"share": 0.5})
        return BuiltNetwork(bundle, seconds_per_1000_digits(bundle))
