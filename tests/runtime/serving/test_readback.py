from __future__ import annotations

import hashlib
import os
import threading
import time
import zlib
from pathlib import Path

import pytest

from turnout.runtime import bundle, layout, runlock, states
from turnout.runtime.serving import readback
from turnout.testing.records import make_run, make_workspace, metric, write_state


class Other:
    """The other side: what it has, and how it asks for more."""

    def __init__(self, run: layout.RunLayout) -> None:
        self.run = run
        self.home = run.workspace.home
        self.runtime = bundle.ship(self.home)
        self.have: dict[str, object] = {}
        self.files: dict[str, bytes] = {}
        self.order: list[str] = []
        self.state: tuple[str, str] | None = None

    def ask(self, wait: float = 0.0) -> dict:
        state, reason = self.state or (None, None)
        request = {"directory": self.run.root, "have": self.have, "wait": wait, "state": state, "reason": reason}
        reply, content = readback.changes(self.home, {**request, "runtime": self.runtime}, b"")
        if not reply["exists"]:
            return reply
        self.state = (reply["state"], reply["reason"])
        data = zlib.decompress(content)
        self.order = []
        for name, offset, length, stamp in reply["files"]:
            old = self.files.get(name, b"") if offset else b""
            assert len(old) == offset
            self.files[name], data = old + data[:length], data[length:]
            self.have[name] = stamp or len(self.files[name])
            self.order.append(name)
        assert data == b""
        return reply


@pytest.fixture
def run(there: layout.Home) -> layout.RunLayout:
    """A run that this process supervises."""
    events = {"script": [metric("loss", 1.0)]}
    made = make_run(make_workspace(there.root), state=states.RUNNING, events_by_writer=events, log=b"first\n")
    assert runlock.acquire(made.lock)
    return made


@pytest.fixture
def other(run: layout.RunLayout) -> Other:
    return Other(run)


def append(path: str, data: bytes) -> None:
    with open(path, "ab") as stream:
        stream.write(data)


def test_only_what_is_new_of_a_file_that_grows_is_sent(run: layout.RunLayout, other: Other) -> None:
    first = other.ask()
    assert other.files["user_logs/std_log.txt"] == b"first\n"
    assert other.files["events/script.jsonl"] == Path(run.events, "script.jsonl").read_bytes()
    assert (first["state"], first["more"], first["gone"]) == (states.RUNNING, False, [])
    append(run.script_log, b"second\n")
    assert other.ask()["files"] == [["user_logs/std_log.txt", 6, 7, None]]
    assert other.ask()["files"] == []
    assert other.files["user_logs/std_log.txt"] == b"first\nsecond\n"


def test_a_file_that_has_become_shorter_is_sent_anew(run: layout.RunLayout, other: Other) -> None:
    other.ask()
    Path(run.script_log).write_bytes(b"new\n")
    assert other.ask()["files"] == [["user_logs/std_log.txt", 0, 4, None]]


def test_a_whole_file_is_sent_when_its_stamp_changes(run: layout.RunLayout, other: Other) -> None:
    other.ask()
    for content in (b'{"a": 1}', b'{"a": 2}'):
        temporary = f"{run.placement}.tmp"
        Path(temporary).write_bytes(content)
        os.replace(temporary, run.placement)
        assert [entry[0] for entry in other.ask()["files"]] == ["placement.json"]
        assert other.files["placement.json"] == content
        assert other.ask()["files"] == []


def test_a_whole_file_that_has_gone_is_named(run: layout.RunLayout, other: Other) -> None:
    Path(run.step).write_bytes(b"installing")
    other.ask()
    os.unlink(run.step)
    assert other.ask()["gone"] == ["step"]


def test_what_is_not_for_the_other_side_stays(run: layout.RunLayout, other: Other) -> None:
    Path(run.code, "outputs").mkdir(parents=True)
    Path(run.code, "outputs", "model").write_bytes(b"x")
    Path(run.user_logs, ".hidden").write_bytes(b"x")
    other.ask()
    assert set(other.files) == {"user_logs/std_log.txt", "events/script.jsonl", "journal.jsonl"}


def test_more_than_an_answer_holds_comes_in_several_with_the_journal_last(
    run: layout.RunLayout, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readback, "BUDGET", 1000)
    content = os.urandom(3500)
    Path(run.script_log).write_bytes(content)
    replies = 1
    while other.ask()["more"]:
        assert "journal.jsonl" not in other.files
        assert other.state == (states.RUNNING, "")
        replies += 1
    assert replies >= 4
    assert other.files["user_logs/std_log.txt"] == content
    assert other.order[-1] == "journal.jsonl"


def test_who_has_the_journals_end_has_all_before_it(run: layout.RunLayout, other: Other) -> None:
    other.ask()
    append(run.script_log, b"last words\n")
    Path(run.result).write_bytes(b"{}")
    write_state(run, states.COMPLETED, "done")
    reply = other.ask()
    assert (reply["state"], reply["reason"]) == (states.COMPLETED, "done")
    assert other.order == ["user_logs/std_log.txt", "result.json", "journal.jsonl"]


def test_an_answer_waits_for_what_happens_and_not_longer(run: layout.RunLayout, other: Other) -> None:
    other.ask()
    timer = threading.Timer(0.2, append, (run.script_log, b"now\n"))
    timer.start()
    began = time.monotonic()
    assert other.ask(wait=5.0)["files"] == [["user_logs/std_log.txt", 6, 4, None]]
    assert 0.1 < time.monotonic() - began < 3.0
    timer.join()
    began = time.monotonic()
    assert other.ask(wait=0.2)["files"] == []
    assert 0.2 <= time.monotonic() - began < 3.0


def test_a_new_state_ends_the_wait(run: layout.RunLayout, other: Other) -> None:
    other.ask()
    timer = threading.Timer(0.2, write_state, (run, states.FINALIZING, "ending"))
    timer.start()
    reply = other.ask(wait=5.0)
    timer.join()
    assert other.order == ["journal.jsonl"]
    assert (reply["state"], reply["reason"]) == (states.FINALIZING, "ending")


def test_a_record_that_isnt_there_is_said(run: layout.RunLayout, other: Other) -> None:
    os.rename(run.root, f"{run.root}.trash")
    assert other.ask(wait=5.0)["exists"] is False


def test_a_supervisor_that_is_gone_is_noticed_by_the_look(there: layout.Home) -> None:
    """A run without a submit closes at the look, as it does on this machine."""
    run = make_run(make_workspace(there.root), state=states.RUNNING, type="interactive")
    gone = os.fork()
    if not gone:
        os._exit(0 if runlock.acquire(run.lock) else 1)
    assert os.waitpid(gone, 0)[1] == 0
    other = Other(run)
    assert other.ask()["state"] == states.FAILED
    assert "its process ended" in other.state[1]


class TestWhatIsLeft:
    @pytest.fixture
    def ended(self, there: layout.Home) -> layout.RunLayout:
        files = {
            "code/outputs/model.bin": b"model" * 1000,
            "code/outputs/deep/er/x": b"",
            "code/logs/tf": b"log",
            "code/train.py": b"code",
            "artifacts/plot.png": b"png",
        }
        run = make_run(make_workspace(there.root), files=files)
        os.symlink("model.bin", os.path.join(run.code, "outputs", "best"))
        os.symlink("/etc", os.path.join(run.code, "outputs", "etc"))
        os.mkfifo(os.path.join(run.code, "outputs", "pipe"))
        return run

    def entries(self, run: layout.RunLayout) -> dict[str, tuple]:
        reply, _ = readback.inventory(run.workspace.home, {"directory": run.root}, b"")
        return {name: tuple(rest) for name, *rest in reply["entries"]}

    def test_files_have_digests_and_links_are_not_followed(self, ended: layout.RunLayout) -> None:
        def of(content: bytes) -> tuple[str, int, str]:
            return "f", len(content), hashlib.sha256(content).hexdigest()

        assert self.entries(ended) == {
            "code/outputs/model.bin": of(b"model" * 1000),
            "code/outputs/deep/er/x": of(b""),
            "code/logs/tf": of(b"log"),
            "artifacts/plot.png": of(b"png"),
            "code/outputs/best": ("l", 0, "model.bin"),
            "code/outputs/etc": ("l", 0, "/etc"),
        }

    def test_a_run_that_left_nothing(self, there: layout.Home) -> None:
        assert self.entries(make_run(make_workspace(there.root))) == {}

    def test_bytes_come_from_where_they_are_asked_for_up_to_a_budget(
        self, ended: layout.RunLayout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(readback, "BUDGET", 4000)
        wanted = [
            ["code/logs/tf", 1],
            ["code/outputs/deep/er/x", 0],
            ["code/outputs/model.bin", 5],
            ["artifacts/plot.png", 0],
        ]
        reply, content = readback.fetch(ended.workspace.home, {"directory": ended.root, "wanted": wanted}, b"")
        assert [list(each) for each in reply["pieces"]] == [
            ["code/logs/tf", 1, 2],
            ["code/outputs/deep/er/x", 0, 0],
            ["code/outputs/model.bin", 5, 3998],
        ]
        assert zlib.decompress(content) == b"og" + (b"model" * 1000)[5:4003]

    @pytest.mark.parametrize("name", ["../../../x", "/etc/passwd", "code/../../x", "", ".", "code/.."])
    def test_only_files_of_the_run_are_read(self, ended: layout.RunLayout, name: str) -> None:
        request = {"directory": ended.root, "wanted": [[name, 0]]}
        with pytest.raises(ValueError, match="is no file of a run"):
            readback.fetch(ended.workspace.home, request, b"")

    def test_only_what_has_ended_is_deleted(self, ended: layout.RunLayout, there: layout.Home) -> None:
        running = make_run(ended.workspace, state=states.RUNNING)
        assert readback.delete(there, {"directory": running.root}, b"")[0] == {"deleted": False}
        for _ in range(2):
            assert readback.delete(there, {"directory": ended.root}, b"")[0] == {"deleted": True}
        assert os.listdir(ended.workspace.runs) == [running.run_id]
        assert os.path.exists(ended.workspace.tombstone(ended.run_id))
