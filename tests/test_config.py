import os
import re
import subprocess
import sys

import pytest

from digitcore.config import Config, load_config, variable_name
from digitcore.errors import ConfigError

WRONG = [
    ("DIGITLAB_KEEP_DAYS", "abc"),
    ("DIGITLAB_KEEP_DAYS", "-1"),
    ("DIGITLAB_MAX_EPOCHS", "many"),
    ("DIGITLAB_MAX_EPOCHS", "0"),
    ("DIGITLAB_MAX_SECONDS", "-1"),
    ("DIGITLAB_WORKERS", "1.5"),
    ("DIGITLAB_LOW_PRIORITY", "perhaps"),
    ("DIGITLAB_API_RATE", "often"),
    ("DIGITLAB_EMBEDDERS", "lms.example.org"),
    ("DIGITLAB_EMBEDDERS", "https://lms.example.org; script-src *"),
    ("DIGITLAB_CORS_ORIGINS", "https://lms.example.org/course"),
]


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    for field in Config.model_fields:
        monkeypatch.delenv(variable_name(field), raising=False)


def test_empty_environment_gives_the_defaults():
    config = load_config()
    assert (config.max_epochs, config.keep_days, config.low_priority, config.workers) == (50, 90, True, 1)
    assert config.cache_folder.name == "digitlab"
    assert not config.is_store_off


def test_environment_is_read_at_each_call(monkeypatch):
    monkeypatch.setenv("DIGITLAB_MAX_EPOCHS", "4")
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", "tcp://there:8786")
    monkeypatch.setenv("DIGITLAB_STORE", "off")
    config = load_config()
    assert config.max_epochs == 4
    assert config.dask_scheduler_address == "tcp://there:8786"
    assert config.is_store_off
    monkeypatch.setenv("DIGITLAB_MAX_EPOCHS", "")
    assert load_config().max_epochs == 50, "an empty variable counts as not set"


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_invalid_value_raises_an_error_of_one_line(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=rf"^{name} cannot be “{re.escape(value)}”: [^\n]+\.$"):
        load_config()


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "digitcore", "settings"],
        ["-m", "uvicorn", "server:app"],
        ["-c", "from digitcore.jobs import preload; preload.dask_setup(type('Worker', (), {})())"],
    ],
    ids=["command line", "server", "worker"],
)
def test_every_process_reports_an_invalid_value_at_its_start(command):
    environment = os.environ | {"DIGITLAB_KEEP_DAYS": "abc"}
    result = subprocess.run([sys.executable, *command], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1
    assert result.stderr.strip().startswith("DIGITLAB_KEEP_DAYS cannot be “abc”")
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_cache_is_temporary_without_a_home_directory(monkeypatch):
    for name in ("HOME", "XDG_CACHE_HOME", "DIGITLAB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # The user has no entry in the user database.
    assert load_config().cache_folder.is_absolute()
