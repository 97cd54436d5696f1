"""Decides what stays out of a snapshot, and by which rule.

If the source directory has a `.turnoutignore`, that file and those of the same name below it are used alone; else an
`.amlignore` at its root, alone (Azure ML SDK v1's rule); else `.gitignore` files as git uses them (gitignore(5)): the
deepest first, those of parent directories up to the work tree's root, `.git/info/exclude`, and the person's own. In
each file the last match wins, and an excluded directory is never entered. Whether git tracks a file makes no
difference, as in v1.

Below all that there are defaults, which a negation in a user's file (`!/outputs/`) overrides if it names what it lets
in: `!*/` alone doesn't let in every virtual environment. `.git` and the Turnout home stay out whatever the rules say.
"""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING, Any

from turnout.exceptions import SnapshotException
from turnout.snapshots import worktree
from turnout.snapshots.paths import shown
from turnout.snapshots.patterns import DIRECTORY_MARK, Rule, RuleFile

if TYPE_CHECKING:
    from collections.abc import Collection

TURNOUT_IGNORE = b".turnoutignore"
AML_IGNORE = b".amlignore"
GIT_IGNORE = b".gitignore"

RACY_SECONDS = 2.0
"""What was modified less than this before it was read may change again without its times showing it: some file systems
keep whole seconds, FAT two."""

ANYWHERE = frozenset(
    (
        b".hg", b".svn",
        b"__pycache__", b".ipynb_checkpoints",
        b".mypy_cache", b".pytest_cache", b".ruff_cache", b".hypothesis", b".pytype", b".pyre", b".tox", b".nox",
        b".eggs",
    )
)  # fmt: skip
"""Directories that are left out by default."""

AT_THE_ROOT = frozenset((b"outputs", b"logs", b"offline-runs", b"mlruns"))
"""Directories that are left out by default at the root: what an earlier run left must not pass for this run's."""

MARKERS = {b"pyvenv.cfg": "default: a virtual environment", b"conda-meta": "default: a conda environment"}
"""Names whose presence says what a directory is."""

FileState = tuple[int, int, int]
"""What tells whether an ignore file has changed: mtime and ctime in ns, inode."""

Reason = Rule | str
"""Why something stays out: a rule of a file, or the name of a default."""


class Rules:
    """The rules for one source directory.

    Args:
        root: the source directory, absolute, without links.
        home: the Turnout home in the same form, if there is one; it stays out when it lies inside.
        remembered: `signature` of an earlier look at the same directory, which saves asking git again.

    Attributes:
        file_name: the name of the ignore files in use.
        signature: JSON that tells whether the rules from outside the tree, and the choice of the file, are the same as
            at an earlier look.
    """

    def __init__(self, root: bytes, home: bytes | None = None, remembered: dict[str, Any] | None = None) -> None:
        self._root = root
        self._home = _inside(root, home)
        self.file_name = self._choose_file()
        # v1 read the one at the root only.
        self._nested = self.file_name != AML_IGNORE
        self._follow = self.file_name != GIT_IGNORE  # git reads no ignore file through a link
        self._outer: list[tuple[RuleFile, bytes]] | None = None
        self._directories: dict[bytes, DirectoryRules] = {}
        self._outer_files: list[tuple[bytes, bytes]] = []
        self.signature: dict[str, Any] = {
            "file": os.fsdecode(self.file_name),
            "home": os.fsdecode(self._home or b""),
            "racy": False,
        }
        if self.file_name == GIT_IGNORE:
            self._find_outer_files(remembered or {})

    def same_as(self, signature: dict[str, Any]) -> bool:
        """Say whether the rules from outside the tree are as they were when `signature` was noted."""
        return not signature.get("racy", True) and all(
            self.signature.get(key) == signature.get(key) for key in ("file", "home", "excludes", "files")
        )

    def file_state(self, directory: bytes) -> FileState | None:
        """Return the state of the ignore file in a directory, or None where there is none that counts.

        Args:
            directory: relative to the root, ending in a slash; empty for the root itself.
        """
        if directory and not self._nested:
            return None
        found = _stat(os.path.join(self._root, directory, self.file_name), self._follow)
        return (found.st_mtime_ns, found.st_ctime_ns, found.st_ino) if found else None

    def directory(self, path: bytes) -> DirectoryRules:
        """Return the rules for what lies in a directory.

        Args:
            path: relative to the root, ending in a slash; empty for the root itself.

        Raises:
            SnapshotException: an ignore file can't be read.
        """
        known = self._directories.get(path)
        if known is not None:
            return known
        missing = [path]
        while missing[-1] and _parent(missing[-1]) not in self._directories:
            missing.append(_parent(missing[-1]))
        for each in reversed(missing):
            known = self._directories[each] = DirectoryRules(each, self._files_for(each), self._home)
        assert known is not None
        return known

    def _choose_file(self) -> bytes:
        for name in (TURNOUT_IGNORE, AML_IGNORE):
            if _stat(os.path.join(self._root, name), follow=True):
                return name
        return GIT_IGNORE

    def _find_outer_files(self, remembered: dict[str, Any]) -> None:
        tree = worktree.find(self._root)
        if tree is None:
            return
        files = worktree.configuration_files(tree)
        configuration = [_described(path) for path in files]
        asked = {
            "files": configuration,
            "variables": worktree.configuration_variables(),
            "racy": _racy(configuration) or worktree.includes_others(files),
        }
        if not asked["racy"] and remembered.get("asked") == asked:
            excludes = os.fsencode(remembered["excludes"])
        else:
            excludes = worktree.global_excludes(tree)
        self.signature["asked"] = asked
        self.signature["excludes"] = os.fsdecode(excludes)
        self._list_outer_files(tree, excludes)
        described = [_described(path) for path, _ in self._outer_files]
        self.signature["files"] = described
        self.signature["racy"] = _racy(described)

    def _list_outer_files(self, tree: worktree.WorkTree, excludes: bytes) -> None:
        """List the ignore files outside the source directory, the strongest first."""
        below = self._root[len(tree.root.rstrip(b"/")) :].lstrip(b"/")
        parts = below.split(b"/") if below else []
        for depth in range(len(parts) - 1, -1, -1):
            base = b"".join(part + b"/" for part in parts[depth:])
            self._outer_files.append((os.path.join(tree.root, *parts[:depth], GIT_IGNORE), base))
        base = below + b"/" if below else b""
        self._outer_files.append((os.path.join(tree.common, b"info", b"exclude"), base))
        self._outer_files.append((excludes, base))

    def _outer_rules(self) -> list[tuple[RuleFile, bytes]]:
        if self._outer is None:
            self._outer = []
            for path, base in self._outer_files:
                # Git follows links for the files that lie outside the tree of the sources, but not for `.gitignore`.
                rules = _read(path, shown(path), follow=not path.endswith(b"/" + GIT_IGNORE))
                if rules:
                    self._outer.append((rules, base))
        return self._outer

    def _files_for(self, path: bytes) -> list[tuple[RuleFile, bytes]]:
        """Return what `DirectoryRules.files` holds; the rules of the directory above are known."""
        if path:
            above = self._directories[_parent(path)]
            name = path[len(_parent(path)) :]
            files = [(rules, base + name) for rules, base in above.files]
        else:
            files = self._outer_rules()
        if path and not self._nested:
            return files
        file = path + self.file_name
        rules = _read(os.path.join(self._root, file), shown(file), self._follow)
        return [(rules, b""), *files] if rules else files


class DirectoryRules:
    """The rules for the entries of one directory.

    Attributes:
        files: the ignore files that concern it, the deepest first, each with the directory's path as seen from there.
    """

    __slots__ = ("_home_name", "_top", "files")

    def __init__(self, path: bytes, files: list[tuple[RuleFile, bytes]], home: bytes | None) -> None:
        self.files = files
        self._top = not path
        self._home_name = None
        if home is not None and _parent(home) == path:
            self._home_name = home[len(path) :]

    def reason(self, name: bytes, is_directory: bool) -> Reason | None:
        """Return why an entry stays out, or None if it goes in.

        Args:
            name: the entry's name.
            is_directory: whether it is a directory (a link to one is not).
        """
        if name == b".git":
            return "default: .git"
        if name == self._home_name:
            return "default: the Turnout home"
        rule = self._last_match(name, is_directory)
        if rule is not None:
            if not rule.negated:
                return rule
            if rule.names:
                return None
        if is_directory and (name in ANYWHERE or (self._top and name in AT_THE_ROOT)):
            return f"default: {name.decode()}"
        return None

    def marked(self, name: bytes, entries: Collection[bytes]) -> str | None:
        """Return why a sub-directory stays out for what it holds, or None if it goes in.

        Args:
            name: the sub-directory's name.
            entries: the names in it.
        """
        for marker, reason in MARKERS.items():
            if marker in entries:
                rule = self._last_match(name, True)
                return None if rule is not None and rule.negated and rule.names else reason
        return None

    def _last_match(self, name: bytes, is_directory: bool) -> Rule | None:
        subject = name + DIRECTORY_MARK if is_directory else name
        for rules, base in self.files:
            rule = rules.last_match(subject, base + subject)
            if rule is not None:
                return rule
        return None


def _parent(path: bytes) -> bytes:
    """Return the directory above, ending in a slash, or empty at the root."""
    return path[: path.rstrip(b"/").rfind(b"/") + 1]


def _inside(root: bytes, path: bytes | None) -> bytes | None:
    """Return `path` relative to `root` if it lies inside, else None."""
    prefix = root.rstrip(b"/") + b"/"
    return path[len(prefix) :] if path is not None and path.startswith(prefix) else None


def _stat(path: bytes, follow: bool) -> os.stat_result | None:
    """Return the state of an ignore file, or None if there is no such regular file."""
    try:
        found = os.stat(path, follow_symlinks=follow)
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _described(path: bytes) -> list[Any]:
    """Return a file's path and what tells whether it has changed, as JSON; the path alone if it isn't there."""
    found = _stat(path, follow=True)
    text = os.fsdecode(path)
    return [text, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino] if found else [text]


def _racy(described: list[list[Any]]) -> bool:
    """Say whether one of these files may change again without showing it."""
    newest = max((max(item[1:3]) for item in described if len(item) > 1), default=0)
    return newest > (time.time() - RACY_SECONDS) * 1e9


def _read(path: bytes, source: str, follow: bool) -> RuleFile | None:
    if _stat(path, follow) is None:
        return None
    try:
        with open(path, "rb") as stream:
            return RuleFile(source, stream.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SnapshotException(f"the ignore file {source} can't be read: {reason}; make it readable", error) from error
