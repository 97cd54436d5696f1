from __future__ import annotations

import json
from pathlib import Path

import pytest

from turnout.runtime.spark import diagnosis, yarn

IVY = """:: loading settings :: url = jar:file:/opt/spark/jars/ivy-2.5.3.jar!/org/apache/ivy/core/settings/ivysettings.xml
:: resolving dependencies :: org.apache.spark#spark-submit-parent-1b6f;1.0
\tconfs: [default]
\t\t::::::::::::::::::::::::::::::::::::::::::::::
\t\t::          UNRESOLVED DEPENDENCIES         ::
\t\t::::::::::::::::::::::::::::::::::::::::::::::
\t\t:: org.example#nothing;1.0: not found
\t\t:: org.example#other_2.13;2.0-rc1: not found
\t\t::::::::::::::::::::::::::::::::::::::::::::::
:: USE VERBOSE OR DEBUG MESSAGE LEVEL FOR MORE DETAILS
Exception in thread "main" java.lang.RuntimeException: [unresolved dependency: org.example#nothing;1.0: not found]
"""
REPORT = """Application Report :
\tApplication-Id : application_1700000000000_0001
\tApplication-Name : State : of things
\tApplication-Type : SPARK
\tProgress : 100%%
\tState : %s
\tFinal-State : %s
\tTracking-URL : http://head:18080/history/application_1700000000000_0001/1
\tDiagnostics : State : odd
"""


def test_other_pythons_are_told_as_the_installed_spark_says_it() -> None:
    pyspark = pytest.importorskip("pyspark.errors", reason="pyspark isn't installed")
    conditions = json.loads((Path(pyspark.__file__).parent / "error-conditions.json").read_text())
    words = "\n".join(conditions["PYTHON_VERSION_MISMATCH"]["message"])
    words = words.replace("<worker_version>", "3.12").replace("<driver_version>", "3.11")
    said = diagnosis.of_text("pyspark.errors.PySparkRuntimeError: [PYTHON_VERSION_MISMATCH] " + words)
    assert said.startswith("the executors' Python has another minor version than the driver's")
    assert "(Python 3.12 there, 3.11 on the driver)" in said


@pytest.mark.parametrize("version", ["3.8", "(3, 8)"], ids=["3.3", "3.4 and 3.5"])
def test_other_pythons_are_told_as_older_sparks_say_it(version: str) -> None:
    said = diagnosis.of_text(
        f"Exception: Python in worker has different version {version} than that in driver 3.10, PySpark cannot run with "
        "different minor versions."
    )
    assert "(Python 3.8 there, 3.10 on the driver)" in said


def test_packages_that_are_not_found_are_named() -> None:
    assert diagnosis.of_text(IVY) == (
        "Spark packages can't be resolved: org.example:nothing:1.0, org.example:other_2.13:2.0-rc1; check name and "
        "version, or add a repository to environment.spark"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "ERROR: All masters are unresponsive! Giving up.",
            "the Spark master stopped answering while the script began",
        ),
        (
            "java.lang.UnsupportedClassVersionError: org/apache/spark/x",
            "this Java is too old for this Spark: set JAVA_HOME",
        ),
        ("x\nturnout: the executor on n1 has no Python 3.11, with\n", "the executor on n1 has no Python 3.11, with"),
        ("ValueError: a script's own error", ""),
        ("", ""),
    ],
)
def test_other_reasons(text: str, reason: str) -> None:
    said = diagnosis.of_text(text)
    assert said.startswith(reason)
    assert "\n" not in said
    assert bool(said) == bool(reason)


def test_the_end_of_a_log_counts_and_a_log_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"\xff\n" * (1 << 20) + IVY.encode())
    assert "org.example:nothing:1.0" in diagnosis.of_log(str(log))
    assert diagnosis.of_log(str(tmp_path / "gone")) == ""
    assert diagnosis.submitted(str(tmp_path / "gone")) == ""


def test_the_application_that_was_submitted_to_yarn(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("INFO YarnClientImpl: Submitted application application_1700000000000_0001\nmore\n")
    assert diagnosis.submitted(str(log)) == "application_1700000000000_0001"
    log.write_text("INFO SparkContext: Submitted application: words\n")
    assert diagnosis.submitted(str(log)) == ""


@pytest.mark.parametrize(
    ("state", "final", "said"),
    [
        ("RUNNING", "UNDEFINED", "RUNNING"),
        ("ACCEPTED", "UNDEFINED", "ACCEPTED"),
        ("FINISHED", "SUCCEEDED", "FINISHED"),
        ("FINISHED", "FAILED", "FAILED"),
        ("FINISHED", "KILLED", "KILLED"),
        ("KILLED", "KILLED", "KILLED"),
    ],
)
def test_yarns_report(state: str, final: str, said: str) -> None:
    assert yarn.parse(REPORT % (state, final)) == said


def test_no_report_is_no_state() -> None:
    assert yarn.parse("Application with id 'application_1_1' doesn't exist in RM or Timeline Server.\n") == ""
