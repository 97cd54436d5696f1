import os
import threading
import time

import pytest

from turnout import cli
from turnout.runtime import runlock, states
from turnout.testing.records import make_run, write_state


@pytest.fixture
def logs(capfdbinary):
    """Run `turnout logs`; return its exit code and its output's bytes."""

    def call(*words):
        capfdbinary.readouterr()
        code = cli.run(["logs", *words])
        return code, capfdbinary.readouterr().out

    return call


def test_the_log_comes_byte_for_byte(workspace, logs):
    content = b"\xff\x00 not text\r\nno line end"
    make_run(workspace, "a", log=content)
    assert logs("a") == (0, content)
    assert logs("-f", "a") == (0, content)


def test_system_logs_have_headings(workspace, logs):
    make_run(
        workspace, "a", files={"system_logs/environment.log": b"built\n", "system_logs/supervisor.log": b"ended\n"}
    )
    assert logs("--system", "a") == (
        0,
        b"==> system_logs/environment.log <==\nbuilt\n\n==> system_logs/supervisor.log <==\nended\n",
    )


def test_any_file_of_the_run_can_be_named(workspace, logs, bad_input):
    make_run(workspace, "a", files={"user_logs/rank_1.txt": b"one", "code/logs/mine.txt": b"mine"})
    assert logs("--name", "user_logs/rank_1.txt", "a") == (0, b"one")
    assert logs("--name", "logs/mine.txt", "a") == (0, b"mine")
    for name in ("user_logs/none.txt", "../../../etc/passwd", "run.json"):
        assert f"has no file '{name}'; `turnout files a`" in bad_input("logs", "--name", name, "a")
    assert "exclude each other" in bad_input("logs", "--system", "--name", "x", "a")


def test_following_sees_every_byte_up_to_the_end(workspace, logs):
    run = make_run(workspace, "a", state=states.RUNNING, log=b"0\n")
    runlock.acquire(run.lock)

    def script():
        with open(run.script_log, "ab", buffering=0) as stream:
            for number in range(1, 30):
                stream.write(b"%d\n" % number)
                time.sleep(0.002)
            stream.write(b"last words, without a line end")
        write_state(run, states.COMPLETED)

    writer = threading.Thread(target=script)
    writer.start()
    code, out = logs("-f", "a")
    writer.join()
    assert code == 0
    assert out == b"".join(b"%d\n" % number for number in range(30)) + b"last words, without a line end"


def test_following_a_log_that_is_not_there_yet(workspace, logs):
    run = make_run(workspace, "a", state=states.PREPARING)
    runlock.acquire(run.lock)

    def supervisor():
        os.makedirs(run.user_logs)
        with open(os.path.join(run.user_logs, "rank_1.txt"), "wb") as stream:
            stream.write(b"here")
        write_state(run, states.FAILED, "it failed")

    later = threading.Timer(0.1, supervisor)
    later.start()
    assert logs("-f", "--name", "user_logs/rank_1.txt", "a") == (0, b"here")
    later.join()


def test_a_run_without_output_says_why(workspace, terminal):
    make_run(workspace, "quiet")
    failed = make_run(
        workspace, "failed", state=states.FAILED, reason="no solution", files={"system_logs/environment.log": b"x"}
    )
    assert terminal("logs", "quiet").err == "turnout: the script wrote nothing\n"
    assert terminal("logs", failed.run_id).err == (
        "turnout: no output: Failed: no solution; see turnout logs --system failed\n"
    )
