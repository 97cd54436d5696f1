"""Azure ML SDK v1's names, answered by Turnout: `import turnout.azureml`, and `from azureml.core import Workspace` works.

Nothing is installed under the name azureml; this process answers to it from the import on, in the place of an azureml-core that may
be installed. In a notebook it is the first cell, or `%load_ext turnout.azureml`. `turnout azureml run submit.py` and `python -m
turnout.azureml submit.py` run a script so.

`names` says which name is which class of Turnout's. What lives here beside that is thin: classes that v1 had and that can't mean
anything without a cloud, or that only draw. Whatever does something lives in Turnout itself, under a name of its own or v1's.
"""

from typing import Any

from turnout.azureml import names
from turnout.runtime.script.door import Door

door = Door("azureml", names.MODULES, names.INSTEAD)
door.install()


def load_ipython_extension(shell: Any) -> None:
    """Do nothing further: the import has done it (`%load_ext turnout.azureml`)."""
