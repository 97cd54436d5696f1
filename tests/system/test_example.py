"""The main job: the example through the real command line; its numbers in the record, the index and the metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system
EXAMPLE = Path(__file__).parents[2] / "examples" / "diabetes"

# scikit-learn's diabetes data, test_size 0.2, random_state 0; alpha 0.00 to 0.95 in steps of 0.05.
MSE = [
    3424.26, 3408.87, 3372.61, 3345.12, 3325.26, 3311.53, 3302.64, 3297.63, 3295.71, 3296.29,
    3298.89, 3303.12, 3308.68, 3315.34, 3322.88, 3331.15, 3340.01, 3349.35, 3359.07, 3369.12,
]  # fmt: skip


def test_the_example_gives_its_twenty_values_everywhere(turnout: Any, home: Path) -> None:
    done = turnout(
        "submit", "--source-directory", EXAMPLE, "--environment", EXAMPLE / "requirements.txt",
        "--experiment", "diabetes", "train.py",
    )  # fmt: skip
    assert "alpha 0.40   mse 3295.71" in done.stdout

    metrics = turnout.json("metrics", "@last")
    assert [round(value, 2) for value in metrics["mse"]] == MSE
    assert [round(value, 2) for value in metrics["alpha"]] == [round(0.05 * step, 2) for step in range(20)]
    best = metrics["mse"].index(min(metrics["mse"]))
    assert round(metrics["alpha"][best], 2) == 0.40

    shown = turnout.json("show", "@last")
    assert shown["status"] == "Completed"

    from turnout import Workspace
    from turnout.history.index import Index
    from turnout.runtime.record import RunRecord

    workspace = Workspace.from_config()
    run_id = turnout("runs", "-q").stdout.strip()
    record = RunRecord(workspace.layout.run(run_id).root)
    assert [round(value, 2) for value in record.metrics()["mse"]] == MSE

    index = Index(workspace.layout)
    (series,) = index.metric_series(run_id, "mse")
    assert [round(value, 2) for value in series.values] == MSE

    packages = {package["name"] for package in record.environment()["packages"]}
    assert "scikit-learn" in packages
    outputs = [name for name in record.artifact_names() if name.startswith("outputs/")]
    assert outputs == [f"outputs/ridge_{0.05 * step:.2f}.pkl" for step in range(20)]


def test_a_second_submit_uses_the_environment_that_is_there(turnout: Any, home: Path) -> None:
    requirements = turnout.directory / "requirements.txt"
    requirements.write_text("idna==3.10\n")
    turnout.script("import idna; print(idna.__version__)")
    first = turnout("submit", "--environment", requirements, "train.py")
    second = turnout("submit", "--environment", requirements, "train.py")
    assert first.stdout == second.stdout == "3.10\n"
    built = list((home / "environments").glob("*.json"))
    assert len(built) == 1
    logs = [path.read_text() for path in (home / "workspaces/default/runs").glob("*/system_logs/environment.log")]
    assert len(logs) == 1, "the second run built nothing"
