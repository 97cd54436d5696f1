"""Puts together the environment variables of a script. Pure: everything comes in as an argument.

In rising order: a fixed base, what the submitter handed over (local target), the Environment's, the run configuration's,
the secrets, and Turnout's own.
"""

from __future__ import annotations

import os
from typing import Dict, List, Mapping, Optional, Sequence

from turnout.runtime import layout

NEVER_INHERITED = frozenset(
    (
        layout.RUN_DIRECTORY_VARIABLE,
        layout.EXECUTOR_VARIABLE,
        layout.RUN_ID_VARIABLE,
        layout.EXPERIMENT_VARIABLE,
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "VIRTUAL_ENV_PROMPT",
        "__PYVENV_LAUNCHER__",
        "OLDPWD",
        "PWD",
        "SHLVL",
        "_",
    )
)
"""Variables of the submitter's process that would mislead the script's."""

RECORDED_VALUES = (
    "CONDA_PREFIX",
    "CUDA_VISIBLE_DEVICES",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "PATH",
    "PYTHONHASHSEED",
    "PYTHONPATH",
    "TZ",
    "USER",
)
"""The inherited variables whose values the record keeps, since results may depend on them and they hold no secret."""

_SET_HERE = NEVER_INHERITED | {"CUDA_VISIBLE_DEVICES", "PATH", "PYTHONPATH", "PYTHONUNBUFFERED"}


def is_reserved(name: str) -> bool:
    """Say whether a variable is Turnout's to set, or decides which programs run, so that it can't be a secret."""
    return name.startswith("TURNOUT_") or name in _SET_HERE


def inheritable(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return the variables that a local submitter hands over."""
    return {name: value for name, value in environ.items() if name not in NEVER_INHERITED}


def base(environ: Mapping[str, str]) -> Dict[str, str]:
    """Return the fixed base: what any program may expect of a machine and an account, from the supervisor's own."""
    kept = ("HOME", "LANG", "LOGNAME", "SHELL", "TMPDIR", "TZ", "USER")
    values = {name: environ[name] for name in kept if name in environ}
    values["PATH"] = environ.get("PATH") or os.defpath
    return values


def compose(
    base_values: Mapping[str, str],
    inherited: Mapping[str, str],
    environment: Mapping[str, str],
    configured: Mapping[str, str],
    run: "Run",
    secrets: Optional[Mapping[str, str]] = None,
) -> Dict[str, str]:
    """Return all variables of the script's process.

    Args:
        base_values: see `base`.
        inherited: what the submitter handed over; empty on other machines.
        environment: the Environment's variables.
        configured: the run configuration's.
        run: the facts that Turnout's own variables are made of.
        secrets: the secrets that the run was given.
    """
    values = dict(base_values)
    values.update(inherited)
    values.update(environment)
    values.update(configured)
    values.update(secrets or {})
    values.setdefault("PYTHONUNBUFFERED", "1")
    values["PYTHONPATH"] = os.pathsep.join(_joined([run.code], values.get("PYTHONPATH"), [run.runtime]))
    if run.prefix:
        values[run.prefix_variable] = run.prefix
        values["PATH"] = os.pathsep.join(_joined([os.path.join(run.prefix, "bin")], values.get("PATH"), []))
    if run.gpus:
        values["CUDA_VISIBLE_DEVICES"] = ",".join(run.gpus)
    values.update(run.further)
    values["PWD"] = run.code
    values[layout.HOME_VARIABLE] = run.home
    values[layout.WORKSPACE_VARIABLE] = run.workspace
    values[layout.RUN_DIRECTORY_VARIABLE] = run.directory
    values[layout.RUN_ID_VARIABLE] = run.run_id
    values[layout.EXPERIMENT_VARIABLE] = run.experiment
    return values


class Run:
    """What `compose` needs to know of a run; all paths absolute."""

    def __init__(
        self,
        directory: str,
        code: str,
        runtime: str,
        home: str,
        workspace: str,
        experiment: str,
        prefix: Optional[str],
        gpus: Sequence[str] = (),
        prefix_variable: str = "VIRTUAL_ENV",
        further: Optional[Mapping[str, str]] = None,
    ) -> None:
        self.directory = directory
        self.run_id = os.path.basename(directory)
        self.code = code
        self.runtime = runtime
        self.home = home
        self.workspace = workspace
        self.experiment = experiment
        self.prefix = prefix
        self.prefix_variable = prefix_variable
        self.gpus = gpus
        self.further = dict(further or {})


def _joined(first: List[str], middle: Optional[str], last: List[str]) -> List[str]:
    return [part for part in [*first, *(middle or "").split(os.pathsep), *last] if part]
