"""What a submit refuses of a run that spark-submit launches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from turnout.config import capabilities, spark_runs
from turnout.config.run_configuration import RunConfiguration
from turnout.environments.sections import SparkPackage
from turnout.exceptions import RunConfigurationException


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
