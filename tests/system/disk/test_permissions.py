"""Permissions that got lost: each command says which path it is, in one line, or goes on without it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

COMMANDS = (
    ("runs",),
    ("show", "RUN"),
    ("logs", "RUN"),
    ("metrics", "RUN"),
    ("files", "RUN"),
    ("restore", "RUN", "TO"),
    ("submit", "--detach", "--environment", sys.executable, "train.py"),
    ("tag", "RUN", "a=b"),
)


@pytest.fixture
def run_id(ordinary, home: Path) -> str:
    ordinary.script("import turnout\nturnout.Run.get_context().log('a', 1)\n")
    ordinary("submit", "--environment", sys.executable, "train.py")
    return str(ordinary.json("runs")[0]["id"])


@pytest.mark.parametrize(
    ("lost", "failing"),
    [
        ("", {"runs", "show", "logs", "metrics", "files", "restore", "submit", "tag"}),
        ("objects", {"restore", "submit"}),
        ("secrets", {"submit"}),
        ("runtime", {"submit"}),
        ("format.json", {"runs", "show", "logs", "metrics", "files", "restore", "submit", "tag"}),
        ("workspaces/default", {"runs", "show", "logs", "metrics", "files", "restore", "submit", "tag"}),
        ("workspaces/default/workspace.json", {"runs", "show", "logs", "metrics", "files", "restore", "submit", "tag"}),
        ("workspaces/default/index.sqlite", set()),
        ("workspaces/default/index.lock", set()),
        ("workspaces/default/stat-cache", set()),
        ("workspaces/default/runs", {"show", "logs", "files", "restore", "submit", "tag"}),
        ("workspaces/default/runs/RUN", {"show", "logs", "files", "restore", "tag"}),
        ("workspaces/default/runs/RUN/run.json", {"show", "files", "tag"}),
        ("workspaces/default/runs/RUN/journal.jsonl", {"show", "logs"}),
        ("workspaces/default/runs/RUN/events", {"show", "tag"}),
        ("workspaces/default/runs/RUN/manifest", {"restore"}),
        ("workspaces/default/runs/RUN/user_logs", {"logs"}),
    ],
)
def test_a_path_that_may_not_be_opened_is_named(ordinary, many, run_id, home, tmp_path, lost, failing) -> None:
    path = home / lost.replace("RUN", run_id)
    former = path.stat().st_mode
    failed = set()
    path.chmod(0)
    try:
        given = {"RUN": run_id, "TO": str(tmp_path / "to")}
        lines = [[given.get(word, word) for word in words] for words in COMMANDS]
        for words, (code, _, said) in zip(COMMANDS, many(*lines), strict=True):
            if code:
                failed.add(words[0])
                assert code == 2, (words, said)
                assert len(said.splitlines()) == 1, (words, said)
                assert str(path) in said, (words, said)
    finally:
        path.chmod(former)
    if lost.endswith("runs"):  # whether a list needs to look into it depends on how long ago it changed
        failed -= {"runs", "metrics"}
    assert failed == failing
    waits = [["wait", name] for name in os.listdir(home / "workspaces/default/runs")]
    *_, listed = many(*waits, ["runs", "--json"])
    assert run_id in {run["id"] for run in json.loads(listed[1])}


def test_one_run_that_can_not_be_read_does_not_hide_the_others(ordinary, run_id, home) -> None:
    ordinary("submit", "--environment", sys.executable, "train.py")
    runs = home / "workspaces/default/runs"
    for path in ("", "journal.jsonl", "events", "run.json"):
        for index in (home / "workspaces/default").glob("index*"):
            index.unlink()
        closed = runs / run_id / path
        former = closed.stat().st_mode
        closed.chmod(0)
        try:
            listed = {run["id"] for run in ordinary.json("runs")}
        finally:
            closed.chmod(former)
        assert listed >= set(os.listdir(runs)) - {run_id}, path
    assert ordinary.json("reindex")["runs"] == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="giving files to another account takes root")
def test_a_file_of_another_account_is_named(ordinary, run_id, home) -> None:
    definition = home / "workspaces/default/runs" / run_id / "run.json"
    os.chown(definition, 12345, 12345)
    done = ordinary.any("show", run_id)
    assert done.returncode == 2
    assert str(definition) in done.stderr
    os.chown(home / "workspaces/default", 12345, 12345)
    done = ordinary.any("submit", "--environment", sys.executable, "train.py")
    assert done.returncode == 2
    assert str(home) in done.stderr
