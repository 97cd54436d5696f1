"""An environment in a directory of its own, in the files that v1 wrote there.

`azureml_environment.json` is the description without the packages and the Dockerfile, which lie beside it as
`conda_dependencies.yml` and `BaseDockerfile`, where people can edit them.
"""

from __future__ import annotations

import json
import os

from turnout.environments import files
from turnout.environments.conda_dependencies import CONDA_FILE_NAME, CondaDependencies
from turnout.environments.environment import Environment
from turnout.exceptions import EnvironmentException, UserErrorException

DEFINITION = "azureml_environment.json"
DOCKERFILE = "BaseDockerfile"


def save(environment: Environment, path: str, overwrite: bool) -> None:
    """Write an environment's files into the directory `path`.

    Raises:
        FileExistsError: the directory exists and may not be overwritten.
        UserErrorException: it can't be written.
    """
    if os.path.exists(path) and not overwrite:
        raise FileExistsError(f"{path} exists; give overwrite=True, or another directory")
    definition = environment.serialize()
    definition["python"].pop("condaDependencies")
    dockerfile = definition["docker"].pop("baseDockerfile")
    try:
        os.makedirs(path, exist_ok=True)
        if environment.python.conda_dependencies is not None:
            environment.python.conda_dependencies.save(os.path.join(path, CONDA_FILE_NAME))
        if dockerfile is not None:
            files.write_text(os.path.join(path, DOCKERFILE), dockerfile)
        elif os.path.exists(os.path.join(path, DOCKERFILE)):
            os.unlink(os.path.join(path, DOCKERFILE))  # an earlier one's, and it would be read as this one's
        files.write_text(os.path.join(path, DEFINITION), json.dumps(definition, indent=4) + "\n")
    except OSError as failure:
        raise UserErrorException(f"{path} can't be written: {failure.strerror}", failure) from failure


def load(path: str) -> Environment:
    """Read the environment that lies in the directory `path`.

    Raises:
        EnvironmentException: there is none, or it can't be read.
    """
    described = os.path.join(path, DEFINITION)
    try:
        definition = json.loads(files.read_text(described, EnvironmentException))
    except ValueError as failure:
        raise EnvironmentException(f"{described} is not JSON: {failure}", failure) from failure
    environment = Environment.deserialize(definition)
    packages = os.path.join(path, CONDA_FILE_NAME)
    if os.path.exists(packages):
        environment.python.conda_dependencies = CondaDependencies(packages)
    dockerfile = os.path.join(path, DOCKERFILE)
    if os.path.exists(dockerfile):
        environment.docker.base_dockerfile = dockerfile
    return environment
