"""How the script's process starts: one file a launcher, and its line in `LAUNCHERS`.

A launcher says what to execute in the working directory and which variables to add (`command`, pure), from what was found on
the machine (`find`). One whose script works on machines beyond this one has a companion that follows that work.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Tuple, cast

from turnout.runtime.record import SWEEP_RUN

if TYPE_CHECKING:
    from turnout.runtime import layout
    from turnout.runtime.builders.contract import Built
    from turnout.runtime.launchers.companion import Companion

LAUNCHERS = {
    "Python": "turnout.runtime.launchers.python:PythonLauncher",
    "PyTorch": "turnout.runtime.launchers.python:PythonLauncher",
    "TensorFlow": "turnout.runtime.launchers.python:PythonLauncher",
    "PySpark": "turnout.runtime.launchers.spark:SparkLauncher",
    "HyperDrive": "turnout.runtime.launchers.controller:ControllerLauncher",
}
"""v1's `framework` → the class that launches it; `HyperDrive` is what launches the controller of a sweep."""

COMMUNICATORS = {
    "nccl": "turnout.runtime.launchers.torch:TorchLauncher",
    "gloo": "turnout.runtime.launchers.torch:TorchLauncher",
    "Mpi": "turnout.runtime.launchers.mpi:MpiLauncher",
    "OpenMpi": "turnout.runtime.launchers.mpi:MpiLauncher",
    "IntelMpi": "turnout.runtime.launchers.mpi:MpiLauncher",
    "ParameterServer": "turnout.runtime.launchers.tensorflow:TensorflowLauncher",
}
"""v1's `communicator` → the class that launches its several processes; `None` leaves it to the framework."""


class UnknownLauncherError(ValueError):
    """A framework that no launcher here starts."""


class CannotLaunch(Exception):
    """What the launcher needs isn't there, or doesn't suit the run; the message is one line with the way out."""


class Context(NamedTuple):
    """A run on the machine where it is launched.

    Attributes:
        home: of this machine.
        run: the files of its record.
        definition: the content of run.json.
        variables: its environment variables as far as they are known: those of the machine or of its submitter, and its own.
        secrets: names and values of its secrets.
        runtime: the directory of the shipped runtime.
    """

    home: layout.Home
    run: layout.RunLayout
    definition: Dict[str, Any]
    variables: Mapping[str, str]
    secrets: Mapping[str, str]
    runtime: str


class Launcher:
    """A way to start a script."""

    def find(self, context: Context, built: Built) -> Dict[str, Any]:
        """Return what of this machine the command depends on.

        Args:
            context: the run; its snapshot has been copied out.
            built: its environment.

        Raises:
            CannotLaunch: something is missing.
        """
        return {}

    def describe(self, found: Dict[str, Any]) -> Dict[str, Any]:
        """Return what the record keeps of `found`: versions and places, no secrets."""
        return found

    def command(
        self, definition: Dict[str, Any], rank: int, interpreter: str, found: Dict[str, Any]
    ) -> Tuple[List[str], Dict[str, str]]:
        """Return the argv and the extra variables of one process of a run. Pure.

        Args:
            definition: the content of run.json.
            rank: which of the run's processes, from 0.
            interpreter: absolute path of the environment's Python.
            found: what `find` returned.
        """
        raise NotImplementedError

    def companion(self, context: Context) -> Companion:
        """Return what goes with a run, where there is work that its own processes don't tell of."""
        from turnout.runtime.launchers import companion

        return companion.Companion()


def of(definition: Dict[str, Any]) -> Launcher:
    """Return the launcher of a run.

    Raises:
        UnknownLauncherError: its framework has none in this version.
    """
    configuration = definition.get("configuration") or {}
    framework = str(configuration.get("framework") or "Python")
    communicator = str(configuration.get("communicator") or "None")
    if definition.get("type") == SWEEP_RUN:
        framework, communicator = "HyperDrive", "None"
    where = LAUNCHERS.get(framework) if communicator == "None" else COMMUNICATORS.get(communicator)
    if where is None:
        asked = "framework %r" % framework if communicator == "None" else "communicator %r" % communicator
        raise UnknownLauncherError(
            "no launcher for %s (there is: %s)" % (asked, ", ".join([*LAUNCHERS, *COMMUNICATORS]))
        )
    module, name = where.split(":")
    return cast(Launcher, getattr(import_module(module), name)())
