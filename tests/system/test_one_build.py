"""However many runs ask for an environment that isn't there, it is built once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from turnout import Environment, Experiment, ScriptRunConfig, Workspace
from turnout.runtime.record import RunRecord
from turnout.testing.living import until

pytestmark = pytest.mark.system

RUNS = 200


def test_two_hundred_runs_at_once_build_once(package_index: Any, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text("import gated\nprint(gated.__name__)\n")
    (tmp_path / "requirements.txt").write_text("gated\n")
    environment = Environment.from_pip_requirements("gated", str(tmp_path / "requirements.txt"))
    config = ScriptRunConfig(str(project), script="train.py", environment=environment)
    experiment = Experiment(Workspace.from_config(), "many")
    package_index.resolution.set()
    runs = [experiment.submit(config) for _ in range(RUNS)]
    assert package_index.asked_to_build.wait(60)
    records = [RunRecord(run.layout.root) for run in runs]
    (builder,) = until(lambda: [record for record in records if "downloading gated" in record.status()[1]])
    key = builder.definition["environment"]["key"]
    waits = ("Preparing", f"run {builder.layout.run_id} builds the same environment, {key}")
    for record in records:
        until(lambda record=record: record is builder or record.status() == waits)

    package_index.build.set()
    for record in records:
        until(lambda record=record: record.status()[0] == "Completed", seconds=120)
    logs = [Path(record.layout.environment_log) for record in records]
    said = "".join(log.read_text() for log in logs if log.exists())
    assert said.count("turnout: building environment") == 1
    assert [path for path in package_index.asked if path.endswith(".whl")] == ["/gated-1.0-py3-none-any.whl"]
    assert {record.environment()["packages"][0]["name"] for record in records} == {"gated"}
    assert {Path(record.layout.script_log).read_text() for record in records} == {"gated\n"}
