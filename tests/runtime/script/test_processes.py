"""The starter of several processes: they end together, and it ends as they did."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime.script import processes

STARTER = processes.__file__


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "user_logs").mkdir()
    return tmp_path / "user_logs"


def test_arguments_name_what_each_process_has_of_its_own(logs: Path) -> None:
    made = start(
        logs, "import sys; print(*sys.argv[1:])", *ranks(2), words=["--local_rank=$RANK", "${RANK}", "$HOME", "$"]
    )
    out, _ = made.communicate(timeout=30)
    assert out == "--local_rank=0 0 $HOME $\n"
    assert (logs / "std_log_process_01.txt").read_text() == "--local_rank=1 1 $HOME $\n"


def start(logs: Path, code: str, *variables: dict[str, str], waits: list[bool] | None = None, words: Any = ()) -> Any:
    listed = [
        {"variables": each, "waits": True if waits is None else waits[number]} for number, each in enumerate(variables)
    ]
    return subprocess.Popen(
        [sys.executable, STARTER, json.dumps({"processes": listed}), sys.executable, "-c", code, *words],
        env={**os.environ, "TURNOUT_RUN_DIRECTORY": str(logs.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ranks(count: int) -> list[dict[str, str]]:
    return [{"RANK": str(number)} for number in range(count)]


def test_the_first_one_writes_to_the_log_and_the_others_beside_it(logs: Path) -> None:
    made = start(logs, "import os; print('rank', os.environ['RANK'])", *ranks(3))
    out, err = made.communicate(timeout=30)
    assert (made.returncode, out, err) == (0, "rank 0\n", "")
    assert (logs / "std_log_process_01.txt").read_text() == "rank 1\n"
    assert (logs / "std_log_process_02.txt").read_text() == "rank 2\n"
    assert sorted(os.listdir(logs)) == ["std_log_process_01.txt", "std_log_process_02.txt"]


WAITS_FOR_EVER = "import os, sys, time\nif os.environ['RANK'] != '1': time.sleep(1000)\n"


def test_one_that_fails_ends_the_others_and_shows_its_last_words(logs: Path) -> None:
    made = start(logs, WAITS_FOR_EVER + "raise SystemExit('went wrong')", *ranks(3))
    _, err = made.communicate(timeout=30)
    assert made.returncode == 1
    assert err == "went wrong\nprocess 1 of 3 ended with exit code 1\n"


def test_a_signal_is_passed_on_as_the_end(logs: Path) -> None:
    made = start(logs, WAITS_FOR_EVER + "os.kill(os.getpid(), 9)", *ranks(2))
    _, err = made.communicate(timeout=30)
    assert made.returncode == -signal.SIGKILL
    assert err == "process 1 of 2 ended with signal 9\n"


def test_what_is_not_waited_for_is_ended_with_the_rest(logs: Path) -> None:
    began = time.monotonic()
    made = start(logs, WAITS_FOR_EVER, {"RANK": "1"}, {"RANK": "0"}, waits=[True, False])
    made.communicate(timeout=30)
    assert made.returncode == 0
    assert time.monotonic() - began < 20


def test_asked_to_end_it_ends_them_all(logs: Path) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(1000)"
    made = start(logs, code, *ranks(2))
    first = int(made.stdout.readline())
    made.terminate()
    assert made.wait(timeout=30) == -signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    made.communicate()
