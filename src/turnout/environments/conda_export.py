"""Asks an installed conda what one of its environments holds."""

from __future__ import annotations

import os
import shutil
import subprocess

from turnout.environments import files
from turnout.environments.conda_dependencies import CondaDependencies
from turnout.exceptions import EnvironmentException

_PROGRAMS = ("conda", "mamba", "micromamba")


def export(conda_environment_name: str) -> CondaDependencies:
    """Return the packages of a conda environment, with their versions.

    Raises:
        EnvironmentException: no conda is installed, or it has no environment of that name.
    """
    program = os.environ.get("CONDA_EXE") or next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        raise EnvironmentException(
            "conda was not found, so its environments can't be read; activate conda, or use from_conda_specification"
        )
    # Builds differ between platforms; versions are what a person means by "the same environment".
    command = [program, "env", "export", "--no-builds", "--name", conda_environment_name]
    ended = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if ended.returncode:
        words = (ended.stderr.strip() or ended.stdout.strip()).splitlines()
        reason = words[-1].strip() if words else f"exit code {ended.returncode}"
        raise EnvironmentException(f"conda can't export the environment {conda_environment_name!r}: {reason}")
    exported = files.plain(files.parse_yaml(ended.stdout, f"the output of {program}", EnvironmentException))
    if isinstance(exported, dict):
        exported.pop("prefix", None)
    return CondaDependencies.deserialize(exported, f"the conda environment {conda_environment_name!r}")
