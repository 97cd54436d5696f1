from __future__ import annotations

import itertools
import json
import math
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import events, records
from turnout.runtime.script import writer
from turnout.runtime.script.exceptions import RecordException
from turnout.runtime.script.run import Run
from turnout.testing.living import in_child

SOURCE = Path(writer.__file__).parents[3]


def member(number: int) -> str:
    return f'"e":"metric","name":"m","kind":"scalar","value":{number}'


def append_all(made: writer.EventWriter, numbers: Iterable[int]) -> None:
    for number in numbers:
        made.append(member(number))


def values_by_file(directory: str) -> dict[str, list[Any]]:
    found = {}
    for name in sorted(os.listdir(directory)):
        lines, _, skipped = records.read_lines(os.path.join(directory, name))
        assert skipped == 0, name
        found[name] = [line["value"] for line in lines]
    return found


def test_nothing_is_written_before_the_first_event(tmp_path: Path) -> None:
    made = writer.writer_for(str(tmp_path / "events"))
    made.sync()
    made.close()
    assert not (tmp_path / "events").exists()


def test_an_event_is_one_line_in_the_events_own_form(tmp_path: Path) -> None:
    directory = str(tmp_path / "events")
    before = time.time()
    writer.writer_for(directory).event({"e": "set", "key": "description", "value": "é\ud800\n"})
    [name] = os.listdir(directory)
    assert name.startswith(f"{os.uname().nodename}-{os.getpid()}-")
    text = (tmp_path / "events" / name).read_bytes()
    assert text.count(b"\n") == 1
    event = json.loads(text)
    assert before - 0.001 <= event.pop("t") <= time.time() + 0.001
    assert event == {"e": "set", "key": "description", "value": "é\ud800\n"}
    assert os.stat(os.path.join(directory, name)).st_mode & 0o777 == 0o600
    assert os.stat(directory).st_mode & 0o777 == 0o700


def test_all_objects_of_a_run_share_one_writer_and_so_does_a_pickled_one(tmp_path: Path) -> None:
    directory = str(tmp_path)
    one = writer.writer_for(directory)
    assert writer.writer_for(directory) is one
    assert pickle.loads(pickle.dumps(one)) is one


def test_a_writer_that_nobody_holds_closes_its_file(tmp_path: Path) -> None:
    made = writer.writer_for(str(tmp_path / "events"))
    made.append(member(1))
    held = len(os.listdir("/proc/self/fd"))
    del made
    assert len(os.listdir("/proc/self/fd")) == held - 1


def test_a_closed_writer_goes_on_in_another_file(tmp_path: Path) -> None:
    made = writer.writer_for(str(tmp_path / "events"))
    made.append(member(1))
    made.close()
    made.append(member(2))
    assert sorted(values_by_file(str(tmp_path / "events")).values()) == [[1], [2]]


def test_threads_lose_no_line_and_keep_their_order(tmp_path: Path) -> None:
    directory = str(tmp_path / "events")
    made = writer.writer_for(directory)

    def report(thread: int) -> None:
        for number in range(2000):
            made.append(member(thread * 10000 + number))

    threads = [threading.Thread(target=report, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [found] = values_by_file(directory).values()
    assert len(found) == 8000
    for thread in range(4):
        assert [value for value in found if value // 10000 == thread] == [thread * 10000 + n for n in range(2000)]


def test_forked_processes_write_files_of_their_own(tmp_path: Path) -> None:
    directory = str(tmp_path / "events")
    made = writer.writer_for(directory)
    made.append(member(0))

    def report() -> None:
        for number in range(100):
            made.append(member(1000 + number))
        in_child(lambda: made.append(member(2000)))
        made.append(member(1100))

    in_child(report)
    made.append(member(1))
    found = sorted(values_by_file(directory).values())
    assert found == [[0, 1], [*range(1000, 1101)], [2000]]


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # the very case
def test_a_process_forked_while_threads_report_neither_hangs_nor_mixes_lines(tmp_path: Path) -> None:
    directory = str(tmp_path / "events")
    made = writer.writer_for(directory)
    stop = threading.Event()
    counts = Counter()

    def report(thread: int) -> None:
        while not stop.is_set():
            made.append(member(thread))
            counts[thread] += 1

    threads = [threading.Thread(target=report, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        # The child reports at once: a lock that some thread held at the fork would hang it.
        pid = os.fork()
        if not pid:
            signal.alarm(10)
            made.append(member(99))
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    stop.set()
    for thread in threads:
        thread.join()
    by_file = values_by_file(directory)
    assert Counter(value for found in by_file.values() for value in found) == {**counts, 99: 20}
    assert len(by_file) == 21


def test_without_fork_hooks_the_pid_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = str(tmp_path / "events")
    made = writer.EventWriter(directory)  # not in the registry, so no hook reaches it
    made.append(member(0))
    in_child(lambda: made.append(member(1)))
    made.append(member(2))
    assert sorted(values_by_file(directory).values()) == [[0, 2], [1]]


KILLED = """
import sys
sys.path.insert(0, {source!r})
from turnout.runtime.script.writer import writer_for
made = writer_for({directory!r})
number = 0
while True:
    made.append('"e":"metric","name":"m","kind":"scalar","value":%d' % number)
    sys.stdout.write("%d\\n" % number)
    sys.stdout.flush()
    number += 1
"""


def test_what_returned_before_kill_9_is_there(tmp_path: Path) -> None:
    directory = str(tmp_path / "events")
    code = KILLED.format(source=str(SOURCE), directory=directory)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 2000:
            pass
        process.kill()
        last = process.stdout.read().split(b"\n")[-2:]
    told = max([2000, *(int(line) for line in last if line)])
    [name] = os.listdir(directory)
    lines, _, skipped = records.read_lines(os.path.join(directory, name))
    found = [line["value"] for line in lines]
    assert skipped == 0
    assert found == list(range(len(found)))
    assert len(found) > told


def test_a_line_that_could_not_be_finished_is_said_and_ended_by_the_next(tmp_path: Path) -> None:
    """The file size limit stops a write half-way, as a full disk does."""
    directory = str(tmp_path / "events")
    made = writer.writer_for(directory)
    made.append(member(1))
    [name] = os.listdir(directory)
    path = os.path.join(directory, name)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path) + 20, hard))
    try:
        for _ in range(2):
            with pytest.raises(RecordException, match=r"was not recorded: there is no space left for .*free some"):
                made.append(member(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    made.append(member(3))
    made.append(member(4))
    lines, _, skipped = records.read_lines(path)
    assert [line["value"] for line in lines] == [1, 3, 4]
    assert skipped == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to mount a file system that can be filled")
def test_a_full_disk_is_said_and_spoils_nothing(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mount)], check=False).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    made = writer.writer_for(str(mount / "events"))
    try:
        made.append(member(0))
        ballast = mount / "ballast"
        ballast.write_bytes(b"x" * 128 * 1024)
        written = itertools.count(1)
        with pytest.raises(RecordException, match="there is no space left"):
            append_all(made, written)
        refused = next(written) - 1
        ballast.unlink()
        made.append(member(refused))
        found, skipped = events.read_all(str(mount / "events"))
        assert [event["value"] for event in found] == list(range(refused + 1))
        assert skipped <= 1
    finally:
        made.close()
        subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_record_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(RecordException, match="can't be written"):
            writer.writer_for(str(tmp_path / "events")).append(member(1))
    finally:
        tmp_path.chmod(0o700)


def test_a_record_that_is_not_there_is_not_made_up(tmp_path: Path) -> None:
    with pytest.raises(RecordException, match="can't be written"):
        writer.writer_for(str(tmp_path / "no-run" / "events")).append(member(1))
    assert not (tmp_path / "no-run").exists()


def test_a_signal_handler_may_report_too(tmp_path: Path) -> None:
    directory = str(tmp_path / "events")
    made = writer.writer_for(directory)
    before = signal.signal(signal.SIGALRM, lambda number, frame: made.append(member(-1)))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        for number in range(5000):
            made.append(member(number))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    [found] = values_by_file(directory).values()
    assert [value for value in found if value >= 0] == list(range(5000))
    assert -1 in found


def test_json_text_is_strict_and_comes_back() -> None:
    value = {"a": [1.5, math.inf, -math.inf, math.nan], "b": {"c": None}, "d": 10**400}
    text = writer.json_text(value)
    assert "NaN" not in text
    assert "Infinity" not in text
    found = events.decode_value(json.loads(text))
    assert found["d"] == 10**400
    assert math.isnan(found["a"].pop())
    assert found["a"] == [1.5, math.inf, -math.inf]


def test_100_000_calls_take_no_time_worth_speaking_of(submitted: Run) -> None:
    """The budget is held by bench/run_log.py; this bound only catches a slip of an order of magnitude."""
    begun = time.perf_counter()
    for number in range(100_000):
        submitted.log("loss", number * 0.5)
    assert time.perf_counter() - begun < 10
    assert len(submitted.get_metrics()["loss"]) == 100_000
