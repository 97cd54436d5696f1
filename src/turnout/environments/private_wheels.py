"""Wheels that a person has put into a workspace, for requirements that no index has."""

from __future__ import annotations

import os
import re
import shutil

from turnout.environments.kinds import local_paths
from turnout.exceptions import EnvironmentException, RecordException
from turnout.runtime import exclusive, layout
from turnout.runtime.objects import file_digest

_NAME = re.compile(r"[^\s/-]+-[^\s/-]+(-[^\s/-]+)?-[^\s/-]+-[^\s/-]+-[^\s/-]+\.whl")


def add(workspace: layout.WorkspaceLayout, path: str, exist_ok: bool) -> str:
    """Keep a wheel; see `Environment.add_private_pip_wheel`.

    It lies in a directory named by its content, so what a lock refers to never changes.
    """
    name = os.path.basename(path)
    if not _NAME.fullmatch(name):
        raise EnvironmentException(f"{path} is not named like a wheel (NAME-VERSION-PYTHON-ABI-PLATFORM.whl)")
    try:
        digest = file_digest(path)
    except OSError as failure:
        raise EnvironmentException(f"{path} can't be read: {failure.strerror or failure}", failure) from failure
    final = os.path.join(workspace.wheels, digest[:16], name)
    if not exist_ok and _is_there(workspace, name):
        raise EnvironmentException(
            f"the workspace has a wheel {name} already; give it another version, or say exist_ok=True"
        )
    try:
        if not os.path.exists(final):
            _copy(path, final)
    except OSError as failure:
        raise RecordException(f"the wheel {name} can't be kept: {failure}", failure) from failure
    return local_paths.uri(final)


def _is_there(workspace: layout.WorkspaceLayout, name: str) -> bool:
    try:
        return any(os.path.exists(os.path.join(workspace.wheels, each, name)) for each in os.listdir(workspace.wheels))
    except FileNotFoundError:
        return False


def _copy(path: str, final: str) -> None:
    for directory in (os.path.dirname(os.path.dirname(final)), os.path.dirname(final)):
        os.makedirs(directory, layout.DIRECTORY_MODE, exist_ok=True)
    temporary = f"{final}.{os.getpid()}-{os.urandom(4).hex()}.new"
    try:
        shutil.copyfile(path, temporary)
        os.chmod(temporary, layout.FILE_MODE)
        exclusive.place(temporary, final)
    except FileExistsError:
        pass  # somebody was first with the same content
    finally:
        exclusive.discard(temporary)
