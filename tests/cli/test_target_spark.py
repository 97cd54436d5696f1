"""`turnout target` with Spark clusters to which this machine submits: real installations' marks, a real port as the master."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime.spark import installation
from turnout.targets import spark_settings
from turnout.testing import sparkparts


@pytest.fixture(autouse=True)
def spark(workspace: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Spark 4.0.1 and Java 17, and none of this machine's own."""
    monkeypatch.setattr(installation, "_JAVA_PLACES", ())
    monkeypatch.setattr(spark_settings, "beside", lambda: "")
    for name in ("SPARK_CONF_DIR", "HADOOP_HOME", "HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "account").mkdir()  # what its login says of Spark is nothing
    monkeypatch.setenv("HOME", str(tmp_path / "account"))
    monkeypatch.setenv("SHELL", "/bin/sh")
    monkeypatch.setenv("JAVA_HOME", sparkparts.make_java(tmp_path / "java", "17.0.15"))
    home = sparkparts.make_spark(tmp_path / "spark")
    monkeypatch.setenv("SPARK_HOME", home)
    return home


@pytest.fixture
def master() -> Iterator[sparkparts.MasterPage]:
    with sparkparts.MasterPage() as made:
        made.add_worker(cores=2, memory=1024)
        made.add_worker(cores=1, memory=2048)
        yield made


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kept(workspace: Any) -> dict[str, Any]:
    """Return the files of the workspace's targets."""
    return {path.stem: json.loads(path.read_text()) for path in Path(workspace.targets).glob("*.json")}


def test_this_machine_as_a_cluster_of_its_own(turnout: Any, spark: str) -> None:
    done = turnout("target", "add", "here", "--spark-master", "local[*]")
    assert (done.code, done.err) == (0, "")
    facts = dict(line.split(None, 1) for line in done.lines)
    assert facts == {
        "target": "here",
        "master": "local[*]",
        "Spark": f"4.0.1 ({spark})",
        "Java": f"17 ({os.environ['JAVA_HOME']})",
    }
    (row,) = [row for row in turnout("target", "list", "--json").json if row["name"] == "here"]
    assert (row["type"], row["reach"], row["spark"]) == ("Spark", "local", {"master": "local[*]"})
    assert row["slots"] >= 1
    assert "here" in turnout("target", "list").out
    assert turnout("target", "show", "here", "--json").json["spark"] == {"master": "local[*]"}
    shown = turnout("target", "show", "here")
    assert "local[*]" in shown.out
    assert turnout("target", "remove", "here").err == "removed here; its machine keeps what is there\n"
    assert [row["name"] for row in turnout("target", "list", "--json").json] == ["local"]


def test_a_standalone_cluster_tells_what_it_has(turnout: Any, master: sparkparts.MasterPage) -> None:
    words = ["--spark-master", master.url, "--spark-page", master.page, "--conf", "spark.executor.memory=512m"]
    done = turnout("target", "add", "cluster", *words, "--slots", "3")
    assert (done.code, done.err) == (0, "")
    assert f"master   {master.url}" in done.out
    assert "alive, 2 workers, 3 processors, 3.0 GiB" in done.out or "alive, 2 workers, 3 processors" in done.out
    told = turnout("target", "check", "cluster", "--json").json
    assert told["spark"] == {
        "master": master.url, "conf": {"spark.executor.memory": "512m"}, "pages": [master.page],
    }  # fmt: skip
    there = told["facts"]["spark"]
    assert there["master"] == {"page": master.page, "status": "ALIVE", "workers": 2, "cores": 3, "memory": 3072 << 20}
    assert (there["version"], there["java_version"], told["advice"]) == ("4.0.1", 17, [])
    assert turnout("target", "show", "cluster", "--json").json["slots"] == 3


def test_a_check_says_what_is_missing_now(turnout: Any, master: sparkparts.MasterPage, spark: str) -> None:
    turnout("target", "add", "cluster", "--spark-master", master.url, "--spark-page", master.page)
    master.state["workers"] = []
    checked = turnout("target", "check", "cluster")
    assert (checked.code, checked.err) == (0, "the cluster has no workers: runs wait until one is registered\n")
    os.unlink(os.path.join(spark, "bin", "spark-submit"))
    os.unlink(os.path.join(os.environ["JAVA_HOME"], "bin", "java"))
    advice = turnout("target", "check", "cluster", "--json").json["advice"]
    assert [line.split(":")[0].split(",")[0] for line in advice] == [
        f"no Spark on {os.uname().nodename}",
        f"JAVA_HOME is {os.environ['JAVA_HOME']}",
        "the cluster has no workers",
    ]


def test_a_page_that_cant_be_had_is_advised_of(turnout: Any, closed_port: int, master: sparkparts.MasterPage) -> None:
    page = f"http://127.0.0.1:{closed_port}"
    done = turnout("target", "add", "cluster", "--spark-master", master.url, "--spark-page", page)
    assert done.code == 0
    assert done.err == (
        f"the master's page can't be had ({page}/json/: Connection refused): a run can't say what it waits for there; name it "
        "with turnout target update --spark-page URL\n"
    )


def test_changes_are_joined_and_a_setting_without_a_value_goes(
    turnout: Any, master: sparkparts.MasterPage, workspace: Any
) -> None:
    turnout("target", "add", "c", "--spark-master", "local[2]", "--conf", "spark.a=1", "--conf", "spark.b=x=y")
    done = turnout("target", "update", "c", "--conf", "spark.a=", "--conf", "spark.c=3", "--shared-home")
    assert done.code == 0, done.err
    assert kept(workspace)["c"]["spark"] == {
        "master": "local[2]", "conf": {"spark.b": "x=y", "spark.c": "3"}, "shared_home": True,
    }  # fmt: skip
    words = ["--spark-master", master.url, "--spark-page", master.page, "--no-shared-home"]
    assert turnout("target", "update", "c", *words).code == 0
    assert kept(workspace)["c"]["spark"] == {
        "master": master.url, "conf": {"spark.b": "x=y", "spark.c": "3"}, "pages": [master.page],
    }  # fmt: skip
    done = turnout("target", "update", "c", "--spark-master", "local[*]")  # which has no page
    assert (done.code, done.err) == (0, "")
    assert kept(workspace)["c"]["spark"] == {"master": "local[*]", "conf": {"spark.b": "x=y", "spark.c": "3"}}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--spark-master", "mesos://h:1"], "'mesos://h:1' is no Spark master; give spark://HOST:PORT, yarn, k8s://"),
        (["--spark-master", "local[*]", "--conf", "executor.memory=1g"], "'executor.memory' is no setting of Spark's"),
        (["--spark-master", "local[*]", "--conf", "spark.executor.memory=some"], "spark.executor.memory is a size"),
        (["--spark-master", "local[*]", "--conf", "spark.executor.cores=0"], "spark.executor.cores is a number from 1 on"),
        (["--spark-master", "local[*]", "--conf", "spark.master=yarn"], "give the master by itself, not as the setting"),
        (["--spark-master", "local[*]", "--conf", "spark.a"], "spark.a"),
        (["--spark-master", "local[*]", "--spark-page", "http://h:8080"], "only a standalone master has a page"),
        (["--spark-master", "spark://127.0.0.1:1", "--spark-page", "h:8080"], "'h:8080' is no page of a Spark master"),
        (["--spark-master", "local[*]", "--spark-home", "spark"], "an absolute path on the target's machine, not 'spark'"),
        (["--spark-master", "local[*]", "--spark-home", "/no/where"], "there is no Spark in /no/where (no bin/spark-submit)"),
        (["--spark-home", "/opt/spark"], "say where: --ssh for a machine, --spark-master for a Spark cluster"),
        ([], "say where: --ssh for a machine, --spark-master for a Spark cluster"),
        (["--ssh", "head", "--spark-home", "/opt/spark"], "a Spark cluster needs --spark-master"),
        (["--spark-master", "local[*]", "--identity", "key"], "--identity is for a machine that --ssh names"),
        (["--spark-master", "local[*]", "--home", "/h"], "--home is for a machine that --ssh names"),
        (["--spark-master", "local[*]", "--python", "/p"], "--python is for a machine that --ssh names"),
        (["--spark-master", "local[*]", "--ask-password"], "--ask-password is for a machine that --ssh names"),
        (["--spark-master", "local[*]", "--ask-passphrase"], "--ask-passphrase is for a machine that --ssh names"),
    ],
)  # fmt: skip
def test_what_cant_be_added_is_refused_and_leaves_nothing(
    bad_input: Any, workspace: Any, words: list[str], says: str
) -> None:
    assert says in bad_input("target", "add", "cluster", *words)
    assert kept(workspace) == {}


def test_a_master_that_is_down_is_no_target(bad_input: Any, turnout: Any, workspace: Any, closed_port: int) -> None:
    url = f"spark://127.0.0.1:{closed_port}"
    said = bad_input("target", "add", "cluster", "--spark-master", url)
    assert said == (
        f"turnout: {url}: {url} can't be reached: connection refused; start the master, or correct --spark-master\n"
    )
    assert kept(workspace) == {}
    turnout("target", "add", "cluster", "--spark-master", "local[*]")
    before = kept(workspace)
    bad_input("target", "update", "cluster", "--spark-master", url)
    assert kept(workspace) == before


def test_other_targets_have_no_spark_to_speak_of(bad_input: Any) -> None:
    assert "local is this machine" in bad_input("target", "update", "local", "--spark-master", "local[*]")
    assert "`turnout doctor` checks it" in bad_input("target", "check", "local")


def test_a_cluster_reached_from_here_has_no_address(bad_input: Any, turnout: Any) -> None:
    turnout("target", "add", "c", "--spark-master", "local[*]")
    assert "c is reached from this machine" in bad_input("target", "update", "c", "--ssh", "me@box")
