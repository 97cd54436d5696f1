"""Run configuration files: what is written, what is read, and what of a person's file stays."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnout.config.data import DataReferenceConfiguration
from turnout.config.run_configuration import RunConfiguration
from turnout.environments.conda_dependencies import CondaDependencies
from turnout.environments.environment import Environment, EnvironmentReference
from turnout.exceptions import RunConfigurationException, UserErrorException

WRITTEN = """\
# How we train.
script: train.py   # the only one
arguments: [--alpha, 0.4]
target: local
node_count: 1
colour: blue  # nothing that Turnout knows
history:
  outputCollection: true
environmentVariables:
  MY_Var: "yes"  # keep the quotes
"""


def _full() -> RunConfiguration:
    run = RunConfiguration("train.py", ["--alpha", 0.4, 3], framework="PySpark")
    run.target = "box"
    run.environment = Environment("mine")
    run.environment.python.conda_dependencies = CondaDependencies.create(pip_packages=["numpy"], python_version="3.11")
    run.environment_variables = {"Some_Name": "x", "OTHER": "1"}
    run.data_references = {"Ref": DataReferenceConfiguration("store")}
    run.max_run_duration_seconds = 60
    return run


def test_a_configuration_survives_the_way_to_a_file_and_back(tmp_path: Path) -> None:
    run = _full()
    run.save(tmp_path, "mine.runconfig")
    assert RunConfiguration.load(tmp_path, "mine") == run


def test_the_places_and_keys_are_v1s(tmp_path: Path) -> None:
    path = _full().save(tmp_path, "mine.runconfig")
    assert path == str(tmp_path / ".azureml" / "mine.runconfig")
    text = Path(path).read_text()
    assert "condaDependenciesFile: .azureml/conda_dependencies.yml" in text
    assert "condaDependencies:" not in text
    assert "communicator: None\n" in text
    assert "maxRunDurationSeconds: 60\n" in text
    assert [line.split(":")[0] for line in text.splitlines() if line[0] not in " -"] == list(
        RunConfiguration().serialize()
    )
    assert "- numpy" in (tmp_path / ".azureml" / "conda_dependencies.yml").read_text()


def test_an_older_directory_is_used_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "aml_config").mkdir()
    assert RunConfiguration().save(tmp_path, "x") == str(tmp_path / "aml_config" / "x")
    assert RunConfiguration.load(tmp_path, "x") == RunConfiguration()


@pytest.mark.parametrize(
    "place", ["conf", "conf.runconfig", ".azureml/conf", ".azureml/conf.runconfig", "aml_config/conf.runconfig"]
)
def test_a_configuration_is_found_in_v1s_places(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("script: found.py\n")
    assert RunConfiguration.load(tmp_path, "conf").script == "found.py"
    assert RunConfiguration.load(tmp_path / place).script == "found.py"


def test_a_missing_configuration_is_an_error_that_lists_what_there_is(tmp_path: Path) -> None:
    RunConfiguration().save(tmp_path, "one.runconfig")
    with pytest.raises(
        UserErrorException, match=r"there is no run configuration 'two' in .*; there is: one\.runconfig"
    ):
        RunConfiguration.load(tmp_path, "two")
    with pytest.raises(UserErrorException, match=r"no run configuration file .*nothing"):
        RunConfiguration.load(tmp_path / "nothing.runconfig")


def test_a_load_and_save_without_a_change_leaves_a_persons_file_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.runconfig"
    file.write_text(WRITTEN)
    RunConfiguration.load(file).save(file)
    assert file.read_text() == WRITTEN
    assert list(tmp_path.iterdir()) == [file]


def test_a_change_changes_its_line_only(tmp_path: Path) -> None:
    file = tmp_path / "mine.runconfig"
    file.write_text(WRITTEN)
    run = RunConfiguration.load(file)
    run.target = "slurm"
    run.max_run_duration_seconds = 60
    run.environment_variables["New"] = "1"
    del run.environment_variables["MY_Var"]
    run.save(file)
    text = file.read_text()
    assert "target: slurm\n" in text
    assert "colour: blue  # nothing that Turnout knows" in text
    assert "script: train.py   # the only one" in text
    assert "node_count: 1\n" in text
    assert "MY_Var" not in text
    assert RunConfiguration.load(file) == run


def test_saving_without_a_path_goes_where_it_was_loaded_from(tmp_path: Path) -> None:
    _full().save(tmp_path, "mine.runconfig")
    run = RunConfiguration.load(tmp_path, "mine")
    run.target = "other"
    assert run.save() == str(tmp_path / ".azureml" / "mine.runconfig")
    assert RunConfiguration.load(tmp_path, "mine").target == "other"


def test_the_comments_of_the_conda_file_stay(tmp_path: Path) -> None:
    _full().save(tmp_path, "mine")
    conda = tmp_path / ".azureml" / "conda_dependencies.yml"
    conda.write_text("dependencies:\n- python=3.11  # as on the cluster\n- pip:\n  - numpy\n")
    run = RunConfiguration.load(tmp_path, "mine")
    run.environment.python.conda_dependencies.add_pip_package("scipy")
    run.save()
    assert conda.read_text() == "dependencies:\n- python=3.11  # as on the cluster\n- pip:\n  - numpy\n  - scipy\n"


def test_another_configurations_packages_are_not_overwritten(tmp_path: Path) -> None:
    first, second = _full(), _full()
    second.environment.python.conda_dependencies.add_pip_package("scipy")
    first.save(tmp_path, "a.runconfig")
    second.save(tmp_path, "b.runconfig")
    assert RunConfiguration.load(tmp_path, "a") == first
    assert RunConfiguration.load(tmp_path, "b") == second
    assert (tmp_path / ".azureml" / "b_conda_dependencies.yml").exists()


def test_an_environment_may_have_a_file_of_its_own(tmp_path: Path) -> None:
    run = _full()
    path = run.save(tmp_path, "mine", separate_environment_yaml=True)
    assert "environment: .azureml/environment.yml\n" in Path(path).read_text()
    assert RunConfiguration.load(tmp_path, "mine") == run
    run.environment.environment_variables["A"] = "1"
    run.save(tmp_path, "mine", separate_environment_yaml=True)
    assert RunConfiguration.load(tmp_path, "mine") == run
    assert sorted(each.name for each in (tmp_path / ".azureml").iterdir()) == [
        "conda_dependencies.yml",
        "environment.yml",
        "mine",
    ]


def test_packages_inside_the_configuration_stay_inside(tmp_path: Path) -> None:
    file = tmp_path / "mine.yml"
    file.write_text(
        "environment:\n  python:\n    condaDependencies:\n      dependencies:\n      - pip:\n        - numpy\n"
    )
    run = RunConfiguration.load(file)
    run.environment.python.conda_dependencies.add_pip_package("scipy")
    run.save(file)
    assert RunConfiguration.load(file) == run
    assert "scipy" in file.read_text()
    assert list(tmp_path.iterdir()) == [file]


def test_a_reference_to_an_environment_stays_one_until_it_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "mine.runconfig"
    file.write_text("environment:\n  name: shared  # by all\n")
    run = RunConfiguration.load(file)
    assert run.environment == EnvironmentReference("shared")
    run.save(file)
    assert file.read_text() == "environment:\n  name: shared  # by all\n"
    run.environment = Environment("shared")
    run.save(file)
    assert RunConfiguration.load(file).environment == Environment("shared")
    run.environment = EnvironmentReference("shared", "2")  # type: ignore[assignment]
    run.save(file)
    assert RunConfiguration.load(file).environment == EnvironmentReference("shared", "2")


def test_json_is_read_and_stays_json(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"script": "a.py", "colour": 1}))
    run = RunConfiguration.load(file)
    run.target = "box"
    run.save(file)
    assert json.loads(file.read_text()) == {"script": "a.py", "colour": 1, "target": "box"}


def test_a_new_json_file_is_json(tmp_path: Path) -> None:
    run = _full()
    run.save(tmp_path / "new.json")
    assert json.loads((tmp_path / "new.json").read_text())["target"] == "box"
    assert RunConfiguration.load(tmp_path / "new.json") == run


def test_unknown_keys_are_mentioned_but_old_switches_are_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "mine.runconfig"
    file.write_text("autoPrepareEnvironment: true\ncolour: blue\nenvironment: {docker: {gpuSupport: false}}\n")
    with caplog.at_level(logging.WARNING):
        RunConfiguration.load(file)
    assert caplog.messages == [f"{file}: not known and not used: colour"]


def test_v1s_first_form_is_read(tmp_path: Path) -> None:
    (tmp_path / "aml_config").mkdir()
    (tmp_path / "aml_config" / "conda.yml").write_text("dependencies:\n- python=3.6.2\n- pip:\n  - numpy\n")
    (tmp_path / "aml_config" / "old.runconfig").write_text(
        "ArgumentVector:\n- train.py\n- --alpha\n- 0.4\nTarget: box\nFramework: Python\nTrackedRun: true\n"
        "CondaDependenciesFile: aml_config/conda.yml\nEnvironmentVariables:\n  A_b: x\n"
    )
    run = RunConfiguration.load(tmp_path, "old")
    assert (run.script, run.arguments, run.target) == ("train.py", ["--alpha", 0.4], "box")
    assert run.environment_variables == {"A_b": "x"}
    assert run.environment.python.python_version == "3.6.2"
    run.target = "local"
    run.save()
    assert RunConfiguration.load(tmp_path, "old") == run


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("script: [a\n", r"mine\.runconfig, line \d: "),
        ("- a\n", "must be a mapping"),
        ("nodeCount: many\n", r"mine\.runconfig: nodeCount must be a whole number, not 'many'"),
        ("framework: Jax\n", r"mine\.runconfig: the framework 'Jax' is none of"),
        ("environment: missing.yml\n", r"names the file missing\.yml, which does not exist"),
        ("environment: {python: {condaDependenciesFile: no.yml}}\n", r"names the file no\.yml"),
        ("ArgumentVector: train.py\n", "ArgumentVector must be a list"),
    ],
)
def test_a_file_that_can_not_be_understood_is_named_with_the_reason(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "mine.runconfig"
    file.write_text(content)
    with pytest.raises(RunConfigurationException, match=message) as refused:
        RunConfiguration.load(file)
    assert "\n" not in str(refused.value)


def test_a_missing_conda_file_is_no_obstacle_for_a_persons_own_interpreter(tmp_path: Path) -> None:
    file = tmp_path / "mine.runconfig"
    file.write_text("environment: {python: {userManagedDependencies: true, condaDependenciesFile: no.yml}}\n")
    assert RunConfiguration.load(file).environment.python.user_managed_dependencies
    RunConfiguration.load(file).save(file)
    assert "no.yml" in file.read_text()


def test_saving_needs_a_directory_and_a_name(tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match="no directory"):
        RunConfiguration().save(tmp_path / "nowhere", "x")
    with pytest.raises(UserErrorException, match="give save"):
        RunConfiguration().save(tmp_path)


def test_nothing_is_written_when_the_configuration_is_wrong(tmp_path: Path) -> None:
    run = RunConfiguration(arguments=[None])
    with pytest.raises(RunConfigurationException):
        run.save(tmp_path, "x")
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_is_deleted_by_name(tmp_path: Path) -> None:
    _full().save(tmp_path, "mine.runconfig")
    RunConfiguration.delete(tmp_path, "mine")
    with pytest.raises(UserErrorException, match="no run configuration 'mine'"):
        RunConfiguration.delete(tmp_path, "mine")
    assert (tmp_path / ".azureml" / "conda_dependencies.yml").exists()


_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(arguments=st.lists(_TEXT | st.integers() | st.booleans()), variables=st.dictionaries(_TEXT, _TEXT, max_size=4))
def test_any_text_survives_the_file(tmp_path: Path, arguments: list[object], variables: dict[str, str]) -> None:
    run = RunConfiguration("a.py", arguments)
    run.environment_variables = variables
    path = run.save(tmp_path, "any")
    loaded = RunConfiguration.load(path)
    assert loaded == run
    assert [type(each) for each in loaded.arguments] == [type(each) for each in arguments]
    assert list(loaded.environment_variables) == list(variables)
    Path(path).unlink()


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize("suffix", [".runconfig", ".json"])
def test_no_file_holds_the_value_of_a_secret(tmp_path: Path, separate: bool, suffix: str) -> None:
    run = _full()
    run.environment.secret_variables = {"TOKEN": "hunter2", "KEY": None}
    path = tmp_path / f"mine{suffix}"
    for _ in range(2):
        run.save(path, separate_environment_yaml=separate)
        assert not [each for each in tmp_path.rglob("*") if each.is_file() and "hunter2" in each.read_text()]
        assert RunConfiguration.load(path).environment.secret_variables == {"KEY": None, "TOKEN": None}
    run.environment.secret_variables = None
    run.save(path, separate_environment_yaml=separate)
    assert RunConfiguration.load(path).environment.secret_variables == {}


def test_a_file_without_secrets_gets_no_key_for_them(tmp_path: Path) -> None:
    path = tmp_path / "mine.runconfig"
    for _ in range(2):
        _full().save(path)
        assert "ecret" not in path.read_text()
