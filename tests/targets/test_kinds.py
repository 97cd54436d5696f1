"""Every reach and scheduler that is registered passes the suites."""

from __future__ import annotations

import pytest

from turnout.runtime import layout
from turnout.targets import reach, schedulers
from turnout.testing.targets import ReachSuite, SchedulerSuite
from turnout.workspace import Workspace


@pytest.fixture
def workspace_layout(home: object) -> layout.WorkspaceLayout:
    return Workspace.from_config().layout


class TestLocalReach(ReachSuite):
    def make_reach(self, home: layout.Home) -> reach.Reach:
        return reach.make({"reach": "local"}, home)


class TestProcessScheduler(SchedulerSuite):
    def make_scheduler(self, home: layout.Home) -> schedulers.Scheduler:
        return schedulers.make("process", reach.make({"reach": "local"}, home))


def test_no_kind_is_left_untested() -> None:
    assert set(reach.KINDS) == {"local", "ssh"}  # ssh: tests/system/test_ssh.py
    assert set(schedulers.KINDS) == {"process"}
