"""Which processes are a run's: never one that only has a number which a script once had."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import cgroups, layout, members, processes, records
from turnout.testing.living import in_child, until


@pytest.fixture
def stranger() -> Iterator[int]:
    """Return the pid of a process that leads a group and descends from nobody here."""
    start = ["sh", "-c", "setsid sleep 600 >/dev/null 2>&1 & echo $!"]
    pid = int(subprocess.run(start, stdout=subprocess.PIPE, env={"PATH": os.defpath}, check=True).stdout)
    until(lambda: os.getpgid(pid) == pid)
    yield pid
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("changed", [{"boot": "an earlier one"}, {"start": 1}], ids=["rebooted", "pid given out again"])
def test_a_group_with_the_number_of_a_dead_script_is_nobodys_of_ours(
    tmp_path: Path, stranger: int, changed: dict[str, Any]
) -> None:
    run = layout.RunLayout(str(tmp_path))
    gone = {**processes.identity(), "pid": 0, "start": 0}
    records.write_json(run.process, {**processes.identity(stranger), **changed, "keeper": gone})
    beside = set(members.descendants(os.getpid()))  # of other tests
    found = members.Members(run, lambda: beside)
    assert found.find() == set()
    assert not found.signal(0)
    assert found.end(grace=0.0) == 0
    assert processes.start_time(stranger) is not None


def test_a_process_of_another_pid_namespace_in_a_cgroup_has_no_number(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text("0\n12\n")
    assert cgroups.members(str(tmp_path)) == [12]


def test_what_a_keeper_leaves_that_dies_while_it_is_asked_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies after it was seen alive, and before its children are read: they are its supervisor's then."""
    run = layout.RunLayout(str(tmp_path))
    real = members.descendants
    found = tmp_path / "found"

    def supervise() -> None:
        processes.become_subreaper()
        keeper = subprocess.Popen(["sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE, env={})
        assert keeper.stdout is not None
        orphan = int(keeper.stdout.readline())
        identity = processes.identity(keeper.pid)
        records.write_json(run.process, {**processes.identity(), "pid": 0, "start": 0, "keeper": identity})

        def late(pid: int, without: set[int] | None = None) -> list[int]:
            if pid == keeper.pid:
                keeper.kill()
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            return real(pid, without)

        monkeypatch.setattr(members, "descendants", late)
        seen = members.Members(run, set).find()
        os.kill(orphan, signal.SIGKILL)
        found.write_text("yes" if seen == {orphan} else f"{seen}, not {orphan}")

    in_child(supervise)
    assert found.read_text() == "yes"
