"""The queue's files: numbers that only rise, a run in it once, and what is left when someone dies in between."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from turnout.runtime import layout, runqueue, slots


@pytest.fixture
def place(tmp_path: Path) -> layout.Home:
    return layout.Home(str(tmp_path / "home"))


def run(place: layout.Home, name: str) -> str:
    return place.workspace("default").run(name).root


def put(place: layout.Home, name: str, **resources: int) -> str:
    return runqueue.enqueue(place, run(place, name), resources, os.path.join(place.runtime, "abc"))


def test_runs_wait_in_the_order_of_priority_then_of_their_coming(place: layout.Home) -> None:
    for name, priority in (("a", 0), ("b", 0), ("c", 5), ("d", -1), ("e", 5)):
        put(place, name, priority=priority)
    waiting, started = runqueue.entries(place)
    assert [entry.run_id for entry in waiting] == ["c", "e", "a", "b", "d"]
    assert started == []


def test_a_number_is_never_given_out_again(place: layout.Home) -> None:
    first = put(place, "a")
    runqueue.remove(place, run(place, "a"))
    assert put(place, "b") > first


def test_a_request_that_is_repeated_makes_no_second_entry(place: layout.Home) -> None:
    assert put(place, "a") == put(place, "a")
    entry = runqueue.find(place, run(place, "a"))
    assert entry is not None
    runqueue.mark_started(place, entry, slots.Grant((0,), ()))
    assert put(place, "a") == entry.name
    assert [len(found) for found in runqueue.entries(place)] == [0, 1]


def test_an_entry_that_is_in_both_places_has_started(place: layout.Home) -> None:
    """As after a kill between the two steps of `mark_started`."""
    name = put(place, "a", cpus=2)
    queue = place.queue_here
    content = Path(queue.waiting, name).read_text()
    entry = runqueue.read(place, queue.waiting, name)
    assert entry is not None
    runqueue.mark_started(place, entry, slots.Grant((0, 1), ("3",)))
    Path(queue.waiting, name).write_text(content)
    waiting, started = runqueue.entries(place)
    assert waiting == []
    assert [one.grant for one in started] == [slots.Grant((0, 1), ("3",))]
    runqueue.drop(place, name)
    assert runqueue.entries(place) == ([], [])


def test_runs_of_one_id_in_two_workspaces_are_two(place: layout.Home) -> None:
    other = place.workspace("other").run("a").root
    runqueue.enqueue(place, other, {}, "abc")
    put(place, "a")
    runqueue.remove(place, other)
    assert [entry.directory for entry in runqueue.entries(place)[0]] == [run(place, "a")]


def test_what_is_no_entry_is_passed_over(place: layout.Home) -> None:
    put(place, "a")
    queue = place.queue_here
    Path(queue.waiting, "000000000009.torn").write_text('{"run": "work')
    Path(queue.waiting, "000000000001.a.12-ab.tmp").write_text("")
    Path(queue.waiting, "notes.txt").write_text("")
    assert [entry.run_id for entry in runqueue.entries(place)[0]] == ["a"]


def test_processes_that_enqueue_at_once_get_different_numbers(place: layout.Home) -> None:
    put(place, "warm")
    code = (
        "import sys; from turnout.runtime import layout, runqueue; home = layout.Home(sys.argv[1]); input();"
        "[runqueue.enqueue(home, home.workspace('w').run(sys.argv[2] + str(n)).root, {}, 'abc') for n in range(25)]"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, place.root, str(number)], stdin=subprocess.PIPE)
        for number in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
    assert [process.wait(60) for process in processes] == [0] * 4
    waiting, _ = runqueue.entries(place)
    numbers = [entry.name.split(".")[0] for entry in waiting]
    assert len(set(numbers)) == len(numbers) == 101
    for number in range(4):
        mine = [entry.run_id for entry in waiting if entry.run_id.startswith(str(number))]
        assert mine == [f"{number}{n}" for n in range(25)], "those of one process keep their order"


def test_runs_of_a_full_group_are_held_back_in_their_order(place: layout.Home) -> None:
    def entry(name: str, group: str | None, most: int = 2) -> runqueue.Entry:
        value = {"run": f"workspaces/w/runs/{name}", "cpus": 1, "gpus": 0, "runtime": "r"}
        if group is not None:
            value["group"] = {"name": group, "at_most": most}
        made = runqueue.Entry(name, place, value)
        assert made.value(place).get("group") == value.get("group")
        return made

    started = [entry("a", "w/one"), entry("b", None)]
    waiting = [
        entry("c", "w/one"),
        entry("d", "w/one"),
        entry("e", "w/two", 1),
        entry("f", None),
        entry("g", "w/two", 1),
    ]
    assert runqueue.held_back(waiting, started) == {
        "d": "waiting for one of the 2 nodes of the cluster one",
        "g": "waiting for one of the 1 nodes of the cluster two",
    }
    assert runqueue.held_back(waiting[3:4], started) == {}
