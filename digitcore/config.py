"""Configuration from environment variables.

Every variable is a field of `Config`. A test compares the fields with the table in the documentation.
"""

import functools
import os
import tempfile
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from digitcore.errors import ConfigError

STORE_OFF = "off"


def _check_rate(value: str) -> str:
    from limits import parse  # Imported here because it is slow and needed only for a rate that differs from the default.

    parse(value)
    return value


def _zero_if_off(value: object) -> object:
    return 0 if value == "off" else value


class Config(BaseSettings):
    """The configuration of the server. The name of a field is the name of its variable without the prefix `DIGITLAB_`.

    Example:
        >>> Config(max_epochs=10).max_epochs
        10
    """

    model_config = SettingsConfigDict(env_prefix="DIGITLAB_", env_ignore_empty=True, extra="ignore", frozen=True)

    dask_scheduler_address: str | None = Field(
        None,
        validation_alias="DASK_SCHEDULER_ADDRESS",
        description="trains on this Dask cluster instead of a worker of our own; as many jobs at once as it has workers",
    )
    max_samples: int = Field(5000, ge=1, description="drawings in one training")
    max_epochs: int = Field(50, ge=1, description="epochs of one training")
    max_seconds: int = Field(900, ge=1, description="length of one training; then it stops and keeps what it learnt")
    max_jobs: int = Field(200, ge=1, description="jobs running and waiting, of all sessions")
    cache: Path | None = Field(None, description="where MNIST, checkpoints and labs are kept")
    workers: int = Field(1, ge=1, le=64, description="workers of our own: trainings at once")
    low_priority: bool = Field(True, description="`0` lets a worker train as quickly as it can, also where that slows drawing")
    live: Annotated[float, BeforeValidator(_zero_if_off)] = Field(
        0.25,
        ge=0,
        le=64,
        description="share of a processor core for predictions while pens are down, of all sessions; `off`: at pen-up only",
    )
    store: str = Field("", description="where labs are saved: a database URL such as `postgresql://lab:secret@db/labs`, or `off`")
    keep_days: int = Field(90, ge=0, description="labs that nobody opened for so many days are deleted; `0` keeps them for ever")
    api_rate: Annotated[str, AfterValidator(_check_rate)] = Field(
        "600/minute",
        description="requests to one server's API from one address; behind a load balancer name its address in uvicorn's "
        "`FORWARDED_ALLOW_IPS`, else all its visitors count as one",
    )

    @property
    def cache_folder(self) -> Path:
        """Return the folder of all files that are kept when the server stops."""
        try:
            return self.cache or Path(platformdirs.user_cache_dir("digitlab"))
        except RuntimeError:  # This user has no home directory.
            return Path(tempfile.gettempdir()) / f"digitlab-cache-{os.getuid()}"

    @property
    def is_store_off(self) -> bool:
        """Return whether saving labs is turned off."""
        return self.store == STORE_OFF


def variable_name(field: str) -> str:
    """Return the name of the environment variable of a field.

    Args:
        field: name of a field of `Config`.

    Returns:
        Name of the variable.

    Example:
        >>> variable_name("max_epochs")
        'DIGITLAB_MAX_EPOCHS'
    """
    alias = Config.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"DIGITLAB_{field.upper()}"


def load_config() -> Config:
    """Read the configuration from the environment. The result is cached until a variable changes.

    Returns:
        The configuration.

    Raises:
        ConfigError: If a variable has an invalid value. The message contains its name.

    Example:
        >>> load_config().max_epochs >= 1
        True
    """
    return _load(tuple(os.environ.get(variable_name(field)) for field in Config.model_fields))


@functools.lru_cache(maxsize=8)
def _load(_values: tuple[str | None, ...]) -> Config:
    try:
        return Config()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        variable = name if name.isupper() else variable_name(name)
        reason = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{variable} cannot be “{first['input']}”: {reason[0].lower()}{reason[1:].rstrip('.')}.") from error
