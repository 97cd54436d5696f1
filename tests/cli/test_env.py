"""`turnout env`: locks as a person sees them. What is built is in test_env_built.py."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from turnout.cli import env
from turnout.runtime import records
from turnout.testing.records import make_run

RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def project(workspace, wheel, tmp_path, monkeypatch) -> Path:
    """A directory with `requirements.txt`, which asks for `one`, of which there is version 1.0, and that for `two`."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    wheel("one", "1.0", ("two",))
    wheel("two", "1.0")
    here = tmp_path / "here"
    (here / "requirements.txt").write_text(f"--no-index\n--find-links {tmp_path}/wheels\none\n")
    return here


def names(packages: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(package["name"], package["version"]) for package in packages]


def test_the_group_lists_its_commands_and_each_says_what_it_does(turnout):
    for words in (("env",), ("env", "--help")):
        outcome = turnout(*words)
        assert outcome.code == 0
        assert all(f"  {name} " in outcome.out for name in env.SUBCOMMANDS)
    for name in env.SUBCOMMANDS:
        outcome = turnout("env", name, "--help")
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out.startswith(f"Usage: turnout env {name} ")
        assert "--json" in outcome.out
    assert turnout("env").code == 0  # also with all of them loaded


def test_another_subcommand_is_refused(bad_input):
    assert f"there is: {', '.join(env.SUBCOMMANDS)}" in bad_input("env", "freeze")


def test_lock_prints_the_packages_and_keeps_them(project, turnout, wheel, tmp_path):
    outcome = turnout("env", "lock", "requirements.txt")
    assert outcome.code == 0
    assert [line.split() for line in outcome.lines] == [["PACKAGE", "VERSION"], ["one", "1.0"], ["two", "1.0"]]
    wheel("one", "2.0")
    found = turnout("env", "lock", "requirements.txt", "--json").json
    assert names(found["packages"]) == [("one", "1.0"), ("two", "1.0")]
    assert (found["kind"], found["new"], found["name"]) == ("uv", False, "requirements.txt")
    assert Path(found["lock"]).is_file()
    assert found["key"].startswith("uv-")


def test_what_can_not_be_resolved_says_why_in_uvs_words(project, turnout):
    with open(project / "requirements.txt", "a") as stream:
        stream.write("three\n")
    outcome = turnout("env", "lock", "requirements.txt")
    assert (outcome.code, outcome.out) == (2, "")
    assert "three" in outcome.err.splitlines()[-1]
    assert outcome.err.splitlines()[-1].startswith("turnout: environment 'requirements.txt' can't be resolved: ")
    assert outcome.err.count("\n") > 2


def test_update_shows_what_changed_and_says_when_nothing_did(project, turnout, wheel):
    assert "had no lock" in turnout("env", "update", "requirements.txt").out
    assert turnout("env", "update", "requirements.txt").out.startswith("nothing changed: 2 packages for Python ")
    wheel("one", "2.0")
    outcome = turnout("env", "update", "requirements.txt")
    assert [line.split() for line in outcome.lines[:3]] == [
        ["PACKAGE", "CHANGE", "BEFORE", "AFTER"],
        ["one", "changed", "1.0", "2.0"],
        ["two", "removed", "1.0", "-"],
    ]
    assert outcome.lines[3].startswith("2 changes; the lock of requirements.txt is now: 1 package for Python ")
    wheel("one", "3.0")
    found = turnout("env", "update", "requirements.txt", "--json").json
    assert (found["new"], found["first"]) == (True, False)
    assert found["changes"] == [{"change": "changed", "what": "one", "before": "2.0", "after": "3.0"}]
    assert names(found["packages"]) == [("one", "3.0")]


def test_diff_compares_the_lock_with_now_and_keeps_nothing(project, turnout, wheel, bad_input):
    outcome = turnout("env", "diff", "requirements.txt")
    assert outcome.code == 2
    assert "has no lock to compare with yet; `turnout env lock requirements.txt`" in outcome.err
    turnout("env", "lock", "requirements.txt")
    assert turnout("env", "diff", "requirements.txt").out.startswith("no difference")
    wheel("two", "1.1")
    found = turnout("env", "diff", "requirements.txt", "--json").json
    assert found["changes"] == [{"change": "changed", "what": "two", "before": "1.0", "after": "1.1"}]
    assert names(found["after"]["packages"]) == [("one", "1.0"), ("two", "1.1")]
    assert found["before"]["key"] != found["after"]["key"]
    assert names(turnout("env", "lock", "requirements.txt", "--json").json["packages"])[1] == ("two", "1.0")


def test_diff_compares_two_environments(project, turnout, tmp_path):
    (project / "other.txt").write_text(f"--no-index\n--find-links {tmp_path}/wheels\ntwo\n")
    outcome = turnout("env", "diff", "requirements.txt", "other.txt")
    assert [line.split() for line in outcome.lines[1:]] == [["one", "removed", "1.0", "-"]]
    assert not os.path.exists(os.path.join(os.environ["TURNOUT_HOME"], "workspaces", "default", "locks"))


def test_diff_compares_runs_by_lock_and_by_what_was_installed(project, turnout, workspace):
    lock = {"requirements": ["one==1.0", "two==1.0"], "python": "3.11", "platform": "linux-x86_64"}
    shared = {"kind": "uv", "key": "uv-1", "python": "3.11", "platform": "linux-x86_64"}
    make_run(workspace, "early_1", created=1.0, environment={**shared, "lock": lock})
    later = {**lock, "requirements": ["one==2.0"], "python": "3.12"}
    make_run(workspace, "later_1", created=2.0, environment={**shared, "python": "3.12", "lock": later})
    found = turnout("env", "diff", "early", "@last", "--json").json
    assert found["changes"] == [
        {"change": "changed", "what": "Python", "before": "3.11", "after": "3.12"},
        {"change": "changed", "what": "one", "before": "1.0", "after": "2.0"},
        {"change": "removed", "what": "two", "before": "1.0", "after": None},
    ]
    own = {**shared, "kind": "existing", "lock": {"interpreter": "/x", "python": "3.11", "platform": "linux-x86_64"}}
    run = make_run(workspace, "own_1", created=3.0, environment=own)
    records.write_json(run.environment, {"packages": [{"name": "One", "version": "1.0"}]})
    assert turnout("env", "diff", "own_1", "early_1", "--json").json["changes"] == [
        {"change": "changed", "what": "kind", "before": "existing", "after": "uv"},
        {"change": "added", "what": "two", "before": None, "after": "1.0"},
    ]


def test_diff_asks_an_interpreter_what_is_in_it(project, turnout):
    found = turnout("env", "diff", "current", "current", "--json").json
    assert found["changes"] == []
    assert found["before"]["packages"]


def test_a_side_that_is_neither_is_named(project, bad_input, workspace):
    assert "there is no environment 'nothing'" in bad_input("env", "diff", "nothing", "requirements.txt")
    assert "'@last' names no run" in bad_input("env", "diff", "current", "@last")
    make_run(workspace, "failed_1", environment={"definition": {}})
    assert "failed_1 has no lock" in bad_input("env", "diff", "failed_1", "current")
    assert "nothing to resolve for Turnout-Minimal" in bad_input("env", "diff", "Turnout-Minimal")


def test_show_resolves_nothing(project, turnout):
    outcome = turnout("env", "show", "requirements.txt")
    assert (outcome.code, outcome.err) == (0, "")
    assert "none yet; `turnout env lock requirements.txt` makes one" in outcome.out
    found = turnout("env", "show", "requirements.txt", "--json").json
    assert (found["lock"], found["packages"], found["key"], found["built"]) == (None, None, None, None)
    assert found["asks_for"][-1] == "one"
    assert found["definition"]["name"] == "requirements.txt"


def test_show_shows_the_lock(project, turnout):
    locked = turnout("env", "lock", "requirements.txt", "--json").json
    found = turnout("env", "show", "requirements.txt", "--json").json
    assert {name: found[name] for name in ("key", "lock", "packages", "resolved")} == {
        name: locked[name] for name in ("key", "lock", "packages", "resolved")
    }
    assert "not here; `turnout env build requirements.txt`" in turnout("env", "show", "requirements.txt").out


def test_show_needs_no_lock_for_what_needs_no_resolving(workspace, turnout):
    outcome = turnout("env", "show", "Turnout-Minimal")
    assert "nothing to resolve" in outcome.out
    assert "Turnout-Minimal, version" in outcome.out


@pytest.mark.parametrize("command", ["lock", "update", "show", "diff"])
def test_a_password_in_the_requirements_is_refused(project, command, bad_input):
    (project / "requirements.txt").write_text("--index-url https://me:hunter2@host/simple\none\n")
    line = bad_input("env", command, "requirements.txt")
    assert "credentials" in line
    assert "hunter2" not in line


def test_another_python_is_locked_for_itself_and_shown_beside_what_was_asked_for(project, turnout, tmp_path):
    (project / "old.yml").write_text(
        f"dependencies:\n- python=3.6.2\n- pip:\n  - --no-index\n  - --find-links {tmp_path}/wheels\n  - one\n"
    )
    refused = turnout("env", "lock", "old.yml")
    assert refused.code == 2
    assert f"with --python {RUNNING}" in refused.err.splitlines()[-1]
    found = turnout("env", "lock", "old.yml", "--python", RUNNING, "--json").json
    assert (found["python"], names(found["packages"])) == (RUNNING, [("one", "1.0"), ("two", "1.0")])
    shown = turnout("env", "show", "old.yml", "--python", RUNNING)
    assert f"{RUNNING} in place of 3.6.2\n" in shown.out
    assert turnout("env", "update", "old.yml", "--python", RUNNING).out.startswith("nothing changed")
    assert turnout("env", "diff", "old.yml", "--python", RUNNING).out.startswith("no difference")


def test_an_override_that_makes_no_sense_is_refused(project, bad_input):
    assert "a Python version is like '3.11', not 'new'" in bad_input(
        "env", "lock", "requirements.txt", "--python", "new"
    )
    assert "interpreter of your own" in bad_input("env", "build", "current", "--python", "3.11")
    assert "--python goes with one SPEC" in bad_input("env", "diff", "a", "b", "--python", "3.11")
