from __future__ import annotations

import os
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from turnout.runtime import bundle, layout, records, runlock, starting, states
from turnout.runtime.serving import arrival, frames, server
from turnout.testing.records import make_run, make_workspace


class Served:
    """The two ends of a connection that a server answers."""

    def __init__(self, requests, replies) -> None:
        self.requests = requests
        self.replies = replies

    def say(self, content: bytes = b"", **request: object) -> None:
        self.requests.write(frames.encode(request, content))
        self.requests.flush()

    def hear(self) -> dict:
        frame = frames.read(self.replies)
        assert frame is not None
        return frame[0]

    def ask(self, content: bytes = b"", **request: object) -> dict:
        self.say(content, **request)
        while "beat" in (answer := self.hear()):
            pass
        return answer


@pytest.fixture
def process(there: layout.Home) -> Iterator[subprocess.Popen]:
    """A real server of a shipped runtime."""
    runtime = bundle.ship(there)
    argv, environment = starting.command("serving.server", runtime, sys.executable, there.root, runtime)
    made = subprocess.Popen(
        argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    yield made
    made.kill()
    made.communicate()


@pytest.fixture
def served(there: layout.Home) -> Iterator[Served]:
    """A server in a thread of this process, which a test may change."""
    requests, replies = os.pipe(), os.pipe()
    its_ends = os.fdopen(requests[0], "rb"), os.fdopen(replies[1], "wb")
    made = server.Server(there, bundle.ship(there), *its_ends)
    thread = threading.Thread(target=made.serve)
    thread.start()
    ends = Served(os.fdopen(requests[1], "wb"), os.fdopen(replies[0], "rb"))
    yield ends
    ends.requests.close()
    thread.join(20)
    assert not thread.is_alive()
    for each in (ends.replies, *its_ends):
        each.close()


def held_run(there: layout.Home) -> layout.RunLayout:
    """Make a run that this process supervises."""
    run = make_run(make_workspace(there.root), state=states.RUNNING)
    assert runlock.acquire(run.lock)
    return run


def test_a_process_answers_one_request_after_the_other(process: subprocess.Popen, there: layout.Home) -> None:
    agent = Served(process.stdin, process.stdout)
    nothing = zlib.compress(bytes(64))
    for number in range(3):
        agent.say(operation="look", directories=[])
        agent.say(nothing, operation="missing")
        agent.say(operation="nothing", number=number)
    for _ in range(3):
        assert agent.hear() == {"reply": {"states": {}}}
        assert agent.hear() == {"reply": {}}
        assert agent.hear()["error"]["message"].startswith("unknown operation 'nothing' (there is: start, ")
    assert process.poll() is None


def test_it_ends_when_its_connection_does(process: subprocess.Popen) -> None:
    _, said = process.communicate(frames.encode({"operation": "look", "directories": []})[:-3], 20)
    assert (process.returncode, said) == (0, b"")


def test_it_ends_when_nobody_hears_it(process: subprocess.Popen) -> None:
    process.stdout.close()
    process.stdin.write(frames.encode({"operation": "look", "directories": []}))
    process.stdin.flush()
    assert process.wait(20) is not None


def test_what_is_no_frame_ends_it(process: subprocess.Popen) -> None:
    answer, said = process.communicate(b"GET / HTTP/1.1\r\n\r\n", 20)
    assert answer == b""
    assert b"FrameError" in said
    assert process.returncode


def test_objects_that_were_not_committed_go_with_the_connection(process: subprocess.Popen, there: layout.Home) -> None:
    agent = Served(process.stdin, process.stdout)
    part = arrival.PART.pack(bytes(32), False, 3) + b"abc"
    assert agent.ask(part, operation="store", form=arrival.PLAIN) == {"reply": {}}
    process.communicate(timeout=20)
    assert [path for path in Path(there.objects).rglob("*") if path.is_file()] == []


def test_beats_say_that_a_long_answer_is_on_its_way(
    there: layout.Home, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(server, "BEAT_SECONDS", 0.05)
    run = held_run(there)
    served: Served = request.getfixturevalue("served")
    have = {"directory": run.root, "state": states.RUNNING, "reason": "", "operation": "changes"}
    first = served.ask(**have)["reply"]
    known = {name: stamp if stamp else offset + size for name, offset, size, stamp in first["files"]}
    served.say(**have, have=known, wait=0.5)
    heard = [served.hear()]
    while "beat" in heard[-1]:
        heard.append(served.hear())
    assert heard[-1]["reply"]["files"] == []
    assert 3 <= len(heard) - 1 <= 11


def test_there_are_no_beats_when_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setattr(server, "BEAT_SECONDS", 0.02)
    served: Served = request.getfixturevalue("served")
    served.ask(operation="look", directories=[])
    os.set_blocking(served.replies.fileno(), False)
    threading.Event().wait(0.3)  # that nothing happens has no event
    left = served.replies.raw.read() or b""
    os.set_blocking(served.replies.fileno(), True)
    assert len(left) <= len(frames.encode({"beat": True}))  # one may have been on its way


def test_a_quiet_request_is_answered_only_when_it_fails(served: Served) -> None:
    good = arrival.PART.pack(bytes(32), False, 1) + b"a"
    served.say(good, operation="store", form=arrival.PLAIN, quiet=True)
    served.say(b"not zlib", operation="store", form=arrival.ZIPPED, quiet=True)
    served.say(operation="look", directories=[])
    assert served.hear()["error"]["kind"] == "error"
    assert served.hear() == {"reply": {"states": {}}}


def test_errors_are_data_with_the_systems_number(served: Served, there: layout.Home) -> None:
    Path(there.objects).write_text("in the way")
    failed = served.ask(operation="store", form=arrival.PLAIN, commit=True)["error"]
    assert (failed["kind"], failed["number"]) == ("OSError", 17)
    assert failed["message"] == f"file exists: {there.objects}"
    failed = served.ask(zlib.compress(b""), operation="accept", workspace="..", run="x", files=[])["error"]
    assert failed == {"kind": "Refused", "message": "'..' is no name of a file"}
    assert served.ask(operation="cancel")["error"] == {"kind": "KeyError", "message": "'directory'"}


def test_a_damaged_file_is_named(served: Served, there: layout.Home) -> None:
    records.write_atomic(there.format, b"{")
    said = served.ask(zlib.compress(b""), operation="withdraw", workspace="w", run="x")["error"]
    assert said["kind"] == "DamagedFile"
    assert there.format in said["message"]


def test_a_server_that_nobody_asks_ends(there: layout.Home) -> None:
    """A process of its own, whose patience is a moment."""
    runtime = bundle.ship(there)
    program = (
        "import sys; from turnout.runtime.serving import server; server._IDLE_SECONDS = 0.2; server.main(sys.argv[1:])"
    )
    made = subprocess.Popen([sys.executable, "-c", program, there.root, runtime], stdin=subprocess.PIPE)
    assert made.wait(20) == 0
    assert made.stdin is not None
    made.stdin.close()
