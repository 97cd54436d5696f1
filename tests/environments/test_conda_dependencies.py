"""CondaDependencies: v1's behaviour, and files that keep their comments."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from turnout.environments.conda_dependencies import CondaDependencies
from turnout.exceptions import EnvironmentException, UserErrorException

FILE = """\
# What we train with.
name: ours
channels:
  - conda-forge  # first
  - defaults
dependencies:
  - python=3.11
  - scikit-learn=1.5  # not 1.6
  - pip
  - pip:
      - numpy==1.26.4  # pinned
      - pandas
"""


@pytest.fixture
def loaded(tmp_path: Path) -> CondaDependencies:
    (tmp_path / "env.yml").write_text(FILE)
    return CondaDependencies(tmp_path / "env.yml")


def test_a_new_one_names_no_python_and_no_packages() -> None:
    made = CondaDependencies()
    assert (made.conda_packages, made.pip_packages, made.pip_options) == ([], [], [])
    assert made.get_python_version() is None
    assert made.conda_channels == ["conda-forge"]
    assert not made.needs_conda


def test_create_takes_lists() -> None:
    made = CondaDependencies.create(
        pip_indexurl="https://index.example/simple",
        pip_packages=["numpy>=1.26", "pandas"],
        conda_packages=["scikit-learn=1.5"],
        python_version="3.11",
        pin_sdk_version=False,
    )
    assert made.as_dict()["dependencies"] == [
        "python=3.11",
        "scikit-learn=1.5",
        {"pip": ["--index-url https://index.example/simple", "numpy>=1.26", "pandas"]},
    ]
    assert made.needs_conda


def test_create_adds_nothing_that_was_not_asked_for() -> None:
    assert CondaDependencies.create(pip_packages=["numpy"]).pip_requirements == ["numpy"]


@pytest.mark.parametrize("wrong", ["numpy", b"numpy", 3, [None]])
def test_a_string_instead_of_a_list_is_refused(wrong: Any) -> None:
    with pytest.raises(UserErrorException, match="pip_packages must be a list of strings"):
        CondaDependencies.create(pip_packages=wrong)


def test_a_pip_package_takes_the_place_of_the_same_package() -> None:
    made = CondaDependencies.create(pip_packages=["scikit_learn==1.4", "b"])
    made.add_pip_package("Scikit-Learn[extra]>=1.5")
    assert made.pip_packages == ["Scikit-Learn[extra]>=1.5", "b"]


def test_a_package_by_url_takes_the_place_of_the_one_by_name() -> None:
    made = CondaDependencies.create(pip_packages=["pkg==1"])
    made.add_pip_package("git+https://host.example/pkg.git#egg=pkg")
    assert made.pip_packages == ["git+https://host.example/pkg.git#egg=pkg"]
    made.add_pip_package("pkg @ https://host.example/pkg-2.whl")
    assert made.pip_packages == ["pkg @ https://host.example/pkg-2.whl"]


def test_a_conda_package_takes_the_place_of_the_same_package() -> None:
    made = CondaDependencies.create(conda_packages=["numpy=1.25", "scipy"], pip_packages=["x"])
    made.add_conda_package("conda-forge::numpy=1.26")
    made.add_conda_package("pip")
    assert made.conda_packages == ["conda-forge::numpy=1.26", "scipy", "pip"]
    assert made.as_dict()["dependencies"][-1] == {"pip": ["x"]}


def test_packages_are_removed_by_name() -> None:
    made = CondaDependencies.create(conda_packages=["numpy=1.25"], pip_packages=["a==1", "b"])
    made.remove_pip_package("A")
    made.remove_conda_package("numpy=1.26")
    made.remove_pip_package("never-there")
    assert (made.conda_packages, made.pip_packages) == ([], ["b"])
    made.remove_pip_package("b")
    assert made.as_dict()["dependencies"] == []


def test_python_can_not_be_removed() -> None:
    with pytest.raises(UserErrorException, match="python can't be removed"):
        CondaDependencies.create(python_version="3.11").remove_conda_package("python=3.11")


@pytest.mark.parametrize(
    ("entry", "version"),
    [
        ("python=3.11", "3.11"),
        ("python==3.6.2", "3.6.2"),
        ("python 3.8", "3.8"),
        ("python=3.10.*", "3.10"),
        ("python=3.11=h123_cpython", "3.11"),
        ("python>=3.9", ">=3.9"),
        ("python >=3.9, <3.12", ">=3.9,<3.12"),
        ("conda-forge::python=3.12", "3.12"),
        ("python", None),
    ],
)
def test_the_python_version_is_read_from_its_entry(entry: str, version: str | None) -> None:
    made = CondaDependencies(_underlying_structure={"dependencies": ["numpy", entry]})
    assert made.get_python_version() == version


def test_the_python_version_is_set_in_its_place() -> None:
    made = CondaDependencies.create(conda_packages=["numpy", "python=3.8"])
    made.set_python_version("3.11")
    assert made.conda_packages == ["numpy", "python=3.11"]
    with pytest.raises(UserErrorException, match=r"a Python version is like '3.11', not 'three'"):
        made.set_python_version("three")


def test_channels_are_added_once_and_removed() -> None:
    made = CondaDependencies()
    made.add_channel("pytorch")
    made.add_channel("pytorch")
    assert made.conda_channels == ["conda-forge", "pytorch"]
    made.remove_channel("conda-forge")
    made.remove_channel("never-there")
    assert made.conda_channels == ["pytorch"]


def test_options_come_before_the_packages_and_single_ones_are_replaced() -> None:
    made = CondaDependencies.create(pip_packages=["numpy"])
    made.set_pip_index_url("https://one.example")
    made.set_pip_option("-i https://two.example")
    made.set_pip_option("--extra-index-url https://a.example")
    made.set_pip_option("--extra-index-url https://b.example")
    made.set_pip_option("--extra-index-url=https://b.example")
    made.set_pip_option("--pre")
    assert made.pip_requirements == [
        "-i https://two.example",
        "--extra-index-url https://a.example",
        "--extra-index-url=https://b.example",
        "--pre",
        "numpy",
    ]
    assert made.pip_packages == ["numpy"]
    made.remove_pip_option("--pre")
    made.remove_pip_option("--extra-index-url https://a.example")
    assert made.pip_options == ["-i https://two.example", "--extra-index-url=https://b.example"]
    made.remove_pip_option("--index-url")
    assert made.pip_options == ["--extra-index-url=https://b.example"]


@pytest.mark.parametrize("wrong", ["--no-such-option", "numpy", "--index-url", "--pre yes"])
def test_a_wrong_option_is_refused(wrong: str) -> None:
    with pytest.raises(UserErrorException, match="can't be used"):
        CondaDependencies().set_pip_option(wrong)


def test_the_whole_pip_section_can_be_set() -> None:
    made = CondaDependencies.create(pip_packages=["old"])
    made.set_pip_requirements(["--pre", "new"])
    assert made.pip_requirements == ["--pre", "new"]
    made.set_pip_requirements([])
    assert made.as_dict()["dependencies"] == []


def test_requirements_are_merged_as_v1_merges_them() -> None:
    assert CondaDependencies.merge_requirements(["a==1", "a<2", "b"]) == ["a==1,<2", "b"]


def test_requirements_that_hold_at_different_times_stay_apart() -> None:
    given = [
        "a<1; python_version<'3.9'",
        "A>=1; python_version>='3.9'",
        "a[x]==1",
        "--pre",
        "a>0",
        "./local.whl",
        "a<9",
    ]
    assert CondaDependencies.merge_requirements(given) == [
        "a<1; python_version<'3.9'",
        "A>=1; python_version>='3.9'",
        "a[x]==1",
        "--pre",
        "a>0,<9",
        "./local.whl",
    ]


def test_the_frameworks_of_old_have_their_packages() -> None:
    made = CondaDependencies()
    made.add_tensorflow_pip_package("gpu", "2.2.0")
    made.add_tensorflow_conda_package()
    made.add_cntk_package()
    assert made.pip_packages == ["tensorflow-gpu==2.2.0", "cntk==2.7"]
    assert made.conda_packages == ["tensorflow"]
    with pytest.raises(UserErrorException, match="'cpu' or 'gpu', not 'tpu'"):
        made.add_tensorflow_pip_package("tpu")


def test_a_file_is_read(loaded: CondaDependencies) -> None:
    assert loaded.conda_packages == ["python=3.11", "scikit-learn=1.5", "pip"]
    assert loaded.pip_packages == ["numpy==1.26.4", "pandas"]
    assert type(loaded.as_dict()["dependencies"][0]) is str


def test_a_load_and_save_without_a_change_leaves_the_file_as_it_is(loaded: CondaDependencies, tmp_path: Path) -> None:
    assert loaded.save() == str(tmp_path / "env.yml")
    assert (tmp_path / "env.yml").read_text() == FILE


def test_comments_survive_a_change(loaded: CondaDependencies, tmp_path: Path) -> None:
    loaded.add_pip_package("pandas>=2")
    loaded.add_conda_package("scipy")
    loaded.remove_channel("defaults")
    loaded.save_to_file(tmp_path, "out.yml")
    assert (tmp_path / "out.yml").read_text() == FILE.replace("- pandas", "- pandas>=2").replace(
        "  - defaults\n", ""
    ).replace("  - pip\n", "  - pip\n  - scipy\n")


def test_a_copy_is_independent(loaded: CondaDependencies) -> None:
    twin = copy.deepcopy(loaded)
    twin.add_pip_package("scipy")
    assert "scipy" not in loaded.pip_packages
    assert CondaDependencies.deserialize(twin.serialize()) == twin


def test_text_is_what_is_saved(loaded: CondaDependencies, tmp_path: Path) -> None:
    assert loaded.serialize_to_string() == FILE
    made = CondaDependencies.create(pip_packages=["numpy"])
    path = Path(made.save(tmp_path / "made.yml"))
    assert path.read_text() == made.serialize_to_string()
    assert CondaDependencies(path) == made


def test_saving_to_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserErrorException, match="is a directory"):
        CondaDependencies().save(tmp_path)


def test_a_file_keeps_its_mode_and_a_link_stays_a_link(loaded: CondaDependencies, tmp_path: Path) -> None:
    (tmp_path / "env.yml").chmod(0o640)
    (tmp_path / "link.yml").symlink_to("env.yml")
    loaded.add_pip_package("scipy")
    loaded.save(tmp_path / "link.yml")
    assert (tmp_path / "link.yml").is_symlink()
    assert (tmp_path / "env.yml").stat().st_mode & 0o777 == 0o640
    assert "scipy" in (tmp_path / "env.yml").read_text()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("dependencies: [a\n", r"env\.yml, line \d"),
        ("- a\n", "not a conda environment file"),
        ("", "not a conda environment file"),
        ("colour: 1\ndependencies: []\n", "no key 'colour'"),
        ("dependencies: numpy\n", "'dependencies' must be a list"),
        ("dependencies:\n- 3\n", "3 is neither a conda package nor"),
        ("dependencies:\n- pip: [a]\n- pip: [b]\n", "more than one 'pip:' list"),
        ("dependencies:\n- npm: [a]\n", "neither a conda package nor"),
    ],
)
def test_a_file_that_is_none_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "env.yml").write_text(content)
    with pytest.raises(EnvironmentException, match=message) as refused:
        CondaDependencies(tmp_path / "env.yml")
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentException, match=r"none\.yml can't be read: No such file"):
        CondaDependencies(tmp_path / "none.yml")


def test_an_environment_in_memory_imports_no_yaml_library() -> None:
    programme = (
        "import sys; from turnout import Environment, CondaDependencies, ScriptRunConfig\n"
        "e = Environment('x'); e.python.conda_dependencies = CondaDependencies.create(pip_packages=['numpy'])\n"
        "ScriptRunConfig('.', 'a.py', environment=e).resolve().serialize()\n"
        "late = {'ruamel', 'logging', 'subprocess', 'difflib', 'tempfile'} & {name.split('.')[0] for name in sys.modules}\n"
        "sys.exit(str(late) if late else 0)"
    )
    ended = subprocess.run([sys.executable, "-c", programme], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
