"""The registry of environments: versions, labels, curated ones, and several processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from turnout.environments import curated
from turnout.environments.conda_dependencies import CondaDependencies
from turnout.environments.environment import Environment, EnvironmentReference
from turnout.exceptions import EnvironmentException, RecordException, UserErrorException
from turnout.runtime.layout import WorkspaceLayout


class Workspace:
    def __init__(self, root: Path) -> None:
        self.layout = WorkspaceLayout(str(root))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "ws")


def _made(name: str, *packages: str) -> Environment:
    made = Environment(name)
    made.python.conda_dependencies = CondaDependencies.create(pip_packages=packages)
    return made


def test_versions_are_numbers_and_the_latest_is_given(workspace: Workspace) -> None:
    assert _made("mine", "a").register(workspace).version == "1"
    assert _made("mine", "b").register(workspace).version == "2"
    got = Environment.get(workspace, "mine")
    assert (got.version, got.python.conda_dependencies.pip_packages) == ("2", ["b"])
    assert Environment.get(workspace, "mine", version="1").python.conda_dependencies.pip_packages == ["a"]


def test_the_tenth_version_is_later_than_the_ninth(workspace: Workspace) -> None:
    for number in range(1, 12):
        assert _made("mine", f"p{number}").register(workspace).version == str(number)
    assert Environment.get(workspace, "mine").version == "11"


def test_registering_the_same_again_gives_the_same_version(workspace: Workspace) -> None:
    first = _made("mine", "a").register(workspace)
    assert _made("mine", "a").register(workspace).version == "1"
    first.version = None
    assert first.register(workspace).version == "1"


def test_an_earlier_definition_registered_again_becomes_the_latest(workspace: Workspace) -> None:
    for packages, version in (("a", "1"), ("b", "2"), ("a", "3")):
        assert _made("mine", packages).register(workspace).version == version
    assert Environment.get(workspace, "mine").python.conda_dependencies.pip_packages == ["a"]


def test_registering_does_not_change_what_is_registered(workspace: Workspace) -> None:
    made = _made("mine", "a")
    registered = made.register(workspace)
    assert made.version is None
    assert registered == Environment.get(workspace, "mine")


def test_a_version_that_the_person_chose_is_kept_once(workspace: Workspace) -> None:
    made = _made("mine", "a")
    made.version = "2024-05"
    assert made.register(workspace).version == "2024-05"
    assert made.register(workspace).version == "2024-05"
    other = _made("mine", "b")
    other.version = "2024-05"
    with pytest.raises(EnvironmentException, match="has a version 2024-05 that differs"):
        other.register(workspace)
    assert _made("mine", "c").register(workspace).version == "1"
    assert Environment.get(workspace, "mine").version == "1"
    assert Environment.get(workspace, "mine", "2024-05").python.conda_dependencies.pip_packages == ["a"]


def test_labels_find_versions_and_move(workspace: Workspace) -> None:
    _made("mine", "a").register(workspace)
    _made("mine", "b").register(workspace)
    Environment.label(workspace, "mine", "1", ["good", "old"])
    Environment.label(workspace, "mine", "2", ["good"])
    assert Environment.get(workspace, "mine", label="good").version == "2"
    assert Environment.get(workspace, "mine", label="old").version == "1"
    with pytest.raises(EnvironmentException, match="no label 'best'; its labels: good, old"):
        Environment.get(workspace, "mine", label="best")
    with pytest.raises(EnvironmentException, match="no version '9'"):
        Environment.label(workspace, "mine", "9", ["good"])
    with pytest.raises(UserErrorException, match="not both"):
        Environment.get(workspace, "mine", version="1", label="good")


def test_an_unknown_name_lists_what_there_is_and_the_nearest(workspace: Workspace) -> None:
    _made("training", "a").register(workspace)
    with pytest.raises(EnvironmentException) as refused:
        Environment.get(workspace, "trainning")
    assert str(refused.value) == (
        "there is no environment 'trainning' (did you mean 'training'?); there is: training, "
        + ", ".join(curated.ENVIRONMENTS)
    )
    with pytest.raises(EnvironmentException, match="did you mean 'Turnout-Minimal'"):
        Environment.get(workspace, "Turnout-Minimum")
    with pytest.raises(EnvironmentException, match="no version '7'; its versions: 1"):
        Environment.get(workspace, "training", "7")


@pytest.mark.parametrize("name", ["../mine", "a/b", "", ".hidden", "-x", "a\nb", "x" * 300])
def test_a_name_that_is_no_file_name_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(EnvironmentException, match="can't be registered as"):
        _made(name).register(workspace)
    with pytest.raises(EnvironmentException, match="there is no environment"):
        Environment.get(workspace, name)
    assert not os.path.exists(workspace.layout.environments)


def test_a_version_that_is_no_file_name_is_refused(workspace: Workspace) -> None:
    made = _made("mine")
    made.version = "../1"
    with pytest.raises(EnvironmentException, match="version can't be"):
        made.register(workspace)


@pytest.mark.parametrize("name", ["Turnout-Minimal", "turnout-mine", "default-environment", "AzureML-x", "Microsoft-x"])
def test_reserved_names_are_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(EnvironmentException, match="reserved"):
        _made(name).register(workspace)


def test_the_curated_environments_are_there_without_a_workspaces_help(workspace: Workspace) -> None:
    for name, (description, requirements) in curated.ENVIRONMENTS.items():
        assert description
        got = Environment.get(workspace, name)
        assert (got.name, got.version) == (name, "1")
        assert got.python.conda_dependencies.pip_requirements == list(requirements)
        assert got.python.python_version is None
        assert Environment.get(workspace, name, version="1") == got
    with pytest.raises(EnvironmentException, match="in version 1 only"):
        Environment.get(workspace, "Turnout-Minimal", version="2")
    with pytest.raises(EnvironmentException, match="can't be labelled"):
        Environment.label(workspace, "Turnout-Minimal", "1", ["x"])


@pytest.mark.parametrize(
    ("v1", "ours"),
    [
        ("AzureML-Minimal", "Turnout-Minimal"),
        ("AzureML-Tutorial", "Turnout-Sklearn"),
        ("AzureML-Scikit-learn-0.20.3", "Turnout-Sklearn"),
        ("AzureML-sklearn-0.24-ubuntu18.04-py37-cpu", "Turnout-Sklearn"),
        ("azureml-sklearn-1.0-ubuntu20.04-py38-cpu", "Turnout-Sklearn"),
        ("AzureML-PyTorch-1.6-GPU", "Turnout-PyTorch-CUDA"),
        ("AzureML-PyTorch-1.0-CPU", "Turnout-PyTorch"),
        ("AzureML-pytorch-1.10-ubuntu18.04-py38-cuda11-gpu", "Turnout-PyTorch-CUDA"),
        ("AzureML-ACPT-pytorch-1.13-py38-cuda11.7-gpu", "Turnout-PyTorch-CUDA"),
        ("AzureML-TensorFlow-2.2-CPU", "Turnout-TensorFlow"),
        ("AzureML-tensorflow-2.4-ubuntu18.04-py37-cuda11-gpu", "Turnout-TensorFlow-CUDA"),
        ("AzureML-XGBoost-1.0", "Turnout-XGBoost"),
        ("AzureML-PySpark-MmlSpark-0.15", "Turnout-PySpark"),
    ],
)
def test_one_of_v1s_curated_environments_gives_the_nearest_of_ours_and_says_so(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, v1: str, ours: str
) -> None:
    assert Environment.get(workspace, v1, version="12") == Environment.get(workspace, ours)
    assert Environment.get(workspace, v1, label="Latest").name == ours
    assert EnvironmentReference(v1).get_environment(workspace).name == ours
    (said,) = {record.getMessage() for record in caplog.records}
    assert said == f"the environment {v1!r} was Azure ML's; the nearest one of Turnout's takes its place: {ours}"


@pytest.mark.parametrize(
    "v1",
    [
        "AzureML-Dask-CPU",
        "AzureML-VowpalWabbit-8.8.0",
        "AzureML-Chainer-5.1.0-GPU",
        "AzureML-AutoML-DNN",
        "AzureML-minimalist",
    ],
)
def test_one_of_v1s_that_none_of_ours_is_near_to_is_refused(workspace: Workspace, v1: str) -> None:
    with pytest.raises(EnvironmentException, match=r"none like it: make one of your own.*Turnout-Sklearn"):
        Environment.get(workspace, v1)


def test_a_curated_environment_can_be_changed_without_changing_the_next_one(workspace: Workspace) -> None:
    Environment.get(workspace, "Turnout-Sklearn").python.conda_dependencies.add_pip_package("x")
    assert "x" not in Environment.get(workspace, "Turnout-Sklearn").python.conda_dependencies.pip_packages


def test_the_list_has_registered_and_curated_ones_in_their_latest_version(workspace: Workspace) -> None:
    _made("mine", "a").register(workspace)
    _made("mine", "b").register(workspace)
    listed = Environment.list(workspace)
    assert list(listed) == ["mine", *curated.ENVIRONMENTS]
    assert listed["mine"].version == "2"


def test_a_reference_finds_its_environment(workspace: Workspace) -> None:
    _made("mine", "a").register(workspace)
    assert EnvironmentReference("mine").get_environment(workspace).version == "1"


def test_the_files_are_the_accounts_own(workspace: Workspace) -> None:
    _made("mine").register(workspace)
    Environment.label(workspace, "mine", "1", ["x"])
    directory = Path(workspace.layout.environments) / "mine"
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    assert sorted(path.name for path in directory.iterdir()) == ["1.json", "labels.json", "labels.lock"]


def test_a_damaged_version_is_named(workspace: Workspace) -> None:
    _made("mine").register(workspace)
    (Path(workspace.layout.environments) / "mine" / "1.json").write_text("{")
    with pytest.raises(RecordException, match=r"mine/1\.json can't be read"):
        Environment.get(workspace, "mine")


_REGISTER = """
import sys
from turnout.environments.environment import Environment
from turnout.runtime.layout import WorkspaceLayout
class Workspace:
    layout = WorkspaceLayout(sys.argv[1])
sys.stdin.read()
for package in sys.argv[2:]:
    made = Environment("mine")
    made.python.conda_dependencies.add_pip_package(package)
    print(made.register(Workspace).version, package)
"""


def _at_once(root: str, lists: list[list[str]]) -> list[tuple[str, str]]:
    """Register from several processes, which all begin when their standard input ends."""
    command = [sys.executable, "-c", _REGISTER, root]
    processes = [
        subprocess.Popen([*command, *packages], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for packages in lists
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    given = []
    for process in processes:
        assert process.stdout is not None
        with process.stdout as stdout:
            given.extend(tuple(line.split()) for line in stdout)
        assert process.wait() == 0
    return given  # type: ignore[return-value]


def test_two_processes_never_get_one_number(workspace: Workspace) -> None:
    lists = [[f"p{process}-{number}" for number in range(12)] for process in range(3)]
    given = _at_once(workspace.layout.root, lists)
    assert sorted(int(version) for version, _ in given) == list(range(1, 37))
    for version, package in given:
        assert Environment.get(workspace, "mine", version).python.conda_dependencies.pip_packages == [package]


def test_processes_that_register_the_same_get_the_same_number(workspace: Workspace) -> None:
    assert {version for version, _ in _at_once(workspace.layout.root, [["same"]] * 3)} == {"1"}


def test_a_registered_environment_keeps_the_names_of_secrets_alone(workspace: Workspace) -> None:
    made = _made("mine", "a")
    made.secret_variables = {"TOKEN": "hunter2"}
    assert made.register(workspace).secret_variables == {"TOKEN": None}
    made.secret_variables = {"TOKEN": "another"}
    assert made.register(workspace).version == "1"
    made.secret_variables = {"TOKEN": "another", "KEY": None}
    assert made.register(workspace).version == "2"
    kept = [path.read_text() for path in Path(workspace.layout.root).rglob("*.json")]
    assert len(kept) == 2
    assert not [text for text in kept if "hunter2" in text or "another" in text]
