import pytest

from turnout.testing.records import make_run, metric


@pytest.fixture
def run(workspace):
    return make_run(
        workspace,
        "a",
        events_by_writer={
            "w": [
                metric("loss", 0.5, step=0, t=10.0),
                metric("loss", float("inf"), step=1, t=11.0),
                metric("once", 3, t=12.0),
                metric("row", {"x": 1, "y": 2.5}, "row", t=13.0),
            ]
        },
    )


def test_json_is_what_get_metrics_returns(run, turnout):
    assert turnout("metrics", "a", "--json").json == {"loss": [0.5, "Infinity"], "once": 3, "row": {"x": 1, "y": 2.5}}


def test_json_of_one_metric_is_its_points(run, turnout):
    assert turnout("metrics", "a", "loss", "--json").json == [
        {"t": 10.0, "step": 0, "value": 0.5},
        {"t": 11.0, "step": 1, "value": "Infinity"},
    ]
    assert turnout("metrics", "a", "row", "--json").json == [
        {"t": 13.0, "step": None, "value": 1, "column": "x"},
        {"t": 13.0, "step": None, "value": 2.5, "column": "y"},
    ]


def test_the_table_has_last_count_and_extremes(run, turnout):
    assert [line.split() for line in turnout("metrics", "a").lines] == [
        ["METRIC", "LAST", "LOGGED", "LOWEST", "HIGHEST"],
        ["loss", "inf", "2", "0.5", "0.5"],
        ["once", "3", "1", "3", "3"],
        ["row", "[x]", "1", "1", "1", "1"],
        ["row", "[y]", "2.5", "1", "2.5", "2.5"],
    ]


def test_the_points_of_one_metric_are_lines(run, turnout):
    lines = turnout("metrics", "a", "loss").lines
    assert lines[0].split() == ["STEP", "TIME", "VALUE"]
    assert [line.split()[0] for line in lines[1:]] == ["0", "1"]
    assert [line.split()[-1] for line in lines[1:]] == ["0.5", "inf"]
    assert turnout("metrics", "a", "row").lines[0].split() == ["TIME", "COLUMN", "VALUE"]


def test_an_unknown_metric_names_the_known_ones(run, workspace, bad_input, turnout, terminal):
    assert "has no metric 'lost'; it has: loss, once, row" in bad_input("metrics", "a", "lost")
    make_run(workspace, "none")
    assert "it has logged none" in bad_input("metrics", "none", "x")
    assert turnout("metrics", "none", "--json").json == {}
    assert "has logged no metrics" in terminal("metrics", "none").err
