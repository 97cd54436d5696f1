"""Environment: v1's attributes, its constructors, and its directory."""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path

import pytest

from turnout.environments import requirements_file
from turnout.environments.conda_dependencies import CondaDependencies
from turnout.environments.environment import Environment, EnvironmentReference
from turnout.environments.sections import (
    ContainerRegistry,
    DockerBuildContext,
    DockerSection,
    PythonSection,
    SparkSection,
)
from turnout.exceptions import EnvironmentException, RunConfigurationException, UserErrorException


def test_a_new_environment_is_the_submitters_python_and_nothing_else() -> None:
    made = Environment("x")
    assert made.python.python_version is None
    assert made.python.conda_dependencies.as_dict()["dependencies"] == []
    assert made.environment_variables == {}
    assert (made.docker.enabled, made.docker.base_image, made.python.interpreter_path) == (False, None, "python")


def test_the_wanted_python_is_the_python_entrys() -> None:
    made = Environment("x")
    made.python.conda_dependencies.set_python_version("3.9")
    assert made.python.python_version == "3.9"
    made.python.user_managed_dependencies = True
    assert made.python.python_version is None


def test_a_name_is_a_string_or_none() -> None:
    assert Environment(None).name is None
    with pytest.raises(UserErrorException, match="an environment's name is a string, not 3"):
        Environment(3)  # type: ignore[arg-type]


def test_what_v1s_constructor_ignored_is_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Environment("x", workspace=None)
    assert "does not use workspace" in caplog.text


def test_an_environment_survives_the_way_to_json_and_back() -> None:
    made = Environment("x")
    made.version = "3"
    made.environment_variables = {"My_Var": "1"}
    made.python.conda_dependencies = CondaDependencies.create(pip_packages=["numpy"], conda_packages=["scipy"])
    made.docker.build_context = DockerBuildContext("git", "https://host.example/a")
    registry = ContainerRegistry()
    registry.address = "images.example"
    made.docker.base_image_registry = registry
    assert Environment.deserialize(made.serialize()) == made


def test_variables_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(UserErrorException, match="a mapping of names to values"):
        Environment("x").environment_variables = ["A=1"]  # type: ignore[assignment]


def test_the_variables_are_a_copy_of_what_was_given() -> None:
    given = {"A": "1"}
    made = Environment("x")
    made.environment_variables = given
    given["A"] = "2"
    assert made.environment_variables == {"A": "1"}


def test_secret_variables_are_serialised_by_name_alone() -> None:
    made = Environment("x")
    assert "secretVariables" not in made.serialize()
    made.secret_variables = {"TOKEN": "hunter2", "KEY": None}
    assert made.serialize()["secretVariables"] == ["KEY", "TOKEN"]
    assert Environment.deserialize(made.serialize()).secret_variables == {"KEY": None, "TOKEN": None}
    assert "hunter2" not in repr(made)
    assert made.clone("y").secret_variables == made.secret_variables
    assert made.clone("y").secret_variables is not made.secret_variables


@pytest.mark.parametrize("given", [{"A": "hunter2"}, "hunter2", [["hunter2"]], {1: None}])
def test_a_file_that_holds_a_secret_is_refused_and_not_repeated(given: object) -> None:
    with pytest.raises(RunConfigurationException, match=r"^secretVariables ") as refused:
        Environment.deserialize({"name": "x", "secret_variables": given})
    assert "hunter2" not in str(refused.value)


def test_a_file_may_name_secrets_in_a_mapping() -> None:
    assert Environment.deserialize({"secretVariables": {"A": None}}).secret_variables == {"A": None}
    assert Environment.deserialize({"secretVariables": None}).secret_variables == {}


@pytest.mark.parametrize("given", [["hunter2"], {"A": 1}, {1: "hunter2"}, "hunter2"])
def test_secret_variables_that_are_no_mapping_to_strings_are_refused(given: object) -> None:
    with pytest.raises(UserErrorException, match="a mapping of names to strings") as refused:
        Environment("x").secret_variables = given  # type: ignore[assignment]
    assert "hunter2" not in str(refused.value)


def test_a_clone_is_independent_and_not_registered() -> None:
    made = Environment("x")
    made.version = "3"
    made.asset_id = "id"
    cloned = made.clone("y")
    cloned.python.conda_dependencies.add_pip_package("numpy")
    assert (cloned.name, cloned.version, cloned.asset_id) == ("y", None, None)
    assert made.python.conda_dependencies.pip_packages == []


def test_image_dockerfile_and_build_context_exclude_each_other(caplog: pytest.LogCaptureFixture) -> None:
    docker = Environment("x").docker
    docker.base_image = "python:3.11"
    with caplog.at_level(logging.WARNING):
        docker.base_dockerfile = "FROM python:3.12"
    assert (docker.base_image, docker.base_dockerfile) == (None, "FROM python:3.12")
    assert "docker.base_image is cleared, since docker.base_dockerfile is set" in caplog.text
    docker.build_context = DockerBuildContext()
    assert docker.base_dockerfile is None


def test_a_dockerfile_may_be_text_a_path_or_an_open_file(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\nRUN b\n")
    docker = Environment("x").docker
    for given in (
        tmp_path / "Dockerfile",
        str(tmp_path / "Dockerfile"),
        io.BytesIO(b"FROM a\nRUN b\n"),
        "FROM a\nRUN b\n",
    ):
        docker.base_dockerfile = given
        assert docker.base_dockerfile == "FROM a\nRUN b\n"
    with pytest.raises(EnvironmentException, match="Dockerfile can't be read"):
        docker.base_dockerfile = "./no/Dockerfile"


def test_gpu_support_is_found_out_and_not_set(caplog: pytest.LogCaptureFixture) -> None:
    docker = Environment("x").docker
    with caplog.at_level(logging.WARNING):
        docker.gpu_support = False
    assert docker.gpu_support is True
    assert "gpu_support has no effect" in caplog.text


def test_setting_the_conda_file_reads_it(tmp_path: Path) -> None:
    (tmp_path / "env.yml").write_text("dependencies:\n- python=3.8\n")
    python = Environment("x").python
    python.conda_dependencies_file = str(tmp_path / "env.yml")
    assert python.python_version == "3.8"
    assert python.conda_dependencies_file == str(tmp_path / "env.yml")


# From files.


def test_a_requirements_file_is_kept_with_its_options(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "wheels").mkdir()
    (tmp_path / "more" / "base.txt").write_text("scipy\n-r ../last.txt\n")
    (tmp_path / "last.txt").write_text("joblib")
    (tmp_path / "requirements.txt").write_text(
        "# what we need\n"
        "--index-url https://index.example/simple\n"
        "-f wheels\n"
        "--find-links=https://links.example/\n"
        "\n"
        "numpy==1.26.4 \\\n    --hash=sha256:abc \\\n    --hash=sha256:def\n"
        "pandas[excel]>=2,<3 ; python_version >= '3.9'  # tables\n"
        "-r more/base.txt\n"
        "-e .\n"
        "./local-1.0-py3-none-any.whl\n"
        "thing @ https://files.example/thing.zip#sha256=1\n"
        "git+https://host.example/repo.git@v1#egg=repo\n"
        "typing_extensions (>=4)\n"
        "odd==1!2.0\n"
    )
    made = Environment.from_pip_requirements("x", tmp_path / "requirements.txt")
    assert made.python.conda_dependencies.pip_requirements == [
        "--index-url https://index.example/simple",
        f"--find-links {tmp_path}/wheels",
        "--find-links=https://links.example/",
        "numpy==1.26.4 --hash=sha256:abc --hash=sha256:def",
        "pandas[excel]>=2,<3 ; python_version >= '3.9'",
        "scipy",
        "joblib",
        "-e .",
        "./local-1.0-py3-none-any.whl",
        "thing @ https://files.example/thing.zip#sha256=1",
        "git+https://host.example/repo.git@v1#egg=repo",
        "typing_extensions (>=4)",
        "odd==1!2.0",
    ]
    assert made.python.conda_dependencies.conda_packages == ["pip"]
    assert not made.python.conda_dependencies.needs_conda
    assert made.name == "x"


def test_a_version_of_pip_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("numpy\n")
    made = Environment.from_pip_requirements("x", str(tmp_path / "r.txt"), pip_version="24.0")
    assert made.python.conda_dependencies.conda_packages == ["pip=24.0"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_encodings_that_people_have_are_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "r.txt").write_bytes("numpy  # für alle\r\nscipy\r\n".encode(encoding))
    assert requirements_file.read(tmp_path / "r.txt") == ["numpy", "scipy"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("numpy=1.26", "'==', not '='"),
        ("numpy[extra>=1", "a bracket is not closed"),
        ("numpy (>=1", "a bracket is not closed"),
        ("numpy 1.26", "it is not 'NAME'"),
        ("numpy==", "it is not 'NAME'"),
        ("numpy>>1", "it is not 'NAME'"),
        ("!numpy", "begins with a letter or a digit"),
        ("@numpy", "begins with a letter or a digit"),
        ("--no-such-option", "not an option of a requirements file"),
        ("-r", "--requirement needs a value"),
        ("-c constraints.txt", "put the versions of constraints.txt into the requirements"),
        ("-r https://host.example/r.txt", "fetch https://host.example/r.txt"),
    ],
)
def test_a_malformed_line_is_named_by_file_and_number(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "r.txt").write_text(f"# first\nscipy\n{line}\n")
    with pytest.raises(EnvironmentException) as refused:
        Environment.from_pip_requirements("x", tmp_path / "r.txt")
    assert f"{tmp_path}/r.txt, line 3: " in str(refused.value)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_malformed_line_of_an_included_file_is_named_by_that_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text("numpy \\\n ==\n")
    with pytest.raises(EnvironmentException, match=r"b\.txt, line 1: 'numpy ==' can't be used"):
        requirements_file.read(tmp_path / "a.txt")


def test_a_file_that_includes_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-r b.txt\n")
    (tmp_path / "b.txt").write_text("-ra.txt\n")
    with pytest.raises(EnvironmentException, match=r"a\.txt includes itself"):
        requirements_file.read(tmp_path / "a.txt")


def test_a_missing_or_binary_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentException, match=r"none\.txt can't be read: No such file"):
        requirements_file.read(tmp_path / "none.txt")
    (tmp_path / "b.txt").write_bytes(b"\x80\x81")
    with pytest.raises(EnvironmentException, match=r"b\.txt is not a UTF-8 text file"):
        requirements_file.read(tmp_path / "b.txt")


def test_a_conda_specification_is_read_with_its_variables(tmp_path: Path) -> None:
    (tmp_path / "env.yml").write_text("dependencies:\n- numpy=1.26\nvariables:\n  THREADS: 2\n")
    made = Environment.from_conda_specification("x", tmp_path / "env.yml")
    assert made.python.conda_dependencies.needs_conda
    assert made.environment_variables == {"THREADS": "2"}
    assert made.python.python_version is None


def test_a_pyproject_gives_its_dependencies(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "p"\nrequires-python = ">=3.8"\ndependencies = ["numpy>=1.26", "scipy; python_version<\'4\'"]\n'
    )
    made = Environment.from_pyproject("x", tmp_path / "pyproject.toml")
    assert made.python.conda_dependencies.pip_packages == ["numpy>=1.26", "scipy; python_version<'4'"]
    assert made.python.python_version is None


def test_a_pyproject_that_does_not_admit_the_submitters_python_names_another(tmp_path: Path) -> None:
    major, minor = sys.version_info[:2]
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "p"\nrequires-python = "<{major}.{minor}"\n')
    made = Environment.from_pyproject("x", tmp_path / "pyproject.toml")
    assert made.python.python_version == f"{major}.{minor - 1}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[tool.x]\n", "no [project] table"),
        ('[project]\ndynamic = ["dependencies"]\n', "the dependencies are dynamic"),
        ('[project]\ndependencies = ["numpy=1"]\n', "'==', not '='"),
        ("[project]\ndependencies = [1]\n", "it is not a string"),
        ('[project]\ndependencies = "numpy"\n', "must be a list"),
        ("[project\n", "is not TOML"),
    ],
)
def test_a_pyproject_that_can_not_be_used_is_named_with_the_reason(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "pyproject.toml").write_text(content)
    with pytest.raises(EnvironmentException) as refused:
        Environment.from_pyproject("x", tmp_path / "pyproject.toml")
    assert reason in str(refused.value)
    assert str(tmp_path) in str(refused.value)


def test_requires_python_is_answered_by_the_submitters_version_where_it_does() -> None:
    assert requirements_file.python_for(">=3.10,<3.13", (3, 11)) is None
    assert requirements_file.python_for(">=3.10,<3.13", (3, 9)) == "3.12"
    assert requirements_file.python_for("==3.8.*", (3, 11)) == "3.8"
    assert requirements_file.python_for("~=3.8", (3, 11)) is None
    assert requirements_file.python_for("~=3.8.1", (3, 11)) == "3.8"
    assert requirements_file.python_for("!=3.11.*,>=3.9", (3, 11)) == "3.14"
    assert requirements_file.python_for("==2.7", (3, 11)) == "2.7"


def test_requires_python_is_understood_as_packaging_understands_it() -> None:
    specifiers = pytest.importorskip("packaging.specifiers")
    for operator in ("==", "!=", ">=", "<=", ">", "<", "~="):
        for version in ("3.9", "3.9.2", "3.9.*", "3.*"):
            if version.endswith("*") and operator not in ("==", "!="):
                continue
            admitted = specifiers.SpecifierSet(operator + version)
            for minor in (8, 9, 10):
                some_patch = any(admitted.contains(f"3.{minor}.{patch}") for patch in range(20))
                ours = requirements_file.python_for(operator + version, (3, minor)) is None
                assert ours == some_patch, (operator, version, minor)


# Containers.


def test_an_image_without_packages_keeps_its_own_python() -> None:
    made = Environment.from_docker_image("x", "python:3.11")
    assert (made.docker.enabled, made.docker.base_image) == (True, "python:3.11")
    assert made.python.user_managed_dependencies


def test_an_image_with_packages_gets_them_on_top(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("numpy\n")
    (tmp_path / "env.yml").write_text("dependencies: [scipy]\n")
    made = Environment.from_docker_image("x", "python:3.11", pip_requirements=tmp_path / "r.txt")
    assert made.python.conda_dependencies.pip_packages == ["numpy"]
    assert not made.python.user_managed_dependencies
    made = Environment.from_dockerfile("x", "FROM python:3.11", conda_specification=tmp_path / "env.yml")
    assert made.python.conda_dependencies.conda_packages == ["scipy"]
    with pytest.raises(EnvironmentException, match="not both"):
        Environment.from_docker_image("x", "i", conda_specification=tmp_path / "env.yml", pip_requirements="r.txt")


def test_a_dockerfiles_registry_is_kept() -> None:
    registry = ContainerRegistry()
    registry.address = "images.example"
    made = Environment.from_docker_image("x", "i", container_registry=registry)
    assert made.docker.base_image_registry.address == "images.example"


# An existing conda environment.


# In a directory.


def test_a_directory_holds_v1s_files_and_gives_the_same_environment(tmp_path: Path) -> None:
    made = Environment("x")
    made.python.conda_dependencies = CondaDependencies.create(pip_packages=["numpy"])
    made.docker.base_dockerfile = "FROM a\n"
    made.save_to_directory(tmp_path / "e")
    assert sorted(path.name for path in (tmp_path / "e").iterdir()) == [
        "BaseDockerfile",
        "azureml_environment.json",
        "conda_dependencies.yml",
    ]
    described = (tmp_path / "e" / "azureml_environment.json").read_text()
    assert 'condaDependencies"' not in described
    assert "FROM a" not in described
    assert Environment.load_from_directory(tmp_path / "e") == made


def test_a_directory_is_only_overwritten_when_asked(tmp_path: Path) -> None:
    first = Environment("x")
    first.docker.base_dockerfile = "FROM a\n"
    first.save_to_directory(tmp_path / "e")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        Environment("y").save_to_directory(tmp_path / "e")
    Environment("y").save_to_directory(tmp_path / "e", overwrite=True)
    assert Environment.load_from_directory(tmp_path / "e") == Environment("y")


def test_a_directory_without_an_environment_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentException, match=r"azureml_environment\.json can't be read"):
        Environment.load_from_directory(tmp_path)
    (tmp_path / "azureml_environment.json").write_text("{")
    with pytest.raises(EnvironmentException, match="is not JSON"):
        Environment.load_from_directory(tmp_path)


def test_a_reference_is_a_name_and_a_version() -> None:
    reference = EnvironmentReference("x", "2")
    assert reference.serialize() == {"name": "x", "version": "2"}
    assert EnvironmentReference.deserialize({"name": "x", "version": 2}) == reference


def test_another_python_overrides_what_is_asked_for_and_leaves_it_there() -> None:
    made = Environment("old")
    made.python.conda_dependencies.set_python_version("3.6.2")
    assert "pythonOverride" not in made.serialize()["python"]  # v1's files stay as they are
    made.python.python_version = "3.11"
    assert made.python.python_version == "3.11"
    assert made.python.conda_dependencies.get_python_version() == "3.6.2"
    assert made.serialize()["python"]["pythonOverride"] == "3.11"
    assert Environment.deserialize(made.serialize()) == made
    made.python.python_version = None
    assert made.python.python_version == "3.6.2"
    with pytest.raises(EnvironmentException, match=r"a Python version is like '3\.11', not '3'"):
        made.python.python_version = "3"
    made.python.user_managed_dependencies = True
    with pytest.raises(EnvironmentException, match="interpreter of your own"):
        made.python.python_version = "3.11"


def test_a_definition_needs_no_name_as_in_v1s_run_configurations() -> None:
    assert Environment().name is None


@pytest.mark.parametrize("kind", [DockerSection, PythonSection, SparkSection])
def test_a_section_takes_v1s_own_arguments_and_says_what_it_does_not_use(
    kind: type[DockerSection | PythonSection | SparkSection], caplog: pytest.LogCaptureFixture
) -> None:
    assert kind(_skip_defaults=True) == kind()
    assert caplog.text == ""
    kind(enabled=True)
    assert f"{kind.__name__} does not use enabled" in caplog.text
