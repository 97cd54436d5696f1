"""Where a workspace's index lies.

Beside the workspace; or in this machine's cache, when the home is on a network file system, because several hosts must
never write one SQLite file; or in the database that `TURNOUT_INDEX` names. Where none of
these can be written, it is made in memory.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from turnout.exceptions import RecordException
from turnout.runtime import layout, records

if TYPE_CHECKING:
    from collections.abc import Mapping

INDEX_VARIABLE = "TURNOUT_INDEX"

_NETWORK = frozenset(
    """
    9p acfs afs beegfs ceph cifs coda fhgfs gfs gfs2 glusterfs gpfs lustre ncpfs nfs nfs4 ocfs2 orangefs panfs pvfs2
    smb2 smb3 smbfs vboxsf virtiofs wekafs
    """.split()  # noqa: SIM905 (a list of 26 words is for reading)
)
_LOCAL_FUSE = frozenset(("fuse.fuse-overlayfs", "fuse.mergerfs", "fuse.bindfs", "fuse.gocryptfs", "fuse.encfs"))


@dataclass(frozen=True, slots=True)
class Place:
    """Where an index lies.

    Attributes:
        workspace_id: the id of the workspace.
        path: the SQLite file, or None when the index is in a database server.
        url: the database server, as SQLAlchemy writes it, or None.
        private: other indexes, on other machines or in other processes, read the same record.
        in_memory: it is in this process's memory only.
    """

    workspace_id: str
    path: str | None
    url: str | None
    private: bool
    in_memory: bool = False

    @property
    def lock(self) -> str | None:
        """The file that guards making the SQLite file and putting another in its place."""
        return None if self.path is None else os.path.join(os.path.dirname(self.path), "index.lock")


def locate(workspace: layout.WorkspaceLayout, environ: Mapping[str, str] | None = None) -> Place:
    """Say where the index of a workspace lies; makes the cache directory when that is the place.

    Raises:
        RecordException: `TURNOUT_INDEX` is no URL, or there is no safe place.
    """
    values = os.environ if environ is None else environ
    workspace_id = _workspace_id(workspace)
    named = values.get(INDEX_VARIABLE)
    if named:
        return _named(named, workspace_id)
    if not is_network(file_system(workspace.root)):
        return Place(workspace_id, workspace.index, None, private=False)
    return Place(workspace_id, os.path.join(_cache(values, workspace_id), "index.sqlite"), None, private=True)


def in_memory(workspace: layout.WorkspaceLayout) -> Place:
    """Return the place for an index that nothing can be written for."""
    return Place(_workspace_id(workspace), None, None, private=True, in_memory=True)


def file_system(path: str, mounts: str = "/proc/self/mounts") -> str:
    """Return the type of the file system that `path` lies on, as mount(8) names it; "" where nothing tells."""
    try:
        with open(mounts, encoding="utf-8", errors="surrogateescape") as stream:
            lines = stream.read().splitlines()
    except OSError:
        return ""  # not Linux: taken for local
    real = os.path.realpath(path)
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = _unescape(fields[1])
        below = point == "/" or real == point or real.startswith(point + "/")
        if below and len(point) >= len(best):  # the later of two on one point hides the earlier
            best, kind = point, fields[2]
    return kind


def is_network(kind: str) -> bool:
    """Say whether several hosts may share a file system of this type."""
    return kind in _NETWORK or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)


def _named(url: str, workspace_id: str) -> Place:
    if "://" not in url:
        raise RecordException(
            f"{INDEX_VARIABLE} is no database URL: write it like postgresql://user@host/name or sqlite:////path/to/file"
        )
    if url.startswith("sqlite:///"):
        path = url[len("sqlite:///") :]
        return Place(workspace_id, os.path.abspath(path), None, private=False)
    return Place(workspace_id, None, url, private=False)


def _workspace_id(workspace: layout.WorkspaceLayout) -> str:
    try:
        found = records.read_json(workspace.definition).get("id")
    except (OSError, ValueError, AttributeError):
        found = None
    if isinstance(found, str) and re.fullmatch(r"[\w-]+", found):
        return found
    return hashlib.sha256(os.fsencode(os.path.realpath(workspace.root))).hexdigest()[:32]


def _cache(values: Mapping[str, str], workspace_id: str) -> str:
    base = values.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if is_network(file_system(base)):
        base = "/var/tmp"  # on clusters the account's home, and so its cache, is on the network too
        top = os.path.join(base, f"turnout-{os.getuid()}")
    else:
        top = os.path.join(base, "turnout")
    os.makedirs(base, exist_ok=True)
    directory = os.path.join(top, workspace_id)
    _make_private(top)
    _make_private(directory)
    return directory


def _make_private(directory: str) -> None:
    """Make a directory that only this account can use, or make sure that it is one: /var/tmp is everybody's."""
    try:
        os.mkdir(directory, layout.DIRECTORY_MODE)
    except FileExistsError:
        pass
    facts = os.lstat(directory)
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid():
        raise RecordException(
            f"{directory} belongs to someone else, so the index can't lie there: "
            f"set {INDEX_VARIABLE}=sqlite:////path/on/a/local/disk"
        )
    if stat.S_IMODE(facts.st_mode) & 0o077:
        os.chmod(directory, layout.DIRECTORY_MODE)


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)
