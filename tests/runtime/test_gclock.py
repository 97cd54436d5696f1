import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from turnout.runtime import filelocks, gclock, layout

HOLD = """
import sys
from turnout.runtime import gclock, layout
with gclock.shared(layout.Home(sys.argv[1]), print):
    print("held", flush=True)
    sys.stdin.read()
"""
FORK_AND_HOLD = """
import os, sys
from turnout.runtime import gclock, layout
with gclock.shared(layout.Home(sys.argv[1]), print):
    if os.fork():
        print("held", flush=True)
    sys.stdin.read()
"""
SUBMITS = """
import sys, time
from turnout.runtime import gclock, layout
home, end = layout.Home(sys.argv[1]), time.monotonic() + 60
print("begun", flush=True)
while time.monotonic() < end:
    with gclock.shared(home, lambda line: None):
        time.sleep(0.05)  # what a submit takes
"""


@pytest.fixture
def home(tmp_path):
    return layout.Home(str(tmp_path))


@pytest.fixture
def start(home):
    """Start a process with some code; return it when it has printed its first line."""
    started = []

    def begin(code):
        command = [sys.executable, "-c", code, home.root]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        started.append(process)
        process.stdout.readline()
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def is_free(home):
    """Say whether gc could have the lock at once."""
    with open(home.gc_lock) as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_submits_do_not_wait_for_each_other(home, start):
    start(HOLD)
    lines = []
    with gclock.shared(home, lines.append), gclock.shared(home, lines.append):
        assert not is_free(home)
    assert lines == []


def test_gc_waits_for_a_submit_and_gives_up(home, start):
    start(HOLD)
    lines = []
    with pytest.raises(gclock.BusyError), gclock.alone(home, lines.append, patience=0.5):
        pass
    assert lines == ["waiting for submits that are under way"]
    with gclock.shared(home, lines.append):  # it has let go of all that it held
        pass
    assert len(lines) == 1


def test_a_submit_waits_for_gc_and_says_so(home):
    said, inside, over = threading.Event(), threading.Event(), []

    def submit():
        with gclock.shared(home, lambda line: (over.append(line), said.set())):
            inside.set()

    with gclock.alone(home):
        thread = threading.Thread(target=submit)
        thread.start()
        assert said.wait(10)
        assert not inside.wait(0.1)
    assert inside.wait(10)
    thread.join()
    assert over == ["waiting for turnout gc to finish"]


def test_the_lock_of_a_killed_submit_is_free(home, start):
    process = start(HOLD)
    assert not is_free(home)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with gclock.alone(home, patience=5):
        pass


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_process_that_was_forked_meanwhile_holds_nothing(home):
    reader, writer = os.pipe()
    with gclock.shared(home, print):
        child = os.fork()
        if not child:
            try:
                os.close(writer)
                os.read(reader, 1)  # lives until the parent says so
            finally:
                os._exit(0)
        started = os.posix_spawn("/bin/cat", ["cat"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, reader, 0)])
        assert not is_free(home)
    try:
        assert is_free(home)
    finally:
        os.close(writer)
        os.close(reader)
        assert os.waitpid(child, 0)[1] == os.waitpid(started, 0)[1] == 0


def test_a_forked_process_that_outlives_a_killed_submit_holds_nothing(home, start):
    process = start(FORK_AND_HOLD)
    assert not is_free(home)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with gclock.alone(home, patience=5):  # the fork closes its copy first of all, once it gets to run
        pass


def test_gc_gets_its_turn_though_submits_never_pause(home, start):
    for _ in range(4):
        start(SUBMITS)
    began = time.monotonic()
    with gclock.alone(home, patience=30):
        assert not is_free(home)
    assert time.monotonic() - began < 20


def test_two_at_once_take_turns(home):
    inside = []

    def collect():
        with gclock.alone(home):
            inside.append(1)
            assert len(inside) == 1
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=collect) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert is_free(home)


def test_without_flock_submits_go_on_and_gc_refuses(home, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with gclock.shared(home, print):
        pass
    with pytest.raises(filelocks.NoFileLocks), gclock.alone(home):
        pass
