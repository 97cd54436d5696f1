from __future__ import annotations

import json
from typing import Any

import pytest

from turnout.runtime.spark.application import Application, line

MASTER = "spark://head:7077"


def executor(identity: str, active: bool = True, reason: str = "", added: str = "") -> dict[str, Any]:
    """An executor, as a driver's page has it."""
    return {
        "id": identity,
        "hostPort": f"node{identity}:40{identity}",
        "totalCores": 2,
        "isActive": active,
        "addTime": added or f"2026-01-01T00:00:0{identity}.000GMT",
        **({"removeReason": reason} if reason else {}),
    }


def job(identity: int, status: str, done: int = 0, skipped: int = 0, failed: int = 0, tasks: int = 4) -> dict[str, Any]:
    """A job, as a driver's page has it."""
    return {
        "jobId": identity,
        "name": f"count at words.py:{identity}",
        "status": status,
        "stageIds": [identity * 2, identity * 2 + 1],
        "numTasks": tasks,
        "numCompletedTasks": done,
        "numSkippedTasks": skipped,
        "numFailedTasks": failed,
        "numCompletedStages": 2 if status == "SUCCEEDED" else 0,
        "numSkippedStages": 0,
        "numFailedStages": 1 if status == "FAILED" else 0,
    }


@pytest.fixture
def begun() -> Application:
    made = Application(MASTER)
    assert made.begin("app-1", "http://head:4040") == ["application app-1 at http://head:4040"]
    return made


def going_on(application: Application) -> Application:
    """What a later companion makes of what this one has kept."""
    return Application(MASTER, json.loads(json.dumps(application.value)))


def test_an_application_is_said_once(begun: Application) -> None:
    assert begun.begin("app-1", "http://head:4041") == []
    assert (begun.value["id"], begun.value["page"]) == ("app-1", "http://head:4041")
    assert begun.value["master"] == MASTER


def test_executors_come_in_order_and_are_lost_with_the_reason(begun: Application) -> None:
    assert begun.take_executors([executor("1"), executor("0")]) == [
        "executor 0 on node0:400 with 2 cores",
        "executor 1 on node1:401 with 2 cores",
    ]
    assert begun.take_executors([executor("0"), executor("1")]) == []
    lost = executor("0", active=False, reason="worker lost:\n  node0  went away")
    assert begun.take_executors([lost, executor("1")]) == [
        "executor 0 on node0:400 is lost: worker lost: node0 went away"
    ]
    assert begun.take_executors([lost, executor("1")]) == []
    assert begun.value["executors"] == {
        "now": 1,
        "ever": 2,
        "lost": [{"id": "0", "host": "node0:400", "reason": "worker lost: node0 went away"}],
    }


def test_an_executor_that_came_and_went_between_two_looks_is_said_twice_over(begun: Application) -> None:
    assert begun.take_executors([executor("3", active=False)]) == [
        "executor 3 on node3:403 with 2 cores",
        "executor 3 on node3:403 is lost: no reason given",
    ]


def test_a_very_long_reason_is_cut_in_the_record(begun: Application) -> None:
    begun.take_executors([executor("0", active=False, reason="x" * 5000)])
    assert begun.value["executors"]["lost"][0]["reason"] == "x" * 300


def test_jobs_are_said_when_they_end_and_counted_all_the_time(begun: Application) -> None:
    assert begun.take_jobs([job(0, "RUNNING", done=1)]) == []
    assert begun.value["jobs"] == {"done": 0, "failed": 0, "known": 1}
    assert begun.value["tasks"] == {"done": 1, "failed": 0, "known": 4}
    assert begun.take_jobs([job(1, "FAILED", done=1, failed=3), job(0, "SUCCEEDED", done=3, skipped=1)]) == [
        "job 0 (count at words.py:0) done: 2 stages, 4 tasks",
        "job 1 (count at words.py:1) failed: 2 stages, 4 tasks",
    ]
    assert begun.value["jobs"] == {"done": 1, "failed": 1, "known": 2}
    assert begun.value["stages"] == {"done": 2, "failed": 1, "known": 4}
    assert begun.value["tasks"] == {"done": 5, "failed": 3, "known": 8}
    assert begun.take_jobs([job(1, "FAILED"), job(0, "SUCCEEDED")]) == []


def test_one_after_the_other_the_last_one_counts(begun: Application) -> None:
    begun.take_executors([executor("0", active=False, reason="gone")])
    begun.take_jobs([job(0, "SUCCEEDED", done=4)])
    assert begun.begin("app-2", "http://head:4040") == ["application app-2 at http://head:4040"]
    assert begun.begin("app-3", "http://head:4040") == ["application app-3 at http://head:4040"]
    assert begun.value["earlier"] == ["app-1", "app-2"]
    assert begun.value["executors"] == {"now": 0, "ever": 0, "lost": []}
    # The ids of executors and jobs begin anew with each.
    assert begun.take_executors([executor("0")]) == ["executor 0 on node0:400 with 2 cores"]
    assert begun.take_jobs([job(0, "SUCCEEDED", done=4)]) == ["job 0 (count at words.py:0) done: 2 stages, 4 tasks"]


def test_a_later_companion_says_nothing_twice_and_only_what_is_new(begun: Application) -> None:
    gone = executor("1", active=False, reason="gone")
    begun.take_executors([executor("0"), gone])
    begun.take_jobs([job(0, "SUCCEEDED"), job(1, "RUNNING")])
    begun.wait("for room")
    later = going_on(begun)
    assert later.begin("app-1", "http://head:4040") == []
    assert later.take_executors([executor("0"), gone, executor("2")]) == ["executor 2 on node2:402 with 2 cores"]
    assert later.take_jobs([job(0, "SUCCEEDED"), job(1, "SUCCEEDED")]) == [
        "job 1 (count at words.py:1) done: 2 stages, 4 tasks"
    ]
    assert later.wait("for room") == []
    assert later.begin("app-2", "http://head:4040") == ["application app-2 at http://head:4040"]
    assert later.value["earlier"] == ["app-1"]


def test_what_is_kept_of_jobs_does_not_grow_beyond_what_the_driver_remembers(begun: Application) -> None:
    for first in range(0, 50, 5):
        begun.take_jobs([job(number, "SUCCEEDED") for number in range(first, first + 5)])
    assert begun.value["told"]["jobs"] == [45, 46, 47, 48, 49]


def test_a_record_from_before_lines_were_kept_is_gone_on_from() -> None:
    later = Application(MASTER, {"kind": "spark", "master": MASTER, "id": "app-1"})
    assert later.begin("app-1", "") == []
    assert later.take_executors([executor("0")]) == ["executor 0 on node0:400 with 2 cores"]
    assert later.take_jobs([job(0, "SUCCEEDED")]) == ["job 0 (count at words.py:0) done: 2 stages, 4 tasks"]


def test_a_job_is_stuck_while_there_is_no_executor(begun: Application) -> None:
    begun.take_executors([])
    assert begun.is_stuck([job(0, "RUNNING")])
    assert not begun.is_stuck([job(0, "SUCCEEDED")])
    assert not begun.is_stuck([])
    begun.take_executors([executor("0")])
    assert not begun.is_stuck([job(0, "RUNNING")])


def test_what_it_waits_for_is_said_when_it_changes(begun: Application) -> None:
    assert begun.wait("") == []
    assert begun.wait("for room") == ["waits: for room"]
    assert begun.wait("for room") == []
    assert begun.wait("for a worker") == ["waits: for a worker"]
    assert begun.wait("") == ["waits no more"]


def test_at_its_end_the_clusters_word_is_kept(begun: Application) -> None:
    begun.take_executors([executor("0")])
    begun.wait("for room")
    assert begun.end("FINISHED") == ["application app-1 has ended, FINISHED to its cluster"]
    assert (begun.value["page"], begun.value["waiting"], begun.value["state"]) == (None, "", "FINISHED")
    assert begun.value["executors"]["now"] == 0
    assert begun.end("") == ["application app-1 has ended"]
    assert begun.value["state"] is None


def test_no_line_is_said_of_a_run_that_made_none() -> None:
    never = Application(MASTER)
    assert never.end("") == []
    assert never.value["id"] is None


def test_a_line_of_the_log_has_the_time() -> None:
    assert line("executor 0").endswith(" executor 0\n")
    assert len(line("executor 0").partition(" ")[0].split(":")) == 3
