"""The Keras callback that writes logs for TensorBoard, with tensorboardX. TensorBoard itself is not needed."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from digitcore.training.settings import TrainSettings

TAGS = {
    "loss": "loss/training",
    "val_loss": "loss/validation",
    "accuracy": "accuracy/training",
    "val_accuracy": "accuracy/validation",
}
RESULTS = ("loss/validation", "accuracy/validation")  # tags that the table of hyperparameters shows
Logs = dict[str, Any] | None


class TensorBoardLogger(keras.callbacks.Callback):
    """A callback that logs loss and accuracy after each epoch, and the settings as hyperparameters.

    Args:
        folder: Folder of the logs of this training. It is created.
        settings: Resolved settings.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     logger = TensorBoardLogger(Path(folder), TrainSettings().resolved(is_trained=True))
        ...     logger.on_train_begin()
        ...     logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.6})
        ...     logger.on_train_end()
        ...     len(list(Path(folder).iterdir()))
        1
    """

    def __init__(self, folder: Path, settings: TrainSettings):
        super().__init__()
        self.folder, self.settings = folder, settings
        self._writer: Any = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Open a new file, and write the settings."""
        from tensorboardX import SummaryWriter
        from tensorboardX.summary import hparams

        self._writer = SummaryWriter(str(self.folder))
        for summary in hparams(asdict(self.settings), dict.fromkeys(RESULTS, 0.0)):
            self._writer.file_writer.add_summary(summary)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Log the values of the epoch. They are on the disk when the method returns."""
        for name, tag in TAGS.items():
            if name in (logs or {}):
                self._writer.add_scalar(tag, (logs or {})[name], epoch + 1)
        self._writer.flush()

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the file."""
        self._writer.close()
