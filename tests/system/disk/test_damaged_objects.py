"""A bit that flipped in an object: found by whoever uses it, named, set aside, and stored anew by the next submit."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from turnout.runtime import layout, manifest

pytestmark = pytest.mark.system

SUBMIT = ("submit", "--environment", sys.executable, "train.py")


@pytest.fixture
def run_id(turnout, home: Path) -> str:
    turnout.script("print('sound')\n")
    (turnout.directory / "big.bin").write_bytes(os.urandom(100_000))  # large enough to be cloned where that is possible
    turnout(*SUBMIT)
    return str(turnout.json("runs")[0]["id"])


def flip(home: Path, run_id: str, name: str) -> Path:
    """Flip one bit in the object of a file of a run's snapshot."""
    record = layout.Home(str(home)).workspace("default").run(run_id)
    (entry,) = (one for one in manifest.parse(Path(record.manifest).read_bytes()) if one.path == name)
    path = home / "objects" / entry.content[:2] / entry.content[2:]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.chmod(0o600)
    path.write_bytes(content)
    path.chmod(0o400)
    return path


@pytest.mark.parametrize("name", ["train.py", "big.bin"])
def test_a_run_says_which_object_it_was_and_the_next_submit_stores_it_anew(turnout, run_id, home, name) -> None:
    path = flip(home, run_id, name)
    failed = turnout.any(*SUBMIT)  # the tree is unchanged, so nothing is read again: the damage shows at the check-out
    assert failed.returncode == 125
    shown = turnout.json("show", "@last")
    assert shown["status"] == "Failed"
    assert name in shown["reason"]
    assert path.parent.name + path.name in shown["reason"]
    assert path.with_name(path.name + ".damaged").exists()
    assert turnout(*SUBMIT).stdout == "sound\n"
    assert path.exists()


@pytest.mark.parametrize("name", ["train.py", "big.bin"])
def test_restore_says_so_and_leaves_nothing_half_made(turnout, run_id, home, tmp_path, name) -> None:
    path = flip(home, run_id, name)
    done = turnout.any("restore", run_id, tmp_path / "code")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert name in done.stderr
    assert path.parent.name + path.name in done.stderr
    assert not (tmp_path / "code").exists()
    again = turnout.any("restore", run_id, tmp_path / "code")
    assert again.returncode == 2
    assert len(again.stderr.splitlines()) == 1
    turnout(*SUBMIT)
    turnout("restore", run_id, tmp_path / "code")
    assert (tmp_path / "code" / "train.py").read_text() == "print('sound')\n"


def test_doctor_finds_it_before_anyone_needs_it(turnout, run_id, home) -> None:
    path = flip(home, run_id, "big.bin")
    assert turnout.any("doctor").returncode == 0
    found = {one["what"]: one for one in turnout.json("doctor", "--objects", code=1)["findings"]}
    assert found[str(path)]["state"] == "wrong"
    turnout("doctor", "--objects", "--repair")
    assert turnout(*SUBMIT).stdout == "sound\n"
    assert turnout.any("doctor", "--objects").returncode == 0


def test_what_a_later_version_added_is_passed_over(turnout, run_id, home) -> None:
    """Unknown members, events, states of files: an older Turnout on the same home reads on."""
    record = layout.Home(str(home)).workspace("default").run(run_id)
    for path in (
        record.definition,
        record.result,
        str(home / "workspaces/default/workspace.json"),
        str(home / "format.json"),
    ):
        value = {**json.loads(Path(path).read_text()), "later": {"a": [1]}}
        Path(path).write_text(json.dumps(value))
    with open(record.journal, "a") as journal:
        journal.write(json.dumps({"t": 1.0, "later": "a line without a state"}) + "\n")
    Path(record.events, "later.jsonl").write_text(json.dumps({"t": 1.0, "e": "later", "key": 7, "value": [1]}) + "\n")
    for place in (record.root, str(home), str(home / "workspaces/default"), record.events):
        Path(place, "later").mkdir()
        Path(place, "later.bin").write_bytes(b"later")
    (home / "workspaces/default/changes/later@thing").touch()
    assert turnout.json("runs")[0]["status"] == "Completed"
    assert turnout.json("show", run_id)["status"] == "Completed"
    assert turnout.json("reindex")["unreadable"] == []
    assert turnout(*SUBMIT).stdout == "sound\n"
    (home / "format.json").write_text(json.dumps({"format": layout.FORMAT + 1}))
    for words in (("runs",), ("show", run_id), SUBMIT):
        refused = turnout.any(*words)
        assert refused.returncode == 2
        assert "update Turnout" in refused.stderr


def test_a_state_of_a_later_version_is_shown_as_it_is(turnout, run_id, home) -> None:
    record = layout.Home(str(home)).workspace("default").run(run_id)
    lines = Path(record.journal).read_text().splitlines(keepends=True)
    lines.insert(-1, json.dumps({"t": 1.0, "state": "Provisioning", "reason": "of a later version"}) + "\n")
    Path(record.journal).write_text("".join(lines))
    assert turnout.json("show", run_id)["status"] == "Completed"
