"""Says what a snapshot of a directory would hold, and what it would not, without making one."""

from __future__ import annotations

import os
import stat
from heapq import nlargest
from typing import TYPE_CHECKING

from turnout.runtime import layout
from turnout.snapshots import contents, links, sensitive, sizes
from turnout.snapshots.filetable import FileTable
from turnout.snapshots.rules import Rules
from turnout.snapshots.take import notices, source_root
from turnout.snapshots.walk import LeftOut, Walk

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST = 10


class Survey:
    """What a snapshot would hold.

    Attributes:
        root: the source directory, absolute, without links.
        files: how many files and links.
        bytes: the sum of the files' sizes.
        largest: path and size of the ten largest files, the largest first.
        left_out: what stays out, and by which rule, sorted by path; what lies below a directory isn't listed.
        ignore_file: the name of the ignore files in use.
        notices: lines for the person: what looks like a secret, what is skipped, what is large.
    """

    __slots__ = ("bytes", "files", "ignore_file", "largest", "left_out", "notices", "root")

    def __init__(self, root: bytes, home: layout.Home) -> None:
        rules = Rules(root, os.fsencode(os.path.realpath(home.root)))
        tree = Walk(root, rules).run()
        for path, _ in tree.links:
            links.target(root, path, rules.file_name)
        files = FileTable.empty()
        for path, parent, size in _sized(root, tree.files, rules.file_name):
            files.append(path, b"", (0, 0, size, 0, 0), parent)
        self.root = root
        self.files = len(files) + len(tree.links)
        self.bytes = sum(files.sizes)
        self.largest: list[tuple[bytes, int]] = nlargest(
            LARGEST, zip(files.paths, files.sizes, strict=True), key=lambda file: file[1]
        )
        self.left_out: list[LeftOut] = sorted(tree.left_out, key=lambda each: each.path)
        self.ignore_file = os.fsdecode(rules.file_name)
        secrets = sensitive.hint(root, tree.sensitive, rules.file_name)
        self.notices = notices(secrets, tree.skipped, sizes.hint(files, tree.directories, self.ignore_file))


def survey(source_directory: str, home: layout.Home | None = None) -> Survey:
    """Look at what a snapshot of a source directory would hold.

    Args:
        source_directory: the directory.
        home: the Turnout home, which stays out when it lies inside; this account's by default.

    Raises:
        SnapshotException: the directory or something in it can't be packed.
    """
    return Survey(source_root(source_directory), home or layout.Home(layout.home_directory()))


def _sized(root: bytes, files: list[tuple[bytes, int]], ignore_file: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield path, index of the directory and size of each file that is there and can be read."""
    for path, parent in files:
        full = os.path.join(root, path)
        try:
            status = os.lstat(full)
            if stat.S_ISREG(status.st_mode) and not os.access(full, os.R_OK):
                raise PermissionError(13, os.strerror(13))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise contents.unreadable(path, error, ignore_file) from error
        yield path, parent, status.st_size
