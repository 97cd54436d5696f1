"""Every reach and scheduler that is registered passes the suites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from turnout.runtime import layout
from turnout.targets import reach, schedulers
from turnout.targets.reach.ssh.reach import close_all
from turnout.testing import pipereach
from turnout.testing.targets import ReachSuite, SchedulerSuite
from turnout.workspace import Workspace


@pytest.fixture
def workspace_layout(home: object) -> layout.WorkspaceLayout:
    return Workspace.from_config().layout


class TestLocalReach(ReachSuite):
    def make_reach(self, home: layout.Home) -> reach.Reach:
        return reach.make({"reach": "local"}, home)


class TestPipeReach(ReachSuite):
    """All of ssh's but for ssh itself; that is in tests/system/test_ssh.py."""

    @pytest.fixture(autouse=True)
    def _account(self, tmp_path: Path) -> Iterator[None]:
        self.directory = tmp_path / "account"
        self.directory.mkdir()
        yield
        close_all()

    def make_reach(self, home: layout.Home) -> reach.Reach:
        return pipereach.PipeReach(home, pipereach.target("box", str(self.directory)))


class TestProcessScheduler(SchedulerSuite):
    def make_scheduler(self, home: layout.Home) -> schedulers.Scheduler:
        return schedulers.make("process", reach.make({"reach": "local"}, home))


def test_no_kind_is_left_untested() -> None:
    assert set(reach.KINDS) == {"local", "ssh"}  # ssh: tests/system/test_ssh.py
    assert set(schedulers.KINDS) == {"process"}
