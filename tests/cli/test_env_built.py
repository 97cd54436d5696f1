"""`turnout env list`, `build` and `remove`, in one process; the whole walk is in tests/system/test_environments.py."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from turnout.environments import curated
from turnout.environments.environment import Environment
from turnout.runtime import layout, states
from turnout.testing.records import make_run


class _Workspace:
    def __init__(self, where: layout.WorkspaceLayout) -> None:
        self.layout = where


@pytest.fixture
def project(workspace, wheel, tmp_path, monkeypatch) -> Path:
    """A directory with `requirements.txt`, which asks for `one`."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    wheel("one", "1.0")
    (tmp_path / "here" / "requirements.txt").write_text(f"--no-index\n--find-links {tmp_path}/wheels\none\n")
    return tmp_path / "here"


def test_list_has_what_was_registered_and_what_comes_with_turnout(workspace, turnout):
    mine = Environment("mine")
    mine.python.conda_dependencies.set_python_version("3.9")
    for package in ("pip", "numpy=1.26"):
        mine.python.conda_dependencies.add_conda_package(package)
    for package in ("six==1.17", "idna", "attrs"):
        mine.python.conda_dependencies.add_pip_package(package)
    mine.register(_Workspace(workspace))
    own = Environment("own")
    own.python.user_managed_dependencies = True
    own.register(_Workspace(workspace))
    outcome = turnout("env", "list")
    assert outcome.lines[0].split() == ["NAME", "VERSION", "FROM", "DESCRIPTION"]
    lines = {line.split()[0]: line for line in outcome.lines[1:]}
    assert list(lines) == ["mine", "own", *curated.ENVIRONMENTS]
    assert re.fullmatch(r"mine +1 +workspace +numpy=1\.26, six==1\.17, idna and 1 more; Python 3\.9", lines["mine"])
    assert lines["own"].endswith("the interpreter python")
    assert lines["Turnout-PyTorch"].split()[1:3] == ["1", "Turnout"]
    rows = {row["name"]: row for row in turnout("env", "list", "--json").json}
    assert rows["mine"]["asks_for"] == ["python=3.9", "pip", "numpy=1.26", "six==1.17", "idna", "attrs"]
    assert (rows["mine"]["curated"], rows["Turnout-Sklearn"]["curated"]) == (False, True)


def test_the_list_fits_a_narrow_terminal(workspace, terminal):
    for columns in (80, 120):
        assert max(map(len, terminal("env", "list", columns=columns).lines)) <= columns


def test_nothing_built_is_said_on_a_terminal_and_is_an_empty_list(workspace, turnout, terminal):
    assert terminal("env", "list", "--built").err == "turnout: nothing is built on this machine\n"
    assert turnout("env", "list", "--built").out == ""
    assert turnout("env", "list", "--built", "--json").json == {"environments": [], "bytes": 0, "bytes_freed": 0}


def test_what_is_built_is_listed_with_size_and_use(project, workspace, turnout, terminal):
    built = turnout("env", "build", "requirements.txt", "--json").json
    make_run(workspace, "r1", environment={"kind": "uv", "key": built["key"], "name": "requirements.txt"})
    found = turnout("env", "list", "--built", "--json").json
    (row,) = found["environments"]
    assert (row["key"], row["runs"], row["names"]) == (built["key"], 1, ["requirements.txt"])
    assert row["bytes"] == found["bytes"] > row["bytes_freed"] > 0  # `one` has a second name in uv's cache
    outcome = turnout("env", "list", "--built")
    assert outcome.lines[0].split() == ["KEY", "KIND", "PYTHON", "SIZE", "FREES", "LAST", "USED", "RUNS", "FOR"]
    short = outcome.lines[1].split()[0]
    assert (built["key"].startswith(short), len(short)) == (True, len("uv-") + 9)
    assert "the rest is shared with uv's cache" in outcome.lines[2]
    assert max(map(len, terminal("env", "list", "--built").lines[:-1])) <= 80
    shown = turnout("env", "show", short, "--json").json
    assert [package["name"] for package in shown["packages"]] == ["one"]
    assert shown["built"]["bytes"] == row["bytes"]
    by_name = turnout("env", "show", "requirements.txt")
    assert "used by      1 run\n" in by_name.out


def test_build_shows_the_log_and_finds_what_is_there(project, turnout):
    outcome = turnout("env", "build", "requirements.txt")
    assert outcome.code == 0
    assert "turnout: building environment uv-" in outcome.err
    assert " + one==1.0" in outcome.err
    interpreter = outcome.out.split(": ", 1)[1].strip()
    assert outcome.out.startswith("built uv-")
    assert os.access(interpreter, os.X_OK)
    again = turnout("env", "build", "requirements.txt")
    assert again.out.startswith("there already: uv-")
    assert again.out.endswith(f": {interpreter}\n")
    assert turnout("env", "build", "requirements.txt", "--json").json["new"] is False


def test_a_build_that_fails_says_why_and_leaves_nothing(project, turnout, tmp_path):
    turnout("env", "lock", "requirements.txt")
    for path in (tmp_path / "wheels").iterdir():
        path.unlink()
    outcome = turnout("env", "build", "requirements.txt")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1].startswith(
        "turnout: environment 'requirements.txt' can't be built: uv could not"
    )
    home = layout.Home(os.environ["TURNOUT_HOME"])
    assert [name for name in os.listdir(home.environments) if not name.endswith(".lock")] == []


def test_current_needs_no_build(project, turnout):
    outcome = turnout("env", "build", "current")
    assert outcome.out.startswith("there already: existing-")


def test_remove_by_name_or_by_the_beginning_of_a_key(project, turnout):
    key = turnout("env", "build", "requirements.txt", "--json").json["key"]
    assert re.fullmatch(rf"removed {key}; [0-9.]+ [kM]?B freed\n", turnout("env", "remove", "requirements.txt").out)
    assert turnout("env", "show", "requirements.txt", "--json").json["built"] is None
    assert turnout("env", "build", "requirements.txt", "--json").json["key"] == key
    removed = turnout("env", "remove", key[:8], "--json").json
    assert removed["removed"] == key
    assert removed["bytes"] > 0
    assert turnout("env", "list", "--built").out == ""


def test_what_can_not_be_removed_is_refused_in_one_line(project, turnout, workspace, bad_input):
    (project / "other.txt").write_text("six\n")
    assert "other.txt has no lock" in bad_input("env", "remove", "other.txt")
    assert "there is no environment 'uv-nothing'" in bad_input("env", "remove", "uv-nothing")
    key = turnout("env", "build", "requirements.txt", "--json").json["key"]
    make_run(workspace, "r1", state=states.QUEUED, environment={"kind": "uv", "key": key})
    assert "is needed by r1, which has not ended" in bad_input("env", "remove", key)
    assert turnout("env", "build", "requirements.txt", "--json").json["new"] is False
