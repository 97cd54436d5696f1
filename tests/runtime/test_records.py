from __future__ import annotations

import json
import os
import resource
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnout.runtime import records

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
IN_PLACE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "file")


def append(path: str, *values: dict[str, Any]) -> None:
    journal = records.JsonLines(path)
    for value in values:
        journal.append(value)
    journal.close()


def test_a_file_is_written_whole_and_private(path: str) -> None:
    records.write_atomic(path, b"one")
    records.write_atomic(path, b"two", sync=True)
    assert Path(path).read_bytes() == b"two"
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.listdir(os.path.dirname(path)) == ["file"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(path: str) -> None:
    records.write_atomic(path, b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            records.write_atomic(path, b"x" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert Path(path).read_bytes() == b"old"
    assert os.listdir(os.path.dirname(path)) == ["file"]


def test_threads_that_write_one_file_do_not_disturb_each_other(path: str) -> None:
    failed: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for _ in range(100):
                records.write_atomic(path, b"%d" % number * 1000)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    content = Path(path).read_bytes()
    assert len(content) == 1000
    assert len(set(content)) == 1


@IN_PLACE
@given(value=PLAIN)
def test_json_comes_back(path: str, value: Any) -> None:
    records.write_json(path, value)
    assert records.read_json(path) == value


def test_names_in_other_encodings_come_back(path: str) -> None:
    name = os.fsdecode(b"caf\xe9")
    records.write_json(path, {name: name})
    assert records.read_json(path) == {name: name}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_json_is_strict(path: str, value: Any) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        records.write_json(path, value)
    assert not os.path.exists(path)


@IN_PLACE
@given(values=st.lists(st.dictionaries(st.text(), PLAIN, max_size=3), max_size=5))
def test_lines_come_back_in_order(path: str, values: list[dict[str, Any]]) -> None:
    if os.path.exists(path):
        os.unlink(path)
    append(path, *values)
    assert records.read_lines(path) == (values, os.path.getsize(path), 0)
    assert records.last_line(path) == (values[-1] if values else {})


def test_a_missing_file_reads_as_empty(path: str) -> None:
    assert records.read_lines(path) == ([], 0, 0)
    assert records.read_lines(path, offset=7) == ([], 7, 0)
    assert records.last_line(path) == {}


@IN_PLACE
@given(cut=st.integers(0, 60))
def test_whatever_a_kill_leaves_the_next_writer_goes_on(path: str, cut: int) -> None:
    """A journal that is cut at any byte loses the torn line and nothing else."""
    if os.path.exists(path):
        os.unlink(path)
    append(path, {"n": 0, "text": "é"}, {"n": 1, "text": "second"})
    whole = Path(path).read_bytes()
    cut = min(cut, len(whole))
    os.truncate(path, cut)
    kept = [json.loads(line) for line in whole[:cut].split(b"\n")[: whole[:cut].count(b"\n")]]
    torn_but_complete = bool(cut) and whole[cut : cut + 1] == b"\n"  # only its line end is missing
    assert records.read_lines(path)[0] == kept
    append(path, {"n": 2})
    values, offset, skipped = records.read_lines(path)
    assert values[: len(kept)] == kept
    assert values[-1] == {"n": 2}
    assert len(values) == len(kept) + 1 + torn_but_complete
    assert skipped <= 1
    assert offset == os.path.getsize(path)
    assert records.last_line(path) == {"n": 2}


def test_reading_goes_on_from_an_offset(path: str) -> None:
    append(path, {"n": 0})
    _, offset, _ = records.read_lines(path)
    with open(path, "ab") as stream:
        stream.write(b'{"n": 1}\n{"n": ')
    values, later, _ = records.read_lines(path, offset)
    assert values == [{"n": 1}]
    assert records.read_lines(path, later) == ([], later, 0)
    with open(path, "ab") as stream:
        stream.write(b"2}\n")
    assert records.read_lines(path, later)[0] == [{"n": 2}]


def test_lines_can_be_passed_over_unparsed(path: str) -> None:
    append(path, {"n": 0, "kind": "loud"}, {"n": 1})
    with open(path, "ab") as stream:
        stream.write(b"loud rubbish\n")
    assert records.read_lines(path, without=b"loud") == ([{"n": 1}], os.path.getsize(path), 0)


def test_lines_that_do_not_parse_are_counted(path: str) -> None:
    Path(path).write_bytes(b'{"n": 0}\nnot json\n\n[1]\n\xff\xfe\n{"n": 1}\n')
    values, _, skipped = records.read_lines(path)
    assert values == [{"n": 0}, {"n": 1}]
    assert skipped == 3


def test_the_last_line_is_found_behind_rubbish_and_long_lines(path: str) -> None:
    append(path, {"n": 0}, {"n": 1, "text": "x" * 10000})
    with open(path, "ab") as stream:
        stream.write(b"rubbish\n" + b'{"torn": ')
    assert records.last_line(path)["n"] == 1
    assert records.last_line(path, block=16)["n"] == 1


@pytest.mark.parametrize("count", [1, 2, 500])
def test_the_last_line_is_the_last_whatever_the_block(path: str, count: int) -> None:
    append(path, *({"n": number} for number in range(count)))
    for block in (1, 7, 8, 9, 4096):
        assert records.last_line(path, block)["n"] == count - 1


def test_a_refused_line_leaves_no_trace(path: str) -> None:
    journal = records.JsonLines(path)
    with pytest.raises(ValueError, match="JSON compliant"):
        journal.append({"n": float("nan")})
    journal.sync()
    journal.close()
    journal.close()
    assert os.path.getsize(path) == 0


def test_a_directory_can_be_synced(tmp_path: Path) -> None:
    records.sync_directory(str(tmp_path))
    Path(tmp_path, "file").write_text("x")
    with pytest.raises(OSError, match="file"):
        records.sync_directory(str(tmp_path / "file"))
