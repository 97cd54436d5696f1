"""Gives each remote host for tests a number and a directory of its own, and clears up after hosts of killed processes.

A number is a locked file, so the kernel gives it back whatever becomes of its owner. Namespaces and addresses belong to the
whole machine: so does the directory of the locks, whoever's checkout the tests run in.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from turnout.runtime import filelocks
from turnout.testing.remotelink import NETWORKS, Link, call

BASE = Path("/var/tmp/turnout-remote-hosts")
"""Where the hosts keep their files: what survives a reboot of theirs."""

_tried = itertools.count(os.getpid() * 7)


@dataclass(frozen=True)
class Claim:
    """A number that no other host has.

    Attributes:
        number: of the host and its link.
        directory: an empty one for its files.
        descriptor: of the locked file.
    """

    number: int
    directory: Path
    descriptor: int

    def release(self) -> None:
        """Remove all of the host and give its number back."""
        try:
            _clear(self.number)
        finally:
            filelocks.unlock(self.descriptor)
            os.close(self.descriptor)


def claim() -> Claim:
    """Clear up what killed processes have left, and take a number.

    Raises:
        AssertionError: all are taken.
    """
    BASE.mkdir(mode=0o700, exist_ok=True)
    sweep()
    for number in (NETWORKS[at % len(NETWORKS)] for at in itertools.islice(_tried, len(NETWORKS))):
        descriptor = filelocks.try_lock(str(BASE / f"{number}.lock"))
        if descriptor is None:
            continue
        _clear(number)  # its owner may have been killed just now
        found = Claim(number, BASE / str(number), descriptor)
        found.directory.mkdir(mode=0o700)
        return found
    raise AssertionError(f"all {len(NETWORKS)} networks of remote hosts are taken (see {BASE})")


def sweep() -> None:
    """Remove the hosts whose owners are gone."""
    for name in filter(str.isdigit, os.listdir(BASE)):
        descriptor = filelocks.try_lock(str(BASE / f"{name}.lock"))
        if descriptor is not None:
            Claim(int(name), BASE / name, descriptor).release()


def mounts_below(directory: Path) -> list[str]:
    """Return where something is mounted below a directory, the innermost first."""
    fields = (line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    points = (re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), field) for field in fields)
    return [point for point in points if point.startswith(f"{directory}/")][::-1]


def _clear(number: int) -> None:
    directory = BASE / str(number)
    if not directory.exists():
        return
    Link(number).remove()
    for point in mounts_below(directory):
        call("umount", "--lazy", point)
    shutil.rmtree(directory)
