"""The command line of `spark-submit`, word for word, for each kind of cluster."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from turnout.runtime.launchers import of
from turnout.runtime.launchers.spark import coordinate, deploy_mode
from turnout.runtime.spark.settings import SettingsError

PYTHON = "/env/bin/python"
V1 = {"spark.app.name": "Azure ML Experiment", "spark.yarn.maxAppAttempts": 1}
"""What v1 puts into every configuration."""

EVENT_LOG = [
    "--conf", "spark.eventLog.compress=true",
    "--conf", "spark.eventLog.dir=file:///run/spark-events",
    "--conf", "spark.eventLog.enabled=true",
]  # fmt: skip


def _definition(
    master: str | None = None, own: dict[str, Any] | None = None, arguments: tuple[str, ...] = (), **target: Any
) -> dict[str, Any]:
    behind = {"master": master, **target} if master else None
    return {
        "id": "count_1",
        "configuration": {
            "framework": "PySpark",
            "script": "count.py",
            "spark": {"configuration": {**V1, **(own or {})}},
            "hdi": {"yarnDeployMode": "cluster"},
        },
        "arguments": list(arguments),
        "target": {"name": "t", **({"spark": behind} if behind else {})},
    }


def _found(visible: bool = True, **more: Any) -> dict[str, Any]:
    seen = {"run_variables": {"TURNOUT_RUN_ID": "count_1"}}
    packed = {"environment": "/run/environment.tar.gz", "files": "/run/files.tar.gz"}
    return {
        "submit": "/spark/bin/spark-submit",
        "spark_home": "/spark",
        "java_home": "/java",
        "defaults": {},
        "visible": visible,
        "code": "/run/code",
        "runtime": "/runtime",
        "event_log": "/run/spark-events",
        "variables": {},
        **(seen if visible else packed),
        **more,
    }


def _command(definition: dict[str, Any], found: dict[str, Any]) -> list[str]:
    argv, variables = of(definition).command(definition, 0, PYTHON, found)
    assert variables == {"SPARK_HOME": "/spark", "JAVA_HOME": "/java"}
    return argv


def _settings(definition: dict[str, Any], found: dict[str, Any]) -> dict[str, str]:
    argv = _command(definition, found)
    given = [word for before, word in itertools.pairwise(argv) if before == "--conf"]
    return dict(word.split("=", 1) for word in given)


def test_on_this_machines_processors() -> None:
    assert _command(_definition(), _found()) == [
        "/spark/bin/spark-submit", "--master", "local[*]", "--deploy-mode", "client",
        "--conf", "spark.app.name=count_1",
        *EVENT_LOG,
        "--conf", "spark.pyspark.driver.python=/env/bin/python",
        "--conf", "spark.pyspark.python=/env/bin/python",
        "count.py",
    ]  # fmt: skip


def test_on_a_standalone_cluster_that_sees_the_run() -> None:
    found = _found(address="10.0.0.5", variables={"MODE": "a b", "PYTHONPATH": "/mine"})
    assert _command(_definition("spark://m:7077"), found) == [
        "/spark/bin/spark-submit", "--master", "spark://m:7077", "--deploy-mode", "client",
        "--conf", "spark.app.name=count_1",
        "--conf", "spark.driver.host=10.0.0.5",
        *EVENT_LOG,
        "--conf", "spark.executorEnv.MODE=a b",
        "--conf", "spark.executorEnv.PYTHONPATH=/run/code:/mine:/runtime",
        "--conf", "spark.executorEnv.TURNOUT_RUN_ID=count_1",
        "--conf", "spark.pyspark.driver.python=/env/bin/python",
        "--conf", "spark.pyspark.python=/env/bin/python",
        "count.py",
    ]  # fmt: skip


def test_on_a_standalone_cluster_that_does_not_see_the_run() -> None:
    assert _command(_definition("spark://m:7077"), _found(False, address="10.0.0.5")) == [
        "/spark/bin/spark-submit", "--master", "spark://m:7077", "--deploy-mode", "client",
        "--conf", "spark.app.name=count_1",
        "--conf", "spark.archives=/run/environment.tar.gz#environment,/run/files.tar.gz#run-files",
        "--conf", "spark.driver.host=10.0.0.5",
        *EVENT_LOG,
        "--conf", "spark.executorEnv.PYTHONPATH=run-files/code:run-files/runtime",
        "--conf", "spark.executorEnv.TURNOUT_EXECUTOR_OF=count_1",
        "--conf", "spark.pyspark.driver.python=/env/bin/python",
        "--conf", "spark.pyspark.python=./environment/bin/python",
        "count.py",
    ]  # fmt: skip


def test_on_yarn_the_driver_runs_where_the_run_does() -> None:
    assert _command(_definition("yarn"), _found(False)) == [
        "/spark/bin/spark-submit", "--master", "yarn", "--deploy-mode", "client",
        "--conf", "spark.app.name=count_1",
        "--conf", "spark.archives=/run/environment.tar.gz#environment,/run/files.tar.gz#run-files",
        *EVENT_LOG,
        "--conf", "spark.executorEnv.PYTHONPATH=run-files/code:run-files/runtime",
        "--conf", "spark.executorEnv.TURNOUT_EXECUTOR_OF=count_1",
        "--conf", "spark.pyspark.driver.python=/env/bin/python",
        "--conf", "spark.pyspark.python=./environment/bin/python",
        "--conf", "spark.yarn.maxAppAttempts=1",
        "--conf", "spark.yarn.tags=count_1",
        "count.py",
    ]  # fmt: skip


def test_on_yarn_whose_nodes_see_the_run_the_driver_is_the_clusters() -> None:
    assert _command(_definition("yarn", arguments=("--n", "3"), shared_home=True), _found()) == [
        "/spark/bin/spark-submit", "--master", "yarn", "--deploy-mode", "cluster",
        "--conf", "spark.app.name=count_1",
        "--conf", "spark.executorEnv.PYTHONPATH=/run/code:/runtime",
        "--conf", "spark.executorEnv.TURNOUT_RUN_ID=count_1",
        "--conf", "spark.pyspark.python=/env/bin/python",
        "--conf", "spark.yarn.appMasterEnv.PYTHONPATH=/run/code:/runtime",
        "--conf", "spark.yarn.appMasterEnv.TURNOUT_RUN_ID=count_1",
        "--conf", "spark.yarn.maxAppAttempts=1",
        "--conf", "spark.yarn.tags=count_1",
        "/runtime/turnout/runtime/spark/elsewhere.py", "/run/code", "count.py", "--n", "3",
    ]  # fmt: skip


def test_on_kubernetes() -> None:
    own = {"spark.kubernetes.container.image": "spark:4"}
    assert _command(_definition("k8s://https://h:6443", own), _found(False)) == [
        "/spark/bin/spark-submit", "--master", "k8s://https://h:6443", "--deploy-mode", "client",
        "--conf", "spark.app.name=count_1",
        "--conf", "spark.archives=/run/environment.tar.gz#environment,/run/files.tar.gz#run-files",
        *EVENT_LOG,
        "--conf", "spark.executorEnv.PYTHONPATH=run-files/code:run-files/runtime",
        "--conf", "spark.executorEnv.TURNOUT_EXECUTOR_OF=count_1",
        "--conf", "spark.kubernetes.container.image=spark:4",
        "--conf", "spark.pyspark.driver.python=/env/bin/python",
        "--conf", "spark.pyspark.python=./environment/bin/python",
        "count.py",
    ]  # fmt: skip


def test_packages_and_repositories_of_the_environment() -> None:
    package = {"group": "org.example", "artifact": "lib_2.13", "version": "1.0"}
    definition = _definition()
    spark = {"repositories": ["https://a/m", "https://b/m"], "packages": [package, {**package, "version": "2"}]}
    definition["environment"] = {"definition": {"spark": spark}}
    assert _command(definition, _found())[1:9] == [
        "--master", "local[*]", "--deploy-mode", "client", "--repositories", "https://a/m,https://b/m",
        "--packages", "org.example:lib_2.13:1.0,org.example:lib_2.13:2",
    ]  # fmt: skip
    assert coordinate(package) == "org.example:lib_2.13:1.0"


def test_arguments_and_settings_with_blanks_stay_one_word() -> None:
    argv = _command(_definition(own={"spark.x": "a b"}, arguments=("--name", "two words", "", "--conf")), _found())
    assert "spark.x=a b" in argv
    assert argv[-5:] == ["count.py", "--name", "two words", "", "--conf"]


def test_a_runs_settings_stand_above_its_targets_and_the_installations_above_turnouts() -> None:
    definition = _definition("spark://m:1", {"spark.a": "run"}, conf={"spark.a": "target", "spark.b": "target"})
    defaults = {"spark.pyspark.python": "/opt/python", "spark.eventLog.dir": "hdfs:///logs", "spark.b": "installation"}
    chosen = _settings(definition, _found(defaults=defaults))
    assert (chosen["spark.a"], chosen["spark.b"]) == ("run", "target")
    assert "spark.pyspark.python" not in chosen
    assert not [name for name in chosen if name.startswith("spark.eventLog.")]
    definition = _definition("spark://m:1", {"spark.pyspark.python": "/its/python"})
    assert _settings(definition, _found(defaults=defaults))["spark.pyspark.python"] == "/its/python"


def test_a_name_that_a_person_gave_is_kept_and_the_master_of_the_run_counts() -> None:
    definition = _definition("yarn", {"spark.app.name": "mine", "spark.master": "local[2]"})
    argv = _command(definition, _found())
    assert argv[1:5] == ["--master", "local[2]", "--deploy-mode", "client"]
    assert "spark.app.name=mine" in argv
    assert not [word for word in argv if word.startswith(("spark.master=", "spark.yarn."))]


def test_archives_and_the_path_of_executors_are_joined_with_the_users_own() -> None:
    archives, path = "spark.archives", "spark.executorEnv.PYTHONPATH"
    ours = {
        archives: "/run/environment.tar.gz#environment,/run/files.tar.gz#run-files",
        path: "run-files/code:run-files/runtime",
    }
    own = {archives: "/data/model.zip#model", path: "/opt/lib"}
    by_run = _settings(_definition("spark://m:1", own), _found(False))
    by_installation = _settings(_definition("spark://m:1"), _found(False, defaults=own))
    expected = (f"{ours[archives]},{own[archives]}", f"{ours[path]}:{own[path]}")
    assert (by_run[archives], by_run[path]) == expected
    assert (by_installation[archives], by_installation[path]) == expected


def test_the_path_of_a_driver_that_is_the_clusters_is_joined_too() -> None:
    name = "spark.yarn.appMasterEnv.PYTHONPATH"
    joined = _settings(_definition("yarn", {name: "/opt/lib"}, shared_home=True), _found())[name]
    assert joined == "/run/code:/runtime:/opt/lib"


def test_a_path_that_the_run_sets_for_itself_stands_between_snapshot_and_runtime() -> None:
    found = _found(variables={"PYTHONPATH": "/data/lib"})
    assert (
        _settings(_definition("spark://m:1"), found)["spark.executorEnv.PYTHONPATH"] == "/run/code:/data/lib:/runtime"
    )


def test_an_installation_that_keeps_event_logs_keeps_them_where_it_does() -> None:
    defaults = {"spark.eventLog.dir": "hdfs:///logs", "spark.eventLog.enabled": "true"}
    settings = _settings(_definition("spark://m:1"), _found(defaults=defaults))
    assert not [name for name in settings if name.startswith("spark.eventLog.")]


ASKED = {"spark.submit.deployMode": "cluster"}


@pytest.mark.parametrize(
    ("master", "target", "says"),
    [
        (
            "spark://m:1",
            {"shared_home": True},
            "a standalone Spark cluster has no cluster mode for Python applications",
        ),
        ("local[*]", {}, "cluster mode on local is not carried out: the driver's reports would be lost"),
        ("k8s://h:1", {"shared_home": True}, "cluster mode on kubernetes is not carried out"),
        ("yarn", {}, "say that it does (turnout target update --shared-home)"),
    ],
)
def test_cluster_mode_where_it_cant_be_is_refused(master: str, target: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        deploy_mode(_definition(master, ASKED, **target))
    assert says in str(refused.value)
    assert str(refused.value).endswith("leave spark.submit.deployMode out, or set it to client")
    assert deploy_mode(_definition(master, **{**target, "shared_home": False})) == "client"  # v1's filling asks nothing


def test_where_the_driver_of_a_run_on_yarn_runs() -> None:
    assert deploy_mode(_definition("yarn", ASKED, shared_home=True)) == "cluster"
    assert deploy_mode(_definition("yarn", {"spark.submit.deployMode": "client"}, shared_home=True)) == "client"
    definition = _definition("yarn", shared_home=True)
    definition["configuration"]["hdi"] = {"yarnDeployMode": "client"}
    assert deploy_mode(definition) == "client"
