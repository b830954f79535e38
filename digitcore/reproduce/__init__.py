"""A run as code: a command, a Python script, a notebook of plain Keras code, and a ZIP file with all of them and their data.

Example:
    >>> from digitcore.reproduce import Experiment, command
    >>> command(Experiment.of_recipe("mlp"))
    'digitlab train mlp --out mlp-again'
"""

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from digitcore.reproduce.code import command, script
    from digitcore.reproduce.experiment import Experiment
    from digitcore.reproduce.notebook import notebook
    from digitcore.reproduce.package import to_zip
    from digitcore.reproduce.task import PackageTask

__all__ = ["Experiment", "PackageTask", "command", "notebook", "script", "to_zip"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "code": ["command", "script"],
        "experiment": ["Experiment"],
        "notebook": ["notebook"],
        "package": ["to_zip"],
        "task": ["PackageTask"],
    },
)
