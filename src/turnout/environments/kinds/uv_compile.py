"""Asks uv which exact versions satisfy a request, and understands its answer and its failures."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from typing import Any

from turnout.environments.kinds import Context, requirements, tools
from turnout.environments.kinds.failures import ResolutionFailed
from turnout.environments.kinds.specification import running_python
from turnout.exceptions import EnvironmentException
from turnout.runtime.builders import pythons, uvtool, words

FOREIGN = {
    "linux-x86_64": "x86_64-unknown-linux-gnu",
    "linux-aarch64": "aarch64-unknown-linux-gnu",
    "darwin-arm64": "aarch64-apple-darwin",
    "darwin-x86_64": "x86_64-apple-darwin",
}
"""Platforms other than this machine's → uv's `--python-platform`."""

_UNREADABLE = re.compile(
    r"Couldn't parse|Invalid URL|Unexpected '|Unsupported (requirement|URL|editable)"
    r"|does not appear to be a Python project|Distribution not found at"
)
_POSITION = re.compile(r" in `requirements\.txt`( at position \d+)?")
"""Where in the file that `_arguments` writes, which nobody has seen."""

_ADVICE = (
    (r"not found in the (package registry|provided package)", "check the spelling, or name the index that has it"),
    (
        r"[Rr]equest failed|Failed to fetch|error sending request",
        "check the network, or name another index in UV_INDEX_URL",
    ),
    (r"Git operation failed", "check the repository's URL, and that git on this machine may read it"),
    (
        r"ABI tag|platform tag|no wheels|does not satisfy Python",
        "choose another version of the package, or of Python (--python VERSION overrides the one that is asked for)",
    ),
    (
        r"Failed to (download and )?build|build backend",
        "choose a version that has a wheel for this Python and platform, or another Python (--python VERSION)",
    ),
    (r"there is no version|there are no versions|only .* (is|are) available", "choose a version that exists"),
)
_OTHERWISE = "change the requirements so that they fit together"


def compile_lock(request: dict[str, Any], context: Context, installed: Sequence[str] | None = None) -> list[str]:
    """Return one line a package: its exact version (or URL) and the hashes of its files.

    Args:
        request: see `kinds.uv.request`.
        context: where and for whom.
        installed: what the packages will be installed beside, as `name==version`: these versions are kept where they fit.
            None when the environment starts empty, with a Python of this machine.

    Raises:
        EnvironmentException: a requirement can't be read, or there is no such Python.
        ResolutionFailed: there is no solution, or the index can't be reached.
    """
    uv = uvtool.find(context.home, context.variables)
    if not uv:
        raise EnvironmentException("uv is not on this machine: reinstall Turnout (it comes with it), or set TURNOUT_UV")
    variables = uvtool.variables(context.variables)
    python = _find_python(request["python"], uv, variables, context) if context.here and installed is None else ""
    if not request["requirements"]:
        return []
    context.report(f"resolving environment {context.name!r} for Python {request['python']} on {context.platform}")
    with tempfile.TemporaryDirectory(prefix="turnout-") as directory:
        command = [uv, *_arguments(request, directory, python, variables, context)]
        output = os.path.join(directory, "lock.txt")
        if installed:  # uv keeps the versions of a lock that is there already
            _write(directory, "lock.txt", installed)
            command += ["--output-file", "lock.txt"]
        with open(os.devnull if installed else output, "wb") as stream:
            status, said = tools.run(command, variables, directory, stream, context)
        if status != 0:
            raise _failure(words.meaningful(said), request, context)
        with open(output, encoding="utf-8") as stream:
            return _checked(_lines(stream.read()), request, context)


def _arguments(
    request: dict[str, Any], directory: str, python: str, variables: dict[str, str], context: Context
) -> list[str]:
    """Write uv's input files and return its arguments; paths in them are absolute, so `directory` is its own."""
    _write(
        directory,
        "requirements.txt",
        [*uvtool.file_lines(request["sources"]), *request["build"], *request["requirements"]],
    )
    arguments = [
        "pip",
        "compile",
        "requirements.txt",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
        "--no-progress",
    ]
    arguments += [
        "--color",
        "never",
        "--python-version",
        request["python"],
        *uvtool.arguments(request["sources"], variables),
    ]
    if request["constraints"]:
        _write(directory, "constraints.txt", request["constraints"])
        arguments += ["--constraints", "constraints.txt"]
    if request["prereleases"]:
        arguments += ["--prerelease", "allow"]
    if python:
        arguments += ["--python", python]
    if not context.here:
        arguments += ["--python-platform", FOREIGN.get(context.platform, context.platform)]
    return arguments


def _write(directory: str, name: str, lines: Sequence[str]) -> None:
    with open(os.path.join(directory, name), "w", encoding="utf-8") as stream:
        stream.write("\n".join(lines) + "\n")


def _find_python(wanted: str, uv: str, variables: dict[str, str], context: Context) -> str:
    """Return a Python of the wanted version, downloaded by uv if need be."""
    found = pythons.find(wanted, uv, variables)
    if found:
        return found
    context.report(f"Python {wanted} is not on this machine; asking uv to download it")
    with tempfile.TemporaryFile() as unused:
        _, said = tools.run([uv, "python", "install", "--no-bin", wanted], variables, os.sep, unused, context)
    found = pythons.find(wanted, uv, variables)
    if found:
        return found
    installed = ", ".join(pythons.installed(uv, variables))
    raise EnvironmentException(
        f"environment {context.name!r} asks for Python {wanted}, which is not here, and uv could not download it "
        f"({words.headline(words.meaningful(said))}): install it, or take one that is ({installed}) in its place with "
        f"--python {running_python()} (in Python: environment.python.python_version)"
    )


def _lines(text: str) -> list[str]:
    """Return one line a package from uv's output, which breaks lines before each hash."""
    joined = (" ".join(line.split()) for line in text.replace("\\\n", " ").splitlines())
    return [line for line in joined if line and not line.startswith("#")]


def _checked(lines: list[str], request: dict[str, Any], context: Context) -> list[str]:
    """Hold the answer against the hashes that were given: uv reads them, but answers with all that the index has."""
    given: dict[str, list[str]] = request["hashes"]
    if not given and not request["every_hash"]:
        return lines
    checked = []
    for line in lines:
        main, hashes = requirements.split_hashes(line)
        allowed = given.get(requirements.identity(main))
        if allowed is None and not request["every_hash"]:
            checked.append(line)
            continue
        kept = sorted(set(hashes) & set(allowed or ()))
        if not kept:
            trouble = "has other hashes on the index than were given" if allowed else "was given no hash"
            message = f"environment {context.name!r} can't be resolved: {main} {trouble}; correct the --hash options"
            raise ResolutionFailed(message, f"{main} {trouble}: {' '.join(allowed or hashes)}")
        checked.append(" ".join([main, *(f"--hash={value}" for value in kept)]))
    return checked


def _failure(quoted: str, request: dict[str, Any], context: Context) -> EnvironmentException:
    """Return what to raise for uv's words: a specification that can't be read, or one that can't be resolved."""
    headline = _POSITION.sub("", words.headline(quoted)) or "uv failed and said nothing"
    named = f"environment {context.name!r}"
    if _UNREADABLE.search(quoted.splitlines()[0] if quoted else ""):
        at = re.findall(r"^ {6,}(\S.*)\n\s+\^", quoted, re.MULTILINE)
        return EnvironmentException(
            f"requirements of {named} can't be read: {headline}{f' in {at[0]!r}' if at else ''}"
        )
    advice = next((text for pattern, text in _ADVICE if re.search(pattern, quoted)), _OTHERWISE)
    return ResolutionFailed(f"{named} can't be resolved: {headline.rstrip('.')}; {advice}", quoted)
