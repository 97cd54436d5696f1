"""The facts of the git repository around a source directory, under Azure ML SDK v1's property names.

Git is started before the walk and asked for its answer afterwards, so that it costs nothing while there are two cores.
Without git, without a repository, or in one that git refuses, there are no facts, and that is no error.
"""

from __future__ import annotations

import os
import re

from turnout.snapshots import worktree
from turnout.snapshots.gitprocess import GitProcess

URI = ("azureml.git.repository_uri", "mlflow.source.git.repoURL")
BRANCH = ("azureml.git.branch", "mlflow.source.git.branch")
COMMIT = ("azureml.git.commit", "mlflow.source.git.commit")
DIRTY = ("azureml.git.dirty",)
BUILD_ID = ("azureml.git.build_id",)
BUILD_URI = ("azureml.git.build_uri",)

_OVERRIDES = {
    "AZUREML_GIT_REPOSITORY_URI": URI,
    "AZUREML_GIT_BRANCH": BRANCH,
    "AZUREML_GIT_COMMIT": COMMIT,
    "AZUREML_GIT_DIRTY": DIRTY,
    "AZUREML_GIT_BUILD_ID": BUILD_ID,
    "AZUREML_GIT_BUILD_URI": BUILD_URI,
}
"""v1's variables: what they hold is taken instead of what git says."""

PATCH_LIMIT = 100_000_000
"""Bytes; the patch of larger changes is replaced by a line that says so. What they are is in the snapshot anyway."""

NAMED_PATHS = 200
"""Up to so many changed files are named to `git diff`, which then needn't look at all the others."""

_CREDENTIALS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#\s]*)@")


class GitFacts:
    """Git's answers about one source directory, on their way.

    Made by `begin`; ended by `finish` or `abandon`.
    """

    __slots__ = ("_directory", "_status", "_uri")

    def __init__(self, directory: str, status: GitProcess | None, uri: GitProcess | None) -> None:
        self._directory = directory
        self._status = status
        self._uri = uri

    @classmethod
    def begin(cls, source_directory: str) -> GitFacts:
        """Start asking git, if there is a repository."""
        if not _in_repository(source_directory):
            return cls(source_directory, None, None)
        status = _started(
            source_directory,
            "status", "--porcelain=v2", "-z", "--branch", "--no-ahead-behind", "--untracked-files=normal", "--", ".",
        )  # fmt: skip
        # v1 asked the same: the remote of the branch, else the only one or `origin`; abbreviations are expanded.
        uri = _started(source_directory, "ls-remote", "--get-url") if status else None
        return cls(source_directory, status, uri)

    def finish(self) -> tuple[dict[str, str], bytes]:
        """Wait for git's answers.

        Returns:
            The properties; and the uncommitted changes of tracked files below the source directory, as a patch that
            `git apply` takes at the top of the work tree. Untracked files are in the snapshot only.
        """
        properties: dict[str, str] = {}
        patch = b""
        status, self._status = self._status, None
        uri, self._uri = self._uri, None
        answer = status.finish() if status else None
        remote = uri.finish() if uri else None
        if answer is not None:
            state = _State(answer)
            _put(properties, URI, _remote_uri(remote))
            _put(properties, BRANCH, state.branch)
            _put(properties, COMMIT, state.commit)
            _put(properties, DIRTY, str(state.dirty))
            if state.changed and state.commit:
                patch = _patch(self._directory, state.changed)
        properties.update(_overrides())
        return properties, patch

    def __del__(self) -> None:
        self.abandon()  # the snapshot failed, and nobody asked any more

    def abandon(self) -> None:
        """End git without wanting its answers; does nothing after `finish`."""
        for process in (self._status, self._uri):
            if process is not None:
                process.abandon()
        self._status = self._uri = None


class _State:
    """What `git status --porcelain=v2 -z --branch` says (git-status(1)).

    Attributes:
        commit, branch: empty when there is none.
        dirty: something is modified, or neither tracked nor ignored.
        changed: the tracked files that differ from the commit, from the top of the work tree.
    """

    def __init__(self, answer: bytes) -> None:
        self.commit = ""
        self.branch = ""
        self.dirty = False
        self.changed: list[bytes] = []
        records = iter(answer.split(b"\0"))
        for record in records:
            kind, _, rest = record.partition(b" ")
            if kind == b"#":
                self._take_header(rest)
            elif record:
                self.dirty = True
                if kind == b"1":
                    self.changed.append(rest.split(b" ", 7)[7])
                elif kind == b"u":
                    self.changed.append(rest.split(b" ", 9)[9])
                elif kind == b"2":
                    self.changed += [rest.split(b" ", 8)[8], next(records, b"")]

    def _take_header(self, text: bytes) -> None:
        name, _, value = os.fsdecode(text).partition(" ")
        if name == "branch.oid" and value != "(initial)":
            self.commit = value
        elif name == "branch.head" and value != "(detached)":
            self.branch = value


def without_credentials(uri: str) -> str:
    """Return a repository's address without user name and password; the user name of an SSH address stays.

    `git@host:path` is left as it is: there is no password in that form.
    """

    def stripped(match: re.Match[str]) -> str:
        scheme, credentials = match.groups()
        user, colon, _ = credentials.partition(":")
        if "ssh" in scheme.lower() and user:
            return f"{scheme}{user}@" if colon else match.group()
        return scheme

    return _CREDENTIALS.sub(stripped, uri)


def _in_repository(directory: str) -> bool:
    """Say whether there may be a repository; only then git is started."""
    return "GIT_DIR" in os.environ or worktree.find(os.path.realpath(os.fsencode(directory))) is not None


def _started(directory: str, *arguments: str) -> GitProcess | None:
    try:
        return GitProcess(directory, *arguments)
    except OSError:
        return None


def _remote_uri(answer: bytes | None) -> str:
    """Return the address that `git ls-remote --get-url` gave, without credentials; empty if there is no remote.

    Without a remote git gives back the name that it looked for.
    """
    text = os.fsdecode(answer or b"").strip()
    return "" if text == "origin" else without_credentials(text)


def _put(properties: dict[str, str], names: tuple[str, ...], value: str) -> None:
    if value:
        for name in names:
            properties[name] = value


def _overrides() -> dict[str, str]:
    found: dict[str, str] = {}
    for variable, names in _OVERRIDES.items():
        value = os.environ.get(variable, "")
        if value and names is DIRTY:
            value = str(value.strip().lower() in ("1", "true"))
        _put(found, names, without_credentials(value))
    return found


def _patch(directory: str, changed: list[bytes]) -> bytes:
    """Return the changes since the commit as a patch, whatever the person's settings for reading diffs are."""
    # `:/` and `literal`: from the top of the work tree, and no wildcards.
    paths = [b":(top,literal)" + path for path in changed] if len(changed) <= NAMED_PATHS else [b"."]
    try:
        diff = GitProcess(
            directory,
            "-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "-c", "diff.relative=false",
            "-c", "diff.suppressBlankEmpty=false", "-c", "diff.interHunkContext=0", "-c", "diff.context=3",
            "diff", "HEAD", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames",
            "--submodule=short", "--ignore-submodules=dirty", "--src-prefix=a/", "--dst-prefix=b/", "--", *paths,
        )  # fmt: skip
    except OSError:
        return b""
    patch = diff.finish(PATCH_LIMIT)
    if patch is None:
        return b"# git made no patch in time, or one too large to keep; the snapshot holds the files as they were.\n"
    return patch
