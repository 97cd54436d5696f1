import errno
import io
import threading

import pytest

from turnout.history.follow import follow, watch
from turnout.run import Run
from turnout.runtime import runlock, states
from turnout.testing.records import make_run, write_state


def live(workspace, log=b""):
    made = make_run(workspace, "a", state=states.RUNNING, log=log)
    runlock.acquire(made.lock)
    return Run(made.root)


def test_an_ended_run_is_copied_whole_and_at_once(workspace):
    made = make_run(workspace, "a", state=states.CANCELED, reason="by me", log=b"one\ntwo")
    output, seen = io.BytesIO(), []
    assert follow(Run(made.root), output, lambda *state: seen.append(state)) == "Canceled"
    assert output.getvalue() == b"one\ntwo"
    assert seen == [("Canceled", "by me")]


def test_each_state_is_told_once(workspace):
    run = live(workspace)
    seen = []
    wait_for_running = threading.Event()

    def told(state, reason):
        seen.append((state, reason))
        wait_for_running.set()

    def supervisor():
        wait_for_running.wait(10)
        write_state(run.layout, states.COMPLETED)

    ending = threading.Thread(target=supervisor)
    ending.start()
    assert follow(run, None, told) == "Completed"
    ending.join()
    assert seen == [("Running", ""), ("Completed", "")]


@pytest.mark.parametrize(
    "error", [BrokenPipeError(), ValueError("I/O operation on closed file"), OSError(errno.EIO, "a closed terminal")]
)
def test_a_stream_that_went_away_does_not_end_the_waiting(workspace, error):
    class Gone(io.RawIOBase):
        def write(self, data):
            write_state(run.layout, states.COMPLETED)
            raise error

    run = live(workspace, log=b"something")
    assert follow(run, Gone()) == "Completed"


def test_what_is_written_just_before_the_end_is_copied(workspace):
    run = live(workspace)
    calls = []

    def copy():
        calls.append(run.record.status()[0])
        if len(calls) == 1:
            write_state(run.layout, states.COMPLETED)
        return False

    assert watch(run, copy) == "Completed"
    assert calls[-1] == "Completed"
