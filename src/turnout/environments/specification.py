"""What a person means by an environment on the command line: `--environment SPEC`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

from turnout.environments.environment import Environment, HasLayout
from turnout.exceptions import EnvironmentException

CURRENT = "current"
_ANSWER_SECONDS = 120.0
_ELF = b"\x7fELF"


def from_spec(
    text: str, workspace: HasLayout, environ: Mapping[str, str] | None = None, python: str | None = None
) -> Environment:
    """Return the environment that `text` names.

    Args:
        text: the name of a registered or curated environment; `current`, the person's own interpreter; or the path of
            a requirements file (`.txt`, `.in`), a `pyproject.toml`, a `uv.lock`, a conda environment file (`.yml`, `.yaml`) or a
            Python interpreter.
        workspace: where environments are registered.
        environ: the person's environment variables; None means this process's.
        python: the Python to have in place of the one that it asks for.

    Raises:
        EnvironmentException: there is nothing of that name, or it can't be used; the message says what there is.
    """
    found = _named(text, workspace, environ)
    if python is not None:
        found.python.python_version = python
    return found


def _named(text: str, workspace: HasLayout, environ: Mapping[str, str] | None) -> Environment:
    values = os.environ if environ is None else environ
    if text == CURRENT:
        return _existing(CURRENT, current_interpreter(values))
    if os.sep not in text:
        from turnout.environments import registry

        known = registry.names(workspace.layout)
        if text in known or not (_looks_like_file(text) or os.path.lexists(text)):
            return Environment.get(workspace, text)
    return _from_path(os.path.abspath(os.path.expanduser(text)), text, values)


def _looks_like_file(text: str) -> bool:
    return text.endswith((".txt", ".in", ".toml", ".yml", ".yaml", ".lock"))


def _from_path(path: str, given: str, environ: Mapping[str, str]) -> Environment:
    name = os.path.basename(path)
    if not os.path.exists(path):
        kind = "file" if _looks_like_file(given) else "Python interpreter"
        raise EnvironmentException(f"there is no {kind} at {given}; name an existing one, or an environment")
    if os.path.isdir(path):
        raise EnvironmentException(
            f"{given} is a directory; name its interpreter ({os.path.join(given, 'bin/python')})"
        )
    if name.endswith(".toml"):
        return Environment.from_pyproject(name, path)
    if name.endswith(".lock"):
        return Environment.from_uv_lock(name, path)
    if name.endswith((".yml", ".yaml")):
        return Environment.from_conda_specification(name, path)
    if name.endswith((".txt", ".in")):
        return Environment.from_pip_requirements(name, path)
    if not os.access(path, os.X_OK):
        raise EnvironmentException(
            f"{given} is neither an executable Python interpreter nor a requirements file (.txt), "
            "pyproject.toml, uv.lock or conda file (.yml)"
        )
    return _existing(name, _real_interpreter(path, environ))


def _existing(name: str, interpreter: str) -> Environment:
    environment = Environment(name)
    environment.python.user_managed_dependencies = True
    environment.python.interpreter_path = interpreter
    return environment


def current_interpreter(environ: Mapping[str, str]) -> str:
    """Return the absolute path of the person's own interpreter.

    The active virtual environment's, else the active conda environment's, else the first `python3` on the path, else
    the first `python`. The environment that Turnout itself was installed into does not count, unless it is the active
    one or there is no other.

    Raises:
        EnvironmentException: there is none, or what is called active has none.
    """
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = environ.get(variable)
        if prefix:
            found = os.path.join(os.path.abspath(prefix), "bin", "python")
            if not os.access(found, os.X_OK):
                raise EnvironmentException(
                    f"{variable} names {prefix}, which has no bin/python; activate another environment, or unset it"
                )
            return _real_interpreter(found, environ)
    candidates = list(_on_path(environ))
    if not candidates:
        raise EnvironmentException("there is no python3 or python on the path; give the path of an interpreter")
    others = [path for path in candidates if not _is_turnouts_own(path)]
    return _real_interpreter((others or candidates)[0], environ)


def _on_path(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield the interpreters on the path: each `python3` in order, then each `python`."""
    directories = [entry for entry in environ.get("PATH", os.defpath).split(os.pathsep) if entry]
    for name in ("python3", "python"):
        for directory in directories:
            path = os.path.join(os.path.abspath(directory), name)
            if os.path.isfile(path) and os.access(path, os.X_OK):
                yield path


def _is_turnouts_own(path: str) -> bool:
    """Say whether an interpreter belongs to the virtual environment that this process runs in."""
    return sys.prefix != sys.base_prefix and os.path.realpath(os.path.dirname(path)) == os.path.realpath(
        os.path.join(sys.prefix, "bin")
    )


def _real_interpreter(path: str, environ: Mapping[str, str]) -> str:
    """Return the interpreter behind `path`, which may be a shim.

    A shim (pyenv's, asdf's) is a script that chooses an interpreter, at up to 0.2 s a start; it is asked once, here. A
    binary called python is itself; links are not followed, since a virtual environment is known by its own path.

    Raises:
        EnvironmentException: it does not answer as a Python interpreter does.
    """
    if os.path.basename(path).startswith(("python", "pypy")) and _is_binary(path):
        return path
    import subprocess

    command = [path, "-I", "-S", "-c", "import sys; print(sys.executable)"]
    try:
        ended = subprocess.run(
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise EnvironmentException(f"{path} does not answer as a Python interpreter: {failure}", failure) from failure
    answer = os.fsdecode(ended.stdout.strip())
    if ended.returncode or not os.path.isabs(answer):
        words = ended.stderr.decode("utf-8", "replace").strip().splitlines() or [f"exit code {ended.returncode}"]
        raise EnvironmentException(f"{path} does not answer as a Python interpreter: {words[-1]}")
    return answer


def _is_binary(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return stream.read(4) == _ELF
    except OSError:
        return False
