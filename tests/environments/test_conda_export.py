"""Reading a conda environment from its own files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from turnout.environments import conda_export
from turnout.environments.environment import Environment
from turnout.exceptions import EnvironmentException


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory of a person who has no conda activated."""
    for name in ("CONDA_PREFIX", "CONDA_EXE", "CONDA_ENVS_PATH", "CONDA_ENVS_DIRS", "MAMBA_ROOT_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    return tmp_path / "person"


def make(prefix: Path, channel: str = "https://host/t/secret/team/linux-64", python: str = "3.11.7") -> Path:
    """Make a conda environment's files: python, six and, by conda, numpy; by pip, idna."""
    meta, packages = prefix / "conda-meta", prefix / "lib" / f"python{python[:4]}" / "site-packages"
    meta.mkdir(parents=True)
    for name, version in (("python", python), ("six", "1.16.0"), ("numpy", "1.26.4")):
        files = [] if name == "python" else [f"{packages.relative_to(prefix)}/{name}-{version}.dist-info/METADATA"]
        described = {"name": name, "version": version, "channel": channel, "subdir": "linux-64", "files": files}
        (meta / f"{name}-{version}-0.json").write_text(json.dumps(described))
    (meta / "history").write_text("==> 2024 <==\n")
    for name, version in (("six", "1.16.0"), ("numpy", "1.26.4"), ("idna", "3.7")):
        information = packages / f"{name}-{version}.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return prefix


def test_the_packages_are_read_with_what_pip_put_on_top(person: Path, tmp_path: Path) -> None:
    made = Environment.from_existing_conda_environment("x", str(make(tmp_path / "env")))
    assert made.python.python_version == "3.11.7"
    assert made.python.conda_dependencies.as_dict() == {
        "name": "env",
        "channels": ["https://host/team"],  # without the token
        "dependencies": ["numpy=1.26.4", "python=3.11.7", "six=1.16.0", {"pip": ["idna==3.7"]}],
    }


@pytest.mark.parametrize("where", ["miniconda3/envs/mine", ".conda/envs/mine", "micromamba/envs/mine"])
def test_an_environment_is_found_by_name_where_conda_keeps_it(person: Path, where: str) -> None:
    make(person / where)
    assert Environment.from_existing_conda_environment("x", "mine").python.conda_dependencies.needs_conda


def test_an_environment_is_found_by_name_where_conda_is_told_to_keep_it(
    person: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "active" / "mine", python="3.10.1")
    make(tmp_path / "listed" / "mine", python="3.12.1")
    (person / ".conda").mkdir(parents=True)
    (person / ".conda" / "environments.txt").write_text(f"{tmp_path}/gone\n{tmp_path}/listed/mine\n")
    assert conda_export.export("mine").get_python_version() == "3.12.1"
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "active" / "mine"))
    assert conda_export.export("mine").get_python_version() == "3.10.1"


def test_base_is_the_one_that_holds_the_others(person: Path) -> None:
    make(person / "miniforge3", python="3.12.5")
    make(person / "miniforge3" / "envs" / "mine")
    assert conda_export.export("base").get_python_version() == "3.12.5"


def test_what_is_not_there_is_named_with_what_is(person: Path, tmp_path: Path) -> None:
    with pytest.raises(
        EnvironmentException, match=r"no conda environment 'mine' .*none were found.*path of its directory"
    ):
        conda_export.export("mine")
    make(person / "miniconda3" / "envs" / "yours")
    with pytest.raises(EnvironmentException, match="there is: yours"):
        conda_export.export("mine")
    with pytest.raises(EnvironmentException, match="it has no conda-meta directory"):
        conda_export.export(str(tmp_path))
    (person / "miniconda3" / "envs" / "yours" / "conda-meta" / "six-1.16.0-0.json").write_text("{}")
    with pytest.raises(EnvironmentException, match=r"six-1.16.0-0.json names no package"):
        conda_export.export("yours")


def test_what_is_built_upon_another_has_its_packages_with_its_own_on_top(person: Path, tmp_path: Path) -> None:
    made = Environment("x")
    made.python.base_conda_environment = str(make(tmp_path / "env"))
    made.python.conda_dependencies.add_conda_package("numpy=2.0")
    for line in ("--pre", "idna>=3.8", "attrs"):
        made.python.conda_dependencies.add_pip_package(line) if line[0] != "-" else (
            made.python.conda_dependencies.set_pip_option(line)
        )
    before = made.serialize()
    merged = conda_export.with_base(before)
    assert merged["python"]["condaDependencies"]["dependencies"] == [
        "numpy=2.0",
        "python=3.11.7",
        "six=1.16.0",
        {"pip": ["--pre", "idna>=3.8", "attrs"]},
    ]
    assert merged["python"]["condaDependencies"]["channels"] == ["https://host/team", "conda-forge"]
    assert "baseCondaEnvironment" not in merged["python"]
    assert before == made.serialize()  # the record keeps what was asked for
