from __future__ import annotations

from turnout.sweeps.parameter_expressions import choice
from turnout.sweeps.primary_metric import PrimaryMetric, PrimaryMetricGoal
from turnout.sweeps.samplers import make
from turnout.sweeps.space import Space

METRIC = PrimaryMetric("score", PrimaryMetricGoal.MAXIMIZE)


def test_the_grid_is_had_in_order_and_then_ends() -> None:
    made = make("GRID", Space({"a": choice("x", "y"), "b": choice(1, 2, 3)}), METRIC, 5)
    found = [made.propose(number, []) for number in range(6)]
    assert found == [{"a": a, "b": b} for a in ("x", "y") for b in (1, 2, 3)]
    assert made.propose(6, []) is None
    assert made.propose(4, []) == {"a": "y", "b": 2}
