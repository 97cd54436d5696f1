"""`turnout doctor`: what works on this machine, and what to do about the rest."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from turnout.cli import common, text
from turnout.exceptions import TurnoutException
from turnout.runtime import filelocks, layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK, NOTE, LATER, BROKEN, WRONG, MENDED = "ok", "note", "later", "broken", "wrong", "mended"
"""Works; works with a drawback; nothing needs it yet; broken, and something needs it; wrong in the home, and mended."""

_SMALL_DISK = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing: how it is, what was seen, and what to do about it ("" for nothing)."""

    what: str
    state: str
    seen: str
    advice: str = ""


@click.command("doctor")
@click.option("--repair", is_flag=True, help="Mend what is wrong in the home, and say what was done.")
@click.option("--objects", is_flag=True, help="Read every object of the home and check its digest, too.")
@common.json_option
def command(as_json: bool, repair: bool, objects: bool) -> int:
    """Say what works on this machine, what is wrong in the home, and what to do about it.

    Exits with 1 when something is broken that today's features need, or was found wrong and is not mended.
    """
    findings = list(examine())
    if not any(finding.what == "home" and finding.state == BROKEN for finding in findings):
        findings += _look_through(repair, objects)
    broken = [finding for finding in findings if finding.state in (BROKEN, WRONG)]
    if as_json:
        common.print_json(
            {
                "ok": not broken,
                "findings": [
                    {"what": one.what, "state": one.state, "seen": one.seen, "advice": one.advice or None}
                    for one in findings
                ],
            }
        )
    else:
        _print(findings)
    return 1 if broken else 0


def examine() -> Iterator[Finding]:
    """Look at everything, one finding at a time."""
    checks: list[Callable[[], Iterator[Finding]]] = [_python, _uv, _git, _home, _workspace, _processes, _later]
    for check in checks:
        try:
            yield from check()
        except (TurnoutException, OSError) as error:
            yield Finding(check.__name__.strip("_"), BROKEN, " ".join(str(error).split()))


def _look_through(repair: bool, objects: bool) -> Iterator[Finding]:
    """Look through the home for what was left wrong, and mend it if asked to."""
    from turnout.repair import Examination
    from turnout.repair import examine as look_through

    for found in look_through(Examination(layout.Home(layout.home_directory()), objects)):
        if found.mend is None:
            yield Finding(found.path, NOTE, found.seen, found.advice)
        elif not repair:
            yield Finding(found.path, WRONG, found.seen, "turnout doctor --repair mends it")
        else:
            try:
                yield Finding(found.path, MENDED, found.seen, found.mend())
            except (TurnoutException, OSError) as error:
                yield Finding(found.path, WRONG, found.seen, " ".join(f"it can't be mended: {error}".split()))


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", OK, f"{version}, {sys.executable}")


def _uv() -> Iterator[Finding]:
    from turnout.environments import resolution

    path = os.environ.get("TURNOUT_UV") or resolution.installed_uv()
    if not path:
        yield Finding("uv", BROKEN, "not found", "reinstall turnout, which brings uv along, or set TURNOUT_UV")
        return
    said = _first_line(path, "--version")
    if said is None:
        yield Finding("uv", BROKEN, f"{path} does not run", "reinstall turnout, which brings uv along")
    else:
        yield Finding("uv", OK, f"{said}, {path}")


def _git() -> Iterator[Finding]:
    path = _which("git")
    said = _first_line(path, "--version") if path else None
    if said is None:
        yield Finding("git", NOTE, "not found", "runs are recorded without commit and uncommitted changes; install git")
    else:
        yield Finding("git", OK, f"{said}, {path}")


def _home() -> Iterator[Finding]:
    import shutil

    from turnout.history import place
    from turnout.workspace import check_format

    root = layout.home_directory()
    other = f"mend it, or name another home with {layout.HOME_VARIABLE}"
    try:
        check_format(layout.Home(root))
        os.makedirs(root, layout.DIRECTORY_MODE, exist_ok=True)
        has_locks = _try_writing(root)
    except TurnoutException as error:
        yield Finding("home", BROKEN, str(error), f"update Turnout, or name another home with {layout.HOME_VARIABLE}")
        return
    except OSError as error:
        yield Finding("home", BROKEN, f"{root} can't be written: {error.strerror}", other)
        return
    yield Finding("home", OK, f"{root}, can be written")
    if not has_locks:
        yield Finding("locks", BROKEN, f"the file system of {root} has no flock", other)
    kind = place.file_system(root)
    if place.is_network(kind):
        yield Finding("file system", NOTE, f"{kind}, on the network", "works; the index lies in this machine's cache")
    else:
        yield Finding("file system", OK, kind or "unknown, taken for local")
    free = shutil.disk_usage(root).free
    if free < _SMALL_DISK:
        yield Finding("free disk", NOTE, text.size(free), f"make room, or {other.split(', or ')[1]}")
    else:
        yield Finding("free disk", OK, text.size(free))


def _try_writing(root: str) -> bool:
    """Write and remove a file in the home; return whether it could be locked."""
    path = os.path.join(root, f".doctor-{os.getpid()}")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, layout.FILE_MODE)
    try:
        os.write(descriptor, b"written\n")
        filelocks.lock(descriptor, path, wait=False)
    except filelocks.NoFileLocks:
        return False
    finally:
        os.close(descriptor)
        os.unlink(path)
    return True


def _workspace() -> Iterator[Finding]:
    workspace = common.workspace()
    chosen = f", named by {workspace.config_file}" if workspace.config_file else ""
    yield Finding("workspace", OK, f"{workspace.name}{chosen}")
    from turnout.history.index import Index

    index = Index(workspace.layout, common.notice)
    try:
        index.refresh()
    except TurnoutException as error:
        yield Finding("index", BROKEN, str(error), "turnout reindex rebuilds it")
        return
    yield Finding("index", OK, f"{text.count(sum(index.counts().values()), 'run')}, {index.where}")


def _processes() -> Iterator[Finding]:
    from turnout.runtime import processes

    if processes.start_time(os.getpid()) is None:
        yield Finding(
            "processes",
            BROKEN,
            "/proc doesn't tell when a process started",
            "the local target needs Linux with /proc mounted",
        )
    else:
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        yield Finding("processes", OK, f"{text.count(count, 'processor')} for this account")


def _later() -> Iterator[Finding]:
    """Look for what later versions will use; nothing of today's needs it."""
    for what, names, purpose in (
        ("containers", ("podman", "docker"), "environments in containers"),
        ("ssh", ("ssh",), "targets over SSH"),
        ("Slurm", ("sbatch",), "Slurm targets"),
    ):
        found = [path for path in map(_which, names) if path]
        advice = f"needed for {purpose}, which this version does not have yet"
        yield Finding(what, LATER, ", ".join(found) if found else "not found", advice)


def _which(name: str) -> str | None:
    import shutil

    return shutil.which(name)


def _first_line(*command: str) -> str | None:
    """Return the first line that a command prints; None when it fails or takes too long."""
    import subprocess

    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=True, text=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().split("\n")[0]


def _print(findings: list[Finding]) -> None:
    table = common.Table("what", "state", "seen", status="state", note="advice")
    for one in findings:
        table.add(one.what, one.state, one.seen, note=one.advice)
    table.print()
