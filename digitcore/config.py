"""Configuration from environment variables.

Every variable is a field of `Config`. A test compares the fields with the table in the documentation.
"""

import functools
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import platformdirs
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from digitcore.errors import ConfigError

STORE_OFF = "off"
ANY_ORIGIN = "*"
MIN_TOKEN = 16  # characters of the token of the API


def _check_rate(value: str) -> str:
    from limits import parse  # Imported here because it is slow and needed only for a rate that differs from the default.

    parse(value)
    return value


def _check_token(value: str) -> str:
    if value and (len(value) < MIN_TOKEN or not value.isascii() or not value.isprintable() or " " in value):
        raise ValueError(f"write at least {MIN_TOKEN} ASCII characters without spaces")
    return value


def _check_origins(value: str) -> str:
    for origin in value.split():
        if origin != ANY_ORIGIN and not re.fullmatch(r"https?://(\*\.)?[A-Za-z0-9_.\[\]:-]+(:\d+)?", origin):
            raise ValueError("write origins like https://lms.example.org, separated by spaces")
    return value


def _user_folder(find: Callable[[str], str]) -> Path:
    try:
        return Path(find("digitlab"))
    except RuntimeError:  # The user has no home directory.
        return Path(tempfile.gettempdir()) / f"digitlab-cache-{os.getuid()}"


class Config(BaseSettings):
    """The configuration of the server. The name of a field is the name of its variable without the prefix `DIGITLAB_`.

    Example:
        >>> Config(max_epochs=10).max_epochs
        10
    """

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
        description="Address of a Dask cluster that runs the jobs. Each worker runs one job at a time. "
        "By default, the server starts its own worker.",
    )
    max_samples: int = Field(5000, ge=1, description="Maximum number of drawings in a training.")
    max_epochs: int = Field(50, ge=1, description="Maximum number of epochs of a training.")
    max_seconds: int = Field(
        900,
        ge=1,
        description="Maximum duration of a training in seconds. The training then stops, and its current weights are kept.",
    )
    max_jobs: int = Field(200, ge=1, description="Maximum number of running and queued jobs of all sessions.")
    cache: Path | None = Field(
        None,
        description="Folder for MNIST, checkpoints and labs. By default, labs are in the user's data folder, and all other files "
        "in the user's cache folder.",
    )
    workers: int = Field(
        1, ge=1, le=64, description="Number of workers that the server starts, which is the number of simultaneous trainings."
    )
    low_priority: bool = Field(
        True,
        description="Whether workers run with low process priority. "
        "With `0`, trainings are faster, but drawing can become slower.",
    )
    store: str = Field(
        "",
        description="Database URL for saving labs, for example `postgresql://lab:secret@db/labs`. "
        "With `off`, labs are not saved.",
    )
    keep_days: int = Field(
        90, ge=0, description="Number of days after which a lab is deleted if nobody opens it. With `0`, labs are never deleted."
    )
    api_rate: Annotated[str, AfterValidator(_check_rate)] = Field(
        "600/minute",
        description="Maximum rate of API requests from an address to a server. Behind a load balancer, set uvicorn's "
        "`FORWARDED_ALLOW_IPS` to the address of the load balancer. Otherwise, all visitors share the limit.",
    )
    api_token: Annotated[str, AfterValidator(_check_token)] = Field(
        "",
        description="Secret text of at least 16 characters with which a program may train over the API. By default, the API only "
        "predicts.",
    )
    embedders: Annotated[str, AfterValidator(_check_origins)] = Field(
        "",
        description="Origins whose pages may show the dashboard in a frame, separated by spaces, for example "
        "`https://lms.example.org https://*.hf.space`. By default, no other site may show it.",
    )
    cors_origins: Annotated[str, AfterValidator(_check_origins)] = Field(
        "",
        description="Origins whose pages may call the API from a browser, separated by spaces, for example "
        "`https://lms.example.org`, or `*` for all. By default, no other site may call it.",
    )

    def origins(self, field: str) -> tuple[str, ...]:
        """Return the origins of a field.

        Args:
            field: `embedders` or `cors_origins`.

        Returns:
            The origins.

        Example:
            >>> Config(embedders="https://a.org https://b.org").origins("embedders")
            ('https://a.org', 'https://b.org')
        """
        return tuple(str(getattr(self, field)).split())

    @property
    def cache_folder(self) -> Path:
        """Return the folder for MNIST and checkpoints."""
        return self.cache or _user_folder(platformdirs.user_cache_dir)

    @property
    def data_folder(self) -> Path:
        """Return the folder for labs. Programs that clean up do not delete it, unlike the cache folder."""
        return self.cache or _user_folder(platformdirs.user_data_dir)

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
