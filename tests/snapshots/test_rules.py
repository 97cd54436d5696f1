"""Which ignore files count, what stays out by default, and how a person overrides that."""

import os

import pytest

from turnout.exceptions import SnapshotException
from turnout.snapshots.patterns import RuleFile
from turnout.snapshots.rules import Rules
from turnout.snapshots.walk import Walk


def write(root, *paths, content="x\n"):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)


def packed(root, home=None):
    """The files that go in."""
    tree = Walk(os.fsencode(root), Rules(os.fsencode(root), home)).run()
    return sorted(os.fsdecode(path) for path, _ in tree.files)


def reasons(root):
    """What stays out, and why."""
    tree = Walk(os.fsencode(root), Rules(os.fsencode(root))).run()
    return {os.fsdecode(each.path): str(each.reason) for each in tree.left_out}


def test_without_an_ignore_file_only_the_defaults_stay_out(source):
    write(source, "train.py", "__pycache__/train.pyc", "deep/__pycache__/x.pyc", "outputs/model", "deep/outputs/kept")
    write(source, "logs/x", "offline-runs/x", "mlruns/x", ".ipynb_checkpoints/x", ".mypy_cache/x", ".git/HEAD")
    write(source, ".azureml/config.json", ".turnout/config.json")
    assert packed(source) == [".azureml/config.json", ".turnout/config.json", "deep/outputs/kept", "train.py"]


def test_a_file_named_like_a_default_directory_stays_in(source):
    write(source, "logs", "outputs")
    assert packed(source) == ["logs", "outputs"]


def test_turnoutignore_is_used_alone_at_every_level(source):
    write(source, ".turnoutignore", content="*.csv\n")
    write(source, "deep/.turnoutignore", content="!kept.csv\n*.bin\n")
    write(source, ".amlignore", ".gitignore", content="train.py\n")
    write(source, "train.py", "a.csv", "deep/kept.csv", "deep/a.csv", "deep/a.bin", "a.bin")
    assert packed(source) == [
        ".amlignore", ".gitignore", ".turnoutignore", "a.bin", "deep/.turnoutignore", "deep/kept.csv", "train.py",
    ]  # fmt: skip


def test_amlignore_is_used_alone_and_only_at_the_root(source):
    write(source, ".amlignore", content="*.csv\n")
    write(source, "deep/.amlignore", content="*.bin\n")
    write(source, ".gitignore", content="train.py\n")
    write(source, "train.py", "a.csv", "deep/a.bin")
    assert packed(source) == [".amlignore", ".gitignore", "deep/.amlignore", "deep/a.bin", "train.py"]


def test_gitignore_counts_without_a_repository(source):
    write(source, ".gitignore", content="/build/\n")
    write(source, "deep/.gitignore", content="*.log\n")
    write(source, "build/x", "deep/build/x", "deep/a.log", "a.log")
    assert packed(source) == [".gitignore", "a.log", "deep/.gitignore", "deep/build/x"]


def test_a_parents_gitignore_counts_only_inside_a_work_tree(source, git):
    write(source.parent, ".gitignore", content="source/*.csv\n")
    write(source, "a.csv")
    assert packed(source) == ["a.csv"]
    git(source.parent, "init", "-q")
    write(source, "train.py")
    assert packed(source) == ["train.py"]


def test_a_linked_work_tree_uses_the_exclude_file_of_its_repository(tmp_path, git):
    main = tmp_path / "main"
    main.mkdir()
    git(main, "init", "-q")
    write(main, "train.py")
    git(main, "add", ".")
    git(main, "commit", "-qm", "first")
    git(main, "worktree", "add", "-q", str(tmp_path / "linked"))
    (main / ".git" / "info" / "exclude").write_text("*.csv\n")
    write(tmp_path / "linked", "a.csv")
    assert packed(tmp_path / "linked") == ["train.py"]


def test_the_persons_own_ignore_file_is_the_one_that_git_names(source, git, tmp_path):
    git(source, "init", "-q")
    write(source, "a.csv", "a.bin")
    write(tmp_path, "person/.config/git/ignore", content="*.csv\n")
    assert packed(source) == ["a.bin"]
    write(tmp_path, "person/mine", content="*.bin\n")
    git(source, "config", "--global", "core.excludesFile", "~/mine")
    assert packed(source) == ["a.csv"]


def test_git_is_asked_for_it_once(source, git, monkeypatch):
    git(source, "init", "-q")
    monkeypatch.setattr("turnout.snapshots.rules.RACY_SECONDS", -3600.0)
    first = Rules(os.fsencode(source))
    monkeypatch.setenv("PATH", "/nowhere")
    assert Rules(os.fsencode(source), None, first.signature).same_as(first.signature)
    git_config = source / ".git" / "config"
    git_config.write_text(git_config.read_text() + "[core]\n\texcludesFile = /elsewhere\n")
    monkeypatch.undo()
    assert not Rules(os.fsencode(source), None, first.signature).same_as(first.signature)


def test_git_is_asked_each_time_if_its_configuration_includes_other_files(source, git, tmp_path, monkeypatch):
    git(source, "init", "-q")
    git(source, "config", "include.path", str(tmp_path / "included"))
    monkeypatch.setattr("turnout.snapshots.rules.RACY_SECONDS", -3600.0)
    first = Rules(os.fsencode(source))
    write(tmp_path, "included", content="[core]\n\texcludesFile = /elsewhere\n")
    assert Rules(os.fsencode(source), None, first.signature).signature["excludes"] == "/elsewhere"


@pytest.mark.parametrize("marker", ["pyvenv.cfg", "conda-meta/history"])
def test_an_environment_stays_out_wherever_it_is(source, marker):
    write(source, "train.py", f"deep/env/{marker}", "deep/env/lib/x.py")
    assert packed(source) == ["train.py"]
    assert reasons(source)["deep/env/"].startswith("default: a ")


def test_a_negation_that_names_it_lets_a_default_in(source):
    write(source, ".gitignore", content="!/outputs/\n!env/\n!__pycache__/\n!.git/\n")
    write(source, "outputs/model", "logs/x", "env/pyvenv.cfg", "deep/__pycache__/x.pyc", ".git/HEAD")
    assert packed(source) == [".gitignore", "deep/__pycache__/x.pyc", "env/pyvenv.cfg", "outputs/model"]


def test_a_negation_of_everything_lets_no_default_in(source):
    write(source, ".gitignore", content="*\n!*/\n!*.py\n")
    write(source, "train.py", "deep/model.py", "deep/data.csv", "outputs/old.py", "env/pyvenv.cfg", "env/lib.py")
    assert packed(source) == ["deep/model.py", "train.py"]


def test_the_home_stays_out_even_if_a_rule_names_it(source):
    write(source, ".gitignore", content="!.turnout/\n!home/\n")
    write(source, "train.py", "home/objects/ab/cd", "deep/home/kept")
    home = os.fsencode(source / "home")
    assert packed(source, home) == [".gitignore", "deep/home/kept", "train.py"]


def test_a_nested_repository_goes_in_without_its_git_directory(source):
    write(source, "library/.git/HEAD", "library/code.py", "submodule/code.py", "submodule/.git")
    assert packed(source) == ["library/code.py", "submodule/code.py"]


def test_a_linked_gitignore_is_not_read_as_in_git_but_a_linked_turnoutignore_is(source, tmp_path):
    write(tmp_path, "shared", content="*.csv\n")
    write(source, "a.csv")
    (source / ".gitignore").symlink_to(tmp_path / "shared")
    assert packed(source) == ["a.csv"]
    (source / ".turnoutignore").symlink_to(tmp_path / "shared")
    assert packed(source) == []


def test_each_reason_names_file_line_and_pattern(source):
    write(source, ".gitignore", content="# data\n\n*.csv\n!b.csv\n")
    write(source, "deep/.gitignore", content="cache/\n")
    write(source, "a.csv", "b.csv", "deep/cache/x", "outputs/x")
    assert reasons(source) == {
        "a.csv": ".gitignore:3: *.csv",
        "deep/cache/": "deep/.gitignore:1: cache/",
        "outputs/": "default: outputs",
    }


def test_an_ignore_file_that_cannot_be_read_is_named(source, monkeypatch):
    write(source, "deep/.gitignore")

    def refused(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refused)
    with pytest.raises(SnapshotException, match=r"deep/\.gitignore can't be read: permission denied"):
        packed(source)


def test_a_rule_file_of_any_bytes_is_read():
    rules = RuleFile("x", bytes(range(256)) * 3)
    assert rules.last_match(b"nothing", b"nothing") is None
