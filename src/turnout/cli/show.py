"""`turnout show`: what is known of one run."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from typing import TYPE_CHECKING, Any

import click

from turnout.cli import application, common, data_lines, text
from turnout.runtime import events, inputs, processes, states
from turnout.runtime.record import SWEEP_RUN

if TYPE_CHECKING:
    from turnout.run import Run
    from turnout.runtime.record import RunRecord

_GIT = "azureml.git."
_REPEATED = ("ContentSnapshotId", "_azureml.ComputeTargetType", "best_data_container_id")
_OF_SWEEPS = (
    "generator_config",
    "policy_config",
    "primary_metric_config",
    "max_total_jobs",
    "max_concurrent_jobs",
    "max_duration_minutes",
    "runTemplate",
    "azureml.runsource",
    "platform",
    "resume_from",
    "space_size",
)
_LARGE = 4 << 20  # bytes of events beyond which the index is asked for the metrics
_SHOWN_METRICS = 30


@click.command("show")
@click.option(
    "--patch", is_flag=True, help="Print the uncommitted changes that the run was submitted with, and no more."
)
@click.option("--definition", is_flag=True, help="Print the run's definition, as it was submitted, and no more.")
@common.json_option
@common.run_argument
def command(run_name: str, patch: bool, definition: bool, as_json: bool) -> None:
    """Show what is known of RUN."""
    workspace = common.workspace()
    run = common.find(workspace, run_name)
    if patch and definition:
        raise click.UsageError("--patch and --definition exclude each other")
    if patch:
        _print_patch(run)
    elif definition:
        common.print_json(run.record.definition)
    else:
        facts = gather(run, common.index(workspace) if _events_size(run) > _LARGE else None)
        if as_json:
            common.print_json(facts)
        else:
            _print(facts)


def gather(run: Run, index: Any = None) -> dict[str, Any]:
    """Return everything that `show` knows of a run.

    Args:
        run: the run.
        index: asked for the metrics, where the events are too many to read; None to read them.
    """
    record = run.record
    definition, result, installed = record.definition, record.result(), record.environment()
    status, reason = run.status_and_reason()
    reported, unreadable = events.read_all(record.layout.events, metrics=index is None)
    started, ended = _times(record, status)
    configuration = definition.get("configuration") or {}
    properties = events.properties(definition.get("properties") or {}, reported)
    return {
        "id": run.id,
        "number": run.number,
        "experiment": definition.get("experiment"),
        "display_name": run.display_name,
        "type": definition.get("type"),
        "parent": definition.get("parent"),
        "children": events.children(reported),
        "status": status,
        "reason": reason,
        "created": text.iso_time(definition.get("created")),
        "created_by": definition.get("created_by"),
        "started": text.iso_time(started),
        "ended": text.iso_time(ended),
        "duration": _duration(result, started, ended),
        "target": definition.get("target"),
        "placement": {key: value for key, value in record.placement().items() if key != "supervisor"},
        "launch": record.launch(),
        "application": record.application(),
        "script": configuration.get("script"),
        "arguments": definition.get("arguments") or [],
        "inputs": inputs.inputs(definition),
        "outputs": inputs.outputs(definition),
        "secrets": (definition.get("variables") or {}).get("secrets") or [],
        "git": {key[len(_GIT) :]: value for key, value in properties.items() if key.startswith(_GIT)},
        "patch": os.path.getsize(record.layout.patch) if os.path.exists(record.layout.patch) else 0,
        "snapshot": definition.get("snapshot"),
        "environment": _environment(definition.get("environment") or {}, installed),
        "exit_code": result.get("exit_code"),
        "signal": result.get("signal"),
        "max_rss": result.get("max_rss"),
        "cpu_seconds": result.get("cpu_seconds"),
        "error": result.get("error"),
        "tags": events.tags(definition.get("tags") or {}, reported),
        "properties": properties,
        "metrics": _metrics_of_index(index, run.id) if index is not None else _metrics(reported),
        "files": len(run.get_file_names()),
        "unreadable_events": unreadable,
        "directory": record.layout.root,
    }


def _times(record: RunRecord, status: str) -> tuple[float | None, float | None]:
    result, journal = record.result(), record.journal()
    began = [line["t"] for line in journal if line.get("state") == states.RUNNING]
    ended = result.get("ended") or (journal[-1]["t"] if journal else None)
    return result.get("started") or (began[0] if began else None), ended if states.is_final(status) else None


def _duration(result: dict[str, Any], started: float | None, ended: float | None) -> float | None:
    if result.get("duration") is not None:
        return float(result["duration"])
    return None if started is None else max(0.0, (ended or time.time()) - started)


def _environment(defined: dict[str, Any], installed: dict[str, Any]) -> dict[str, Any] | None:
    if not defined and not installed:
        return None
    python = installed.get("python")
    return {
        "name": defined.get("name"),
        "version": defined.get("version"),
        "kind": defined.get("kind"),
        "key": defined.get("key"),
        "python": python.get("version") if isinstance(python, dict) else defined.get("python"),
        "python_asked": common.asked_python(defined.get("definition") or {}),
        "interpreter": installed.get("interpreter"),
        "packages": installed.get("packages") or [],
    }


def _metrics(reported: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return each metric's last value and how often it was logged."""
    found: dict[str, dict[str, Any]] = {}
    for point in events.points(reported):
        entry = found.setdefault(str(point["name"]), {"last": None, "count": 0})
        value = point["value"]
        items = value if point["kind"] == events.LIST and isinstance(value, list) else [value]
        if items:
            entry.update(last=items[-1], count=entry["count"] + len(items))
    return found


def _metrics_of_index(index: Any, run_id: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for metric in index.last_metrics(run_id):
        if metric.column:
            entry = found.setdefault(metric.name, {"last": {}, "count": 0})
            entry["last"][metric.column] = metric.last
            entry["count"] = max(entry["count"], metric.count)
        else:
            found[metric.name] = {"last": metric.last, "count": metric.count}
    return found


def _events_size(run: Run) -> int:
    try:
        with os.scandir(run.layout.events) as entries:
            return sum(entry.stat().st_size for entry in entries)
    except FileNotFoundError:
        return 0


def _target(target: dict[str, Any]) -> str | None:
    """Return a target's name; of a cluster that stands for another one both."""
    name, cluster = target.get("name"), target.get("cluster")
    return f"{cluster}, which is {name}" if cluster else name


def _print_patch(run: Run) -> None:
    try:
        stream = open(run.layout.patch, "rb")
    except FileNotFoundError:
        common.notice(f"the run {run.id} was submitted without uncommitted changes")
        return
    with stream:
        shutil.copyfileobj(stream, sys.stdout.buffer)


def _print(facts: dict[str, Any]) -> None:
    lines = common.Facts()
    lines.add("run", facts["id"])
    lines.add("status", facts["status"] + (f" ({facts['reason']})" if facts["reason"] else ""))
    lines.add("experiment", facts["experiment"] + (f", run {facts['number']}" if facts["number"] else ""))
    lines.add("name", facts["display_name"] if facts["display_name"] != facts["id"] else None)
    lines.add("parent", facts["parent"])
    lines.add("child runs", len(facts["children"]) or None)
    for name in ("created", "started", "ended"):
        lines.add(name, _local(facts[name]))
    lines.add("duration", text.duration(facts["duration"]) if facts["duration"] is not None else None)
    lines.add("exit", _exit(facts))
    lines.add("resources", _resources(facts))
    lines.add("target", _target(facts["target"] or {}))
    lines.add("host", facts["placement"].get("host"))
    for name, value in application.facts(facts["launch"], facts["application"]):
        lines.add(name, value)
    lines.add("submitted by", facts["created_by"])
    lines.add("script", facts["script"])
    lines.add("arguments", shlex.join(map(str, facts["arguments"])))
    for each in facts["inputs"]:
        lines.add("reads", data_lines.read(each))
    for each in facts["outputs"]:
        lines.add("leaves", data_lines.left(each))
    lines.add("secrets", ", ".join(facts["secrets"]))
    lines.add("snapshot", _snapshot(facts["snapshot"]))
    lines.add("git", _git(facts["git"], facts["patch"]))
    lines.add("environment", _environment_line(facts["environment"]))
    lines.add("interpreter", (facts["environment"] or {}).get("interpreter"))
    sweep = facts["type"] == SWEEP_RUN
    own = facts["id"] + "_"
    lines.add("sweep", f"turnout sweep show {facts['id']}" if sweep else None)
    lines.add(
        "tags",
        _pairs({key: value for key, value in facts["tags"].items() if not (sweep and _is_kept_by_sweep(key, own))}),
    )
    further = {
        key: value
        for key, value in facts["properties"].items()
        if not _is_shown(key) and not (sweep and _is_kept_by_sweep(key, own))
    }
    lines.add("properties", _pairs(further))
    lines.add("files", facts["files"] or None)
    lines.add("unreadable", f"{facts['unreadable_events']} lines of events" if facts["unreadable_events"] else None)
    lines.add("record", facts["directory"])
    lines.print()
    if facts["metrics"]:
        print()
        _metrics_table(facts["metrics"], facts["id"])


def _metrics_table(metrics: dict[str, dict[str, Any]], run_id: str) -> None:
    table = common.Table("metric", "last", "logged", right=["last", "logged"])
    for name in list(metrics)[:_SHOWN_METRICS]:
        table.add(name, text.number(metrics[name]["last"]), metrics[name]["count"])
    table.print()
    if len(metrics) > _SHOWN_METRICS:
        common.notice(f"and {len(metrics) - _SHOWN_METRICS} more: turnout metrics {run_id}")


def _local(iso: str | None) -> str | None:
    if iso is None:
        return None
    from datetime import datetime

    return text.local_time(datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp())


def _exit(facts: dict[str, Any]) -> str | None:
    if facts["signal"]:
        return f"by {processes.signal_name(int(facts['signal']))}"
    return None if facts["exit_code"] is None else f"code {facts['exit_code']}"


def _resources(facts: dict[str, Any]) -> str:
    parts = []
    if facts["cpu_seconds"]:
        parts.append(f"{text.duration(facts['cpu_seconds'])} of processor time")
    if facts["max_rss"]:
        parts.append(f"{text.size(facts['max_rss'])} of memory")
    return ", ".join(parts)


def _snapshot(snapshot: dict[str, Any] | None) -> str | None:
    if not snapshot:
        return None
    files = text.count(int(snapshot.get("files") or 0), "file")
    return f"{str(snapshot.get('id'))[:12]} ({files}, {text.size(snapshot.get('bytes'))})"


def _git(git: dict[str, str], patch: int) -> str | None:
    if not git:
        return None
    commit = (git.get("commit") or "")[:12]
    dirty = str(git.get("dirty", "")).lower() == "true"
    changes = f"with uncommitted changes (--patch, {text.size(patch)})" if patch else "with uncommitted changes"
    words = [git.get("branch") or "", commit, changes if dirty or patch else "", git.get("repository_uri") or ""]
    return " ".join(word for word in words if word) or None


def _is_shown(key: str) -> bool:
    """Say whether a property only repeats, under v1's name, what has a line of its own."""
    return key in _REPEATED or key.startswith((_GIT, "mlflow.source.git."))


def _is_kept_by_sweep(key: str, own: str) -> bool:
    """Say whether a tag or property of a sweep is what `turnout sweep show` shows: its configuration, or a trial's."""
    return key in _OF_SWEEPS or key.startswith(own)


def _environment_line(environment: dict[str, Any] | None) -> str | None:
    if environment is None:
        return None
    words = [str(environment["name"] or "unnamed")]
    if environment["version"]:
        words.append(f"version {environment['version']}")
    python = f"Python {environment['python']}" if environment["python"] else ""
    if environment["python_asked"]:
        python += f" in place of {environment['python_asked']}"
    details = [python, str(environment["kind"] or "")]
    if environment["packages"]:
        details.append(text.count(len(environment["packages"]), "package"))
    if environment["key"]:
        details.append(f"key {str(environment['key'])[:12]}")
    known = ", ".join(word for word in details if word)
    return " ".join(words) + (f" ({known})" if known else "")


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(key if value is None else f"{key}={value}" for key, value in values.items())
