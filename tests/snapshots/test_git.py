"""Git's facts under v1's names, the patch, and every odd repository."""

import os
import subprocess
import time

import pytest

from turnout.snapshots import gitprocess
from turnout.snapshots.git import GitFacts, without_credentials


def facts(directory):
    return GitFacts.begin(str(directory)).finish()


@pytest.fixture
def repository(source, git):
    """A repository with one commit, a remote and a sub-directory."""
    git(source, "init", "-q", "-b", "main")
    (source / "train.py").write_text("one\n")
    (source / "deep").mkdir()
    (source / "deep" / "model.py").write_text("one\n")
    (source / ".gitignore").write_text("*.log\n")
    git(source, "add", ".")
    git(source, "commit", "-qm", "first")
    git(source, "remote", "add", "origin", "https://user:t0ken@example.org/team/project.git")
    return source


def test_the_seven_names_of_v1(repository, git):
    properties, patch = facts(repository)
    commit = git(repository, "rev-parse", "HEAD")
    assert properties == {
        "azureml.git.repository_uri": "https://example.org/team/project.git",
        "mlflow.source.git.repoURL": "https://example.org/team/project.git",
        "azureml.git.branch": "main",
        "mlflow.source.git.branch": "main",
        "azureml.git.commit": commit,
        "mlflow.source.git.commit": commit,
        "azureml.git.dirty": "False",
    }
    assert patch == b""


def test_the_patch_restores_the_uncommitted_changes(repository, git, tmp_path):
    (repository / "train.py").write_text("two\n")
    (repository / "deep" / "model.py").rename(repository / "deep" / "renamed ä.py")
    (repository / "binary").write_bytes(bytes(range(256)))
    git(repository, "add", ".")
    (repository / "binary").write_bytes(bytes(range(255, -1, -1)))
    (repository / "train.py").chmod(0o755)
    properties, patch = facts(repository)
    assert properties["azureml.git.dirty"] == "True"

    git(tmp_path, "clone", "-q", str(repository), str(tmp_path / "clone"))
    subprocess.run(["git", "apply", "-"], cwd=tmp_path / "clone", input=patch, check=True)
    for path in ("train.py", "binary", "deep/renamed ä.py"):
        assert (tmp_path / "clone" / path).read_bytes() == (repository / path).read_bytes()
    assert os.access(tmp_path / "clone" / "train.py", os.X_OK)
    assert not (tmp_path / "clone" / "deep" / "model.py").exists()


def test_dirty_and_patch_concern_the_source_directory_only(repository):
    (repository / "train.py").write_text("two\n")
    properties, patch = facts(repository / "deep")
    assert (properties["azureml.git.dirty"], patch) == ("False", b"")
    (repository / "deep" / "model.py").write_text("two\n")
    properties, patch = facts(repository / "deep")
    assert properties["azureml.git.dirty"] == "True"
    assert b"a/deep/model.py" in patch
    assert b"train.py" not in patch


def test_an_untracked_file_is_dirty_and_an_ignored_one_is_not(repository):
    (repository / "x.log").write_text("x")
    assert facts(repository)[0]["azureml.git.dirty"] == "False"
    (repository / "new.py").write_text("x")
    assert facts(repository) == ({**facts(repository)[0], "azureml.git.dirty": "True"}, b"")


def test_the_patch_does_not_depend_on_the_persons_settings(repository, git, monkeypatch):
    (repository / "deep" / "model.py").write_text("two\n")
    plain = facts(repository / "deep")[1]
    settings = {
        "diff.noprefix": "true", "diff.mnemonicPrefix": "true", "diff.relative": "true", "color.ui": "always",
        "diff.external": "false", "diff.renames": "copies", "diff.context": "0", "status.relativePaths": "true",
        "status.showUntrackedFiles": "no", "core.fsmonitor": "false", "core.pager": "false",
    }  # fmt: skip
    for name, value in settings.items():
        git(repository, "config", name, value)
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    assert facts(repository / "deep")[1] == plain


def test_many_changes_make_one_patch_too(repository, git, monkeypatch):
    (repository / "train.py").write_text("two\n")
    (repository / "deep" / "model.py").write_text("two\n")
    few = facts(repository)[1]
    monkeypatch.setattr("turnout.snapshots.git.NAMED_PATHS", 1)
    assert facts(repository)[1] == few


def test_a_patch_that_is_too_large_is_replaced_by_a_line(repository, monkeypatch):
    (repository / "train.py").write_text("two\n")
    monkeypatch.setattr("turnout.snapshots.git.PATCH_LIMIT", 10)
    assert facts(repository)[1].startswith(b"# git made no patch")


def test_git_changes_nothing_in_the_repository(repository):
    os.utime(repository / "train.py", (1, 1))  # an ordinary `git status` would write the index anew
    before = os.stat(repository / ".git" / "index").st_mtime_ns
    facts(repository)
    assert os.stat(repository / ".git" / "index").st_mtime_ns == before


def test_a_detached_head_has_no_branch(repository, git):
    git(repository, "checkout", "-q", "--detach")
    properties, _ = facts(repository)
    assert "azureml.git.branch" not in properties
    assert properties["azureml.git.commit"] == git(repository, "rev-parse", "HEAD")


def test_without_commits_there_is_no_commit_and_no_patch(source, git):
    git(source, "init", "-q", "-b", "main")
    (source / "train.py").write_text("x")
    git(source, "add", ".")
    assert facts(source) == (
        {"azureml.git.branch": "main", "mlflow.source.git.branch": "main", "azureml.git.dirty": "True"},
        b"",
    )


def test_without_a_remote_there_is_no_address(repository, git):
    git(repository, "remote", "remove", "origin")
    assert "azureml.git.repository_uri" not in facts(repository)[0]


def test_the_address_is_that_of_the_branchs_remote_and_expanded(repository, git):
    git(repository, "remote", "add", "mine", "short:project")
    git(repository, "config", "branch.main.remote", "mine")
    git(repository, "config", "url.https://a:b@example.org/.insteadOf", "short:")
    assert facts(repository)[0]["azureml.git.repository_uri"] == "https://example.org/project"


def test_a_submodule_and_a_linked_work_tree_have_facts_of_their_own(repository, git, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "-q", "-b", "lib")
    (library / "code.py").write_text("x")
    git(library, "add", ".")
    git(library, "commit", "-qm", "library")
    git(repository, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
    git(repository, "commit", "-qm", "second")
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"))
    assert facts(repository / "library")[0]["azureml.git.commit"] == git(library, "rev-parse", "HEAD")
    assert facts(tmp_path / "linked")[0]["azureml.git.branch"] == "linked"
    (repository / "library" / "code.py").write_text("y")
    assert facts(repository)[0]["azureml.git.dirty"] == "True"


@pytest.mark.parametrize("kind", ["none", "bare", "broken", "empty"])
def test_what_is_no_work_tree_has_no_facts(source, git, kind):
    if kind == "bare":
        git(source, "init", "-q", "--bare")
    elif kind == "broken":
        (source / ".git").mkdir()
        (source / ".git" / "HEAD").write_text("nonsense")
    elif kind == "empty":
        (source / ".git").mkdir()
    assert facts(source) == ({}, b"")


def test_without_a_repository_git_is_not_started(source, monkeypatch):
    monkeypatch.delenv("GIT_DIR", raising=False)
    monkeypatch.setattr(os, "posix_spawnp", None)
    assert facts(source) == ({}, b"")


def test_git_dir_is_honoured(repository, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("GIT_DIR", str(repository / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "elsewhere"))
    assert facts(tmp_path / "elsewhere")[0]["azureml.git.branch"] == "main"


def test_a_repository_that_git_refuses_has_no_facts(repository, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for "dubious ownership"
    assert facts(repository) == ({}, b"")


def test_without_git_there_are_no_facts(repository, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert facts(repository) == ({}, b"")


def test_a_git_that_hangs_is_ended_with_its_children(repository, tmp_path, monkeypatch):
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nsleep 60 &\nwait\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(gitprocess, "TIMEOUT", 0.2)
    begun = time.monotonic()
    assert facts(repository) == ({}, b"")
    assert time.monotonic() - begun < 5


def test_facts_that_nobody_asks_for_leave_no_process(repository):
    pending = GitFacts.begin(str(repository))
    process = pending._status
    pending.abandon()
    with pytest.raises(ChildProcessError):
        os.waitpid(process._pid, 0)
    pending.abandon()


def test_the_variables_of_v1_override_and_work_without_a_repository(source, repository, monkeypatch):
    monkeypatch.setenv("AZUREML_GIT_REPOSITORY_URI", "https://t0ken@example.org/other.git")
    monkeypatch.setenv("AZUREML_GIT_BRANCH", "release")
    monkeypatch.setenv("AZUREML_GIT_COMMIT", "abc")
    monkeypatch.setenv("AZUREML_GIT_DIRTY", "true")
    monkeypatch.setenv("AZUREML_GIT_BUILD_ID", "17")
    monkeypatch.setenv("AZUREML_GIT_BUILD_URI", "https://ci.example.org/17")
    expected = {
        "azureml.git.repository_uri": "https://example.org/other.git",
        "mlflow.source.git.repoURL": "https://example.org/other.git",
        "azureml.git.branch": "release",
        "mlflow.source.git.branch": "release",
        "azureml.git.commit": "abc",
        "mlflow.source.git.commit": "abc",
        "azureml.git.dirty": "True",
        "azureml.git.build_id": "17",
        "azureml.git.build_uri": "https://ci.example.org/17",
    }
    assert facts(repository)[0] == expected
    assert facts(repository.parent)[0] == expected


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://user:t0ken@example.org/a.git", "https://example.org/a.git"),
        ("https://t0ken@example.org:8443/a.git", "https://example.org:8443/a.git"),
        ("https://user:p@ss@example.org/a.git", "https://example.org/a.git"),
        ("HTTP://u:p@example.org/a", "HTTP://example.org/a"),
        ("codecommit::https://u:p@example.org/a", "codecommit::https://example.org/a"),
        ("https://example.org/a@b/c", "https://example.org/a@b/c"),
        ("ssh://git@example.org/a.git", "ssh://git@example.org/a.git"),
        ("ssh://git:pass@example.org/a.git", "ssh://git@example.org/a.git"),
        ("git+ssh://git:pass@example.org/a.git", "git+ssh://git@example.org/a.git"),
        ("git@example.org:team/a.git", "git@example.org:team/a.git"),
        ("/srv/git/a.git", "/srv/git/a.git"),
        ("", ""),
    ],
)
def test_credentials_are_stripped(given, kept):
    assert without_credentials(given) == kept
