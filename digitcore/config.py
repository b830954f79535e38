"""Configuration from environment variables, read and validated in one place.

Every variable is a field of `Config`; the README's table is tested against them.
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


def _is_rate(value: str) -> str:
    from limits import parse  # loaded only where a rate is given

    parse(value)
    return value


def _share(value: object) -> object:
    return 0 if value == "off" else value


class Config(BaseSettings):
    """The server's configuration. Field names are the variables' names without the prefix `DIGITLAB_`."""

    model_config = SettingsConfigDict(
        env_prefix="DIGITLAB_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        validate_default=False,  # The default rate is valid, and checking it would import `limits`.
    )

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
    live: Annotated[float, BeforeValidator(_share)] = Field(
        0.25,
        ge=0,
        le=64,
        description="share of a processor core for predictions while pens are down, of all sessions; `off`: at pen-up only",
    )
    store: str = Field("", description="where labs are saved: a database URL such as `postgresql://lab:secret@db/labs`, or `off`")
    keep_days: int = Field(90, ge=0, description="labs that nobody opened for so many days are deleted; `0` keeps them for ever")
    api_rate: Annotated[str, AfterValidator(_is_rate)] = Field(
        "600/minute",
        description="requests to one server's API from one address; behind a load balancer name its address in uvicorn's "
        "`FORWARDED_ALLOW_IPS`, else all its visitors count as one",
    )

    @property
    def cache_folder(self) -> Path:
        """Folder of everything that is kept between two starts."""
        try:
            return self.cache or Path(platformdirs.user_cache_dir("digitlab"))
        except RuntimeError:  # this user has no home
            return Path(tempfile.gettempdir()) / f"digitlab-cache-{os.getuid()}"

    @property
    def is_store_off(self) -> bool:
        """Whether labs shall not be saved."""
        return self.store == STORE_OFF


def variable_name(field: str) -> str:
    """The environment variable of a field of `Config`."""
    alias = Config.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"DIGITLAB_{field.upper()}"


def load_config() -> Config:
    """The configuration as the environment says now; validated once for each set of values.

    Raises:
        ConfigError: when a variable's value cannot be used; the message names it.
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
