"""Has py-rattler solve a request for conda packages, and understands its answer and its failures."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from typing import Any, BinaryIO, cast

from turnout.environments.kinds import Context
from turnout.environments.kinds.failures import ResolutionFailed
from turnout.exceptions import EnvironmentException
from turnout.runtime.builders import BuildFailed, rattlertool, uvtool, words
from turnout.runtime.builders.runner import Runner

_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rattler_solve.py")
SUBDIRS = {
    "linux-x86_64": "linux-64",
    "linux-aarch64": "linux-aarch64",
    "linux-ppc64le": "linux-ppc64le",
    "darwin-arm64": "osx-arm64",
    "darwin-x86_64": "osx-64",
}
"""Platform → conda's name for it."""

_ELSEWHERE = {
    "linux": ("__unix=0=0", "__linux=4.18=0", "__glibc=2.28=0"),
    "darwin": ("__unix=0=0", "__osx=13.0=0"),
}
"""System → what any machine with it is taken to offer, when the run is not for this one: no GPU, and what is old enough."""

_LEAD = "Cannot solve the request because of: "
_TREE = " \t\u2502\u251c\u2514\u2500"
"""What rattler draws its explanations with."""
_WITHOUT_NEWS = "Request failed after"
_LONGEST_HEADLINE = 300
_LISTED = 8


def solve(request: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return `packages`, exact ones with all that is needed to install them, and the `virtual` packages that were counted on.

    Args:
        request: see `kinds.conda.request`.
        context: where and for whom.

    Raises:
        EnvironmentException: a package or channel can't be read, or py-rattler can't be had.
        ResolutionFailed: there is no solution, or a channel can't be read.
    """
    system = context.platform.partition("-")[0]
    question = {
        "channels": request["channels"],
        "specs": request["conda"],
        "python": request["python"],
        "subdir": _subdir(context),
        "priority": request["priority"],
        "cache": rattlertool.cache(context.variables),
        "virtual": None if context.here else list(_ELSEWHERE.get(system, ("__unix=0=0",))),
    }
    rattler = _interpreter(context)
    context.report(
        f"solving environment {context.name!r}: {len(request['conda'])} conda packages and Python {request['python']} "
        f"from {', '.join(request['channels'])}"
    )
    answer = _ask(rattler, question, context)
    if "failed" in answer:
        raise _failure(answer, request, context)
    return answer


def _subdir(context: Context) -> str:
    try:
        return SUBDIRS[context.platform]
    except KeyError:
        raise EnvironmentException(
            f"environment {context.name!r} needs conda packages, and there are none for {context.platform}"
        ) from None


def _interpreter(context: Context) -> str:
    """Return a Python that has py-rattler; where there is none, uv makes one, whose output is reported."""
    runner = Runner(context.home, cast(BinaryIO, _Report(context)), context.variables, context.hide)
    try:
        return rattlertool.provide(runner)
    except (BuildFailed, OSError) as error:
        raise EnvironmentException(f"environment {context.name!r}: {error}") from error


class _Report(io.RawIOBase):
    """Reports what is written to it line by line."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def write(self, data: Any) -> int:
        for line in bytes(data).decode("utf-8", "replace").splitlines():
            self._context.report(line.removeprefix("turnout: "))
        return len(data)


def _ask(rattler: str, question: dict[str, Any], context: Context) -> dict[str, Any]:
    done = subprocess.run(
        [rattler, "-E", _SCRIPT],
        input=json.dumps(question).encode("utf-8"),
        capture_output=True,
        env=uvtool.variables(context.variables),
        cwd=os.sep,
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
        if isinstance(answer, dict):
            return answer
    except ValueError:
        pass
    said = words.clean(done.stderr.decode("utf-8", "replace"), context.hide).strip().splitlines()
    reason = said[-1] if said else f"it ended with status {done.returncode} and said nothing"
    raise EnvironmentException(
        f"environment {context.name!r} can't be solved: {rattler} could not run py-rattler ({reason}); "
        "pip install 'turnout[conda]'"
    )


def _failure(answer: dict[str, Any], request: dict[str, Any], context: Context) -> EnvironmentException:
    """Return what to raise: a specification that can't be read, or one that has no solution."""
    quoted = words.clean(str(answer["words"]), context.hide)
    named = f"environment {context.name!r}"
    if answer["failed"] == "specification":
        return EnvironmentException(f"the conda packages or channels of {named} can't be read: {headline(quoted)}")
    names = [str(name) for name in answer["names"]]
    channels = ", ".join(request["channels"])
    if answer["failed"] == "python":
        there = f"there is {_listed(names)}" if names else "there is none"
        reason = f"{channels} has no Python {request['python']} for {_subdir(context)} ({there})"
        advice = "name one that there is, or override it with --python 3.11" if names else "name another channel"
    elif answer["failed"] == "missing":
        reason = f"{channels} has no package {', '.join(names)} for {_subdir(context)}"
        advice = "check the spelling, name the channel that has it, or name it under pip where PyPI has it"
    elif answer["failed"] == "channel":
        reason = headline(quoted)
        advice = (
            "keep the password in ~/.netrc, or in the file that RATTLER_AUTH_FILE names"
            if re.search(r"\b(401|403)\b", quoted)
            else "check the names of the channels and the network"
        )
    else:
        reason = headline(quoted)
        advice = "change the conda packages so that they fit together"
    return ResolutionFailed(f"{named} can't be resolved: {reason.rstrip('.')}; {advice}", quoted)


def headline(quoted: str) -> str:
    """Return one line for what rattler said: its sentences without the tree that they are drawn in."""
    lines = (line.strip(_TREE).removeprefix("Caused by: ") for line in quoted.removeprefix(_LEAD).splitlines())
    told = "\n".join(line for line in lines if line and not line.startswith(_WITHOUT_NEWS))
    text = re.sub(r"([^.,:;])\n", r"\1; ", told).replace("\n", " ")
    text = re.sub(r"would require; ", "would require ", text)
    return text if len(text) <= _LONGEST_HEADLINE else text[: _LONGEST_HEADLINE - 1] + "\u2026"


def _listed(versions: list[str]) -> str:
    """Return versions for a sentence: the newest ones, when there are many."""
    kept = versions[-_LISTED:]
    return ("\u2026, " if len(kept) < len(versions) else "") + ", ".join(kept)
