"""What a submit refuses of a run that spark-submit launches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from turnout.config import capabilities, spark_runs
from turnout.config.run_configuration import RunConfiguration
from turnout.environments.sections import SparkPackage
from turnout.exceptions import RunConfigurationException
from turnout.runtime.spark import installation
from turnout.targets import spark_settings
from turnout.testing import sparkparts


def _run(**settings: Any) -> RunConfiguration:
    run = RunConfiguration(script="count.py", framework="PySpark")
    run.spark.configuration.update(settings)
    return run


def test_a_run_by_spark_passes() -> None:
    run = _run(**{"spark.executor.memory": "1g", "spark.speculation": True})
    run.environment.spark.packages = [SparkPackage("org.example", "lib", "1.0")]
    run.environment.spark.repositories = ["https://repository.example/maven"]
    run.hdi.yarn_deploy_mode = "client"
    capabilities.check(run)


@pytest.mark.parametrize("spelling", ["PySpark", "pyspark", "PYSPARK"])
def test_what_v1_puts_into_every_configuration_passes(spelling: str) -> None:
    run = RunConfiguration(script="count.py", framework=spelling)
    assert run.framework == "PySpark"
    assert run.spark.configuration == {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": 1}
    assert run.hdi.yarn_deploy_mode == "cluster"
    capabilities.check(run)


def _refused(run: RunConfiguration) -> str:
    with pytest.raises(RunConfigurationException) as refused:
        capabilities.check(run)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_a_command_is_refused() -> None:
    run = RunConfiguration(command="echo", framework="PySpark")
    assert "spark-submit launches a script; give one in place of the command" in _refused(run)


def test_a_container_is_refused() -> None:
    run = _run()
    run.environment.docker.enabled = True
    assert "spark-submit doesn't start a script in a container" in _refused(run)
    run = _run()
    run.docker.use_docker = True
    assert "spark-submit doesn't start a script in a container" in _refused(run)


def test_a_deploy_mode_that_yarn_does_not_have_is_refused() -> None:
    run = _run()
    run.hdi.yarn_deploy_mode = "both"
    assert "hdi.yarn_deploy_mode is cluster or client, not 'both'" in _refused(run)


@pytest.mark.parametrize("parts", [(None, "b", "c"), ("a", "", "c"), ("a", "b", None)])
def test_a_package_that_lacks_a_part_is_refused(parts: tuple[Any, Any, Any]) -> None:
    run = _run()
    run.environment.spark.packages = [SparkPackage(*parts)]
    assert "a Spark package has group, artifact and version, not " in _refused(run)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("executor.memory", "1g", "'executor.memory' is no setting of Spark's"),
        ("spark.executor.memory", "lots", "spark.executor.memory is a size such as 512m or 4g, not 'lots'"),
        ("spark.jars", ["a"], "the setting spark.jars is text or a number"),
        ("spark.submit.deployMode", "yarn", "spark.submit.deployMode is client or cluster, not 'yarn'"),
    ],
)
def test_a_setting_that_cant_be_used_is_refused(name: str, value: Any, says: str) -> None:
    assert says in _refused(_run(**{name: value}))


def _definition(master: str, **own: Any) -> dict[str, Any]:
    return {
        "configuration": {"framework": "PySpark", "spark": {"configuration": own}},
        "target": {"name": "cluster", "spark": {"master": master}},
        "variables": {"configured": {}},
    }


@pytest.mark.parametrize(
    ("master", "own", "says"),
    [
        ("mesos://m:1", {}, "'mesos://m:1' is no Spark master"),
        ("spark://m:1", {"spark.submit.deployMode": "cluster"}, "has no cluster mode for Python applications"),
        ("spark://m:1", {"spark.executor.cores": "two"}, "spark.executor.cores is a number from 1 on"),
        ("spark://m:1", {"spark.executorEnv.TOKEN": "x"}, "the secret TOKEN can't be given to executors"),
        ("local[*]", {"spark.hadoop.key": "hunter22"}, "spark.hadoop.key holds the value of a secret"),
    ],
)
def test_what_the_target_cant_do_is_refused_before_anything_is_kept(
    master: str, own: dict[str, Any], says: str
) -> None:
    with pytest.raises(RunConfigurationException) as refused:
        capabilities.check_launch(_definition(master, **own), {"TOKEN": "hunter22"}, None)
    assert says in str(refused.value)
    assert str(refused.value).endswith("; nothing was submitted")
    assert "hunter22" not in str(refused.value)


def test_a_java_that_is_named_and_not_there_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(RunConfigurationException) as refused:
        spark_runs.check_launch(_definition("local[*]"), {}, {"JAVA_HOME": str(tmp_path)})
    assert f"JAVA_HOME is {tmp_path}, where there is no bin/java; correct it" in str(refused.value)
    spark_runs.check_launch(_definition("local[*]"), {}, None)  # elsewhere the machine itself will tell


def test_on_this_machine_java_is_looked_for_and_the_pyspark_beside_turnout_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "_JAVA_PLACES", ())
    definition = _definition("local[*]")
    with pytest.raises(
        RunConfigurationException, match=r"no Java on \S+, which Spark needs: .*; nothing was submitted$"
    ):
        spark_runs.check_launch(definition, {}, {"PATH": str(tmp_path)})
    java = sparkparts.make_java(tmp_path / "java", "17.0.15")
    spark_runs.check_launch(definition, {}, {"PATH": os.path.join(java, "bin")})
    beside = definition["target"]["spark"]["beside"]
    assert beside == spark_settings.beside()
    assert os.access(os.path.join(beside, "bin", "spark-submit"), os.X_OK)


def test_a_run_that_is_no_sparks_is_not_looked_at() -> None:
    definition = _definition("mesos://m:1")
    definition["configuration"]["framework"] = "Python"
    capabilities.check_launch(definition, {}, None)
