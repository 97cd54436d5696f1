"""Finds what goes into a snapshot: walks the source directory, asks the rules, leaves alone what has not changed.

A directory whose times and inode are as noted holds the same entries, so it is neither listed nor matched again, unless
a rule that concerns it has changed. What its files hold is another matter, see `take`.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from turnout.snapshots import contents, sensitive
from turnout.snapshots.statcache import DirectoryState

if TYPE_CHECKING:
    from turnout.snapshots.rules import Reason, Rules
    from turnout.snapshots.statcache import StatCache

_NO_RULES = (0, 0, 0)


class LeftOut:
    """Something that stays out.

    Attributes:
        path: relative to the root; a directory's ends in a slash.
        reason: the rule that says so.
    """

    __slots__ = ("path", "reason")

    def __init__(self, path: bytes, reason: Reason) -> None:
        self.path = path
        self.reason = reason


class Tree:
    """What a walk has found.

    Attributes:
        directories: those that were looked at, each after the one above it.
        cached: for each directory of the stat cache its index in `directories`, or -1 if it isn't there unchanged; when
            nothing changed the indexes are the same.
        files: path and index of the directory of each file in a directory that was listed.
        links: the same of symbolic links.
        skipped: path and kind of what is neither file, directory nor link, wherever it is.
        sensitive: paths of files whose names say that they may hold something secret, wherever they are.
        left_out: what stays out of the directories that were listed.
        changed: a directory was listed, or one has gone.
    """

    def __init__(self) -> None:
        self.directories: list[DirectoryState] = []
        self.cached: list[int] = []
        self.files: list[tuple[bytes, int]] = []
        self.links: list[tuple[bytes, int]] = []
        self.skipped: list[tuple[str, str]] = []
        self.sensitive: list[bytes] = []
        self.left_out: list[LeftOut] = []
        self.changed = False


class Walk:
    """One walk through a source directory.

    Args:
        root: the source directory, absolute, without links.
        rules: what stays out.
        cache: what is known from the last time, if anything.
    """

    def __init__(self, root: bytes, rules: Rules, cache: StatCache | None = None) -> None:
        self._prefix = root.rstrip(b"/") + b"/"
        self._rules = rules
        self._known = cache.directories if cache else []
        self._trusted = cache is not None and rules.same_as(cache.facts["rules"])
        self._skipped = cache.facts["skipped"] if cache else []
        self._sensitive = cache.facts["sensitive"] if cache else []
        self._below: list[list[int]] = [[] for _ in self._known]
        for index, directory in enumerate(self._known):
            if directory.parent >= 0:
                self._below[directory.parent].append(index)
        self._by_path: dict[bytes, int] | None = None

    def run(self) -> Tree:
        """Walk.

        Raises:
            SnapshotException: a directory or an ignore file can't be read.
        """
        tree = Tree()
        tree.cached = [-1] * len(self._known)
        # Path, index of the directory above, index in the cache (-1: not to be trusted).
        pending = [(b"", -1, 0 if self._trusted else -1)]
        while pending:
            path, parent, known = pending.pop()
            try:
                found = os.lstat(self._prefix + path[:-1] if path else self._prefix)
            except FileNotFoundError:  # gone since its parent was listed
                tree.changed = True
                continue
            except OSError as error:
                raise contents.unreadable(path or self._prefix, error, self._rules.file_name) from error
            if known >= 0 and self._is_unchanged(self._known[known], found):
                pending += self._keep(tree, known, parent)
            else:
                pending += self._list(tree, path, parent, known, found)
        self._keep_noted(tree)
        return tree

    def _is_unchanged(self, known: DirectoryState, found: os.stat_result) -> bool:
        return (
            known.mtime == found.st_mtime_ns
            and known.ctime == found.st_ctime_ns
            and known.inode == found.st_ino
            # Where there was no ignore file there is none, or the directory would have changed.
            and (known.rules == _NO_RULES or known.rules == self._rules.file_state(known.path))
        )

    def _keep(self, tree: Tree, known: int, parent: int) -> list[tuple[bytes, int, int]]:
        """Take over a directory from the cache; return what is to be visited below it."""
        directory = self._known[known]
        directory.parent = parent
        index = tree.cached[known] = len(tree.directories)
        tree.directories.append(directory)
        # Visited in the order of the cache, so that an unchanged tree has the same indexes.
        return [(self._known[child].path, index, child) for child in reversed(self._below[known])]

    def _list(
        self, tree: Tree, path: bytes, parent: int, known: int, found: os.stat_result
    ) -> list[tuple[bytes, int, int]]:
        """List a directory; return what is to be visited below it."""
        tree.changed = True
        try:
            with os.scandir(self._prefix + path) as scan:
                entries = list(scan)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise contents.unreadable(path or self._prefix, error, self._rules.file_name) from error
        times = (found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        index = len(tree.directories)
        reason = self._marked(path, entries)
        if reason is not None:
            tree.directories.append(DirectoryState(path, parent, times, left_out=True))
            tree.left_out.append(LeftOut(path, reason))
            return []
        state = self._rules.file_state(path) or _NO_RULES
        tree.directories.append(DirectoryState(path, parent, times, state))
        trusted = known >= 0 and self._known[known].rules == state
        below = self._sort_out(tree, path, index, entries)
        return [(each, index, self._index_of(each) if trusted else -1) for each in below]

    def _sort_out(self, tree: Tree, path: bytes, index: int, entries: list[os.DirEntry[bytes]]) -> list[bytes]:
        """Put each entry where it belongs; return the directories among them."""
        reason_for = self._rules.directory(path).reason
        below = []
        for entry in entries:
            name = entry.name
            is_directory = entry.is_dir(follow_symlinks=False)
            full = path + name
            reason = reason_for(name, is_directory)
            if reason is not None:
                tree.left_out.append(LeftOut(full + b"/" if is_directory else full, reason))
            elif is_directory:
                below.append(full + b"/")
            elif entry.is_symlink():
                tree.links.append((full, index))
            elif entry.is_file(follow_symlinks=False):
                tree.files.append((full, index))
            else:
                tree.skipped.append((os.fsdecode(full), _kind(entry)))
        return below

    def _marked(self, path: bytes, entries: list[os.DirEntry[bytes]]) -> str | None:
        """Return why a directory stays out for what it holds, if it does. The root never does: someone named it."""
        if not path:
            return None
        parent = path[: path.rfind(b"/", 0, -1) + 1]
        names = {entry.name for entry in entries}
        return self._rules.directory(parent).marked(path[len(parent) : -1], names)

    def _index_of(self, path: bytes) -> int:
        if self._by_path is None:
            self._by_path = {directory.path: index for index, directory in enumerate(self._known)}
        return self._by_path.get(path, -1)

    def _keep_noted(self, tree: Tree) -> None:
        """Find the sensitive files where a directory was listed; take over what is known of those that were not."""
        tree.sensitive = sensitive.candidates(path for path, _ in tree.files)
        tree.sensitive += [os.fsencode(path) for path in self._sensitive if self._is_kept(tree, path)]
        tree.skipped += [(path, kind) for path, kind in self._skipped if self._is_kept(tree, path)]

    def _is_kept(self, tree: Tree, path: str) -> bool:
        """Say whether something lies in a directory that was taken over from the cache."""
        known = self._index_of(os.fsencode(path[: path.rfind("/") + 1]))
        return known >= 0 and tree.cached[known] >= 0


def _kind(entry: os.DirEntry[bytes]) -> str:
    mode = entry.stat(follow_symlinks=False).st_mode
    if stat.S_ISSOCK(mode):
        return "socket"
    return "FIFO" if stat.S_ISFIFO(mode) else "device"
