"""Gives a run to a target that is another machine: its objects first, then the record, until the target has answered."""

from __future__ import annotations

import contextlib
import os
import time
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from turnout.exceptions import ExperimentExecutionException
from turnout.history import replica
from turnout.runtime import layout, manifest, records, redaction
from turnout.runtime.builders import uvtool
from turnout.runtime.objects import ObjectStore
from turnout.runtime.record import RunRecord
from turnout.runtime.serving import arrival
from turnout.targets import reach, registry
from turnout.targets.reach import Reach, TargetError, Unreachable

if TYPE_CHECKING:
    from turnout.runtime.handed import Handed
    from turnout.workspace import Workspace

UPLOAD_PATIENCE = 120.0
"""Seconds for which an upload that was broken off is tried again, before anything of the run is there."""

_PAUSE, _LONGEST = 0.5, 10.0
_FILES = (*layout.SUBMITTED, "run.json", "journal.jsonl")

Report = Callable[[str], None]
Progress = Callable[[int, int], None]


class NotTaken(Exception):
    """The target can't take the run; it isn't there, and won't be."""


def bring(
    workspace: Workspace,
    definition: dict[str, Any],
    files: dict[str, bytes],
    facts: dict[str, Any],
    given: Handed,
    report: Report,
    progress: Progress | None,
) -> None:
    """Bring what a run needs to its target, before there is a run: tools, packages that it can't fetch, objects.

    Args:
        workspace: which one the run will belong to.
        definition: run.json, as it will be.
        files: of its record, by name: the manifests say which objects it needs.
        facts: what is known of the target.
        given: what the run needs that no record holds.
        report: gets a line for each thing that takes time, and when it has to be tried again.
        progress: gets the bytes sent and those there are in all.

    Raises:
        ExperimentExecutionException: something can't be brought there.
        EnvironmentException: something that the environment is made of can't be had there.
    """
    from turnout import wheelhouse
    from turnout.environments import resolution, wheels

    target = definition["target"]
    name = str(target["name"])
    way = reach.make(target, workspace.home)

    def tools() -> None:
        uv = provide_tools(way, workspace.home, facts, resolution.platform_tag(), report)
        kept = registry.load(workspace.layout, name)
        if uv != facts.get("uv") and kept is not None and kept.get("id") == target.get("id"):
            registry.replace(workspace.layout, name, {**kept, "facts": {**kept["facts"], "uv": uv}})

    def packages() -> None:
        asked = wheels.Asked(
            environment=definition["environment"],
            home=workspace.home,
            target=name,
            facts=facts,
            variables={**os.environ, **given.secrets},
            hide=redaction.redactor(given.secrets.values()),
            report=report,
        )
        wheelhouse.bring(way, asked, progress)

    for each in (tools, packages) if definition["environment"]["kind"] != "existing" else ():
        patiently(each, f"uploading to {name}", report)
    known = last_sent(workspace.layout, target)
    there = read_manifest(workspace.layout, known) if known else b""
    manifests = [files[each] for each in (layout.MANIFEST, layout.DATA_MANIFEST) if files.get(each)]
    send_objects(way, manifests, there, name, report, progress)


def give(workspace: Workspace, run: layout.RunLayout, given: Handed, start: Callable[[], Any], report: Report) -> None:
    """Have a target take a recorded run; see `deliver`.

    Raises:
        NotTaken: it can't.
    """
    target = RunRecord(run.root).definition["target"]
    way = reach.make(target, workspace.home)
    deliver(way, start, workspace.id, run, given, str(target["name"]), last_sent(workspace.layout, target), report)
    remember_sent(workspace.layout, target, run.run_id)


def send_objects(
    target: Reach, manifests: list[bytes], known: bytes, name: str, report: Report, progress: Progress | None
) -> int:
    """Bring the objects of a run's snapshot and data to a target; return the bytes sent.

    Args:
        target: the way there.
        manifests: of both.
        known: a manifest whose objects the target had; what it lacks all the same, it says when it gets the run.
        name: the target's name.
        report: gets a line when it has to be tried again.
        progress: gets the bytes sent and those there are in all.

    Raises:
        ExperimentExecutionException: they can't be brought there.
    """
    there = manifest.contents(known) if known else {}
    wanted = dict.fromkeys(each for data in manifests for each in manifest.contents(data))
    digests = [each for each in wanted if each not in there]
    sent: int = patiently(lambda: target.push(digests, progress), f"uploading to {name}", report)
    return sent


def patiently(attempt: Callable[[], Any], doing: str, report: Report, patience: float = UPLOAD_PATIENCE) -> Any:
    """Do something that a broken connection may interrupt, again until it is done or `patience` seconds have passed.

    Raises:
        ExperimentExecutionException: it can't be done.
    """
    deadline = time.monotonic() + patience
    pause = _PAUSE
    while True:
        try:
            return attempt()
        except Unreachable as error:
            if error.lasting or time.monotonic() + pause > deadline:
                raise ExperimentExecutionException(f"{error}; nothing was submitted", inner_exception=error) from error
            report(f"{doing} was interrupted, retrying: {error}")
            time.sleep(pause)  # a network that comes back sends no event
            pause = min(_LONGEST, pause * 2)
        except TargetError as error:
            raise ExperimentExecutionException(f"{error}; nothing was submitted", inner_exception=error) from error


def provide_tools(target: Reach, home: layout.Home, facts: dict[str, Any], platform: str, report: Report) -> str:
    """See to it that a target has uv, when it has none and this machine's runs there; return its path there.

    Raises:
        Unreachable, TargetError: it can't be brought there.
    """
    known = str(facts.get("uv") or "")
    if known or facts.get("platform") != platform:
        return known
    uv = uvtool.find(home, os.environ)
    if not uv:
        return ""
    report("sending uv, which is not there")
    digest = ObjectStore(home.objects).add_file(uv)
    target.push([digest])
    return str(target.run({"operation": "tool", "name": "uv", "digest": digest})["path"])


def deliver(
    target: Reach,
    start: Callable[[], Any],
    workspace_id: str,
    run: layout.RunLayout,
    given: Handed,
    name: str,
    base: str,
    report: Report,
) -> None:
    """Hand a recorded run over: repeat it until the target has answered.

    Args:
        target: the way there.
        start: has the target's scheduler take the run, once its record is there.
        workspace_id: which workspace it belongs to.
        run: the record here.
        given: what the run needs that no record holds.
        name: the target's name.
        base: a run that the target has, from whose manifest the difference is sent; empty to send it whole.
        report: gets a line when it has to be tried again.

    Raises:
        NotTaken: the target refuses the run, or can't write it.
    """
    pause = _PAUSE
    try:
        while True:
            try:
                _accept(target, workspace_id, run, given, base)
                start()
                break
            except Unreachable as error:
                report(f"NotStarted: handing over to {name}, retrying: {error}")
                time.sleep(pause)  # a network that comes back sends no event
                pause = min(_LONGEST, pause * 2)
            except TargetError as error:
                raise NotTaken(str(error)) from error
    except BaseException:
        # Ctrl-C, or a target that can't: it may have the record all the same, which must not begin later.
        with contextlib.suppress(OSError):
            replica.mark_given_up(run)
            target.run({"operation": "withdraw", "workspace": workspace_id, "run": run.run_id})
        raise
    replica.mark_handed_over(run)


def _accept(target: Reach, workspace_id: str, run: layout.RunLayout, given: Handed, base: str) -> str:
    while True:
        contents = _contents(run, base)
        request = {
            "operation": "accept",
            "workspace": workspace_id,
            "run": run.run_id,
            "base": base,
            "files": [[name, len(data)] for name, data in contents],
            "handed": given.as_json(),
        }
        reply, content = target.pull(request, zlib.compress(b"".join(data for _, data in contents), 1))
        if reply.get("missing"):  # freed there since they were brought
            lacking = zlib.decompress(content)
            target.push(lacking[start : start + 32].hex() for start in range(0, len(lacking), 32))
        elif reply.get("unknown"):
            base = ""
        elif reply.get("refused"):
            raise NotTaken(str(reply["refused"]))
        else:
            return str(reply["directory"])


def _contents(run: layout.RunLayout, base: str) -> list[tuple[str, bytes]]:
    """Return the record's files, with the difference from another run's manifest in the place of this one's."""
    found = []
    for name in _FILES:
        path = os.path.join(run.root, name)
        if os.path.exists(path):
            with open(path, "rb") as stream:
                found.append((name, stream.read()))
    if not base:
        return found
    added, removed = manifest.difference(read_manifest(run.workspace, base), dict(found)["manifest"])
    return [(arrival.ADDED, b"\0".join(added)), (arrival.REMOVED, b"\0".join(removed)), *found[1:]]


def last_sent(workspace: layout.WorkspaceLayout, target: dict[str, Any]) -> str:
    """Return the id of the run that was handed to a target last and is still here; empty when there is none."""
    try:
        note = records.read_json(_note(workspace, target))
        run_id = str(note["run"]) if note["id"] == target.get("id") else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return run_id if run_id and read_manifest(workspace, run_id) else ""


def remember_sent(workspace: layout.WorkspaceLayout, target: dict[str, Any], run_id: str) -> None:
    """Note that a target has got a run."""
    with contextlib.suppress(OSError):  # it only saves bytes
        records.write_json(_note(workspace, target), {"id": target.get("id"), "run": run_id})


def read_manifest(workspace: layout.WorkspaceLayout, run_id: str) -> bytes:
    """Return the manifest of a run that is here; nothing when it isn't, or can't be read."""
    try:
        with open(workspace.run(run_id).manifest, "rb") as stream:
            data = stream.read()
        manifest.split(data)
    except (OSError, ValueError):
        return b""
    return data


def _note(workspace: layout.WorkspaceLayout, target: dict[str, Any]) -> str:
    return os.path.join(workspace.targets, f"{target['name']}.sent")
