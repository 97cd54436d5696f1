"""Finds the git work tree around a directory, and the person's own ignore file.

Discovery is git's (gitrepository-layout(5)): the nearest `.git` upwards, either a directory or a file that names one (a
linked work tree, a submodule). No git is started for it.
"""

from __future__ import annotations

import os
from typing import NamedTuple


class WorkTree(NamedTuple):
    """A git work tree.

    Attributes:
        root: its top directory.
        common: the directory that holds what linked work trees share: configuration, `info/exclude`.
    """

    root: bytes
    common: bytes


def find(directory: bytes) -> WorkTree | None:
    """Return the work tree that a directory lies in, or None.

    Args:
        directory: an absolute path without links.
    """
    current = directory
    while True:
        git_directory = _git_directory(os.path.join(current, b".git"))
        if git_directory is not None:
            return WorkTree(current, _common_directory(git_directory))
        parent = os.path.dirname(current)
        if parent == current:
            return None
        current = parent


def _git_directory(path: bytes) -> bytes | None:
    """Return the repository that a `.git` is or names, or None when it is neither."""
    if os.path.exists(os.path.join(path, b"HEAD")):
        return path
    try:
        with open(path, "rb") as stream:
            text = stream.read(4096)
    except OSError:
        return None
    if not text.startswith(b"gitdir: "):
        return None
    named = os.path.join(os.path.dirname(path), text[len(b"gitdir: ") :].rstrip(b"\r\n"))
    return os.path.normpath(named) if os.path.exists(os.path.join(named, b"HEAD")) else None


def _common_directory(git_directory: bytes) -> bytes:
    try:
        with open(os.path.join(git_directory, b"commondir"), "rb") as stream:
            return os.path.normpath(os.path.join(git_directory, stream.read(4096).rstrip(b"\r\n")))
    except OSError:
        return git_directory


def configuration_files(tree: WorkTree) -> list[bytes]:
    """Return the files that git's configuration of a work tree is usually read from (git-config(1), FILES)."""
    return [
        b"/etc/gitconfig",
        os.path.join(_configuration_home(), b"git", b"config"),
        os.path.join(_home(), b".gitconfig"),
        os.path.join(tree.common, b"config"),
    ]


def includes_others(files: list[bytes]) -> bool:
    """Say whether one of git's configuration files includes further ones, whose changes nobody here would notice."""
    for path in files:
        try:
            with open(path, "rb") as stream:
                if b"[include" in stream.read().lower():
                    return True
        except OSError:
            continue
    return False


def configuration_variables() -> dict[str, str]:
    """Return the variables that change where git's configuration comes from, or add to it."""
    names = ("HOME", "XDG_CONFIG_HOME")
    return {key: value for key, value in os.environ.items() if key in names or key.startswith("GIT_CONFIG")}


def global_excludes(tree: WorkTree) -> bytes:
    """Ask git for the person's own ignore file: `core.excludesFile`, else where gitignore(5) says that it is."""
    from turnout.snapshots import gitprocess

    answer = gitprocess.ask(tree.root, "config", "--null", "--type=path", "--get", "core.excludesFile")
    if answer:
        return os.path.join(tree.root, answer.partition(b"\0")[0])
    return os.path.join(_configuration_home(), b"git", b"ignore")


def _home() -> bytes:
    return os.fsencode(os.path.expanduser("~"))


def _configuration_home() -> bytes:
    return os.environb.get(b"XDG_CONFIG_HOME") or os.path.join(_home(), b".config")
