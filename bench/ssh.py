"""Submits over SSH beside `rsync -a` and `ssh host command`: the first time, and again with one file changed.

    .venv/bin/python bench/ssh.py [--files 10000] [--megabytes 500] [--rounds 5]

Needs root on Linux: the host is made for it, in network namespaces, with its own sshd (`turnout.testing.remotehost`). Every
way is a whole process, from the command line to the end of a script that does nothing. A run has a copy of the snapshot for
itself, so one way copies what rsync brought, too. The bytes are those that the host's
link has carried to it. A ratio compares with the way of the same line that is marked 1.00.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from submit import machine

from turnout.testing.remotehost import RemoteHost

TURNOUT = str(Path(sys.executable).with_name("turnout"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="turnout-bench-") as top, RemoteHost(network=False) as host:
        os.environ["TURNOUT_HOME"] = os.path.join(top, "home")
        os.environ["TURNOUT_SSH_CONFIG"] = str(host.ssh_config)
        Bench(Path(top), host, chosen).run()


class Bench:
    """The compared ways."""

    def __init__(self, top: Path, host: RemoteHost, chosen: argparse.Namespace) -> None:
        self.host, self.rounds = host, chosen.rounds
        self.project = top / "project"
        self.large = f"{chosen.files:,} files, {chosen.megabytes} MB"
        generator = random.Random(1)
        each = chosen.megabytes * 1_000_000 // chosen.files
        for number in range(chosen.files):
            path = self.project / f"d{number % 100}" / f"f{number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(generator.randbytes(each))
        (self.project / "nothing.py").write_text("")
        self.count = 0
        self.ssh = ["ssh", "-F", str(host.ssh_config), host.name]

    def run(self) -> None:
        print(f"{machine()}; {self.large}, random bytes; every figure is a whole process")
        self.call([TURNOUT, "target", "add", "box", "--ssh", self.host.name])
        # The snapshot of an unchanged tree is read from the cache: both ways find the files in memory and not hashed.
        first = {"turnout submit": [self.measured(self.submit)], "rsync -a && ssh": [self.measured(self.rsync)]}
        self.show("first time", first, "rsync -a && ssh")
        ways: dict[str, Callable[[], None]] = {
            "turnout submit": self.submit,
            "turnout submit --detach: the target has the run": lambda: self.submit("--detach"),
            "rsync -a && ssh, in a copy of its own there": self.rsync_and_copy,
            "rsync -a && ssh": self.rsync,
        }
        again: dict[str, list[tuple[float, int]]] = {name: [] for name in ways}
        for _ in range(self.rounds):
            for name, way in ways.items():
                self.change()
                again[name].append(self.measured(way))
                self.call([TURNOUT, "wait", "@last"])
                self.call([*self.ssh, "sync"])  # what one way leaves to the disk is not the next one's to wait for
        self.show("again, one file changed", again, "rsync -a && ssh")
        small = self.project.parent / "small"
        small.mkdir()
        (small / "nothing.py").write_text("")
        self.project = small
        self.submit()
        ways = {"turnout submit": self.submit, "ssh host true": lambda: self.call([*self.ssh, "true"])}
        alone: dict[str, list[tuple[float, int]]] = {name: [] for name in [*ways, "turnout submit --detach"]}
        for _ in range(self.rounds):
            for name, way in ways.items():
                self.change()
                alone[name].append(self.measured(way))
            self.change()
            alone["turnout submit --detach"].append(self.measured(lambda: self.submit("--detach")))
        self.show("one-file tree, one file changed", alone, "ssh host true")

    def change(self) -> None:
        """Change a file."""
        self.count += 1
        (self.project / "nothing.py").write_text(f"# {self.count}\n")

    def submit(self, how: str = "--wait") -> None:
        self.call([TURNOUT, "submit", how, "--target", "box", "--environment", "current", "nothing.py"])

    def rsync(self) -> None:
        self.call(
            ["rsync", "-a", "-e", f"ssh -F {self.host.ssh_config}", f"{self.project}/", f"{self.host.name}:project/"]
        )
        self.call([*self.ssh, "cd project && python3 nothing.py"])

    def rsync_and_copy(self) -> None:
        self.call(
            ["rsync", "-a", "-e", f"ssh -F {self.host.ssh_config}", f"{self.project}/", f"{self.host.name}:project/"]
        )
        self.call([*self.ssh, "rm -rf run && cp -r project run && cd run && python3 nothing.py"])

    def call(self, command: list[str]) -> None:
        done = subprocess.run(command, cwd=self.project, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: {done.stderr}")

    def measured(self, way: Callable[[], None]) -> tuple[float, int]:
        """Return seconds, and the bytes that the host got."""
        before, began = self.host.bytes_sent()[0], time.perf_counter()
        way()
        return time.perf_counter() - began, self.host.bytes_sent()[0] - before

    def show(self, what: str, found: dict[str, list[tuple[float, int]]], base: str) -> None:
        middle = {name: statistics.median(seconds for seconds, _ in rows) for name, rows in found.items()}
        for name, rows in found.items():
            sent = statistics.median(count for _, count in rows)
            ratio = middle[name] / middle[base]
            print(f"{what + ':':34}{middle[name]:8.2f} s  {ratio:6.2f} x  {sent / 1e6:10.3f} MB sent   {name}")


if __name__ == "__main__":
    main()
