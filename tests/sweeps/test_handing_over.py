from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from turnout import Experiment, Workspace
from turnout.runtime.layout import WorkspaceLayout
from turnout.runtime.record import RunRecord
from turnout.sweeps import handing_over
from turnout.sweeps.settings import MEMBER, Settings, parameters_of, trial_id
from turnout.testing.sweeps import make_sweep


@pytest.fixture
def trials(layout: WorkspaceLayout, workspace: Workspace, configured: Any) -> Any:
    def make(**common: Any) -> handing_over.Trials:
        run = make_sweep(layout, "HD_1", configured(), root="above_1")
        definition = RunRecord(run.root).definition
        definition[MEMBER]["trial"].update(common)
        return handing_over.Trials(Experiment(workspace, "test"), definition, Settings(definition))

    return make


def test_a_trials_parameters_stand_behind_the_fixed_arguments(trials: Any) -> None:
    values = {"lr": 0.1, "--kind": "two words", "layers": [64, 32]}
    made = trials(arguments=["--epochs", "3"]).definition(4, values, ["--resume-from", "outputs"])
    assert made["arguments"] == [
        "--epochs", "3", "--lr", "0.1", "--kind", "two words", "--layers", "[64, 32]", "--resume-from", "outputs",
    ]  # fmt: skip
    assert (made["id"], made["display_name"], made["parent"], made["root"]) == ("HD_1_4", "HD_1_4", "HD_1", "above_1")
    assert json.loads(made["tags"]["hyperparameters"]) == values
    assert parameters_of(made) == values
    assert made[MEMBER]["number"] == 4


def test_a_command_gets_the_parameters_as_a_shell_takes_them(trials: Any) -> None:
    common = {"configuration": {"command": "python train.py"}}
    made = trials(**common).definition(0, {"kind": "a b;$(rm)", "layers": ["x"]}, [])
    words = shlex.split(made["configuration"]["command"])
    assert words == ["python", "train.py", "--kind", "a b;$(rm)", "--layers", '["x"]']
    assert common["configuration"]["command"] == "python train.py"


def test_each_trial_has_a_number_and_something_handed_over_of_its_own(trials: Any) -> None:
    makes = trials()
    first, second = (makes.definition(number, {"lr": 0.1}, []) for number in range(2))
    assert first["number"] != second["number"]
    assert first["handed_over"] != second["handed_over"]


def test_ids_are_v1s() -> None:
    assert trial_id("HD_1", 0) == "HD_1_0"
    assert parameters_of({}) == {}
