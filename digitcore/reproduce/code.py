"""A run as a command and as a Python script. Both give the same curve as the run, to the last digit."""

import shlex

from digitcore.models.network_spec import is_spec
from digitcore.reproduce.experiment import SAMPLES_FILE, START_FOLDER, Experiment
from digitcore.sweeps import space as parameter_space

SCRIPT = '''"""Train {name} again. The script needs the package digitlab and the files beside it."""

from pathlib import Path

from digitcore import models
from digitcore.samples import SampleSet
from digitcore.training import TrainSettings, train

HERE = Path(__file__).resolve().parent

{samples}
settings = {settings!r}
{start}
run = train(start, samples.training_part(), settings)
models.save(run.model.rename({folder!r}), HERE / {folder!r})
for point in run.history:
    if "val_loss" in point:
        print(f"epoch {{point['epoch']:g}}: validation loss {{point['val_loss']:.4f}}, accuracy {{point['val_accuracy']:.2%}}")
'''


def command(experiment: Experiment) -> str:
    """Return the shell command that trains the model again.

    Args:
        experiment: The experiment.

    Returns:
        The command. It reads the samples and the initial model from files in the present folder.

    Example:
        >>> command(Experiment.of_recipe("mlp", epochs=2))
        'digitlab train mlp --set epochs=2 --out mlp-again'
    """
    parts = ["digitlab", "train"]
    if experiment.recipe:
        parts.append(experiment.recipe)
    elif experiment.start is None:
        parts += ["--network", experiment.network]
    else:
        parts += ["--start", experiment.start_name or f"./{START_FOLDER}"]
    if len(experiment.samples):
        parts += ["--samples", SAMPLES_FILE]
    values = [f"{name}={parameter_space.to_text([value])}" for name, value in experiment.changed_settings.items()]
    parts += ["--set", *values] if values else []
    return shlex.join([*parts, "--out", experiment.folder])


def script(experiment: Experiment) -> str:
    """Return a Python script that trains the model again with the library.

    Args:
        experiment: The experiment.

    Returns:
        The script. It reads the samples and the initial model from files beside it.

    Example:
        >>> print(script(Experiment.of_recipe("mlp", epochs=2)).splitlines()[0])
        \"\"\"Train mlp-again again. The script needs the package digitlab and the files beside it.\"\"\"
    """
    samples = f'SampleSet.from_npz((HERE / "{SAMPLES_FILE}").read_bytes())' if len(experiment.samples) else "SampleSet()"
    if experiment.start is not None:
        source = repr(experiment.start_name) if experiment.start_name else f'HERE / "{START_FOLDER}"'
        start = f"start = models.load({source})"
    else:
        network = f"network = {experiment.network!r}\n" if is_spec(experiment.network) else ""
        name = "network" if network else repr(experiment.network)
        start = f"{network}start = keras_io.random_model({name}, seed=settings.seed)"
    text = SCRIPT.format(
        name=experiment.name,
        folder=experiment.folder,
        samples=f"samples = {samples}",
        settings=experiment.settings,
        start=start,
    )
    if experiment.start is None:
        text = text.replace("from digitcore.samples", "from digitcore.models import keras_io\nfrom digitcore.samples", 1)
    return text
