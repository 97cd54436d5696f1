"""What every reach and every scheduler must pass: subclass a suite, say how the kind is made, and let pytest collect it."""

from __future__ import annotations

import json
import os
import time
import zlib
from typing import Any

from turnout.runtime import layout, states
from turnout.runtime.record import RunRecord
from turnout.targets.reach import Reach
from turnout.targets.schedulers import Scheduler
from turnout.testing.runs import write_run

_PATIENCE = 60.0
"""Seconds after which something that should have happened is said not to have."""


class ReachSuite:
    """A reach carries requests and knows nothing of runs. Say how to make one in `make_reach`."""

    def make_reach(self, home: layout.Home) -> Reach:
        """Return the reach to be tested, to a machine whose home is empty."""
        raise AssertionError("a subclass says how its reach is made")

    def test_a_request_and_its_reply_are_json(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """What goes over a connection must survive being text."""
        reply = self.make_reach(workspace_layout.home).run({"operation": "look", "directories": []})
        assert json.loads(json.dumps(reply)) == {"states": {}}

    def test_pushing_nothing_sends_nothing(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """An empty push costs no traffic."""
        assert self.make_reach(workspace_layout.home).push([]) == 0

    def test_bytes_come_beside_a_reply(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """A request may come with bytes, and its reply bring some."""
        nothing = zlib.compress(bytes(32))
        reply, content = self.make_reach(workspace_layout.home).pull({"operation": "missing"}, nothing)
        assert (reply, zlib.decompress(content)) == ({}, bytes(32))


class SchedulerSuite:
    """A scheduler plans without acting, starts what was planned, and tells the truth. Say how to make one in `make_scheduler`."""

    def make_scheduler(self, home: layout.Home) -> Scheduler:
        """Return the scheduler to be tested."""
        raise AssertionError("a subclass says how its scheduler is made")

    def test_a_plan_is_data_and_does_nothing(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """`plan` is pure: twice the same, JSON, and the run is as it was."""
        run = write_run(workspace_layout, "print(1)")
        scheduler = self.make_scheduler(workspace_layout.home)
        definition = RunRecord(run.root).definition
        before = sorted(os.listdir(run.root))
        plan = scheduler.plan(definition, run.root)
        assert json.loads(json.dumps(plan)) == plan == scheduler.plan(definition, run.root)
        assert sorted(os.listdir(run.root)) == before

    def test_a_started_run_runs_once_to_its_end(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """The script runs with its arguments; starting twice does not run it twice."""
        run = write_run(workspace_layout, "import sys; print(*sys.argv[1:])", ["a b", "c"])
        scheduler, request = self._planned(workspace_layout, run)
        handle = scheduler.start(request)
        scheduler.start(request)
        assert json.loads(json.dumps(handle)) == handle
        assert self._end(scheduler, run)[0] == states.COMPLETED
        with open(run.script_log) as stream:
            assert stream.read() == "a b c\n"

    def test_a_failure_has_its_reason(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """State and reason of a script that fails."""
        run = write_run(workspace_layout, "raise SystemExit(9)")
        scheduler, request = self._planned(workspace_layout, run)
        scheduler.start(request)
        state, reason = self._end(scheduler, run)
        assert (state, "9" in reason) == (states.FAILED, True)

    def test_a_fresh_process_attaches_to_a_run(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """Another scheduler object, made later, sees and cancels the run."""
        run = write_run(workspace_layout, "import time; time.sleep(600)")
        scheduler, request = self._planned(workspace_layout, run)
        scheduler.start(request)
        other = self.make_scheduler(workspace_layout.home)
        self._until(other, run, lambda state: state == states.RUNNING)
        other.cancel(run.root, "the suite")
        state, reason = self._end(other, run)
        assert state == states.CANCELED
        assert "the suite" in reason

    def test_cancelling_what_has_ended_changes_nothing(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """A cancel that comes too late is no error."""
        run = write_run(workspace_layout, "pass")
        scheduler, request = self._planned(workspace_layout, run)
        scheduler.start(request)
        self._end(scheduler, run)
        assert scheduler.cancel(run.root, "the suite")[0] == states.COMPLETED

    def _planned(self, workspace: layout.WorkspaceLayout, run: layout.RunLayout) -> tuple[Scheduler, dict[str, Any]]:
        scheduler = self.make_scheduler(workspace.home)
        return scheduler, scheduler.plan(RunRecord(run.root).definition, run.root)

    def _end(self, scheduler: Scheduler, run: layout.RunLayout) -> tuple[str, str]:
        return self._until(scheduler, run, states.is_final)

    def _until(self, scheduler: Scheduler, run: layout.RunLayout, enough: Any) -> tuple[str, str]:
        deadline = time.monotonic() + _PATIENCE
        while True:
            state, reason = scheduler.poll([run.root])[run.run_id]
            if enough(state):
                return state, reason
            assert time.monotonic() < deadline, f"the run is still {state}: {reason}"
            time.sleep(0.02)  # polling is what a scheduler offers
