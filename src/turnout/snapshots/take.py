"""Makes a snapshot: walks, reads what changed since the last time, stores it, writes the manifest."""

from __future__ import annotations

import errno
import os
import time
from typing import TYPE_CHECKING, Any

from turnout.exceptions import RecordException, SnapshotException
from turnout.runtime import layout, manifest
from turnout.runtime.objects import ObjectStore, StoreError
from turnout.snapshots import links, sensitive, sizes, statcache
from turnout.snapshots.files import Files
from turnout.snapshots.filetable import UNTRUSTED
from turnout.snapshots.paths import shown
from turnout.snapshots.rules import RACY_SECONDS, Rules
from turnout.snapshots.walk import Tree, Walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from turnout.runtime.objects import Incoming
    from turnout.snapshots.filetable import FileTable
    from turnout.snapshots.statcache import StatCache


class Snapshot:
    """A source directory as it was.

    Attributes:
        id: the manifest's digest; equal sources have equal ids.
        manifest: see `turnout.runtime.manifest`.
        files: how many files and links it holds.
        bytes: the sum of the files' sizes.
        written: how many objects were new to the store.
        notices: lines for the person: what looks like a secret, what was skipped, what is large.
    """

    __slots__ = ("bytes", "files", "id", "manifest", "notices", "written")

    def __init__(self, data: bytes, facts: dict[str, Any], written: int) -> None:
        self.id = manifest.digest(data)
        self.manifest = data
        self.files: int = facts["files"]
        self.bytes: int = facts["bytes"]
        self.written = written
        self.notices = notices(facts["secrets"], facts["skipped"], facts["hint"])

    def holds(self, path: str) -> bool:
        """Say whether a file or link is in it, by its path relative to the source directory."""
        wanted = os.fsencode(os.path.normpath(path))
        return any(
            manifest.path_in(record) == wanted and not record.startswith(manifest.DIRECTORY.encode())
            for record in manifest.split(self.manifest)
        )


def take(
    source_directory: str,
    home: layout.Home,
    workspace: layout.WorkspaceLayout,
    report: Callable[[str], None] = lambda line: None,
) -> Snapshot:
    """Make a snapshot of a source directory.

    Its objects are on the disk when this returns; the manifest is for the caller to write.

    Args:
        source_directory: the directory.
        home: where the objects go; it stays out of the snapshot if it lies inside.
        workspace: where the stat cache is kept.
        report: gets the snapshot's notices: what looks like a secret before anything is packed, the others at the end.

    Raises:
        SnapshotException: the directory or something in it can't be packed.
        RecordException: the home can't be written, or the disk is full.
    """
    root = source_root(source_directory)
    store = ObjectStore(home.objects)
    try:
        with store.incoming() as incoming:
            taking = _Taking(root, home, store, incoming, report)
            snapshot = taking.run(statcache.file_name(workspace, root))
    except StoreError as error:
        raise _home_failure(home, error) from error
    for line in snapshot.notices[taking.told :]:
        report(line)
    return snapshot


def source_root(source_directory: str) -> bytes:
    """Return a source directory as an absolute path without links.

    Raises:
        SnapshotException: it isn't a directory.
    """
    root = os.path.realpath(os.fsencode(source_directory))
    if not os.path.isdir(root):
        what = "is not a directory" if os.path.exists(root) else "does not exist"
        raise SnapshotException(f"the source directory {source_directory} {what}")
    return root


def notices(secrets: str | None, skipped: list[Any], hint: str | None) -> list[str]:
    """Return the lines about what looks like a secret, what was skipped and what is large.

    Args:
        secrets: the line about secrets, if there is one.
        skipped: path and kind of each.
        hint: the line about the size, if there is one.
    """
    lines = [f"left out {shown(os.fsencode(path))}: a {kind} can't be packed" for path, kind in sorted(skipped)]
    return [line for line in (secrets, *lines, hint) if line]


class _Taking:
    """One snapshot in the making."""

    def __init__(
        self, root: bytes, home: layout.Home, store: ObjectStore, incoming: Incoming, report: Callable[[str], None]
    ) -> None:
        self._root = root
        self._report = report
        self.told = 0  # how many of the notices have been reported
        self._home = os.fsencode(os.path.realpath(home.root))
        self._store = store
        self._incoming = incoming
        self._started = time.time()
        found = os.stat(root)
        self._identity = [found.st_dev, found.st_ino]
        self._store_state = store.state()

    def run(self, cache_file: str) -> Snapshot:
        cache = statcache.load(cache_file)
        if cache is not None and cache.facts["root"] != self._identity:
            cache = None
        rules = Rules(self._root, self._home, cache.facts["rules"] if cache else None)
        tree = Walk(self._root, rules, cache).run()
        files = Files(self._root, tree, cache, self._store, rules.file_name)
        stale = files.stale()
        links_found = self._links(cache, tree, rules.file_name)
        if cache and not stale and self._is_unchanged(cache, rules, tree, links_found):
            return Snapshot(cache.manifest, cache.facts, written=0)
        secrets = sensitive.hint(self._root, tree.sensitive, rules.file_name)
        if secrets:
            self._report(secrets)  # now, when nothing has been packed: there is time for Ctrl-C
            self.told = 1
        read = files.read(stale, self._incoming, self._started)
        return self._assemble(cache_file, rules, tree, read, links_found, secrets)

    def _is_unchanged(self, cache: StatCache, rules: Rules, tree: Tree, links_found: list[_Link]) -> bool:
        """Say whether the last snapshot is this one too, and what is known needs no update."""
        return (
            not tree.changed
            and [link.record for link in links_found] == cache.links
            and cache.facts["rules"] == rules.signature
            and cache.facts["store"] == self._store_state
        )

    def _links(self, cache: StatCache | None, tree: Tree, ignore_file: bytes) -> list[_Link]:
        """Return the links, sorted by path. Each is resolved every time: what it leads to may have changed."""
        found = list(tree.links)
        if cache is not None and cache.links:
            kept = {directory.path: index for index, directory in enumerate(cache.directories)}
            for record in cache.links:
                path = manifest.path_in(record)
                index = tree.cached[kept[path[: path.rfind(b"/") + 1]]]
                if index >= 0:
                    found.append((path, index))
        out = []
        for path, parent in sorted(found):
            try:
                target = links.target(self._root, path, ignore_file)
            except OSError:
                continue  # gone since its directory was listed
            out.append(_Link(path, manifest.record(manifest.LINK, os.fsdecode(target), 0, path), parent))
        return out

    def _assemble(
        self,
        cache_file: str,
        rules: Rules,
        tree: Tree,
        files: FileTable,
        links_found: list[_Link],
        secrets: str | None,
    ) -> Snapshot:
        facts: dict[str, Any] = {
            "root": self._identity,
            "rules": rules.signature,
            "skipped": tree.skipped,
            "sensitive": [os.fsdecode(path) for path in tree.sensitive],
            "secrets": secrets,
            "files": len(files) + len(links_found),
            "links": len(links_found),
            "bytes": sum(files.sizes),
            "hint": sizes.hint(files, tree.directories, os.fsdecode(rules.file_name)),
        }
        if not facts["files"]:
            raise _nothing(self._root, rules)
        data = _manifest(tree, files, links_found)
        written = self._incoming.commit()
        facts["store"] = self._state_to_note()
        self._distrust(tree)
        try:
            statcache.save(cache_file, facts, tree.directories, files, data)
        except (OSError, OverflowError):
            pass  # costs time at the next snapshot, nothing else
        return Snapshot(data, facts, written)

    def _state_to_note(self) -> list[object]:
        """Return the state of the store in which every object of this snapshot is there."""
        state = self._store.state()
        # A generation that began meanwhile may have taken objects away after they were counted on.
        began = self._store_state and state[-1:] != self._store_state[-1:]
        return self._store_state if began else state

    def _distrust(self, tree: Tree) -> None:
        """Have what was modified just now looked at again the next time."""
        newest = int((self._started - RACY_SECONDS) * 1e9)
        for directory in tree.directories:
            if max(directory.mtime, directory.ctime) >= newest:
                directory.mtime = UNTRUSTED
            if max(directory.rules[:2]) >= newest:
                directory.rules = (UNTRUSTED, 0, 0)


class _Link:
    """A link of the snapshot: its path, its record in the manifest, the index of its directory."""

    __slots__ = ("parent", "path", "record")

    def __init__(self, path: bytes, record: bytes, parent: int) -> None:
        self.path = path
        self.record = record
        self.parent = parent


def _manifest(tree: Tree, files: FileTable, links_found: list[_Link]) -> bytes:
    rows = [(link.path, link.record) for link in links_found]
    occupied = set(files.parents)
    occupied.update(link.parent for link in links_found)
    occupied.update(directory.parent for directory in tree.directories if not directory.left_out)
    for index, directory in enumerate(tree.directories):
        if index not in occupied and directory.path and not directory.left_out:
            path = directory.path[:-1]
            rows.append((path, manifest.record(manifest.DIRECTORY, "", 0, path)))
    if not rows:
        return manifest.join(files.records)
    rows += zip(files.paths, files.records, strict=True)
    rows.sort()
    return manifest.join([record for _, record in rows])


def _nothing(root: bytes, rules: Rules) -> SnapshotException:
    """Return the exception for a source directory that holds no file."""
    left_out = Walk(root, rules).run().left_out
    message = f"the source directory {shown(root)} holds no files"
    if left_out:
        first = left_out[0]
        message += f" but those left out (such as {shown(first.path)}, by {first.reason}); mend the rules"
    return SnapshotException(message)


def _home_failure(home: layout.Home, error: StoreError) -> RecordException:
    variable = layout.HOME_VARIABLE
    if error.error.errno in (errno.ENOSPC, errno.EDQUOT):
        message = f"the disk is full: the Turnout home {home.root}; make room, or name another home with {variable}"
    else:
        message = f"the Turnout home {home.root} can't be used: {error}; mend it, or name another home with {variable}"
    return RecordException(message, error)
