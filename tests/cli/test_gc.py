import errno
import fcntl
import os

import pytest

from turnout.runtime.objects import ObjectStore
from turnout.testing.records import make_run


@pytest.fixture
def unused(workspace):
    os.makedirs(workspace.home.objects)
    with ObjectStore(workspace.home.objects).incoming() as incoming:
        digest = incoming.add_bytes(b"x" * 3000)
        incoming.commit()
    return ObjectStore(workspace.home.objects).path(digest)


def test_what_was_freed_is_told_by_kind(unused, turnout):
    dry = turnout("gc", "--dry-run", "--older-than", "0")
    assert (dry.code, dry.err) == (0, "")
    assert dry.lines[0].split() == ["WOULD", "BE", "FREED", "COUNT", "BYTES"]
    assert dry.lines[1].split()[:2] == ["objects", "1"]
    assert dry.lines[2].endswith("would be freed")
    assert os.path.exists(unused)
    real = turnout("gc", "--older-than", "0s")
    assert real.lines[0].split() == ["FREED", "COUNT", "BYTES"]
    assert not os.path.exists(unused)
    assert turnout("gc", "--older-than", "0").out == "0 B freed\n"


def test_json(unused, turnout):
    found = turnout("gc", "--older-than", "0", "--json").json
    assert found["freed"] == {"objects": {"count": 1, "bytes": found["bytes"]}}
    assert found["bytes"] >= 3000
    assert (found["dry_run"], found["problems"]) == (False, [])


@pytest.mark.parametrize("words", [[], ["--older-than", "1h"], ["--older-than", "0.5d"], ["--older-than", "2w"]])
def test_young_things_stay(unused, turnout, words):
    assert turnout("gc", *words).out == "0 B freed\n"
    assert os.path.exists(unused)


@pytest.mark.parametrize("word", ["", "soon", "-1d", "1y", "nan", "inf", "1 2", "9" * 400])
def test_other_durations_are_refused(workspace, bad_input, word):
    assert "a duration is written like 90s, 30m, 12h, 2d or 1w" in bad_input("gc", "--older-than", word)


def test_what_can_not_be_judged_ends_with_1(workspace, unused, turnout):
    make_run(workspace, "damaged", files={"manifest": b"?"})
    outcome = turnout("gc", "--older-than", "0")
    assert outcome.code == 1
    assert "no objects are freed" in outcome.err
    assert "`turnout runs delete damaged`" in outcome.err
    assert os.path.exists(unused)


def test_a_home_without_flock_is_refused_in_one_line(workspace, unused, bad_input, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert "without flock" in bad_input("gc")


def test_a_home_of_a_newer_version_is_refused(workspace, unused, bad_input):
    with open(workspace.home.format, "w") as stream:
        stream.write('{"format": 99}')
    assert "newer Turnout" in bad_input("gc", "--older-than", "0")
    assert os.path.exists(unused)


def test_a_home_that_is_not_there_is_not_made(turnout, tmp_path, monkeypatch):
    monkeypatch.setenv("TURNOUT_HOME", str(tmp_path / "never"))
    assert turnout("gc").out == "0 B freed\n"
    assert not os.path.exists(tmp_path / "never")
