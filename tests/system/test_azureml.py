"""Projects that were written for Azure ML SDK v1, unchanged: `turnout azureml run`, and azureml in a submitted run."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system
SUBMIT = """
from azureml.core import Environment, Experiment, ScriptRunConfig, Workspace
from azureml.core.authentication import InteractiveLoginAuthentication
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.core.compute_target import ComputeTargetException
import azureml.core
import sys

print("SDK", azureml.core.VERSION)
ws = Workspace.from_config(auth=InteractiveLoginAuthentication(tenant_id="t"))
print(ws.name, ws.subscription_id, ws.resource_group, sep="|")
try:
    target = ComputeTarget(workspace=ws, name="cpu-cluster")
except ComputeTargetException:
    config = AmlCompute.provisioning_configuration(vm_size="STANDARD_D2_V2", max_nodes=4)
    target = ComputeTarget.create(ws, "cpu-cluster", config)
    target.wait_for_completion(show_output=True)
print("cluster", target.get_status().serialize()["vmSize"], ws.compute_targets["cpu-cluster"].type)
env = Environment("mine")
env.python.user_managed_dependencies = True
env.python.interpreter_path = sys.executable
src = ScriptRunConfig(source_directory="project", script="train.py", arguments=["--alpha", 0.5],
                      compute_target=target, environment=env)
run = Experiment(ws, "diabetes").submit(src, tags={"from": "v1"})
run.wait_for_completion(show_output=True)
print("mse", run.get_metrics()["mse"], run.get_status(), sys.argv[1:])
"""
TRAIN = """
import argparse
from azureml.core import Run
from azureml.core.run import Run as same
parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float)
run = Run.get_context()
assert same is Run
run.log("mse", parser.parse_args().alpha * 2)
print("experiment", run.experiment.name, run.experiment.workspace.name)
"""


@pytest.fixture
def project(turnout: Any) -> Path:
    turnout.script(SUBMIT, "submit.py")
    turnout.script(TRAIN, "project/train.py")
    turnout.script('{"subscription_id": "s", "resource_group": "r", "workspace_name": "old"}', ".azureml/config.json")
    return Path(turnout.directory)


@pytest.mark.parametrize("way", ["command", "module"])
def test_a_project_runs_without_an_edit(turnout: Any, project: Path, way: str) -> None:
    words = ["-m", "turnout.cli", "azureml", "run"] if way == "command" else ["-m", "turnout.azureml"]
    if way == "command":
        done = turnout("azureml", "run", "submit.py", "--flag", "x")
    else:
        done = subprocess.run(
            [sys.executable, *words, "submit.py", "--flag", "x"],
            cwd=project,
            capture_output=True,
            text=True,
            check=True,
        )
    assert "SDK 1.62.0" in done.stdout
    assert "old|s|r" in done.stdout
    assert "Streaming user_logs/std_log.txt" in done.stdout
    assert "cluster STANDARD_D2_V2 AmlCompute" in done.stdout
    assert "experiment diabetes old" in done.stdout
    assert "mse 1.0 Completed ['--flag', 'x']" in done.stdout
    assert "InteractiveLoginAuthentication is not needed" in done.stderr


def test_a_script_gets_azureml_with_nothing_installed(turnout: Any) -> None:
    turnout.script(TRAIN + "\nimport sys, turnout\nprint(sorted(m for m in sys.modules if m == 'turnout.workspace'))\n")
    done = turnout("submit", "--experiment", "bare", "train.py", "--alpha", "2")  # an empty environment
    assert "experiment bare default" in done.stdout
    assert "[]" in done.stdout
    assert turnout.json("metrics", "@last")["mse"] == 4.0


def test_what_a_bare_environment_lacks_is_said(turnout: Any) -> None:
    turnout.script("from azureml.core import Environment\n")
    turnout("submit", "train.py", code=1)
    assert "it needs a full installation of turnout" in turnout.json("show", "@last")["reason"]


def test_an_installed_azureml_is_used_where_turnouts_is_switched_off(turnout: Any, tmp_path: Path) -> None:
    library = tmp_path / "library" / "azureml"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("")
    (library / "core.py").write_text("Run = 'another one'\n")
    (library.parent / "pyproject.toml").write_text(
        "[project]\nname = 'azureml-core'\nversion = '1.0'\n[build-system]\nrequires = ['hatchling']\n"
        "build-backend = 'hatchling.build'\n[tool.hatch.build.targets.wheel]\npackages = ['azureml']\n"
    )
    turnout.script("from azureml.core import Run\nprint(Run)\n")
    turnout.script(f"{library.parent}\n", "requirements.txt")
    words = ("--environment", "requirements.txt")
    assert "turnout" in turnout("submit", *words, "train.py").stdout
    assert turnout("submit", *words, "--env", "TURNOUT_AZUREML=off", "train.py").stdout == "another one\n"


def test_a_script_that_fails_shows_its_own_traceback(turnout: Any) -> None:
    turnout.script("from azureml.core import Workspace\nWorkspace.get('none')\n", "submit.py")
    command = [Path(sys.executable).with_name("turnout"), "azureml", "run", "submit.py"]
    done = subprocess.run(command, cwd=turnout.directory, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0].startswith("Traceback")
    assert 'File "submit.py", line 2' in lines[1]
    assert "turnout/cli" not in done.stderr
    assert "there is no script" in turnout("azureml", "run", "missing.py", code=2).stderr


def test_an_estimator_is_submitted_as_it_was(turnout: Any) -> None:
    turnout.script(TRAIN, "project/train.py")
    turnout.script(
        "from azureml.core import Experiment, Workspace\n"
        "from azureml.train.estimator import Estimator\n"
        "ws = Workspace.from_config()\n"
        "made = Estimator(source_directory='project', entry_script='train.py', script_params={'--alpha': 3},\n"
        "                 compute_target='local', user_managed=True)\n"
        "run = Experiment(ws, 'old').submit(made)\n"
        "run.wait_for_completion()\n"
        "print('first', run.get_metrics())\n"
        "run = Experiment(ws, 'old').submit(made, script_params={'--alpha': 4})\n"
        "run.wait_for_completion()\n"
        "print('second', run.get_metrics())\n",
        "submit.py",
    )
    done = turnout("azureml", "run", "submit.py")
    assert "first {'mse': 6.0}" in done.stdout
    assert "second {'mse': 8.0}" in done.stdout


RING = """
import json, pathlib
from keyring.backend import KeyringBackend

FILE = pathlib.Path(__file__).with_name("kept.json")


class Ring(KeyringBackend):
    priority = 1

    def _all(self):
        return json.loads(FILE.read_text()) if FILE.exists() else {}

    def get_password(self, service, username):
        return self._all().get(service + "/" + username)

    def set_password(self, service, username, password):
        FILE.write_text(json.dumps({**self._all(), service + "/" + username: password}))

    def delete_password(self, service, username):
        FILE.write_text(json.dumps({key: each for key, each in self._all().items() if key != service + "/" + username}))
"""
VAULT = """
import sys
from azureml.core import Environment, Experiment, Keyvault, ScriptRunConfig, Workspace

ws = Workspace.from_config()
vault = ws.get_default_keyvault()
vault.set_secrets({"db-password": "0pen sesame", "unused": "closed sesame"})
print(vault.list_secrets(), vault.get_secret("db-password") == "0pen sesame", vault.get_secret("none"))
environment = Environment("mine")
environment.python.user_managed_dependencies = True
environment.python.interpreter_path = sys.executable
run = Experiment(ws, "vault").submit(ScriptRunConfig("project", "train.py", environment=environment))
run.wait_for_completion(show_output=True)
vault.delete_secret("unused")
print(vault.list_secrets())
"""


def test_a_run_gets_the_secrets_of_the_vault_that_it_names(
    turnout: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ring").mkdir()
    (tmp_path / "ring" / "filering.py").write_text(RING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "ring"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "filering.Ring")
    turnout.script(VAULT, "submit.py")
    turnout.script(
        "from azureml.core import Run\n"
        "run = Run.get_context()\n"
        "print(run.get_secret(name='db-password')[::-1])\n"
        "try:\n    run.get_secret('none')\nexcept Exception as error:\n    print(error)\n"
        "print(run.experiment.workspace.get_default_keyvault().get_secret('db-password') == run.get_secret('db-password'))\n",
        "project/train.py",
    )
    done = turnout("azureml", "run", "submit.py")
    assert "[{'name': 'db-password'}, {'name': 'unused'}] True None" in done.stdout
    assert "emases nep0\n" in done.stdout
    assert "this run was not given the secret none: submit it with --secret none=" in done.stdout
    assert "True\n" in done.stdout
    assert "[{'name': 'db-password'}]\n" in done.stdout
    definition = json.loads((Path(turnout.json("show", "@last")["directory"]) / "run.json").read_text())
    assert definition["variables"]["secrets"] == ["db-password"]
    for path in home.rglob("*"):
        assert not path.is_file() or b"sesame" not in path.read_bytes(), path


def test_tensorboard_shows_the_logs_of_a_run(turnout: Any) -> None:
    turnout.script(
        "from tensorboard.compat.proto.event_pb2 import Event\n"
        "from tensorboard.compat.proto.summary_pb2 import Summary\n"
        "from tensorboard.summary.writer.event_file_writer import EventFileWriter\n"
        "writer = EventFileWriter('logs/tensorboard')\n"
        "value = Summary.Value(tag='loss', simple_value=0.5)\n"
        "writer.add_event(Event(step=1, summary=Summary(value=[value])))\n"
        "writer.close()\n",
        "train.py",
    )
    turnout("submit", "--environment", sys.executable, "train.py")
    run_id = turnout.json("show", "@last")["id"]
    turnout.script(
        "import json, time, urllib.request\n"
        "from azureml.core import Run, Workspace\n"
        "from azureml.tensorboard import Tensorboard\n"
        f"board = Tensorboard([Run.get(Workspace.from_config(), {run_id!r})], port=0)\n"
        "url = board.start()\n"
        "tags = {}\n"
        "while not tags:\n"  # it loads the files of events after it answers
        "    tags = json.load(urllib.request.urlopen(url + 'data/plugin/scalars/tags'))\n"
        "print(json.dumps(tags))\n"
        "board.stop()\n"
        "board.stop()\n",
        "board.py",
    )
    told = turnout("azureml", "run", "board.py").stdout.splitlines()
    assert told[0].startswith("http://localhost:")
    assert json.loads(told[1])[f"{run_id}/logs/tensorboard"].keys() == {"loss"}
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(told[0])


def test_what_a_script_logs_to_mlflow_is_kept_with_the_run(turnout: Any) -> None:
    turnout.script(
        "import os\nfrom azureml.core import Run, Workspace\n"
        "print(os.environ['MLFLOW_TRACKING_URI'])\n"
        "print(Run.get_context().experiment.workspace.get_mlflow_tracking_uri())\n"
    )
    first, second = turnout("submit", "train.py").stdout.splitlines()
    record = turnout.json("show", "@last")["directory"]
    assert first == second == f"sqlite:///{record}/code/outputs/mlflow.db"
    own = turnout("submit", "--env", "MLFLOW_TRACKING_URI=http://mine", "train.py").stdout.splitlines()
    assert own[0] == "http://mine"
