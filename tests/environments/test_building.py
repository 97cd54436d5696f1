"""Environments built from Python, private wheels, and the packages of the active interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from turnout.environments import current, locking, resolution
from turnout.environments.conda_dependencies import CondaDependencies
from turnout.environments.environment import Environment
from turnout.exceptions import EnvironmentException
from turnout.runtime import builders


class Workspace:
    def __init__(self, layout) -> None:
        self.layout = layout


@pytest.fixture
def workspace(submitter) -> Workspace:
    return Workspace(submitter.workspace)


@pytest.fixture
def made(wheel) -> Environment:
    """An environment with one package, `one` 1.0."""
    environment = Environment("mine")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=[str(wheel("one"))])
    return environment


def packages(environment: Environment, workspace: Workspace) -> list[tuple[str, str]]:
    question = resolution.ask(environment.serialize(), workspace.layout.home, lambda line: None)
    locked = locking.kept(question, workspace.layout)
    assert locked is not None
    built = builders.find(locked.environment, workspace.layout.home)
    assert built is not None
    assert built.facts is not None
    return [(each["name"], each["version"]) for each in built.facts["packages"]]


def test_a_build_goes_on_by_itself_and_shows_its_log(made, workspace, capsys):
    build = made.build(workspace)
    assert build.wait_for_completion(show_output=True) is build
    assert build.status == "Succeeded"
    shown = capsys.readouterr().out
    assert shown == build.get_log()
    assert "turnout: building environment uv-" in shown
    assert " + one==1.0" in shown
    assert packages(made, workspace) == [("one", "1.0")]
    again = made.build(workspace).wait_for_completion(show_output=False)
    assert "there already" in again.get_log()
    assert capsys.readouterr().out == ""


def test_a_build_that_fails_says_so_to_who_waits(workspace, caplog):
    environment = Environment("mine")
    environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["--no-index", "nothing"])
    build = environment.build(workspace, image_build_compute="cluster")
    with pytest.raises(EnvironmentException, match="environment 'mine' can't be resolved"):
        build.wait_for_completion(show_output=False)
    assert build.status == "Failed"
    assert "no use for image_build_compute" in caplog.text


def test_a_local_build_prints_its_log_and_returns_the_interpreter(made, workspace, capsys, caplog):
    path = made.build_local(workspace, useDocker=True, pushImageToWorkspaceAcr=False)
    assert os.access(path, os.X_OK)
    assert " + one==1.0" in capsys.readouterr().out
    assert "no use for pushImageToWorkspaceAcr, useDocker" in caplog.text


def test_image_details_tell_what_is_built_here_and_claim_no_image(made, workspace):
    before = made.get_image_details(workspace)
    assert (before.image_exist, before.image, before.registry, before.repository) == (False, None, None, None)
    assert (before.interpreter_path, before.environment_path) == (None, None)
    path = made.build_local(workspace)
    after = made.get_image_details(workspace)
    assert after.interpreter_path == path
    assert after.environment_path == os.path.dirname(os.path.dirname(path))
    assert after["pythonEnvironment"]["interpreterPath"] == path
    made.docker.base_dockerfile = None
    assert after.dockerfile is None


# Private wheels


def test_a_private_wheel_is_kept_and_installed_by_its_content(wheel, workspace):
    path = wheel("own", "1.0")
    url = Environment.add_private_pip_wheel(workspace, path)
    assert url.startswith("file://")
    kept = Path(url.removeprefix("file://"))
    assert kept.read_bytes() == path.read_bytes()
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    path.unlink()  # the workspace's own is used
    environment = Environment("mine")
    environment.python.conda_dependencies.add_pip_package(url)
    environment.build_local(workspace)
    assert packages(environment, workspace) == [("own", "1.0")]
    question = resolution.ask(environment.serialize(), workspace.layout.home, lambda line: None)
    assert list(question.request["local"]) == [str(kept)]


def test_a_wheel_of_the_same_name_needs_a_word_and_never_changes_the_first(wheel, workspace):
    path = wheel("own", "1.0")
    first = Environment.add_private_pip_wheel(workspace, path)
    with pytest.raises(EnvironmentException, match=r"has a wheel own-1\.0-py3-none-any\.whl already"):
        Environment.add_private_pip_wheel(workspace, path)
    assert Environment.add_private_pip_wheel(workspace, path, exist_ok=True) == first
    before = Path(first.removeprefix("file://")).read_bytes()
    wheel("own", "1.0", ("six",))
    second = Environment.add_private_pip_wheel(workspace, path, exist_ok=True)
    assert second != first
    assert Path(first.removeprefix("file://")).read_bytes() == before


def test_what_is_no_wheel_is_refused(workspace, tmp_path):
    with pytest.raises(EnvironmentException, match="is not named like a wheel"):
        Environment.add_private_pip_wheel(workspace, tmp_path / "own.tar.gz")
    with pytest.raises(EnvironmentException, match="can't be read"):
        Environment.add_private_pip_wheel(workspace, tmp_path / "own-1.0-py3-none-any.whl")


# The active interpreter


def test_the_active_interpreters_packages_are_pinned(wheel, workspace, tmp_path, monkeypatch):
    uv = resolution.installed_uv()
    active = tmp_path / "active"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(active)], check=True)
    links = ["--no-index", "--find-links", str(wheel("one").parent)]
    local, _ = wheel("two"), wheel("pip", "99.0")
    install = [uv, "pip", "install", "--quiet", "--python", f"{active}/bin/python"]
    subprocess.run([*install, *links, "pip", "one", f"two @ file://{local}"], check=True)
    monkeypatch.setenv("VIRTUAL_ENV", str(active))
    environment = Environment.from_current("mine")
    assert environment.python.python_version == f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert environment.python.conda_dependencies.pip_requirements == ["one==1.0", f"two @ file://{local}"]
    for option in ("--no-index", f"--find-links {local.parent}"):
        environment.python.conda_dependencies.set_pip_option(option)
    environment.build_local(workspace)
    assert packages(environment, workspace) == [("one", "1.0"), ("two", "1.0")]


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ({"name": "a", "version": "1", "url": "https://h/a.git@" + "0" * 40}, "a @ git+https://h/a.git@" + "0" * 40),
        ({"name": "a", "version": "1", "url": "https://h/a-1.whl"}, "a @ https://h/a-1.whl"),
        ({"name": "a", "version": "1", "url": "file:///nowhere/croot/a"}, "a==1"),
    ],
)
def test_where_a_package_came_from_is_kept_if_it_is_still_there(package, line):
    assert list(current._lines([package])) == [line]
