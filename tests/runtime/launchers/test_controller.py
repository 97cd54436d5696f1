"""What starts the controller of a sweep."""

from __future__ import annotations

from turnout.runtime import launchers
from turnout.runtime.launchers import controller


def test_a_sweep_is_launched_as_its_controller_whatever_its_trials_are() -> None:
    definition = {
        "type": "hyperdrive",
        "configuration": {"framework": "PySpark", "script": "train.py"},
        "arguments": ["--fixed"],
        "sweep": {"installation": "/opt/turnout/lib"},
    }
    launcher = launchers.of(definition)
    assert isinstance(launcher, controller.ControllerLauncher)
    argv, variables = launcher.command(definition, 0, "/opt/python", {})
    assert argv[:2] == ["/opt/python", "-c"]
    assert "turnout.sweeps.controller" in argv[2]
    assert argv[3:] == ["/opt/turnout/lib"]
    assert variables == {}
