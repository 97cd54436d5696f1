"""Which Spark and which Java are taken, and what is said when there is none."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from turnout.runtime.spark import installation
from turnout.runtime.spark.installation import NotFound

Make = Callable[..., str]


@pytest.fixture(autouse=True)
def _no_java_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_JAVA_PLACES", ())


def _in_environment(tmp_path: Path, make_spark: Make) -> tuple[str, str]:
    """Make an environment that has the package pyspark; return its directory, and Spark's."""
    return str(tmp_path / "env"), make_spark("env/lib/python3.11/site-packages/pyspark", "4.1.0")


def test_the_named_one_is_taken_and_nothing_else_counts(make_spark: Make, tmp_path: Path) -> None:
    named = make_spark("named", "3.5.3")
    other = make_spark("other")
    found = installation.spark({"SPARK_HOME": other}, named=named, beside=other)
    assert (found.home, found.version, found.shown()) == (named, (3, 5, 3), "3.5.3")
    assert found.submit == os.path.join(named, "bin/spark-submit")
    with pytest.raises(NotFound) as missing:
        installation.spark({"SPARK_HOME": other}, named=str(tmp_path / "no"), beside=other)
    assert str(missing.value) == (
        f"there is no Spark in {tmp_path / 'no'} (no bin/spark-submit): correct the target's --spark-home"
    )


def test_the_order_of_search(make_spark: Make, tmp_path: Path) -> None:
    prefix, package = _in_environment(tmp_path, make_spark)
    home, on_path, beside = make_spark("home"), make_spark("path"), make_spark("beside")
    variables = {"SPARK_HOME": home, "PATH": os.path.join(on_path, "bin")}
    assert installation.spark(variables, prefix=prefix, beside=beside).home == home
    assert installation.spark(variables, prefix=prefix, beside=beside, own=True).home == package
    del variables["SPARK_HOME"]
    assert installation.spark(variables, prefix=prefix, beside=beside).home == on_path
    del variables["PATH"]
    assert installation.spark(variables, prefix=prefix, beside=beside).home == package
    assert installation.spark(variables, beside=beside).home == beside
    assert installation.spark({"SPARK_HOME": str(tmp_path / "gone")}, beside=beside).home == beside


def test_the_environments_own_spark_submit_is_no_installation_of_the_machine(make_spark: Make, tmp_path: Path) -> None:
    prefix, package = _in_environment(tmp_path, make_spark)
    bin_directory = Path(prefix, "bin")
    bin_directory.mkdir()
    (bin_directory / "spark-submit").symlink_to(os.path.join(package, "bin/spark-submit"))
    beside = make_spark("beside")
    variables = {"PATH": str(bin_directory)}
    assert installation.spark(variables, beside=beside).home == package  # of another environment, it is one
    make_spark("home")
    variables = {"PATH": str(bin_directory), "SPARK_HOME": str(tmp_path / "home")}
    assert installation.spark(variables, prefix=prefix, own=False).home == str(tmp_path / "home")


def test_a_link_and_the_command_beside_an_interpreter_lead_to_their_installation(
    make_spark: Make, tmp_path: Path
) -> None:
    home = make_spark("opt/spark-4")
    links = tmp_path / "links"
    links.mkdir()
    (links / "spark-submit").symlink_to(os.path.join(home, "bin/spark-submit"))
    assert installation.spark({"PATH": str(links)}).home == home
    prefix, package = _in_environment(tmp_path, make_spark)
    command = Path(prefix, "bin", "spark-submit")  # the package pyspark puts a script of its own there
    command.parent.mkdir()
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    assert installation.spark({"PATH": str(command.parent)}).home == package


def test_a_directory_without_the_command_or_the_jars_is_no_spark(make_spark: Make, tmp_path: Path) -> None:
    home = make_spark("half")
    os.chmod(os.path.join(home, "bin/spark-submit"), 0o644)
    with pytest.raises(
        NotFound, match=r"no Spark on \S+: set SPARK_HOME or the target's --spark-home, or put pyspark into"
    ):
        installation.spark({"SPARK_HOME": home})
    unknown = make_spark("unknown", None)
    found = installation.spark({"SPARK_HOME": unknown})
    assert (found.version, found.shown()) == ((), "of an unknown version")
    (tmp_path / "unknown" / "jars").rmdir()
    with pytest.raises(NotFound):
        installation.spark({"SPARK_HOME": unknown})


@pytest.mark.parametrize(
    ("jar", "version"),
    [
        ("spark-core_2.12-3.5.1.jar", (3, 5, 1)),
        ("spark-core_2.13-4.1.0-preview1.jar", (4, 1, 0)),
        ("spark-core_2.11-2.4.0-cdh6.3.2.jar", (2, 4, 0)),
        ("spark-streaming_2.13-4.0.0.jar", ()),
    ],
)
def test_the_version_is_that_of_its_jar(make_spark: Make, jar: str, version: tuple[int, ...]) -> None:
    home = make_spark("spark", None)
    Path(home, "jars", jar).touch()
    assert installation.spark({}, named=home).version == version


def test_java_home_is_taken_or_its_trouble_said(make_java: Make, tmp_path: Path) -> None:
    seventeen, eight = make_java("17.0.15"), make_java("1.8.0_372")
    path = os.path.join(seventeen, "bin")
    assert installation.java({"JAVA_HOME": seventeen}, (4, 0, 1)) == (seventeen, 17)
    assert installation.java({"JAVA_HOME": eight, "PATH": path}, (3, 5, 1)) == (eight, 8)
    with pytest.raises(NotFound) as wrong:
        installation.java({"JAVA_HOME": str(tmp_path / "no"), "PATH": path}, (4, 0, 1))
    assert str(wrong.value) == f"JAVA_HOME is {tmp_path / 'no'}, where there is no bin/java; correct it, or unset it"
    with pytest.raises(NotFound) as old:
        installation.java({"JAVA_HOME": eight, "PATH": path}, (4, 0, 1))
    assert str(old.value) == f"Spark 4.0.1 needs Java 17 or newer; JAVA_HOME is {eight}, Java 8"


def test_the_first_java_that_is_new_enough_is_taken(
    make_java: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    eleven, seventeen = make_java("11.0.1", "first"), make_java("17", "jvm/b")
    make_java("21", "jvm/a")
    monkeypatch.setattr(installation, "_JAVA_PLACES", (str(tmp_path / "jvm/*"),))
    variables = {"PATH": os.path.join(eleven, "bin")}
    assert installation.java(variables) == (eleven, 11)
    assert installation.java(variables, (3, 5, 1)) == (eleven, 11)
    assert installation.java(variables, (4, 0, 1)) == (seventeen, 17)


def test_what_is_said_where_there_is_no_java_or_only_old_ones(make_java: Make, tmp_path: Path) -> None:
    with pytest.raises(NotFound) as none:
        installation.java({"PATH": str(tmp_path)}, (4, 0, 1))
    where = os.uname().nodename
    assert str(none.value) == f"no Java on {where}, which Spark needs: install one (on Debian openjdk-17-jre-headless)"
    old = make_java("11.0.2")
    with pytest.raises(NotFound) as too_old:
        installation.java({"PATH": os.path.join(old, "bin")}, (4, 0, 1))
    assert str(too_old.value) == (
        f"Spark 4.0.1 needs Java 17 or newer; {where} has Java 11 in {old}: install one (on Debian openjdk-17-jre-headless), "
        "or set JAVA_HOME"
    )


def test_a_java_without_a_release_file_is_asked(make_java: Make) -> None:
    assert installation.java({"JAVA_HOME": make_java("21.0.4", release=False)}, (4, 0, 1)).version == 21
    with pytest.raises(NotFound, match="needs Java 17 or newer"):
        installation.java({"JAVA_HOME": make_java("1.8.0_372", release=False)}, (4, 0, 1))


@pytest.mark.parametrize(("text", "number"), [("1.8.0_372", 8), ("17.0.15", 17), ("21", 21), ("25-ea", 25), ("x", 0)])
def test_the_major_version_of_a_java(text: str, number: int) -> None:
    assert installation.major(text) == number


def test_an_installations_defaults(make_spark: Make, tmp_path: Path) -> None:
    home = make_spark()
    assert installation.defaults(home, {}) == {}
    for directory, value in ((Path(home, "conf"), "its own"), (tmp_path / "elsewhere", "named")):
        directory.mkdir()
        (directory / "spark-defaults.conf").write_text(f"spark.a {value}\n")
    assert installation.defaults(home, {}) == {"spark.a": "its own"}
    assert installation.defaults(home, {"SPARK_CONF_DIR": str(tmp_path / "elsewhere")}) == {"spark.a": "named"}
