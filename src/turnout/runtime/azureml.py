"""What a run gives a script that was written for Azure ML SDK v1: v1's variables, and variables in arguments. Pure.

Only variables that mean something here are set; none that names a service or holds a token, so an azureml-core that a script
brings along finds itself offline.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Mapping

MEMBER = "azureml"
"""What run.json says of a run that was submitted through v1's names."""

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})", re.ASCII)


def variables(definition: Mapping[str, Any], run_id: str) -> Dict[str, str]:
    """Return v1's variables of a script's process.

    Args:
        definition: the content of run.json.
        run_id: the run's id.
    """
    workspace = definition.get("workspace") or {}
    configuration = definition.get("configuration") or {}
    target = definition.get("target") or {}
    values = {
        "AZUREML_RUN_ID": run_id,
        "AZUREML_ROOT_RUN_ID": definition.get("root"),
        "AZUREML_ARM_PROJECT_NAME": definition.get("experiment"),
        "AZUREML_ARM_WORKSPACE_NAME": workspace.get("name"),
        "AZUREML_ARM_SUBSCRIPTION": workspace.get("subscription_id"),
        "AZUREML_ARM_RESOURCEGROUP": workspace.get("resource_group"),
        "AZUREML_WORKSPACE_ID": workspace.get("id"),
        "AZUREML_OUTPUT_DIRECTORY": "./outputs",
        "AZUREML_FRAMEWORK": configuration.get("framework"),
        "AZUREML_COMMUNICATOR": configuration.get("communicator"),
        "AZUREML_TARGET_TYPE": str(target.get("type") or "").lower(),
        "AZUREML_NODE_COUNT": configuration.get("nodeCount"),
    }
    return {name: str(value) for name, value in values.items() if value not in (None, "")}


def expanded(arguments: Iterable[str], known: Mapping[str, str]) -> List[str]:
    """Return arguments with `$NAME` and `${NAME}` replaced, as v1 did; a name that isn't known stays as it is.

    Args:
        arguments: the script's.
        known: its variables.
    """

    def value(found: "re.Match[str]") -> str:
        return known.get(found.group(1) or found.group(2), found.group(0))

    return [_VARIABLE.sub(value, word) for word in arguments]
