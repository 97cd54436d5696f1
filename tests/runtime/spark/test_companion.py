"""What goes with a run that is launched by spark-submit: why it isn't started yet, and that nothing goes on after its end."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import launchers, layout
from turnout.runtime import records as files
from turnout.runtime.record import RunRecord
from turnout.runtime.spark.companion import SparkCompanion
from turnout.testing import records, sparkparts

ID = "app-20261125110024-0000"
YARN_ID = "application_1700000000000_0001"

Make = Callable[..., SparkCompanion]


@pytest.fixture
def master() -> Iterator[sparkparts.MasterPage]:
    with sparkparts.MasterPage() as made:
        yield made


@pytest.fixture
def run(home: Path) -> layout.RunLayout:
    made = records.make_run(records.make_workspace(str(home)), "count_1", state="Running", log=b"hello\n")
    for directory in (made.spark_events, made.system_logs):
        os.makedirs(directory)
    return made


@pytest.fixture
def make(run: layout.RunLayout, home: Path) -> Make:
    """Return a function that makes the run's companion, for a target and settings."""

    def companion(target: dict[str, Any], variables: dict[str, str] | None = None, **conf: Any) -> SparkCompanion:
        settings = {name.replace("_", "."): value for name, value in conf.items()}
        definition = {
            "id": run.run_id,
            "target": {"spark": target},
            "configuration": {"spark": {"configuration": settings}},
        }
        context = launchers.Context(layout.Home(str(home)), run, definition, variables or {"PATH": "/nowhere"}, {}, "")
        return SparkCompanion(context)

    return companion


def standalone(master: sparkparts.MasterPage, **more: Any) -> dict[str, Any]:
    return {"master": master.url, "pages": [master.page], **more}


def log(run: layout.RunLayout) -> list[str]:
    """Return the lines of the cluster's log, without their times."""
    return [line.split(" ", 1)[1] for line in Path(run.cluster_log).read_text().splitlines()]


def test_a_cluster_that_has_room_is_no_hindrance(make: Make, master: sparkparts.MasterPage) -> None:
    beside = make(standalone(master))
    assert beside.hindrance() == f"waiting for {master.url}: no worker is registered at {master.url}"
    master.add_worker(memory=1024)
    assert beside.hindrance() == ""
    assert make(standalone(master), spark_executor_memory="1g", spark_executor_cores="2").hindrance() == (
        f"waiting for {master.url}: an executor asks for 2 processors (spark.executor.cores), and the largest worker has 1"
    )


def test_what_the_installation_says_counts_below_the_runs_settings(
    make: Make, master: sparkparts.MasterPage, make_spark: Callable[..., str]
) -> None:
    home = make_spark()
    Path(home, "conf").mkdir()
    Path(home, "conf", "spark-defaults.conf").write_text("spark.executor.memory 4g\n")
    master.add_worker(memory=1024)
    target = standalone(master, home=home)
    assert (
        make(target)
        .hindrance()
        .endswith("an executor asks for 4 GB of memory (spark.executor.memory), and the largest worker has 1 GB")
    )
    assert make(target, spark_executor_memory="512m").hindrance() == ""


def test_a_master_that_is_down_is_waited_for_and_one_without_a_page_is_not(
    make: Make, master: sparkparts.MasterPage
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
    down = make({"master": f"spark://127.0.0.1:{closed}"})
    assert down.hindrance() == f"spark://127.0.0.1:{closed} can't be reached: connection refused, retrying"
    assert make({"master": master.url, "pages": [f"http://127.0.0.1:{closed}"]}).hindrance() == ""


@pytest.mark.parametrize("target", [{}, {"master": "local[2]"}, {"master": "yarn"}, {"master": "k8s://https://h:1"}])
def test_only_a_standalone_master_is_asked(make: Make, target: dict[str, Any]) -> None:
    assert make(target).hindrance() == ""


def test_what_the_watching_process_wrote_is_what_it_waits_for(make: Make, run: layout.RunLayout) -> None:
    beside = make({"master": "yarn"})
    assert beside.waits() == ""
    for number, reason in enumerate(("no executor", "")):
        files.write_json(run.application, {"id": ID, "waiting": reason})
        os.utime(run.application, (number, number))
        assert beside.waits() == reason


def test_at_its_end_the_record_has_the_clusters_word_and_nothing_packed(
    make: Make, run: layout.RunLayout, master: sparkparts.MasterPage
) -> None:
    files.write_json(
        run.application, {"kind": "spark", "id": ID, "page": "http://h:4040", "executors": {"now": 2, "ever": 2}}
    )
    os.makedirs(run.shipped)
    Path(run.shipped, "files.tar.gz").touch()
    master.state["completedapps"] = [{"id": ID, "state": "FINISHED"}]
    assert make(standalone(master)).end(failed=False) == ""
    kept = RunRecord(run.root).application()
    assert (kept["id"], kept["state"], kept["page"], kept["executors"]) == (ID, "FINISHED", None, {"now": 0, "ever": 2})
    assert log(run) == [f"application {ID} has ended, FINISHED to its cluster"]
    assert not os.path.exists(run.shipped)
    assert not os.path.exists(run.artifacts)  # it had no event log


def test_an_application_that_nobody_watched_is_known_from_its_event_log(
    make: Make, run: layout.RunLayout, master: sparkparts.MasterPage
) -> None:
    Path(run.spark_events, f"{ID}.zstd").touch()
    master.state["completedapps"] = [{"id": ID, "state": "FINISHED"}]
    make(standalone(master)).end(failed=False)
    kept = RunRecord(run.root).application()
    assert (kept["id"], kept["state"], kept["master"]) == (ID, "FINISHED", master.url)
    assert os.listdir(run.spark_events) == [f"{ID}.zstd"]


def test_a_script_that_made_none_leaves_no_application(
    make: Make, run: layout.RunLayout, master: sparkparts.MasterPage
) -> None:
    assert make(standalone(master)).end(failed=True) == ""
    assert not os.path.exists(run.application)
    assert not os.path.exists(run.cluster_log)


def test_why_it_failed_is_told_from_its_log_where_that_is_known(make: Make, run: layout.RunLayout) -> None:
    Path(run.script_log).write_text("26/11/25 ERROR StandaloneAppClient: All masters are unresponsive! Giving up.\n")
    assert make({}).end(failed=False) == ""
    assert make({}).end(failed=True) == "the Spark master stopped answering while the script began"


@pytest.fixture
def yarn(tmp_path: Path) -> Path:
    """A directory whose bin has a `yarn` that reports what `state` says, and writes KILLED there when asked to kill."""
    directory = tmp_path / "hadoop"
    (directory / "bin").mkdir(parents=True)
    program = directory / "bin" / "yarn"
    program.write_text(
        f"""#!/bin/sh
echo "$*" >>"{directory}/calls"
[ "$2" != -kill ] || {{ echo "FINISHED KILLED" >"{directory}/state"; exit 0; }}
read -r state final <"{directory}/state"
printf 'Application Report : \\n\\tApplication-Id : %s\\n\\tState : %s\\n\\tFinal-State : %s\\n' "$3" "$state" "$final"
"""
    )
    program.chmod(0o755)
    return directory


@pytest.mark.parametrize(
    ("state", "calls", "told"),
    [
        ("RUNNING UNDEFINED", ["-status", "-kill", "-status"], "KILLED"),
        ("ACCEPTED UNDEFINED", ["-status", "-kill", "-status"], "KILLED"),
        ("FINISHED SUCCEEDED", ["-status"], "FINISHED"),
        ("FINISHED FAILED", ["-status"], "FAILED"),
    ],
)
def test_yarn_is_asked_and_what_still_runs_is_ended(
    make: Make, run: layout.RunLayout, yarn: Path, state: str, calls: list[str], told: str
) -> None:
    (yarn / "state").write_text(f"{state}\n")
    Path(run.script_log).write_text(f"26/11/25 INFO YarnClientImpl: Submitted application {YARN_ID}\n")
    make({"master": "yarn"}, {"PATH": os.defpath, "HADOOP_HOME": str(yarn)}).end(failed=False)
    assert (yarn / "calls").read_text().splitlines() == [f"application {call} {YARN_ID}" for call in calls]
    assert RunRecord(run.root).application()["state"] == told
    assert log(run)[-1] == f"application {YARN_ID} has ended, {told} to its cluster"


def test_without_the_yarn_command_its_state_stays_unknown(make: Make, run: layout.RunLayout) -> None:
    Path(run.script_log).write_text(f"INFO Client: Submitted application {YARN_ID}\n")
    make({"master": "yarn"}).end(failed=False)
    assert RunRecord(run.root).application()["state"] is None
    assert log(run)[-1] == f"application {YARN_ID} has ended"
