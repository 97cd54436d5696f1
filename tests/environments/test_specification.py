"""The command line's `--environment SPEC`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from turnout.environments import specification
from turnout.environments.environment import Environment
from turnout.environments.specification import current_interpreter, from_spec
from turnout.exceptions import EnvironmentException
from turnout.runtime.layout import WorkspaceLayout


class Workspace:
    def __init__(self, root: Path) -> None:
        self.layout = WorkspaceLayout(str(root))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.chdir(tmp_path)
    return Workspace(tmp_path / "ws")


def _interpreter(directory: Path, name: str = "python3") -> str:
    """Put something into a directory that is an interpreter by name and form: a link to this one."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).symlink_to(Path(sys.executable).resolve())
    return str(directory / name)


def _script(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


def test_a_name_is_a_registered_or_curated_environment(workspace: Workspace) -> None:
    Environment("mine").register(workspace)
    assert from_spec("mine", workspace).version == "1"
    assert from_spec("Turnout-Minimal", workspace).name == "Turnout-Minimal"
    with pytest.raises(EnvironmentException, match="there is no environment 'yours'"):
        from_spec("yours", workspace)


def test_a_registered_name_wins_over_a_file_of_that_name(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "env.txt").write_text("numpy\n")
    Environment("env.txt").register(workspace)
    assert from_spec("env.txt", workspace).version == "1"
    assert from_spec("./env.txt", workspace).python.conda_dependencies.pip_packages == ["numpy"]


def test_files_are_read_by_their_kind(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "requirements-dev.txt").write_text("numpy\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "p"\ndependencies = ["scipy"]\n')
    (tmp_path / "env.yml").write_text("dependencies:\n- pip:\n  - pandas\n")
    for name, package in (("requirements-dev.txt", "numpy"), ("pyproject.toml", "scipy"), ("env.yml", "pandas")):
        for given in (name, str(tmp_path / name)):
            made = from_spec(given, workspace)
            assert (made.name, made.python.conda_dependencies.pip_packages) == (name, [package])


def test_a_path_to_an_interpreter_is_the_persons_own(workspace: Workspace, tmp_path: Path) -> None:
    path = _interpreter(tmp_path / "venv" / "bin", "python3.11")
    made = from_spec("venv/bin/python3.11", workspace)
    assert made.python.user_managed_dependencies
    assert made.python.interpreter_path == path  # the link itself: that is how a virtual environment is known


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("no/such/python", "there is no Python interpreter at no/such/python"),
        ("requirements.txt", "there is no file at requirements.txt"),
        ("./env.yml", "there is no file at ./env.yml"),
        ("folder", "folder is a directory; name its interpreter"),
        ("notes.md", "notes.md is neither an executable Python interpreter nor"),
    ],
)
def test_what_is_not_there_or_no_environment_is_named(
    workspace: Workspace, tmp_path: Path, given: str, reason: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "notes.md").write_text("x")
    with pytest.raises(EnvironmentException) as refused:
        from_spec(given, workspace)
    assert reason in str(refused.value)


def test_a_program_that_is_no_interpreter_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    _script(tmp_path / "train.sh", "#!/bin/sh\necho trained\n")
    _script(tmp_path / "broken", "#!/bin/sh\necho 'no such version' >&2; exit 127\n")
    with pytest.raises(EnvironmentException, match=r"train\.sh does not answer as a Python interpreter"):
        from_spec("./train.sh", workspace)
    with pytest.raises(EnvironmentException, match="does not answer as a Python interpreter: no such version"):
        from_spec("./broken", workspace)


def test_a_shim_is_followed_to_the_interpreter_behind_it(workspace: Workspace, tmp_path: Path) -> None:
    real = _interpreter(tmp_path / "versions" / "bin", "python3")
    shim = _script(tmp_path / "shims" / "python3", f'#!/bin/sh\nexec {real} "$@"\n')
    assert from_spec(shim, workspace).python.interpreter_path == real


def test_current_is_the_active_virtual_environment_first(workspace: Workspace, tmp_path: Path) -> None:
    active = _interpreter(tmp_path / "venv" / "bin", "python")
    conda = _interpreter(tmp_path / "conda" / "bin", "python")
    first = _interpreter(tmp_path / "first")
    environ = {
        "VIRTUAL_ENV": str(tmp_path / "venv"),
        "CONDA_PREFIX": str(tmp_path / "conda"),
        "PATH": str(tmp_path / "first"),
    }
    made = from_spec("current", workspace, environ)
    assert made.python.user_managed_dependencies
    assert made.python.interpreter_path == active
    del environ["VIRTUAL_ENV"]
    assert current_interpreter(environ) == conda
    del environ["CONDA_PREFIX"]
    assert current_interpreter(environ) == first


def test_on_the_path_any_python3_comes_before_any_python(tmp_path: Path) -> None:
    python = _interpreter(tmp_path / "a", "python")
    python3 = _interpreter(tmp_path / "b", "python3")
    assert current_interpreter({"PATH": f"{tmp_path / 'a'}:{tmp_path / 'b'}"}) == python3
    assert current_interpreter({"PATH": str(tmp_path / "a")}) == python


def test_an_active_environment_without_an_interpreter_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentException, match=r"VIRTUAL_ENV names .*gone, which has no bin/python"):
        current_interpreter({"VIRTUAL_ENV": str(tmp_path / "gone")})


def test_no_interpreter_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentException, match="no python3 or python on the path"):
        current_interpreter({"PATH": str(tmp_path)})


def test_turnouts_own_installation_counts_only_without_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = _interpreter(tmp_path / "turnout" / "bin")
    other = _interpreter(tmp_path / "usr" / "bin")
    monkeypatch.setattr(specification.sys, "prefix", str(tmp_path / "turnout"))
    path = f"{tmp_path / 'turnout' / 'bin'}:{tmp_path / 'usr' / 'bin'}"
    assert current_interpreter({"PATH": path}) == other
    assert current_interpreter({"PATH": str(tmp_path / "turnout" / "bin")}) == own
    active = _interpreter(tmp_path / "turnout" / "bin", "python")
    assert current_interpreter({"PATH": path, "VIRTUAL_ENV": str(tmp_path / "turnout")}) == active


def test_current_here_is_an_interpreter_that_runs(workspace: Workspace) -> None:
    made = from_spec("current", workspace)
    assert Path(made.python.interpreter_path).is_absolute()
    assert Path(made.python.interpreter_path).exists()


def test_another_python_can_be_given(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "env.yml").write_text("dependencies:\n- python=3.6.2\n- pip:\n  - six\n")
    made = from_spec("env.yml", workspace, python="3.11")
    assert made.python.python_version == "3.11"
    assert made.python.conda_dependencies.get_python_version() == "3.6.2"
    with pytest.raises(EnvironmentException, match="interpreter of your own"):
        from_spec("current", workspace, python="3.11")
