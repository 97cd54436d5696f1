"""What a machine is looked at for before spark-submit is called, and what is packed for executors."""

from __future__ import annotations

import os
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import bundle, launchers, layout, manifest
from turnout.runtime import records as files
from turnout.runtime.builders.contract import Built
from turnout.runtime.launchers.spark import SparkLauncher
from turnout.runtime.spark import packing
from turnout.testing import records

Find = Callable[..., dict[str, Any]]


@pytest.fixture
def run(home: Path) -> layout.RunLayout:
    made = records.make_run(
        records.make_workspace(str(home)), "count_1", state="Starting", files={"code/words.py": b"x = 1\n"}
    )
    entry = manifest.Entry(manifest.FILE, "0" * 64, 6, "words.py")
    files.write_atomic(made.manifest, manifest.serialise([entry]))
    return made


@pytest.fixture
def find(
    run: layout.RunLayout, home: Path, make_spark: Callable[..., str], make_java: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> Find:  # fmt: skip
    """Return a function that finds what a run on a target needs."""
    monkeypatch.setattr(packing, "_add_base", lambda *words: None)  # the Python of whoever tests is large
    spark, java = make_spark(), make_java("17.0.15")

    def found(
        target: dict[str, Any] | None = None,
        variables: dict[str, str] | None = None,
        secrets: dict[str, str] | None = None,
        image: str | None = None,
        configured: dict[str, str] | None = None,
        **conf: Any,
    ) -> dict[str, Any]:
        settings = {name.replace("_", "."): value for name, value in conf.items()}
        definition = {
            "id": run.run_id, "experiment": "words", "workspace": {"name": "default"},
            "target": {"spark": target or {}}, "configuration": {"spark": {"configuration": settings}},
            "environment": {"variables": {"MODE": "environment", "PATH": "/env"}},
            "variables": {"configured": configured or {}},
        }  # fmt: skip
        there = {"SPARK_HOME": spark, "JAVA_HOME": java} if variables is None else variables
        shipped = bundle.ship(layout.Home(str(home)))
        context = launchers.Context(layout.Home(str(home)), run, definition, there, secrets or {}, shipped)
        interpreter = os.path.realpath(sys.executable)  # of no environment, so that only the starter is packed
        return SparkLauncher().find(context, Built(interpreter, None, None, image))

    return found


def test_on_this_machines_processors_all_is_seen(find: Find, run: layout.RunLayout, tmp_path: Path, home: Path) -> None:
    found = find(configured={"MODE": "run", "HOME": "/h"})
    assert (found["submit"], found["spark_version"]) == (str(tmp_path / "spark/bin/spark-submit"), "4.0.1")
    assert (found["java_home"], found["java_version"]) == (str(tmp_path / "java-17.0.15"), 17)
    assert found["visible"] is True
    assert found["variables"] == {"MODE": "run"}
    assert found["run_variables"]["TURNOUT_RUN_DIRECTORY"] == run.root
    assert found["run_variables"]["TURNOUT_HOME"] == str(home)
    assert os.path.isdir(run.spark_events)
    assert not os.path.exists(run.shipped)
    assert SparkLauncher().describe(found) == {
        "submit": str(tmp_path / "spark/bin/spark-submit"), "spark_home": str(tmp_path / "spark"), "spark_version": "4.0.1",
        "java_home": str(tmp_path / "java-17.0.15"), "java_version": 17, "visible": True,
    }  # fmt: skip


def test_what_other_machines_lack_is_packed(find: Find, run: layout.RunLayout) -> None:
    found = find({"master": "spark://127.0.0.1:1"})  # nobody says that its workers see this home
    assert (found["visible"], found["address"]) == (False, "127.0.0.1")
    assert "run_variables" not in found
    with tarfile.open(found["files"]) as archive:
        names = archive.getnames()
        assert "code/words.py" in names
        assert "runtime/turnout/runtime/script/executor.py" in names
    with tarfile.open(found["environment"]) as archive:
        assert "bin/python" in archive.getnames()
    assert found["files"].startswith(run.shipped)


def test_a_home_that_the_cluster_shares_needs_no_archive(find: Find, run: layout.RunLayout) -> None:
    assert find({"master": "yarn", "shared_home": True})["visible"] is True
    assert not os.path.exists(run.shipped)


def test_the_installations_own_settings_are_found_and_kept_out_of_the_record(find: Find, tmp_path: Path) -> None:
    (tmp_path / "spark" / "conf").mkdir()
    (tmp_path / "spark" / "conf" / "spark-defaults.conf").write_text("spark.ssl.keyPassword hunter22\n")
    found = find()
    assert found["defaults"] == {"spark.ssl.keyPassword": "hunter22"}
    assert "hunter22" not in str(SparkLauncher().describe(found))


OTHER = """#!/bin/sh
echo 2.7
"""


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"image": "sha256:1"}, "spark-submit doesn't start a script in a container; choose a uv or conda environment"),
        ({"target": {"home": "/no/spark"}}, "there is no Spark in /no/spark (no bin/spark-submit)"),
        ({"target": {"master": "mesos://h:1"}}, "'mesos://h:1' is no Spark master"),
        ({"variables": {"JAVA_HOME": "/no/java", "PATH": "/no"}, "target": {"home": "SPARK"}}, "JAVA_HOME is /no/java"),
        ({"variables": {"PATH": "/no"}}, "set SPARK_HOME or the target's --spark-home, or put pyspark into"),
        ({"secrets": {"TOKEN": "hunter22"}, "spark_executorEnv_TOKEN": "x"}, "the secret TOKEN can't be given to executors"),
        ({"spark_executor_memory": "some"}, "spark.executor.memory is a size"),
        ({"spark_pyspark_python": "PYTHON"}, "executors would use Python 2.7 (spark.pyspark.python="),
    ],
)  # fmt: skip
def test_what_does_not_suit_the_run_is_said_in_one_line(
    find: Find, tmp_path: Path, given: dict[str, Any], says: str
) -> None:
    other = tmp_path / "python2.7"
    other.write_text(OTHER)
    other.chmod(0o755)
    if given.get("spark_pyspark_python"):
        given = {"spark_pyspark_python": str(other)}
    if given.get("target") == {"home": "SPARK"}:
        given = {**given, "target": {"home": str(tmp_path / "spark")}}
    with pytest.raises(launchers.CannotLaunch) as refused:
        find(**given)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_java_that_is_too_old_for_the_spark_is_said(
    find: Find, make_java: Callable[..., str], tmp_path: Path
) -> None:
    old = make_java("11.0.2")
    with pytest.raises(launchers.CannotLaunch, match=r"^Spark 4\.0\.1 needs Java 17 or newer; JAVA_HOME is "):
        find(variables={"SPARK_HOME": str(tmp_path / "spark"), "JAVA_HOME": old})
