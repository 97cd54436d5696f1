"""Turns an environment's definition into what a run needs to know of it: kind, key and lock.

The submitter resolves, once per specification, platform and Python; the machine of the run builds from the lock, or
finds what was built from it before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from turnout.environments import kinds, locks
from turnout.environments.kinds import specification
from turnout.environments.kinds.failures import ResolutionFailed
from turnout.exceptions import EnvironmentException
from turnout.runtime import layout, redaction

__all__ = ["ResolutionFailed", "installed_rattler", "installed_uv", "platform_tag", "provide_tools", "resolve"]


def resolve(
    definition: dict[str, Any],
    home: layout.Home,
    workspace: layout.WorkspaceLayout,
    report: Callable[[str], None],
    source_directory: str | None = None,
    platform: str | None = None,
    variables: Mapping[str, str] = os.environ,
    hide: redaction.Hide = redaction.as_it_is,
) -> dict[str, Any]:
    """Return what goes into run.json under `environment`: `kind, name, version, key, python, platform, lock`.

    Args:
        definition: the environment in v1's dictionary form.
        home: the submitter's home.
        workspace: where locks are kept.
        report: gets a line for each thing that a person waits for or should know.
        source_directory: what relative paths in the requirements are relative to; the current directory by default.
        platform: what the lock is for, such as "linux-aarch64"; this machine by default.
        variables: what tools find in their environment; this process's own by default.
        hide: takes the values of secrets out of what tools say, before it is reported or raised.

    Raises:
        NotYetException: no kind of environment carries this out yet.
        EnvironmentException: the definition can't be used as it is, or asks for a Python that can't be had.
        ResolutionFailed: it can be read, but there is no solution; `words` says why.
    """
    specified = specification.parse(definition)
    name, kind = kinds.choose(specified)
    if kind.TOOLS:
        provide_tools(home, kind.TOOLS)
    context = kinds.Context(
        name=specified.name,
        home=home,
        directory=os.path.abspath(source_directory or os.curdir),
        platform=platform or platform_tag(),
        here=platform in (None, platform_tag()),
        report=report,
        variables=variables,
        hide=hide,
    )
    request = kind.request(specified, context)
    lock = kind.immediate(request)
    if lock is None:
        digest = locks.digest(name, request)
        lock = locks.load(workspace, digest)
        if lock is None:
            lock = locks.store(workspace, digest, request, kind.resolve(request, context))
    return {
        "kind": name,
        "name": specified.name,
        "version": specified.version,
        "key": kind.key(lock),
        "python": lock["python"],
        "platform": lock["platform"],
        "lock": lock,
    }


def platform_tag() -> str:
    """Return what names this machine's platform: system and processor, such as "linux-x86_64"."""
    system = os.uname()
    return f"{system.sysname.lower()}-{system.machine}"


def provide_tools(home: layout.Home, tools: Iterable[str] = ("uv",)) -> None:
    """Link the tools that builders call into the home: a supervisor doesn't know where Turnout's packages are.

    Costs one look a tool when its link is right already.

    Args:
        home: the home of this machine.
        tools: which: `uv`, and `rattler`, which is a Python that has py-rattler.
    """
    for tool in tools:
        link = os.path.join(home.tools, tool)
        try:
            current = os.readlink(link)
        except OSError:
            current = ""
        path = _TOOLS[tool](current)
        if not path or path == current:
            continue  # a variable or the PATH may name one; who needs it says when there is none
        try:
            os.makedirs(home.tools, layout.DIRECTORY_MODE, exist_ok=True)
            temporary = f"{link}.{os.getpid()}.tmp"
            os.symlink(path, temporary)
            os.replace(temporary, link)
        except OSError as error:
            raise EnvironmentException(f"{tool} can't be linked into {home.tools}: {error.strerror}") from error


def _uv(current: str) -> str:
    # pip puts uv beside the interpreter that Turnout is installed for.
    beside = os.path.join(os.path.dirname(sys.executable or ""), "uv")
    return current if current == beside and os.access(beside, os.X_OK) else installed_uv()


def _rattler(current: str) -> str:
    if current and current == sys.executable and os.access(current, os.X_OK):
        return current
    return installed_rattler()


_TOOLS = {"uv": _uv, "rattler": _rattler}
"""Name of a link → what finds its target, given where it leads now; an empty string leaves it as it is."""


def installed_uv() -> str:
    """Return the path of the uv that was installed with Turnout; empty when it wasn't."""
    try:
        import uv  # takes milliseconds, and is only needed when the link is to be made

        return os.path.abspath(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        return ""


def installed_rattler() -> str:
    """Return this interpreter when it has py-rattler (the extra `turnout[conda]`); else an empty string."""
    from importlib import util  # takes milliseconds, and is only needed when the link is to be made

    return (sys.executable or "") if util.find_spec("rattler") is not None else ""
