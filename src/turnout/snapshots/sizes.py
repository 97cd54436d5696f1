"""Says what is large in a snapshot, and how to leave it out. Nothing is refused for its size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from turnout.snapshots.paths import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from turnout.snapshots.filetable import FileTable
    from turnout.snapshots.statcache import DirectoryState

MANY_FILES = 2000
MANY_BYTES = 300 * 1024 * 1024
"""From here on a line says so; they were limits in Azure ML SDK v1."""

_NAMED = 3


def hint(files: FileTable, directories: Sequence[DirectoryState], ignore_file: str) -> str | None:
    """Return one line about a large snapshot, None about others.

    Args:
        files: its files.
        directories: their directories.
        ignore_file: where the person would leave something out.
    """
    count, total = len(files), sum(files.sizes)
    if count <= MANY_FILES and total <= MANY_BYTES:
        return None
    by_bytes = total > MANY_BYTES
    sums = _by_top(files, directories)
    largest = sorted(sums.items(), key=lambda item: item[1][by_bytes], reverse=True)[:_NAMED]
    named = ", ".join(_named(top, *largest_sums) for top, largest_sums in largest)
    return (
        f"the snapshot is large: {counted(count)}, {size_text(total)}; most of it is {named}; "
        f"what the run doesn't need can be left out with a line in {ignore_file}"
    )


def _named(top: bytes, files: int, size: int) -> str:
    inside = f"{counted(files)}, " if top.endswith(b"/") else ""
    return f"{shown(top)} ({inside}{size_text(size)})"


def _by_top(files: FileTable, directories: Sequence[DirectoryState]) -> dict[bytes, tuple[int, int]]:
    """Return files and bytes by what lies at the root; a directory's name ends in a slash."""
    counts, sums = [0] * len(directories), [0] * len(directories)
    found: dict[bytes, tuple[int, int]] = {}
    for index, (size, parent) in enumerate(zip(files.sizes, files.parents, strict=True)):
        counts[parent] += 1
        sums[parent] += size
        if not parent:
            found[files.paths[index]] = (1, size)
    for directory, count, total in zip(directories, counts, sums, strict=True):
        top = directory.path[: directory.path.find(b"/") + 1]
        if top:
            files_before, bytes_before = found.get(top, (0, 0))
            found[top] = (files_before + count, bytes_before + total)
    return found


def counted(count: int) -> str:
    """Return `1 file`, `20,001 files`."""
    return "1 file" if count == 1 else f"{count:,} files"


def size_text(size: int) -> str:
    """Return a number of bytes in decimal units: `812 B`, `38.1 MB`."""
    if size < 1000:
        return f"{size} B"
    value = size / 1000
    for unit in ("kB", "MB", "GB"):
        if value < 999.95:
            return f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
