"""The process that starts an engine for a test process and removes all of it: `python -m … NAME DIRECTORY PID`.

It writes the engine's configuration, starts its daemon if it has one, prints `ready` once the engine answers (else one
line that says why it doesn't), and waits for the end of its standard input or of the process PID. Then it ends the
containers, the engine's processes and whatever else belongs to DIRECTORY, unmounts what is mounted there, and removes it.
It also removes what a killed service has left.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from turnout.runtime import processes

PREFIX = "turnout-engine-"
"""How the names of the directories of engines begin."""

_SECONDS_TO_START = 60.0
_SECONDS_TO_STOP = 15.0
_MOST_FILES, _MOST_PROCESSES = 1048576, 32768

_PODMAN_CONTAINERS = """
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
netns = "host"
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "{directory}/tmp"
{runtime}
[network]
network_config_dir = "{directory}/networks"
"""
_PODMAN_STORAGE = """
[storage]
driver = "{driver}"
graphroot = "{directory}/graph"
runroot = "{directory}/runroot"
"""
_DAEMON = """
    dockerd --iptables=false --ip6tables=false --bridge=none --exec-opt native.cgroupdriver=cgroupfs
    --data-root {directory}/data --exec-root {directory}/run --pidfile {directory}/pid -H unix://{directory}/docker.sock
    --config-file {directory}/daemon.json
"""


def main(name: str, directory: str, owner: str) -> int:
    """Serve one engine; return 0 if nothing of it is left."""
    sweep()
    Path(directory, "service").write_text(json.dumps(processes.identity()))
    os.environ["PATH"] = os.environ.get("PATH", "") + os.pathsep + "/usr/sbin:/sbin"
    engine = Podman(Path(directory)) if name == "podman" else Docker(Path(directory))
    try:
        trouble = engine.start()
        _say(trouble or "ready")
        if not trouble:
            _wait_for_the_end(int(owner))
    finally:
        engine.stop()
        engine.free()
        left = clear(directory)
    if left:
        sys.stderr.write(left)
    return 1 if left else 0


def sweep() -> None:
    """Remove what is left of engines whose service is gone."""
    for directory in glob.glob(os.path.join(tempfile.gettempdir(), PREFIX + "*")):
        with contextlib.suppress(OSError, ValueError):
            service = json.loads(Path(directory, "service").read_text())
            if processes.state(service) == processes.GONE:
                clear(directory)


def clear(directory: str) -> str:
    """Kill, unmount and delete what belongs to an engine; return what is left, or nothing."""
    for pid in processes_of(directory):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _wait_until(lambda: not processes_of(directory), _SECONDS_TO_STOP)
    for point in mounts_of(directory):
        _call("umount", "--lazy", point)
    shutil.rmtree(directory, ignore_errors=True)
    left = [f"process {pid}" for pid in processes_of(directory)] + mounts_of(directory)
    return ", ".join(left + ([directory] if os.path.exists(directory) else []))


class Podman:
    """It has no daemon: its configuration is all that it needs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def start(self) -> str:
        """Write the configuration; return why it doesn't work, or nothing."""
        files, forks = _limit(resource.RLIMIT_NOFILE, _MOST_FILES), _limit(resource.RLIMIT_NPROC, _MOST_PROCESSES)
        # crun doesn't start where the cgroups are of both versions at once.
        runtime = 'runtime = "runc"' if shutil.which("runc") else ""
        configuration = _PODMAN_CONTAINERS.format(
            files=files, processes=forks, directory=self.directory, runtime=runtime
        )
        (self.directory / "containers.conf").write_text(configuration)
        (self.directory / "networks").mkdir()
        trouble = ""
        for driver in ("overlay", "vfs"):  # there is no overlay on an overlay
            storage = _PODMAN_STORAGE.format(driver=driver, directory=self.directory)
            (self.directory / "storage.conf").write_text(storage)
            done = _call("podman", "info")
            if done.returncode == 0:
                return ""
            trouble = done.stderr
            shutil.rmtree(self.directory / "graph", ignore_errors=True)  # what was begun with one isn't for another
        return _last_line(trouble)

    def stop(self) -> None:
        """End its containers."""
        _call("podman", "rm", "--all", "--force", "--time", "0")
        _call("podman", "umount", "--all")

    def free(self) -> None:
        """Remove files of other accounts, which a podman without root has, and end what keeps its namespace."""
        if os.getuid() != 0:
            _call("podman", "unshare", "rm", "-rf", str(self.directory / "graph"))
            _call("podman", "system", "migrate")


class Docker:
    """A daemon, which starts a containerd of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the daemon and wait until it answers; return why it doesn't, or nothing."""
        (self.directory / "daemon.json").write_text("{}")
        log = self.directory / "log"
        with log.open("wb") as output:
            command = _DAEMON.format(directory=self.directory).split()
            self._daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        if _wait_until(lambda: self._answers() or self._ended(), _SECONDS_TO_START) and self._answers():
            return ""
        return _last_line(log.read_text(errors="replace"))

    def stop(self) -> None:
        """End its containers, then the daemon."""
        if self._daemon is None:
            return
        if self._answers():
            containers = _call("docker", "ps", "--all", "--quiet", "--no-trunc").stdout.split()
            if containers:
                _call("docker", "rm", "--force", "--volumes", *containers)
        self._daemon.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._daemon.wait(_SECONDS_TO_STOP)

    def free(self) -> None:
        """Nothing of it takes more than to be deleted."""

    def _answers(self) -> bool:
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(5)
            try:
                connection.connect(str(self.directory / "docker.sock"))
                connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return connection.recv(64).startswith(b"HTTP/1.0 200")
            except OSError:
                return False

    def _ended(self) -> bool:
        return self._daemon is not None and self._daemon.poll() is not None


def processes_of(directory: str) -> list[int]:
    """Return the living processes that belong to an engine: by what they were started with, or by where their files are."""
    own_namespace = os.readlink("/proc/self/ns/mnt")
    found = []
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        if pid == os.getpid() or processes.start_time(pid) is None:
            continue
        with contextlib.suppress(OSError):
            said = Path(f"/proc/{pid}/cmdline").read_bytes()
            if os.readlink(f"/proc/{pid}/ns/mnt") != own_namespace:
                said += Path(
                    f"/proc/{pid}/mountinfo"
                ).read_bytes()  # those of a container: its root is in the directory
            if os.fsencode(directory) in said and b"turnout.testing.engineservice" not in said:
                found.append(pid)
    return found


def mounts_of(directory: str) -> list[str]:
    """Return what is mounted below an engine's directory, what is mounted last first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4] for line in lines]
    return [point for point in reversed(points) if f"{point}/".startswith(f"{directory}/")]


def _wait_for_the_end(owner: int) -> None:
    """Wait for the end of the input or of the process that started this one."""
    waiting = [sys.stdin.fileno()]
    try:
        waiting.append(os.pidfd_open(owner))
    except ProcessLookupError:
        return
    select.select(waiting, [], [])


def _say(line: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _call(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again, since other people's processes have no event for it; return whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _limit(number: int, most: int) -> int:
    hard = resource.getrlimit(number)[1]
    return most if hard == resource.RLIM_INFINITY else min(hard, most)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it says nothing"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
