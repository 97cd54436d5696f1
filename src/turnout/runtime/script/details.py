"""Puts a record into the dictionary that v1's `Run.get_details` returned."""

import os
import time

from turnout.runtime import events, inputs, layout, states
from turnout.runtime.record import RunRecord

MYPY = False
if MYPY:
    from typing import Any, Dict, Optional

_LOG_TOPS = (layout.USER_LOGS, layout.SYSTEM_LOGS)


def details(record: RunRecord, status: str) -> "Dict[str, Any]":
    """Return what is known of a run under v1's keys, such as runId, status, startTimeUtc, properties and logFiles.

    What is not known (yet) has no key, as in v1. Times are ISO 8601 in UTC; `logFiles` maps names to paths on this
    machine.

    Args:
        record: the run's record.
        status: the run's state as the caller sees it.
    """
    definition, result = record.definition, record.result()
    configuration = definition.get("configuration")
    if configuration is not None:
        configuration = dict(configuration, arguments=definition.get("arguments") or [])
    found: "Dict[str, Any]" = {
        "runId": record.layout.run_id,
        "target": _target(definition.get("target") or {}),
        "status": status,
        "startTimeUtc": utc(result.get("started") or _started(record)),
        "endTimeUtc": utc(result.get("ended")) if states.is_final(status) else None,
        "services": {},
        "error": _error(result.get("error")),
        "warnings": [
            {"source": record.layout.run_id, "message": message}
            for message in events.warnings(record.events(metrics=False))
        ],
        "properties": record.properties(),
        "inputDatasets": [_input(each) for each in inputs.inputs(definition) if each.get("dataset")],
        "outputDatasets": [_output(each) for each in inputs.outputs(definition)],
        "runDefinition": configuration,
        "logFiles": _log_files(record),
        "submittedBy": definition.get("created_by"),
    }
    return {key: value for key, value in found.items() if value is not None}


def utc(moment: "Optional[float]") -> "Optional[str]":
    """Return unix seconds as ISO 8601 in UTC with microseconds, as v1 wrote them; None for none."""
    if not moment:
        return None
    seconds, micro = divmod(round(moment * 1e6), 1000000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + ".%06dZ" % micro


def _target(target: "Dict[str, Any]") -> "Any":
    """Return the name that a run was submitted to: a cluster's, which may stand for another target."""
    return target.get("cluster") or target.get("name")


def _input(each: "Dict[str, Any]") -> "Dict[str, Any]":
    mechanism = str(each["mode"]).capitalize()
    return {
        "dataset": {"id": each["dataset"]["id"]},
        "consumptionDetails": {"type": "RunInput", "inputName": each["name"], "mechanism": mechanism},
    }


def _output(each: "Dict[str, Any]") -> "Dict[str, Any]":
    return {
        "outputType": "RunOutput",
        "outputDetails": {"outputName": each["name"]},
        "identifier": {"datastore": each["datastore"], "path": each["path"]},
    }


def _error(error: "Optional[Dict[str, Any]]") -> "Optional[Dict[str, Any]]":
    """Return why a run failed, in the form that v1's service gave it."""
    if not error:
        return None
    return {"error": {"code": error.get("code") or "UserError", "message": error.get("message"), "details": []}}


def _started(record: RunRecord) -> "Optional[float]":
    for line in record.journal():
        if line.get("state") == states.RUNNING:
            return float(line["t"])
    return None


def _log_files(record: RunRecord) -> "Dict[str, str]":
    names = [name for name in record.artifact_names() if name.split("/", 1)[0] in _LOG_TOPS]
    return {name: os.path.join(record.layout.root, name) for name in names}
