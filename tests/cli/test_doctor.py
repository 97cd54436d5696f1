import fcntl
import os

import pytest

from turnout.cli import doctor
from turnout.history import place
from turnout.testing.records import make_run


def found(turnout):
    outcome = turnout("doctor", "--json")
    return outcome.code, {one["what"]: one for one in outcome.json["findings"]}


def test_a_sound_machine(workspace, turnout):
    make_run(workspace, "a")
    code, findings = found(turnout)
    assert code == 0
    for what in ("Python", "uv", "home", "workspace", "index", "processes"):
        assert findings[what]["state"] == "ok", findings[what]
        assert findings[what]["advice"] is None
    assert findings["index"]["seen"] == f"1 run, {workspace.index}"
    assert [name for name in os.listdir(workspace.home.root) if name.startswith(".doctor")] == []
    lines = turnout("doctor").lines
    assert lines[0].split() == ["WHAT", "STATE", "SEEN", "ADVICE"]


def test_what_nothing_needs_yet_is_not_broken(workspace, turnout, monkeypatch):
    monkeypatch.setattr(doctor, "_which", lambda name: None)
    code, findings = found(turnout)
    assert code == 0
    assert findings["git"]["state"] == "note"
    for what in ("containers", "ssh", "Slurm"):
        assert (findings[what]["state"], findings[what]["seen"]) == ("later", "not found")
        assert findings[what]["advice"].startswith("needed for ")


def test_a_missing_or_broken_uv_is_broken(workspace, turnout, monkeypatch, tmp_path):
    broken = tmp_path / "uv"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("TURNOUT_UV", str(broken))
    code, findings = found(turnout)
    assert code == 1
    assert (findings["uv"]["state"], findings["uv"]["seen"]) == ("broken", f"{broken} does not run")


def test_a_home_that_is_a_file_or_can_not_be_made_is_broken(workspace, turnout, monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for home in (tmp_path / "file", tmp_path / "file" / "below", "/proc/none"):
        monkeypatch.setenv("TURNOUT_HOME", str(home))
        code, findings = found(turnout)
        assert code == 1
        assert findings["home"]["state"] == "broken"
        assert "TURNOUT_HOME" in findings["home"]["advice"]


def test_a_home_of_a_newer_version_is_broken(workspace, turnout):
    with open(workspace.home.format, "w") as stream:
        stream.write('{"format": 99}')
    code, findings = found(turnout)
    assert code == 1
    assert "update Turnout" in findings["home"]["advice"]


def test_a_file_system_without_locks_is_broken(workspace, turnout, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    code, findings = found(turnout)
    assert code == 1
    assert "has no flock" in findings["locks"]["seen"]


def test_a_network_file_system_and_a_small_disk_are_noted(workspace, turnout, monkeypatch, tmp_path):
    import shutil
    from types import SimpleNamespace

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(
        place, "file_system", lambda path: "nfs4" if str(path).startswith(workspace.home.root) else "ext4"
    )
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000, total=2000))
    code, findings = found(turnout)
    assert code == 0
    assert (findings["file system"]["state"], findings["free disk"]["state"]) == ("note", "note")
    assert findings["free disk"]["seen"] == "1.0 kB"


@pytest.mark.parametrize("content", [b'{"workspace_name": "not a name"}'])
def test_an_unusable_workspace_does_not_stop_the_examination(workspace, turnout, tmp_path, content):
    (tmp_path / "here" / "config.json").write_bytes(content)
    code, findings = found(turnout)
    assert code == 1
    assert findings["workspace"]["state"] == "broken"
    assert "processes" in findings


def test_an_index_that_can_not_be_used_is_broken(workspace, turnout, monkeypatch):
    monkeypatch.setenv("TURNOUT_INDEX", "nonsense")
    code, findings = found(turnout)
    assert code == 1
    assert "TURNOUT_INDEX" in findings["workspace"]["seen"]


def test_what_is_wrong_in_the_home_is_said_and_mended_when_asked(workspace, turnout):
    os.chmod(workspace.definition, 0o644)
    code, findings = found(turnout)
    assert code == 1
    assert findings[workspace.definition]["state"] == "wrong"
    assert "--repair" in findings[workspace.definition]["advice"]
    done = turnout("doctor", "--repair", "--json")
    (mended,) = (one for one in done.json["findings"] if one["what"] == workspace.definition)
    assert (done.code, mended["state"], mended["advice"]) == (0, "mended", "has the mode 0600 now")
    code, findings = found(turnout)
    assert code == 0
    assert workspace.definition not in findings


def test_what_can_not_be_mended_is_said(workspace, turnout, monkeypatch):
    def refuse(path, mode):
        raise PermissionError(1, "Operation not permitted", path)

    os.chmod(workspace.definition, 0o644)
    monkeypatch.setattr(os, "chmod", refuse)
    done = turnout("doctor", "--repair", "--json")
    assert done.code == 1
    (one,) = (one for one in done.json["findings"] if one["what"] == workspace.definition)
    assert one["state"] == "wrong"
    assert "can't be mended" in one["advice"]
