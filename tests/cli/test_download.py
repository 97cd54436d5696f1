import os
import stat

import pytest

from turnout.testing.records import make_run


@pytest.fixture
def run(workspace):
    made = make_run(
        workspace,
        "a",
        log=b"log\n",
        files={"code/outputs/m/one.pkl": b"1", "code/outputs/m/two.pkl": b"2", "code/outputs/tool.sh": b"#!/bin/sh\n"},
    )
    os.chmod(os.path.join(made.code, "outputs", "tool.sh"), 0o700)
    return made


def tree(top):
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir())


def test_everything_is_copied_under_its_name(run, turnout, tmp_path):
    to = tmp_path / "to" / "here"
    outcome = turnout("download", "a", "--to", str(to))
    assert outcome.out == f"4 files, 16 B, copied into {to}\n"
    assert tree(to) == ["outputs/m/one.pkl", "outputs/m/two.pkl", "outputs/tool.sh", "user_logs/std_log.txt"]
    assert (to / "outputs/m/one.pkl").read_bytes() == b"1"
    assert stat.S_IMODE((to / "outputs/tool.sh").stat().st_mode) & 0o100
    assert not stat.S_IMODE((to / "outputs/m/one.pkl").stat().st_mode) & 0o111


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["outputs/m"], ["outputs/m/one.pkl", "outputs/m/two.pkl"]),
        (["outputs/m/"], ["outputs/m/one.pkl", "outputs/m/two.pkl"]),
        (["./outputs/m/one.pkl", "user_logs"], ["outputs/m/one.pkl", "user_logs/std_log.txt"]),
        (["."], ["outputs/m/one.pkl", "outputs/m/two.pkl", "outputs/tool.sh", "user_logs/std_log.txt"]),
    ],
)
def test_paths_name_files_or_directories(run, turnout, tmp_path, paths, found):
    assert turnout("download", "a", *paths, "--to", str(tmp_path / "to")).code == 0
    assert tree(tmp_path / "to") == found


@pytest.mark.parametrize("path", ["outputs/none", "out", "../a", "/etc/passwd", "code", "run.json"])
def test_what_the_run_does_not_have_is_refused_and_nothing_copied(run, bad_input, tmp_path, path):
    assert f"has no file '{path}'; `turnout files a`" in bad_input(
        "download", "a", "outputs", path, "--to", str(tmp_path / "to")
    )
    assert not (tmp_path / "to").exists()


def test_other_files_are_written_over_only_by_force(run, turnout, bad_input, tmp_path):
    to = tmp_path / "to"
    turnout("download", "a", "--to", str(to))
    (to / "outputs/m/one.pkl").write_bytes(b"mine")
    (to / "outputs/m/two.pkl").unlink()
    line = bad_input("download", "a", "--to", str(to))
    assert "1 other file would be written over" in line
    assert "outputs/m/one.pkl; --force" in line
    assert not (to / "outputs/m/two.pkl").exists()
    outcome = turnout("download", "a", "--to", str(to), "--force", "--json")
    assert outcome.json["directory"] == str(to)
    assert {file["name"]: file["copied"] for file in outcome.json["files"]} == {
        "outputs/m/one.pkl": True,
        "outputs/m/two.pkl": True,
        "outputs/tool.sh": False,
        "user_logs/std_log.txt": False,
    }
    assert (to / "outputs/m/one.pkl").read_bytes() == b"1"


def test_nothing_escapes_the_directory(run, turnout, bad_input, tmp_path):
    to, elsewhere = tmp_path / "to", tmp_path / "elsewhere"
    to.mkdir()
    elsewhere.mkdir()
    (to / "outputs").symlink_to(elsewhere)
    assert "leads out of it: outputs/m/one.pkl" in bad_input("download", "a", "--to", str(to), "--force")
    (to / "outputs").unlink()
    (elsewhere / "target").write_bytes(b"precious")
    (to / "outputs/m").mkdir(parents=True)
    (to / "outputs/m/one.pkl").symlink_to(elsewhere / "target")
    bad_input("download", "a", "--to", str(to))
    assert turnout("download", "a", "--to", str(to), "--force").code == 0
    assert (elsewhere / "target").read_bytes() == b"precious"
    assert not (to / "outputs/m/one.pkl").is_symlink()


def test_what_is_in_the_way_is_named(run, bad_input, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert "is not a directory" in bad_input("download", "a", "--to", str(tmp_path / "file"))
    (tmp_path / "to/outputs/m/one.pkl").mkdir(parents=True)
    assert "there are directories where files should go" in bad_input("download", "a", "--to", str(tmp_path / "to"))
    assert "'--to'" in bad_input("download", "a")


def test_a_run_without_files_copies_nothing(workspace, turnout, tmp_path):
    make_run(workspace, "none")
    assert turnout("download", "none", "--to", str(tmp_path / "to")).out.startswith("0 files")
