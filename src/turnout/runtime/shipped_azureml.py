"""v1's names in a submitted run: `from azureml.core import Run` with nothing installed.

This file is shipped as `azureml/__init__.py` beside the runtime. Importing it puts Turnout's own finder in this module's
place: that of a full installation of Turnout where the script's environment has one, else one for the part that comes with
every run. With TURNOUT_AZUREML=off the script gets what its environment has under this name. Compiles for Python 3.6.
"""

import importlib
import importlib.util
import os
import sys
from importlib.machinery import PathFinder


def _leave() -> bool:
    """Let an installation of that name take this module's place; say whether there is one."""
    here = os.path.realpath(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for entry in sys.path:
        if os.path.realpath(entry or os.curdir) == here:
            continue
        spec = PathFinder.find_spec("azureml", [entry])
        if spec is not None:
            module = importlib.util.module_from_spec(spec)
            sys.modules["azureml"] = module
            if spec.loader is not None:
                spec.loader.exec_module(module)
            return True
    return False


if __name__ == "azureml":
    if os.environ.get("TURNOUT_AZUREML", "").lower() in ("off", "0", "false", "no"):
        if not _leave():
            raise ImportError("there is no azureml in this environment, and TURNOUT_AZUREML is off")
    else:
        try:
            importlib.import_module("turnout.azureml")
        except ImportError:
            importlib.import_module("turnout.runtime.script.azureml_names").door.install()
        importlib.import_module("azureml")
