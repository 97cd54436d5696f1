"""Runs launched by spark-submit on real standalone clusters: here, on a host that shares nothing, and behind SSH."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from turnout.runtime.record import RunRecord
from turnout.testing import sparkcluster
from turnout.testing.remotehost import RemoteHost
from turnout.testing.sparkcluster import QUICK, SparkCluster

pytestmark = pytest.mark.system

PATIENCE = 120.0
SPARK = ("--framework", "pyspark")
CURRENT = ("--environment", "current")
QUICKLY = (
    *("--conf", f"spark.driver.extraJavaOptions={QUICK}", "--conf", f"spark.executor.extraJavaOptions={QUICK}"),
    *("--conf", "spark.executor.memory=512m"),
)
"""What lets drivers and executors that don't live long start soon."""

SLOW = """
import time
from pyspark.sql import SparkSession
from turnout import Run

context = SparkSession.builder.getOrCreate().sparkContext

def slow(number):
    time.sleep(0.25)
    return number

print("sum", context.parallelize(range(%d), %d).map(slow).sum(), flush=True)
Run.get_context().log("done", 1)
"""

WORDS = """
import sys
from pyspark.sql import SparkSession
from turnout import Run
import words

def lines(seed):
    import random
    chance = random.Random(seed)
    vocabulary = ["w%%04d" %% number for number in range(5000)]
    for _ in range(%d):
        yield " ".join(chance.choices(vocabulary, k=12))

session = SparkSession.builder.getOrCreate()
parts = session.sparkContext.parallelize(range(8), 8).flatMap(lines)
counts = parts.flatMap(words.tokens).map(lambda word: (word, 1)).reduceByKey(lambda one, other: one + other)
run = Run.get_context()
run.log("words", counts.values().sum())
run.log("distinct", counts.count())
run.log("where", sorted(set(session.sparkContext.parallelize(range(2), 2).map(lambda _: words.where()).collect()))[0])
"""

MODULE = """
import sys

def tokens(line):
    return line.split()

def where():
    return sys.executable
"""

EXAMPLES = Path(__file__).parents[2] / "examples"
WORDS_IN_200_MB = 46_858_200
"""As `words.block` gives them for seed 0, counted without Spark."""


def classify_iris(turnout: Any) -> None:
    """Run the example of pyspark.ml on the target, and look at its accuracy and its model."""
    example = EXAMPLES / "spark-iris"
    submit(turnout, "--source-directory", example, "--environment", example / "requirements.txt", example / "train.py")
    assert turnout.json("metrics", "@last")["accuracy"] > 0.9
    turnout("download", "@last", "outputs/model.json", "--to", turnout.directory / "model")
    model = json.loads(next((turnout.directory / "model").rglob("model.json")).read_text())
    assert len(model["coefficients"]) == len(model["classes"]) == 3


def count_words(turnout: Any) -> dict[str, Any]:
    """Count 200 MB of words on the target, by a module that its executors import; return what `show` tells."""
    example = EXAMPLES / "spark-wordcount"
    submit(turnout, "--source-directory", example, *CURRENT, example / "count.py", "--megabytes", "200")
    metrics = turnout.json("metrics", "@last")
    assert metrics["distinct words"] == 20_000
    assert metrics["words"] == WORDS_IN_200_MB
    shown: dict[str, Any] = turnout.json("show", "@last")
    assert shown["application"]["state"] == "FINISHED"
    assert shown["application"]["executors"]["ever"] == 2
    tasks = shown["application"]["tasks"]  # as the driver said when it was last asked, some seconds before its end
    assert 0 < tasks["done"] <= tasks["known"]
    assert "application app-" in turnout("logs", "--system", "@last").stdout
    return shown


@pytest.fixture(scope="session")
def spark(missing_service: Callable[[str], NoReturn]) -> str:
    try:
        return sparkcluster.require()
    except sparkcluster.MissingSpark as error:
        missing_service(str(error))


@pytest.fixture(scope="session")
def cluster(spark: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    with SparkCluster(tmp_path_factory.mktemp("spark"), spark) as made:
        yield made


@pytest.fixture
def on_cluster(turnout: Any, cluster: SparkCluster) -> Any:
    """The command line, with the cluster as the target `spark`."""
    turnout("target", "add", "spark", "--spark-master", cluster.url, "--spark-page", cluster.page, *QUICKLY)
    return turnout


def wait(condition: Callable[[], Any], what: str = "it") -> Any:
    deadline = time.monotonic() + PATIENCE
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not happen within {PATIENCE:g} s"
        time.sleep(0.05)


def submit(turnout: Any, *words: str | Path, target: str = "spark", **options: Any) -> Any:
    return turnout("submit", "--target", target, *SPARK, *words, **{"timeout": 600, **options})


def begin(turnout: Any, *words: str | Path, target: str = "spark") -> RunRecord:
    told = turnout("submit", "--detach", "--json", "--target", target, *SPARK, *words).stdout
    return RunRecord(json.loads(told)["directory"])


def tasks_done(record: RunRecord) -> int:
    return int((record.application().get("tasks") or {}).get("done") or 0)


def gone(cluster: SparkCluster, record: RunRecord) -> bool:
    identity = record.application()["id"]
    return all(each["id"] != identity for each in cluster.running())


def test_a_run_on_this_machines_processors(turnout: Any, spark: str) -> None:
    turnout.script(MODULE, "words.py")
    turnout.script(WORDS % 100)
    submit(turnout, *CURRENT, "--conf", f"spark.driver.extraJavaOptions={QUICK}", "train.py", target="local")
    assert turnout.json("metrics", "@last")["words"] == 8 * 100 * 12
    shown = turnout.json("show", "@last")
    assert shown["application"]["id"].startswith("local-")
    assert shown["launch"]["spark_version"].count(".") == 2


def test_words_are_counted_on_the_cluster_and_the_history_server_has_it(
    on_cluster: Any, cluster: SparkCluster, tmp_path: Path, spark: str
) -> None:
    shown = count_words(on_cluster)
    identity = shown["application"]["id"]
    assert gone(cluster, RunRecord(shown["directory"]))
    history_server_lists(Path(shown["directory"]) / "artifacts/spark-events", identity, tmp_path, spark)


def history_server_lists(events: Path, application: str, scratch: Path, home: str) -> None:
    """Start Spark's own History Server over an event log and ask it."""
    from turnout.runtime.spark import installation

    log = scratch / "history.log"
    options = f"{QUICK} -Dspark.history.fs.logDirectory=file://{events} -Dspark.history.ui.port=0"
    variables = {**os.environ, "SPARK_HOME": home, "JAVA_HOME": installation.java(os.environ).home}
    variables.update(SPARK_HISTORY_OPTS=options, SPARK_DAEMON_MEMORY="256m", SPARK_LOCAL_IP="127.0.0.1")
    with log.open("wb") as stream:
        server = subprocess.Popen(
            [f"{home}/bin/spark-class", "org.apache.spark.deploy.history.HistoryServer"],
            env=variables, stdout=stream, stderr=stream, start_new_session=True,
        )  # fmt: skip
    try:
        told = "Successfully started service 'HistoryServerUI' on port "
        wait(lambda: told in log.read_text(errors="replace"), "the history server's start")
        port = int(log.read_text(errors="replace").split(told)[1].split(".")[0])
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

        def listed() -> bool:
            with opener.open(f"http://127.0.0.1:{port}/api/v1/applications", timeout=10) as answer:
                found = json.load(answer)
            return any(each["id"] == application and each["attempts"][0]["completed"] for each in found)

        wait(listed, "the application in the history server")
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def test_iris_is_classified_on_the_cluster(on_cluster: Any) -> None:
    classify_iris(on_cluster)


def test_a_cancel_in_the_middle_ends_the_application_on_the_cluster(on_cluster: Any, cluster: SparkCluster) -> None:
    on_cluster.script(SLOW % (2000, 2000))
    record = begin(on_cluster, *CURRENT, "train.py")
    wait(lambda: tasks_done(record) > 2, "a few tasks")
    on_cluster("cancel", "@last")
    on_cluster("wait", "@last", code=143)
    shown = on_cluster.json("show", "@last")
    assert shown["status"] == "Canceled"
    assert 2 < shown["application"]["tasks"]["done"] < 2000
    assert gone(cluster, record)


def test_a_driver_that_is_killed_leaves_no_application(on_cluster: Any, cluster: SparkCluster) -> None:
    on_cluster.script(SLOW % (2000, 2000))
    record = begin(on_cluster, *CURRENT, "train.py")
    wait(lambda: tasks_done(record) > 0, "a task")
    process = json.loads(Path(record.layout.process).read_text())
    os.kill(process["pid"], signal.SIGKILL)
    on_cluster("wait", "@last", code=137)
    assert on_cluster.json("show", "@last")["status"] == "Failed"
    assert gone(cluster, record)


def test_a_worker_that_is_killed_is_survived_and_told(on_cluster: Any, cluster: SparkCluster) -> None:
    on_cluster.script(SLOW % (120, 120))
    record = begin(on_cluster, *CURRENT, "train.py")
    wait(lambda: tasks_done(record) > 5, "a few tasks")
    cluster.kill_worker(0)
    try:
        on_cluster("wait", "@last")
        assert on_cluster("logs", "@last").stdout.count(f"sum {sum(range(120))}\n") == 1
        shown = on_cluster.json("show", "@last")
        assert shown["application"]["executors"]["lost"], shown["application"]
        assert "is lost: " in on_cluster("logs", "--system", "@last").stdout
        assert " lost: " in on_cluster("show", "@last").stdout
    finally:
        cluster.workers.pop(0)
        cluster.add_worker()
        wait(lambda: len(cluster.alive()) == 2, "a new worker")


def test_a_supervisor_that_is_killed_has_a_successor_that_follows_the_application(
    on_cluster: Any, cluster: SparkCluster
) -> None:
    on_cluster.script(SLOW % (100, 100))
    record = begin(on_cluster, *CURRENT, "train.py")
    wait(lambda: tasks_done(record) > 0, "a task")
    os.kill(json.loads(Path(record.layout.lock).read_text())["pid"], signal.SIGKILL)
    on_cluster("wait", "@last")
    application = record.application()
    assert application["tasks"]["done"] > 10
    lines = Path(record.layout.cluster_log).read_text()
    assert lines.count(f"application {application['id']} at ") == 1
    assert application["state"] == "FINISHED"


def test_what_no_worker_can_give_is_waited_for_with_the_reason(on_cluster: Any) -> None:
    on_cluster.script("print('never')\n")
    record = begin(on_cluster, *CURRENT, "--conf", "spark.executor.memory=100g", "train.py")
    reason = wait(
        lambda: on_cluster.json("show", "@last")["reason"] if "largest worker" in str(record.journal()[-1]) else "",
        "the reason",
    )
    assert "an executor asks for 100 GB of memory (spark.executor.memory), and the largest worker has 1 GB" in reason
    assert on_cluster.json("show", "@last")["status"] == "Queued"
    on_cluster("cancel", "@last")
    on_cluster("wait", "@last", code=125)
    assert on_cluster.json("show", "@last")["status"] == "Canceled"


def test_what_the_script_itself_asks_for_too_much_is_told_while_it_waits(on_cluster: Any) -> None:
    on_cluster.script(SLOW.replace("builder", "builder.config('spark.executor.memory', '50g')") % (2, 2))
    record = begin(on_cluster, *CURRENT, "train.py")
    wait(lambda: record.application().get("waiting"), "the reason")
    wait(lambda: "largest worker has 1 GB" in record.status()[1], "the reason in the run's state")
    assert on_cluster.json("show", "@last")["status"] == "Running"
    on_cluster("cancel", "@last")
    on_cluster("wait", "@last", code=143)


def test_a_master_that_is_down_is_waited_for(turnout: Any, spark: str, tmp_path: Path, cluster: SparkCluster) -> None:
    with SparkCluster(tmp_path / "first", spark, workers=0) as first:
        turnout("target", "add", "spark", "--spark-master", first.url, "--spark-page", first.page, *QUICKLY)
    turnout.script("print('it is there again')\n")
    record = begin(turnout, *CURRENT, "train.py")
    wait(lambda: "can't be reached: connection refused, retrying" in str(record.journal()[-1]), "the reason")
    assert turnout.json("show", "@last")["status"] == "Queued"
    port = int(first.url.rpartition(":")[2])
    with SparkCluster(tmp_path / "again", spark, workers=1, port=port):
        turnout("wait", "@last")
    assert "it is there again" in turnout("logs", "@last").stdout


def test_a_script_that_is_no_spark_script_is_a_python_script(on_cluster: Any) -> None:
    on_cluster.script("import sys\nprint('plain', sys.argv[1:])\n")
    assert "plain ['a b', '--conf']" in submit(on_cluster, *CURRENT, "train.py", "a b", "--conf").stdout
    shown = on_cluster.json("show", "@last")
    assert shown["application"] == {}
    assert not os.path.exists(Path(shown["directory"]) / "artifacts")


def test_a_failing_script_fails_whatever_the_master_says(on_cluster: Any, cluster: SparkCluster) -> None:
    on_cluster.script(
        "from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate().range(3).count()\nraise SystemExit(5)\n"
    )
    submit(on_cluster, *CURRENT, "train.py", code=5)
    shown = on_cluster.json("show", "@last")
    assert shown["status"] == "Failed"
    assert shown["application"]["state"] == "FINISHED"  # which is why nobody believes it


def test_packages_are_resolved_or_named(on_cluster: Any, tmp_path: Path) -> None:
    import zipfile

    place = tmp_path / "maven/org/example/thing/1.0"
    place.mkdir(parents=True)
    (place / "thing-1.0.pom").write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId>"
        "<artifactId>thing</artifactId><version>1.0</version></project>"
    )
    with zipfile.ZipFile(place / "thing-1.0.jar", "w") as jar:
        jar.writestr("marker.txt", "found")
    settings = tmp_path / "ivy.xml"
    settings.write_text(
        '<ivysettings><settings defaultResolver="none"/><resolvers><chain name="none"/></resolvers></ivysettings>'
    )
    (on_cluster.directory / "run.py").write_text(
        f"""
import sys
from turnout import Environment, Experiment, RunConfiguration, ScriptRunConfig, Workspace
from turnout.environments.sections import SparkPackage
from turnout.environments.specification import from_spec

ws = Workspace.from_config()
configuration = RunConfiguration(framework="pyspark")
configuration.target = "spark"
configuration.environment = from_spec("current", ws)
configuration.environment.spark.repositories = ["file://{tmp_path}/maven"]
configuration.environment.spark.packages = [SparkPackage("org.example", sys.argv[1], "1.0")]
configuration.spark.configuration = {{"spark.jars.ivySettings": "{settings}", "spark.jars.ivy": "{tmp_path}/ivy"}}
run = Experiment(ws, "packages").submit(ScriptRunConfig(".", "train.py", run_config=configuration))
run.wait_for_completion(raise_on_error=False)
print(run.get_status(), run.record.result()["reason"])
"""
    )
    on_cluster.script(
        "from pyspark.sql import SparkSession\n"
        "jvm = SparkSession.builder.getOrCreate()._jvm\n"
        "stream = jvm.Thread.currentThread().getContextClassLoader().getResourceAsStream('marker.txt')\n"
        "assert stream is not None\n"
    )
    python = os.path.join(os.path.dirname(on_cluster.command[0]), "python")

    def run(artifact: str) -> str:
        done = subprocess.run(
            [python, "run.py", artifact], cwd=on_cluster.directory, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    assert run("thing").startswith("Completed")
    assert run("nothing") == (
        "Failed Spark packages can't be resolved: org.example:nothing:1.0; check name and version, or add a repository "
        "to environment.spark"
    )


def test_a_java_that_is_missing_or_too_old_is_said_at_once(turnout: Any, spark: str, tmp_path: Path) -> None:
    turnout.script("print(1)\n")
    old = tmp_path / "old"
    (old / "bin").mkdir(parents=True)
    (old / "bin/java").write_text("#!/bin/sh\nexit 1\n")
    (old / "bin/java").chmod(0o755)
    (old / "release").write_text('JAVA_VERSION="11.0.22"\n')
    refused = submit(
        turnout, *CURRENT, "train.py", target="local", code=2, env={**os.environ, "JAVA_HOME": str(tmp_path)}
    )
    assert f"JAVA_HOME is {tmp_path}, where there is no bin/java" in refused.stderr
    late = submit(turnout, *CURRENT, "train.py", target="local", code=125, env={**os.environ, "JAVA_HOME": str(old)})
    assert "needs Java 17 or newer" in late.stderr
    assert "Java 11" in late.stderr


def test_secrets_stay_on_the_driver(turnout: Any, spark: str) -> None:
    turnout.script("import os; print('has it', bool(os.environ['KEY']))\n")
    words = (*CURRENT, "--secret", "KEY=hidden-value")
    refused = submit(turnout, *words, "--conf", "spark.executorEnv.KEY=x", "train.py", target="local", code=2)
    assert "the secret KEY can't be given to executors" in refused.stderr
    refused = submit(turnout, *words, "--conf", "spark.thing=hidden-value", "train.py", target="local", code=2)
    assert "holds the value of a secret" in refused.stderr
    assert "has it True" in submit(turnout, *words, "train.py", target="local").stdout


def test_another_python_for_executors_is_refused_before_anything_starts(
    turnout: Any, spark: str, tmp_path: Path
) -> None:
    other = tmp_path / "python"
    other.write_text("#!/bin/sh\necho 3.7\n")
    other.chmod(0o755)
    turnout.script("print('never')\n")
    failed = submit(turnout, *CURRENT, "--conf", f"spark.pyspark.python={other}", "train.py", target="local", code=125)
    assert (
        f"executors would use Python 3.7 (spark.pyspark.python={other}), and the driver has Python 3." in failed.stderr
    )


ELSEWHERE = """
import sys
from pyspark.sql import SparkSession
from turnout import Run
import helper

session = SparkSession.builder.getOrCreate()
found = session.sparkContext.parallelize(range(2), 2).map(helper.look).collect()
run = Run.get_context()
run.log("six", found[0]["six"])
run.log("data", found[0]["data"])
run.log("python", found[0]["python"])
run.log("said", found[0]["said"])
run.log("foo", found[0]["foo"])
"""

HELPER = """
import os
import sys
import six
from turnout import Run

run = Run.get_context()

def look(number):
    try:
        run.log("number", number)
        said = "logged"
    except Exception as error:
        said = type(error).__name__
    with open(os.path.join(os.path.dirname(__file__), "data.txt")) as stream:
        data = stream.read()
    return {"six": six.__version__, "data": data, "python": sys.version.split()[0], "said": said, "foo": os.environ["FOO"]}
"""


def _project(turnout: Any) -> None:
    (turnout.directory / "requirements.txt").write_text("six==1.16.0\n")
    (turnout.directory / "data.txt").write_text("beside the module")
    turnout.script(HELPER, "helper.py")
    turnout.script(ELSEWHERE)


def test_executors_on_another_machine_get_packages_and_modules(
    turnout: Any, spark: str, make_remote_host: Callable[..., RemoteHost]
) -> None:
    """The driver runs here, the cluster is a machine that shares nothing with it."""
    host = make_remote_host()
    with SparkCluster.on(host) as there:
        turnout("target", "add", "spark", "--spark-master", there.url, "--spark-page", there.page, *QUICKLY)
        _project(turnout)
        submit(turnout, "--environment", "requirements.txt", "--env", "FOO=bar", "train.py")
        metrics = turnout.json("metrics", "@last")
        assert metrics["six"] == "1.16.0"
        assert metrics["data"] == "beside the module"
        assert metrics["said"] == "RunEnvironmentException"
        assert metrics["foo"] == "bar"
        assert not os.path.exists(RunRecord(turnout.json("show", "@last")["directory"]).layout.shipped)


def test_executors_without_the_drivers_python_are_said(
    turnout: Any, spark: str, make_remote_host: Callable[..., RemoteHost]
) -> None:
    host = make_remote_host(python=False)
    with SparkCluster.on(host, workers=1) as there:
        turnout("target", "add", "spark", "--spark-master", there.url, "--spark-page", there.page, *QUICKLY)
        turnout.script(SLOW % (2, 2))
        failed = submit(turnout, "--environment", "/usr/bin/python3", "train.py", code=1)
        assert f"the executor on {host.name} has no Python 3." in failed.stderr


def test_a_cluster_behind_ssh(turnout: Any, spark: str, make_remote_host: Callable[..., RemoteHost]) -> None:
    """All is as on a cluster that is reached directly: the target's name is what changes."""
    host = make_remote_host()
    with SparkCluster.on(host) as there:
        added = turnout(
            "target", "add", "spark", "--ssh", host.name, "--spark-master", there.url, "--spark-page", there.page,
            "--spark-home", there.home, *QUICKLY,
        ).stdout  # fmt: skip
        assert "alive, 2 workers" in added
        assert "Java " in added
        _project(turnout)
        submit(turnout, "--environment", "requirements.txt", "--env", "FOO=bar", "train.py")
        metrics = turnout.json("metrics", "@last")
        assert metrics["six"] == "1.16.0"
        assert metrics["said"] == "logged"
        names = [row["name"] for row in turnout.json("files", "@last")]
        assert any(name.startswith("spark-events/") for name in names)
        classify_iris(turnout)
        count_words(turnout)

        turnout.script(SLOW % (2000, 2000))
        record = begin(turnout, "--environment", "requirements.txt", "train.py")

        def some_tasks() -> bool:
            turnout("show", "@last")
            return tasks_done(record) > 2

        wait(some_tasks, "a few tasks")
        turnout("cancel", "@last")
        turnout("wait", "@last", code=143)
        assert not there.running()
