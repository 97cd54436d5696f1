"""What a run gives a script of Azure ML SDK v1's."""

from __future__ import annotations

from turnout.runtime import azureml

DEFINITION = {
    "experiment": "diabetes",
    "root": "parent",
    "workspace": {"id": "w1", "name": "old", "subscription_id": "s"},
    "configuration": {"framework": "Python", "communicator": "None", "nodeCount": 1},
    "target": {"name": "gpu-box", "type": "VirtualMachine"},
}


def test_variables_that_mean_something_are_set_and_no_others() -> None:
    assert azureml.variables(DEFINITION, "run_1") == {
        "AZUREML_RUN_ID": "run_1",
        "AZUREML_ROOT_RUN_ID": "parent",
        "AZUREML_ARM_PROJECT_NAME": "diabetes",
        "AZUREML_ARM_WORKSPACE_NAME": "old",
        "AZUREML_ARM_SUBSCRIPTION": "s",
        "AZUREML_WORKSPACE_ID": "w1",
        "AZUREML_OUTPUT_DIRECTORY": "./outputs",
        "AZUREML_FRAMEWORK": "Python",
        "AZUREML_COMMUNICATOR": "None",
        "AZUREML_TARGET_TYPE": "virtualmachine",
        "AZUREML_NODE_COUNT": "1",
    }
    assert azureml.variables({}, "x") == {"AZUREML_RUN_ID": "x", "AZUREML_OUTPUT_DIRECTORY": "./outputs"}


def test_variables_in_arguments_are_expanded_and_unknown_ones_stay() -> None:
    words = ["--data", "$DATA/x", "${DATA}y", "$UNKNOWN", "5$", "$$", "a$DATA$DATA"]
    assert azureml.expanded(words, {"DATA": "/d"}) == ["--data", "/d/x", "/dy", "$UNKNOWN", "5$", "$$", "a/d/d"]
