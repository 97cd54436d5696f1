"""What the snapshot tests share: a home, a source directory, git that reads nobody's configuration."""

import os
import subprocess

import pytest

from turnout.runtime import layout, manifest
from turnout.snapshots import contents, files, rules, take, walk


@pytest.fixture
def store_home(tmp_path):
    """The layout of a fresh home beside the source directory."""
    (tmp_path / "home").mkdir()
    return layout.Home(str(tmp_path / "home"))


@pytest.fixture
def source(tmp_path):
    """An empty source directory."""
    directory = tmp_path / "source"
    directory.mkdir()
    return directory


@pytest.fixture
def pack(source, store_home):
    """Takes a snapshot of the source directory."""

    def take_it(directory=None):
        return take.take(str(directory or source), store_home, store_home.workspace("default"))

    return take_it


@pytest.fixture
def paths_of():
    """The paths that a snapshot holds, empty directories with a slash at the end."""

    def listed(snapshot):
        entries = manifest.parse(snapshot.manifest)
        return [entry.path + "/" * (entry.kind == manifest.DIRECTORY) for entry in entries]

    return listed


@pytest.fixture
def calm(monkeypatch):
    """Nothing counts as modified just now, as if more than two seconds had passed."""
    for module in (rules, files, take):
        monkeypatch.setattr(module, "RACY_SECONDS", -3600.0)


@pytest.fixture
def reads(monkeypatch):
    """The paths of the files that are read, as they are read."""
    seen = []
    original = contents.store

    def recorded(root, path, *others):
        seen.append(os.fsdecode(path))
        return original(root, path, *others)

    monkeypatch.setattr(contents, "store", recorded)
    return seen


@pytest.fixture
def listings(monkeypatch):
    """The paths of the directories that are listed, as they are listed."""
    seen = []
    original = walk.Walk._sort_out

    def recorded(self, tree, path, *others):
        seen.append(os.fsdecode(path))
        return original(self, tree, path, *others)

    monkeypatch.setattr(walk.Walk, "_sort_out", recorded)
    return seen


@pytest.fixture
def git(tmp_path, monkeypatch):
    """Runs git, with nobody's configuration, in a directory; returns what it prints."""
    (tmp_path / "person").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [
        name for name in os.environ if name.startswith(("XDG_CONFIG", "GIT_DIR", "AZUREML_GIT", "GIT_AUTHOR"))
    ]:
        monkeypatch.delenv(name)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "A Person")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "person@example.org")

    def run(directory, *arguments):
        done = subprocess.run(["git", "-C", str(directory), *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    return run
