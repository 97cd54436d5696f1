"""Turns an environment's definition into what a run needs to know of it: kind, key and lock.

The submitter resolves, once per specification, platform and Python; the machine of the run builds from the lock, or
finds what was built from it before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from turnout.environments import kinds, locks
from turnout.environments.kinds import specification
from turnout.environments.kinds.failures import ResolutionFailed
from turnout.exceptions import EnvironmentException
from turnout.runtime import layout, redaction

__all__ = [
    "Question",
    "ResolutionFailed",
    "ask",
    "installed_rattler",
    "installed_uv",
    "platform_tag",
    "provide_tools",
    "resolve",
]


class Question(NamedTuple):
    """A specification as its kind understands it: all that the lock depends on, before anything is resolved.

    Attributes:
        specified: what is to be installed.
        kind_name: which kind carries it out.
        kind: that kind's module.
        request: everything that the lock depends on, as JSON types.
        context: where and for whom.
    """

    specified: specification.Specification
    kind_name: str
    kind: Any
    request: dict[str, Any]
    context: kinds.Context

    @property
    def digest(self) -> str:
        """The name under which a workspace keeps the lock."""
        return locks.digest(self.kind_name, self.request)

    def immediate(self) -> dict[str, Any] | None:
        """Return the lock, if nothing has to be asked for it; such a one is not kept."""
        lock: dict[str, Any] | None = self.kind.immediate(self.request)
        return lock

    def resolve(self) -> dict[str, Any]:
        """Return the lock by asking what is to be had now; it is kept nowhere.

        Raises:
            EnvironmentException: the specification can't be used, or asks for a Python that can't be had.
            ResolutionFailed: there is no solution; `words` says why.
        """
        lock: dict[str, Any] = self.kind.resolve(self.request, self.context)
        return lock

    def environment(self, lock: dict[str, Any]) -> dict[str, Any]:
        """Return what goes into run.json with this lock: `kind, name, version, key, python, platform, lock`."""
        return {
            "kind": self.kind_name,
            "name": self.specified.name,
            "version": self.specified.version,
            "key": self.kind.key(lock),
            "python": lock["python"],
            "platform": lock["platform"],
            "lock": lock,
        }


def resolve(
    definition: dict[str, Any],
    home: layout.Home,
    workspace: layout.WorkspaceLayout,
    report: Callable[[str], None],
    source_directory: str | None = None,
    platform: str | None = None,
    variables: Mapping[str, str] = os.environ,
    hide: redaction.Hide = redaction.as_it_is,
    there: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what goes into run.json under `environment`: `kind, name, version, key, python, platform, lock`.

    The lock is the one that the workspace keeps; one that isn't there yet is resolved and kept.

    Args:
        definition: the environment in v1's dictionary form.
        home: the submitter's home.
        workspace: where locks are kept.
        report: see `ask`.
        source_directory: see `ask`.
        platform: see `ask`.
        variables: see `ask`.
        hide: see `ask`.
        there: see `ask`.

    Raises:
        NotYetException: no kind of environment carries this out yet.
        EnvironmentException: the definition can't be used as it is, or asks for a Python that can't be had.
        ResolutionFailed: it can be read, but there is no solution; `words` says why.
    """
    question = ask(definition, home, report, source_directory, platform, variables, hide, there)
    lock = question.immediate()
    if lock is None:
        digest = question.digest
        lock = locks.load(workspace, digest)
        if lock is None:
            lock = locks.store(workspace, digest, question.request, question.resolve())
    return question.environment(lock)


def ask(
    definition: dict[str, Any],
    home: layout.Home,
    report: Callable[[str], None],
    source_directory: str | None = None,
    platform: str | None = None,
    variables: Mapping[str, str] = os.environ,
    hide: redaction.Hide = redaction.as_it_is,
    there: Mapping[str, Any] | None = None,
) -> Question:
    """Read a definition as far as its lock depends on it; reads local files, and starts nothing.

    Args:
        definition: the environment in v1's dictionary form.
        home: the submitter's home.
        report: gets a line for each thing that a person waits for or should know.
        source_directory: what relative paths in the requirements are relative to; the current directory by default.
        platform: what the lock is for, such as "linux-aarch64"; this machine by default.
        variables: what tools find in their environment; this process's own by default.
        hide: takes the values of secrets out of what tools say, before it is reported or raised.
        there: the facts of the machine that it is for, when that is another one; see `ComputeTarget.facts`.

    Raises:
        NotYetException: no kind of environment carries this out yet.
        EnvironmentException: the definition can't be used as it is.
    """
    if (definition.get("python") or {}).get("baseCondaEnvironment"):
        from turnout.environments import conda_export  # few build upon another environment

        definition = conda_export.with_base(definition)
    specified = specification.parse(definition)
    name, kind = kinds.choose(specified)
    if kind.TOOLS:
        provide_tools(home, kind.TOOLS)
    if there is not None and platform is None:
        platform = str(there.get("platform") or platform_tag())
    context = kinds.Context(
        name=specified.name,
        home=home,
        directory=os.path.abspath(source_directory or os.curdir),
        platform=platform or platform_tag(),
        here=platform in (None, platform_tag()),
        report=report,
        variables=variables,
        hide=hide,
        there=there,
    )
    return Question(specified, name, kind, kind.request(specified, context), context)


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
