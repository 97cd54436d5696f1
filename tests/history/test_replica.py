"""A run's copy here, brought by a real agent from a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from turnout.history import collecting, replica
from turnout.runtime import layout, processes, records, states
from turnout.runtime.record import RunRecord
from turnout.testing.living import pids_naming
from turnout.testing.records import make_run, write_state


def journal(run: layout.RunLayout) -> list[str]:
    return [line["state"] for line in records.read_lines(run.journal)[0]]


def test_what_is_new_is_brought_at_each_look(away) -> None:
    assert away.copy.look() == (states.RUNNING, "")
    assert away.copy.answered
    assert away.text("user_logs", "std_log.txt") == b"first\n"
    with open(away.there.script_log, "ab") as stream:
        stream.write(b"second\n")
    records.write_json(away.there.placement, {"host": "box"})
    away.copy.look()
    assert away.text("user_logs", "std_log.txt") == b"first\nsecond\n"
    assert json.loads(away.text("placement.json")) == {"host": "box"}
    assert away.text("journal.jsonl") == Path(away.there.journal).read_bytes()
    assert abs(away.copy.seen() - time.time()) < 60


def test_what_is_gone_there_goes_here(away) -> None:
    Path(away.there.step).write_text("installing")
    away.copy.look()
    assert away.text("step") == b"installing"
    os.unlink(away.there.step)
    away.copy.look()
    assert not os.path.exists(away.here.step)


def test_the_end_is_seen_only_when_all_is_here(away, monkeypatch: pytest.MonkeyPatch) -> None:
    away.leave(model=b"m" * 100_000)
    away.copy.look()
    away.end()
    seen = []
    bring = collecting.collect

    def watched(*given):
        seen.append((RunRecord(away.here.root).status()[0], away.copy.known()[0], os.path.exists(away.here.result)))
        return bring(*given)

    monkeypatch.setattr(collecting, "collect", watched)
    assert away.copy.look()[0] == states.COMPLETED
    assert seen == [(states.RUNNING, states.FINALIZING, True)]
    assert away.text("code", "outputs", "model") == b"m" * 100_000
    assert journal(away.here) == journal(away.there)
    assert away.copy.left() == {}


def test_a_collection_that_takes_longer_is_finalizing_and_goes_on(away) -> None:
    away.leave(a=os.urandom(5 << 20), b=os.urandom(5 << 20))
    away.end()
    assert away.copy.look(seconds=-1.0) == (states.FINALIZING, replica.COLLECTING)
    assert RunRecord(away.here.root).status()[0] == states.RUNNING or journal(away.here)[-1] != states.COMPLETED
    other = replica.Replica(away.here, away.here.workspace.home)
    assert other.known()[0] == states.FINALIZING
    assert other.look(seconds=-1.0) == (states.FINALIZING, replica.COLLECTING)
    assert other.look(seconds=60.0)[0] == states.COMPLETED
    for name in "ab":
        assert away.text("code", "outputs", name) == Path(away.there.code, "outputs", name).read_bytes()
    assert journal(away.here) == journal(away.there)


def test_outputs_may_stay_there_and_come_later(away) -> None:
    away.leave(model=b"m")
    away.end()
    definition = json.loads(Path(away.here.definition).read_text())
    Path(away.here.definition).write_text(json.dumps({**definition, replica.COLLECT: 0}))
    copy = replica.Replica(away.here, away.here.workspace.home)
    assert copy.look()[0] == states.COMPLETED
    assert not os.path.exists(os.path.join(away.here.code, "outputs"))
    assert copy.left() == {"outputs/model": 1}
    copy.collect()
    assert away.text("code", "outputs", "model") == b"m"
    assert copy.left() == {}


def test_a_lost_connection_is_not_responding_and_comes_back(away) -> None:
    away.copy.look()
    away.break_off()
    state, reason = away.copy.look()
    assert state == states.NOT_RESPONDING
    assert reason.startswith(f"last seen {time.strftime('%Y-%m-%d %H:')}")
    assert "retrying: pipes can't be reached from here: no route to it" in reason
    assert not away.copy.answered
    assert journal(away.here)[-1] == states.RUNNING  # never journaled
    away.cut.unlink()
    assert away.copy.look() == (states.RUNNING, "")


def test_an_agent_that_is_killed_is_started_anew_within_a_request(away, account: Path) -> None:
    away.copy.look()
    agents = [pid for pid in pids_naming(str(account)) if "-I" in Path(f"/proc/{pid}/cmdline").read_text().split("\0")]
    assert agents
    for pid in agents:
        os.kill(pid, signal.SIGKILL)
    assert away.copy.look() == (states.RUNNING, "")
    assert not set(agents) & set(pids_naming(str(account)))


def test_a_puller_that_is_killed_in_the_middle_is_gone_on_from(away) -> None:
    """A real process, killed with a part of a large file here."""
    away.leave(model=os.urandom(9 << 20))
    away.end()
    program = f"""
import os, signal
from turnout.history import collecting, replica
from turnout.runtime import layout
from turnout.targets import reach
from turnout.testing import pipereach
reach.KINDS[pipereach.KIND] = pipereach.__name__ + ":PipeReach"
append = collecting._append
def killed(*given):
    append(*given)
    os.kill(os.getpid(), signal.SIGKILL)
collecting._append = killed
run = layout.RunLayout({away.here.root!r})
replica.Replica(run, run.workspace.home).look(seconds=60)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGKILL
    (partial,) = Path(away.here.root, ".incoming").iterdir()
    had = partial.stat().st_size
    assert 0 < had < 9 << 20
    assert journal(away.here)[-1] != states.COMPLETED
    before = away.copy.reach.traffic()[1]
    assert away.copy.look(seconds=60)[0] == states.COMPLETED
    assert away.copy.reach.traffic()[1] - before < (9 << 20) - had + 100_000
    assert away.text("code", "outputs", "model") == Path(away.there.code, "outputs", "model").read_bytes()
    assert not os.path.exists(os.path.join(away.here.root, ".incoming"))


def test_a_record_that_is_gone_there_ends_the_run(away) -> None:
    away.copy.look()
    os.rename(away.there.root, f"{away.there.root}.trash")
    state, reason = away.copy.look()
    assert (state, "its record on box is gone" in reason) == (states.FAILED, True)
    assert away.copy.look() == (state, reason)


def test_while_another_process_brings_this_one_reads_what_is_known(away) -> None:
    away.copy.look()
    holds = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    other = subprocess.Popen(
        [sys.executable, "-c", holds, away.here.replica_lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    other.stdout.readline()
    with open(away.there.script_log, "ab") as stream:
        stream.write(b"second\n")
    assert away.copy.look() == (states.RUNNING, "")
    assert not away.copy.answered
    assert away.text("user_logs", "std_log.txt") == b"first\n"
    other.communicate()
    away.copy.look()
    assert away.text("user_logs", "std_log.txt") == b"first\nsecond\n"


def test_a_cancel_reaches_the_target_also_when_it_was_asked_for_without_a_connection(away) -> None:
    away.copy.look()
    away.break_off()
    received: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: received.append(number))
    try:
        assert away.copy.cancel("me")[0] == states.NOT_RESPONDING
        assert not os.path.exists(away.there.cancel)
        away.cut.unlink()
        away.copy.look()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert records.read_json(away.there.cancel)["by"] == "me"
    assert received == [signal.SIGUSR1]  # its supervisor, this process, was told
    write_state(away.there, states.CANCELED, "cancelled by me")
    assert away.copy.look()[0] == states.CANCELED


def test_a_run_whose_submitter_died_is_taken_back(away, workspace: layout.WorkspaceLayout) -> None:
    gone = {**processes.identity(), "pid": 2**22 - 1, "start": "1"}
    run = make_run(workspace, "never", state=states.NOT_STARTED, submitter=gone, target=away.target)
    copy = replica.Replica(run, workspace.home)
    away.break_off()
    state, reason = copy.look()
    assert (state, "handing over to box, retrying" in reason) == (states.NOT_STARTED, True)
    away.cut.unlink()
    state, reason = copy.look()
    assert (state, "never handed over" in reason) == (states.CANCELED, True)
    assert os.path.exists(away.there.workspace.tombstone("never"))


def test_a_run_is_deleted_there(away) -> None:
    away.end()
    away.copy.look()
    away.copy.delete()
    assert not os.path.exists(away.there.root)
    assert os.path.exists(away.there.workspace.tombstone(away.there.run_id))


@pytest.mark.parametrize(
    "name", ["../x", "/tmp/x", "run.json", "lock", "user_logs/../run.json", "user_logs/.x", "code/x", "user_logs", ""]
)
@pytest.mark.parametrize("stamp", [None, "1-1-1"])
def test_a_name_that_an_agent_makes_up_is_refused(away, name: str, stamp: str | None) -> None:
    """An agent that was tampered with."""
    import zlib

    before = {str(path) for path in Path(away.here.root).parent.rglob("*")}
    definition = away.text("run.json")
    reply = {"exists": True, "state": states.RUNNING, "reason": "", "files": [[name, 0, 4, stamp]], "gone": []}
    away.copy.reach.pull = lambda request, content=b"": ({**reply, "more": False, "now": 0.0}, zlib.compress(b"evil"))
    state, reason = away.copy.look()
    assert (state, "something that doesn't belong to a run" in reason) == (states.NOT_RESPONDING, True)
    after = {str(path) for path in Path(away.here.root).parent.rglob("*")}
    assert after - before <= {away.here.replica, away.here.replica_lock}
    assert away.text("run.json") == definition
