from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from turnout.runtime import events, states
from turnout.runtime.layout import RunLayout, WorkspaceLayout
from turnout.runtime.record import RunRecord
from turnout.sweeps import outcome
from turnout.sweeps.primary_metric import PrimaryMetric, PrimaryMetricGoal
from turnout.sweeps.samplers import Known
from turnout.sweeps.trials import Reader, Trial, first_error
from turnout.testing.records import make_run, metric, write_events

METRIC = PrimaryMetric("score", PrimaryMetricGoal.MAXIMIZE)


def line(name: str, value: Any, t: float = 1.0, kind: str = events.SCALAR) -> bytes:
    return json.dumps({"t": t, **metric(name, value, kind)}).encode() + b"\n"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "events"


@pytest.fixture
def reader(directory: Path) -> Reader:
    return Reader(str(directory), "score")


def append(directory: Path, data: bytes, writer: str = "w") -> None:
    directory.mkdir(exist_ok=True)
    with open(directory / f"{writer}.jsonl", "ab") as stream:
        stream.write(data)


def test_values_come_as_they_are_logged(directory: Path, reader: Reader) -> None:
    assert reader.read() == []  # no directory yet
    append(directory, line("score", 1))
    assert reader.read() == [1.0]
    assert reader.read() == [1.0]
    append(directory, line("other", 5) + line("score", 2.5) + line("score2", 9))
    assert reader.read() == [1.0, 2.5]


def test_a_line_that_is_not_whole_waits_for_its_rest(directory: Path, reader: Reader) -> None:
    whole = line("score", 0.75)
    append(directory, line("score", 1))
    for cut in (whole[:1], whole[1:20], whole[20:-1]):
        append(directory, cut)
        assert reader.read() == [1.0]
    append(directory, b"\n" + whole[:9])
    assert reader.read() == [1.0, 0.75]


def test_a_line_that_was_torn_for_good_is_passed_over(directory: Path, reader: Reader) -> None:
    append(directory, line("score", 1) + line("score", 2)[:-9])
    assert reader.read() == [1.0]
    append(directory, b"\n" + line("score", 3))
    assert reader.read() == [1.0, 3.0]


@pytest.mark.parametrize(
    "junk",
    [b'"score"\n', b'["score"]\n', b"\xff score \n", b'{"e": "metric", "name": "score"}\n', b'{"score": 1}\n', b"\n"],
)
def test_what_is_no_value_is_passed_over(directory: Path, reader: Reader, junk: bytes) -> None:
    append(directory, junk + line("score", 1))
    assert reader.read() == [1.0]


def test_each_byte_is_read_once(directory: Path, reader: Reader) -> None:
    append(directory, line("score", 1))
    assert reader.read() == [1.0]
    size = (directory / "w.jsonl").stat().st_size
    (directory / "w.jsonl").write_bytes(b" " * (size - 1) + b"\n" + line("score", 2))
    assert reader.read() == [1.0, 2.0]


def test_several_writers_are_merged_by_time_also_when_one_is_late(directory: Path, reader: Reader) -> None:
    append(directory, line("score", 1, 10) + line("score", 3, 30), "b")
    assert reader.read() == [1.0, 3.0]
    append(directory, line("score", 2, 20) + line("score", 4, 40), "a")
    assert reader.read() == [1.0, 2.0, 3.0, 4.0]


def test_a_clock_that_is_set_back_reorders_nothing(directory: Path, reader: Reader) -> None:
    append(directory, line("score", 1, 100))
    reader.read()
    append(directory, line("score", 2, 50) + line("score", 3, 70))
    assert reader.read() == [1.0, 2.0, 3.0]


def test_lists_count_each_value_and_what_is_no_number_none(directory: Path, reader: Reader) -> None:
    append(directory, line("score", [1, 2.5, "x", None, True], kind=events.LIST) + line("score", "text"))
    append(directory, line("score", True) + line("score", {"a": 1}, kind=events.ROW) + line("score", math.inf))
    assert reader.read() == [1.0, 2.5, math.inf]
    append(directory, line("score", math.nan))
    assert math.isnan(reader.read()[3])


@pytest.mark.parametrize("name", ["précision", "a b", 'quo"ted', "back\\slash", "tab\t", "🙂"])
def test_a_metrics_name_may_have_any_character(directory: Path, name: str) -> None:
    append(directory, line(name, 1) + line("score", 2))
    assert Reader(str(directory), name).read() == [1.0]


LOGGED = st.tuples(
    st.sampled_from(["a", "b"]),
    st.floats(0, 5).map(lambda t: round(t, 1)),
    st.one_of(st.floats(), st.integers(), st.lists(st.one_of(st.integers(), st.floats()), min_size=1, max_size=3)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(logged=st.lists(LOGGED, min_size=1, max_size=12), steps=st.sets(st.integers(1, 400), max_size=6))
def test_read_in_pieces_or_at_once_it_is_what_the_record_says(
    tmp_path_factory: pytest.TempPathFactory, logged: list[Any], steps: set[int]
) -> None:
    run = RunLayout(str(tmp_path_factory.mktemp("run")))
    directory = Path(run.events)
    data = {"a": b"", "b": b""}
    for writer, t, value in logged:
        data[writer] += line("score", value, t, events.LIST if isinstance(value, list) else events.SCALAR)
    reader, last = Reader(run.events, "score"), 0
    for step in [*sorted(steps), max(map(len, data.values()))]:
        for writer, whole in data.items():
            append(directory, whole[last:step], writer)
        last = max(last, step)
        reader.read()
    assert repr(reader.read()) == repr(outcome.scores(RunRecord(run.root), METRIC))


def test_a_trial_is_known_by_its_best_value(layout: WorkspaceLayout) -> None:
    run = make_run(
        layout, "HD_0", state=states.RUNNING, events_by_writer={"w": [metric("score", 1), metric("score", 3)]}
    )
    trial = Trial(0, RunRecord(run.root), {"lr": 1}, "score")
    assert (trial.id, trial.ended, trial.known(METRIC)) == ("HD_0", False, Known({"lr": 1}, None, False))
    assert not trial.take(states.RUNNING, "")
    trial.read()
    assert trial.known(METRIC) == Known({"lr": 1}, 3.0, False)
    assert trial.score(PrimaryMetric("score", PrimaryMetricGoal.MINIMIZE)) == 1.0
    write_events(run, [metric("score", 5)], "late")
    assert trial.take(states.CANCELED, "bandit: …")
    assert not trial.take(states.CANCELED, "bandit: …")
    trial.read()
    assert (trial.ended, trial.reason, trial.series.values, trial.series.ended) == (
        True,
        "bandit: …",
        [1.0, 3.0, 5.0],
        True,
    )
    assert trial.known(METRIC) == Known({"lr": 1}, 5.0, True)


def test_the_first_error_is_that_of_the_first_trial_that_failed(layout: WorkspaceLayout) -> None:
    failed = [
        make_run(layout, f"HD_{number}", state=state, reason=f"exit code {number}")
        for number, state in enumerate((states.COMPLETED, states.FAILED, states.FAILED, states.CANCELED))
    ]
    trials = [Trial(number, RunRecord(run.root), {}, "score") for number, run in enumerate(failed)]
    assert first_error(trials) is None  # nothing was taken yet
    for trial in trials:
        trial.take(*trial.record.status())
    assert first_error(trials) == ("HD_1", "exit code 1")
    result = json.loads(Path(failed[1].result).read_text())
    result["error"] = {"code": "UserError", "message": "ValueError: no data"}
    Path(failed[1].result).write_text(json.dumps(result))
    assert first_error(trials) == ("HD_1", "ValueError: no data")
    assert first_error([trials[0], trials[3]]) is None


def test_a_trial_whose_record_is_gone_has_logged_nothing(layout: WorkspaceLayout) -> None:
    trial = Trial(0, RunRecord(layout.run("HD_0").root), {}, "score")
    trial.take(states.CANCELED, "it was deleted")
    trial.read()
    assert trial.known(METRIC) == Known({}, None, True)
