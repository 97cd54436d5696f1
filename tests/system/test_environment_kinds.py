"""One script in every kind of environment: the record says the same of each, as far as it is the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from turnout import Environment, Experiment, ScriptRunConfig, Workspace
from turnout.environments import resolution
from turnout.runtime.containers import engine as engine_module
from turnout.testing import engines
from turnout.testing.condachannel import Channel

pytestmark = pytest.mark.system
RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"
VERSION = "1.16.0"
KINDS = ("existing", "uv", "conda", "podman", "docker", "conda in podman", "conda in docker")
SCRIPT = """
import sys, six
from turnout import Run
run = Run.get_context()
run.log("python", "%d.%d" % sys.version_info[:2])
run.log("six", six.__version__)
run.tag("prefix", sys.prefix)
open("outputs/made.txt", "w").write("made")
print("said", sys.argv[1:])
"""


def made(kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Return an environment of a kind that holds six."""
    environment = Environment("mine")
    packages = environment.python.conda_dependencies
    packages.add_pip_package(f"six=={VERSION}")
    if kind == "existing":
        home = Workspace.from_config().home
        resolution.provide_tools(home)
        uv = f"{home.tools}/uv"
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(tmp_path / "own")], check=True)
        python = str(tmp_path / "own" / "bin" / "python")
        subprocess.run([uv, "pip", "install", "-q", "--python", python, f"six=={VERSION}"], check=True)
        environment.python.user_managed_dependencies = True
        environment.python.interpreter_path = python
    if "conda" in kind:
        channel: Channel = request.getfixturevalue("conda_channel")
        for name in packages.conda_channels:
            packages.remove_channel(name)
        packages.add_channel(channel.url)
        packages.add_conda_package("words")
        packages.set_python_version(RUNNING)
    name = kind.rpartition(" ")[2]
    if name in engines.NAMES:
        engine: engines.Engine = request.getfixturevalue(name)
        for variable, value in engine.variables.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.setenv(engine_module.ENGINE_VARIABLE, engine.command)
        environment.docker.enabled = True
        environment.docker.base_image = engine.image
    return environment


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_script_leaves_the_same_record(
    kind: str, home: Path, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "train.py").write_text(SCRIPT)
    environment = made(kind, request, tmp_path, monkeypatch)
    config = ScriptRunConfig(str(project), script="train.py", arguments=["a b", 1], environment=environment)
    experiment = Experiment(Workspace.from_config(), "kinds")
    runs = [experiment.submit(config) for _ in range(2)]
    for run in runs:
        details: dict[str, Any] = run.wait_for_completion(raise_on_error=False)
        assert details["status"] == "Completed", Path(run.record.layout.environment_log).read_text()
        assert run.get_metrics() == {"python": RUNNING, "six": VERSION}
        assert "outputs/made.txt" in run.get_file_names()
        assert Path(run.record.layout.script_log).read_text() == "said ['a b', '1']\n"
        asked, found = run.record.definition["environment"], run.record.environment()
        assert asked["kind"] == ("container" if kind.rpartition(" ")[2] in engines.NAMES else kind)
        assert found["key"] == asked["key"]
        assert found["python"]["version"].startswith(RUNNING)
        assert ("six", VERSION) in [(one["name"], one["version"]) for one in found["packages"]]
        if kind == "existing":
            continue
        [locked] = [line for line in asked["lock"]["requirements"] if line.startswith("six==")]
        assert locked.startswith(f"six=={VERSION} --hash=sha256:")
        assert asked["python"] == RUNNING
        if "conda" in kind:
            assert {"python", "words"} <= {one["name"] for one in found["conda"]}
            assert all(one["sha256"] for one in asked["lock"]["conda"])
    first, second = (run.record for run in runs)
    assert first.definition["environment"]["lock"] == second.definition["environment"]["lock"]
    assert first.environment()["packages"] == second.environment()["packages"]
    if kind != "existing":
        assert first.environment()["built"] == second.environment()["built"], (
            "the second run found what the first has built"
        )
