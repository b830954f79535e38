"""The Keras callback that writes logs for TensorBoard, with tensorboardX. TensorBoard itself is not needed."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from digitcore.training.run_logs import RESULTS, TAGS, write_settings
from digitcore.training.settings import TrainSettings

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

        self._writer = SummaryWriter(str(self.folder))
        write_settings(self._writer, asdict(self.settings), dict.fromkeys(RESULTS, 0.0))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Log the values of the epoch. They are on the disk when the method returns."""
        for name, tag in TAGS.items():
            if name in (logs or {}):
                self._writer.add_scalar(tag, (logs or {})[name], epoch + 1)
        self._writer.flush()

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the file."""
        self._writer.close()
