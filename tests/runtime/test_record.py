"""What a record says of its run's state."""

import pytest

from turnout.runtime import layout, records, states
from turnout.runtime.record import RunRecord
from turnout.testing.records import make_run, make_workspace


@pytest.fixture
def run(tmp_path):
    """A run that has been Preparing for long."""
    workspace = make_workspace(str(tmp_path))
    return make_run(workspace, "a", state=states.PREPARING, reason="building environment k", created=100.0)


def status(run: layout.RunLayout):
    return RunRecord(run.root).status()


def test_the_step_of_the_build_is_the_reason(run):
    assert status(run) == (states.PREPARING, "building environment k")
    records.write_json(run.step, {"t": 200.0, "step": "installing 3 packages"})
    assert status(run) == (states.PREPARING, "installing 3 packages")


def test_what_a_killed_build_said_is_no_reason_any_more(run):
    records.write_json(run.step, {"t": 200.0, "step": "installing 3 packages"})
    journal = records.JsonLines(run.journal)
    journal.append({"t": 201.0, "state": states.PREPARING, "reason": "run b builds the same environment, k"})
    assert status(run)[1] == "run b builds the same environment, k"
    journal.append({"t": 202.0, "state": states.QUEUED, "reason": "waiting for 1 CPU slot"})
    records.write_json(run.step, {"t": 203.0, "step": "installing 3 packages"})
    assert status(run) == (states.QUEUED, "waiting for 1 CPU slot")
    journal.close()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"t": 200}', '{"step": "x"}', '{"t": "soon", "step": "x"}'])
def test_a_damaged_step_is_passed_over(run, text):
    with open(run.step, "w") as stream:
        stream.write(text)
    assert status(run) == (states.PREPARING, "building environment k")
