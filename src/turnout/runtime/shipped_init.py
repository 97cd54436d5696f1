"""Turnout, as it comes with a run: what a training script may import where Turnout isn't installed.

This file is shipped as `turnout/__init__.py`, beside a copy of the runtime. Where the script's environment has a full
installation, that one takes its place, whole. Compiles for Python 3.6.
"""

import importlib.util
import os
import sys
from importlib.machinery import PathFinder

MYPY = False
if MYPY:
    from typing import Any, Optional

__version__ = ""

_SCRIPT = "turnout.runtime.script."
_HOMES = {
    "Run": _SCRIPT + "run",
    "DataPath": _SCRIPT + "assets.references",
    "DataReference": _SCRIPT + "assets.references",
    "Dataset": _SCRIPT + "assets.dataset",
    "DatasetConsumptionConfig": _SCRIPT + "assets.consumption",
    "Datastore": _SCRIPT + "assets.datastores",
    "FileDataset": _SCRIPT + "assets.datasets",
    "Model": _SCRIPT + "assets.models",
    "OutputFileDatasetConfig": _SCRIPT + "assets.consumption",
    "TabularDataset": _SCRIPT + "assets.datasets",
    "ActivityFailedException": _SCRIPT + "exceptions",
    "ComputeTargetException": _SCRIPT + "exceptions",
    "EnvironmentException": _SCRIPT + "exceptions",
    "ExperimentExecutionException": _SCRIPT + "exceptions",
    "NotYetException": _SCRIPT + "exceptions",
    "RecordException": _SCRIPT + "exceptions",
    "RunConfigurationException": _SCRIPT + "exceptions",
    "RunEnvironmentException": _SCRIPT + "exceptions",
    "SnapshotException": _SCRIPT + "exceptions",
    "TurnoutException": _SCRIPT + "exceptions",
    "UserErrorException": _SCRIPT + "exceptions",
    "WorkspaceException": _SCRIPT + "exceptions",
}
_FULL_ONLY = (
    "ComputeTarget",
    "CondaDependencies",
    "DockerConfiguration",
    "Environment",
    "Experiment",
    "HDInsightCompute",
    "MpiConfiguration",
    "PyTorchConfiguration",
    "RemoteCompute",
    "RunConfiguration",
    "ScriptRunConfig",
    "SparkCompute",
    "TensorflowConfiguration",
    "Workspace",
)

__all__ = sorted(_HOMES)


def _full_installation() -> "Optional[Any]":
    """Return the import spec of a full installation that is elsewhere on the path, or None.

    One entry of the path is asked at a time, as another shipped copy may stand before the full one. Editable
    installations put an entry on the path or a finder on `sys.meta_path`.
    """
    here = os.path.realpath(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    finders = [finder for finder in sys.meta_path if finder is not PathFinder and hasattr(finder, "find_spec")]
    asked = [(PathFinder, [entry]) for entry in sys.path if os.path.realpath(entry or os.curdir) != here]
    for finder, path in asked + [(finder, None) for finder in finders]:
        try:
            spec = finder.find_spec("turnout", path)
        except Exception:  # a finder of someone else's that is broken, or that minds being asked
            continue
        if spec is not None and spec.loader is not None and spec.origin != __file__:
            for location in spec.submodule_search_locations or []:
                if os.path.isfile(os.path.join(location, "workspace.py")):
                    return spec
    return None


def _become_full() -> bool:
    """Let a full installation take this module's place in `sys.modules`; return whether there is one that loads."""
    spec = _full_installation()
    if spec is None:
        return False
    shipped = sys.modules[__name__]
    full = importlib.util.module_from_spec(spec)
    sys.modules[__name__] = full
    try:
        spec.loader.exec_module(full)
    except Exception:  # one that doesn't suit this Python: what comes with the run does
        sys.modules[__name__] = shipped
        return False
    return True


def __getattr__(name: str) -> "Any":
    """Load a name on first use (Python 3.7); say what is missing when it is a name of the full package."""
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in _FULL_ONLY:
        # ImportError, as `from turnout import Workspace` replaces the text of an AttributeError by its own.
        raise ImportError("turnout.%s needs a full installation of turnout in the script's environment" % name)
    raise AttributeError("module 'turnout' has no attribute %r" % name)


if __name__ == "turnout" and not _become_full() and sys.version_info < (3, 7):  # no module-level __getattr__ (PEP 562)
    for _name in _HOMES:
        __getattr__(_name)
