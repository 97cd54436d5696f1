"""v1's names for what comes with every run, where Turnout isn't installed whole. Compiles for Python 3.6."""

from turnout.runtime.script.door import Door

MYPY = False
if MYPY:
    from typing import Dict

_RUN = "turnout.runtime.script.run:Run"
_EXCEPTIONS = "turnout.runtime.script.exceptions:"
_RAISED = {
    name: _EXCEPTIONS + name
    for name in (
        "ActivityFailedException",
        "ComputeTargetException",
        "ExperimentExecutionException",
        "RunConfigurationException",
        "RunEnvironmentException",
        "SnapshotException",
        "UserErrorException",
        "WorkspaceException",
    )
}
_RAISED["AzureMLException"] = _EXCEPTIONS + "TurnoutException"

_NEEDS_MORE = "it needs a full installation of turnout in the script's environment"

MODULES: "Dict[str, Dict[str, str]]" = {
    "azureml.core": {
        "Run": _RUN,
        "Workspace": "turnout.runtime.script.context:Workspace",
        "Experiment": "turnout.runtime.script.context:Experiment",
        "VERSION": "turnout.runtime.script.azureml_names:VERSION",
        "__version__": "turnout.runtime.script.azureml_names:VERSION",
    },
    "azureml.core.run": {"Run": _RUN, "_OfflineRun": "turnout.runtime.script.offline:OfflineRun"},
    "azureml.core.workspace": {"Workspace": "turnout.runtime.script.context:Workspace"},
    "azureml.core.experiment": {"Experiment": "turnout.runtime.script.context:Experiment"},
    "azureml.exceptions": _RAISED,
    "azureml.core.compute_target": {"ComputeTargetException": _RAISED["ComputeTargetException"]},
}
"""Each module's names → where they are."""

INSTEAD = {"azureml.core": _NEEDS_MORE, "azureml.train": _NEEDS_MORE, "azureml.data": _NEEDS_MORE}
"""What isn't there → why."""

VERSION = "1.62.0"
"""What `azureml.core.VERSION` says: v1's last release, whose names these are."""

door = Door("azureml", MODULES, INSTEAD)
