"""Environments on a machine that is reached over SSH, with and without a network of its own."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout import Environment, Experiment, ScriptRunConfig, Workspace
from turnout.targets.reach.ssh import command
from turnout.testing import baseimage
from turnout.testing.condachannel import Channel

pytestmark = pytest.mark.system
VERSION = "1.16.0"
PROJECT = """
[project]
name = "own-part"
version = "1.0"
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
"""


@pytest.fixture
def attach(make_remote_host: Callable[..., Any], turnout: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Make a remote host and attach it as `far`."""

    def attached(**options: Any) -> Any:
        host = make_remote_host(**options)
        monkeypatch.setenv(command.CONFIG_VARIABLE, str(host.ssh_config))
        turnout("target", "add", "far", "--ssh", host.name)
        return host

    return attached


def python_of(host: Any) -> str:
    """Return the minor version of the host's Python: uv finds no other one there without a network."""
    return str(host.run("python3 -c 'import sys; print(\"%d.%d\" % sys.version_info[:2])'").strip())


def environment_there(host: Any, kind: str) -> str:
    """Return the key of the environment of a kind that was built on the host."""
    [built] = host.path(".turnout/environments").glob(f"{kind}-*.json")
    return str(built.stem)


def copy(directory: Path, host: Any) -> None:
    """Copy a directory to the host, under the same path."""
    parent = shlex.quote(str(directory.parent))
    unpack = ["ssh", "-F", str(host.ssh_config), host.name, f"mkdir -p {parent} && tar -x -C {parent}"]
    with subprocess.Popen(["tar", "-c", "-C", directory.parent, directory.name], stdout=subprocess.PIPE) as packing:
        subprocess.run(unpack, stdin=packing.stdout, check=True)


def test_the_interpreter_there_runs_the_script(attach: Callable[..., Any], turnout: Any) -> None:
    host = attach(network=False)
    turnout.script("import sys; print(sys.executable)")
    done = turnout("submit", "--target", "far", "--environment", "current", "train.py")
    assert done.stdout.strip() == host.run("command -v python3").strip()


def test_packages_are_fetched_there_where_there_is_a_network(attach: Callable[..., Any], turnout: Any) -> None:
    host = attach()
    turnout.script(f"six=={VERSION}\n", "requirements.txt")
    turnout.script("import six; print(six.__version__)")
    words = ("--environment", "requirements.txt", "--python", python_of(host), "train.py")
    done = turnout("submit", "--target", "far", *words)
    assert done.stdout == f"{VERSION}\n"
    assert "fetching" not in done.stderr
    assert not host.path(".turnout/wheels").exists()


def test_packages_are_brought_where_there_is_no_network(attach: Callable[..., Any], turnout: Any) -> None:
    """The second run, and an environment that is there already, bring nothing more."""
    host = attach(network=False)
    turnout.script(f"six=={VERSION}\nmarkupsafe\n", "requirements.txt")
    turnout.script("import markupsafe, six; print(six.__version__)")
    words = ("--environment", "requirements.txt", "--python", python_of(host), "train.py")
    first = turnout("submit", "--target", "far", *words)
    assert first.stdout == f"{VERSION}\n"
    assert "fetching 2 packages that far can't fetch" in first.stderr
    second = turnout("submit", "--target", "far", *words)
    assert second.stdout == f"{VERSION}\n"
    assert "fetching" not in second.stderr
    turnout.script("docopt==0.6.2\n", "requirements.txt")  # has no wheel
    refused = turnout("submit", "--target", "far", *words, code=2)
    assert "docopt==0.6.2 has no usable wheels" in refused.stderr
    assert len(turnout.json("runs")) == 2


def test_wheels_and_packages_of_this_machine_travel(
    attach: Callable[..., Any], turnout: Any, wheel: Callable[..., Path]
) -> None:
    """The key of the environment stays what it is on this machine."""
    host = attach(network=False)
    workspace = Workspace.from_config()
    url = Environment.add_private_pip_wheel(workspace, str(wheel("private_part")))
    package = turnout.directory / "own"
    (package / "own_part").mkdir(parents=True)
    (package / "pyproject.toml").write_text(PROJECT)
    (package / "own_part" / "__init__.py").write_text("value = 5\n")
    turnout.script("import own_part, private_part; print(own_part.value)")
    environment = Environment("mine")
    environment.python.conda_dependencies.set_python_version(python_of(host))
    for requirement in (url, str(package)):
        environment.python.conda_dependencies.add_pip_package(requirement)
    config = ScriptRunConfig(str(turnout.directory), script="train.py", environment=environment)
    config.run_config.target = "far"
    run = Experiment(workspace, "far").submit(config)
    run.wait_for_completion()
    assert environment_there(host, "uv") == run.record.definition["environment"]["key"]
    assert Path(run.record.layout.script_log).read_text() == "5\n"
    environment.python.conda_dependencies.add_pip_package(f"-e {package}")
    environment.python.conda_dependencies.remove_pip_package(str(package))
    with pytest.raises(Exception, match="is editable"):
        Experiment(workspace, "far").submit(config)


def test_a_conda_environment_is_made_there(attach: Callable[..., Any], turnout: Any, conda_channel: Channel) -> None:
    """A channel in a folder counts where that folder is, and is refused before there is a run where it isn't."""
    host = attach()
    turnout.script(
        f"name: mine\nchannels: [{conda_channel.url}]\ndependencies:\n"
        f"  - python={sys.version_info[0]}.{sys.version_info[1]}\n  - greeting=2.0\n  - pip\n  - pip: [six=={VERSION}]\n",
        "environment.yml",
    )
    turnout.script("import greeting, six; print(greeting.version, six.__version__)")
    words = ("submit", "--target", "far", "--environment", "environment.yml", "train.py")
    refused = turnout(*words, code=2)
    assert f"its channel {conda_channel.path} is a folder that is not there" in refused.stderr
    assert turnout.json("runs") == []
    copy(conda_channel.path, host)
    done = turnout(*words)
    assert done.stdout == f"2.0 {VERSION}\n"
    assert environment_there(host, "conda") == turnout.json("show", "@last")["environment"]["key"]


PODMAN = {
    "containers.conf": """
[containers]
pidns = "host"
netns = "host"
default_ulimits = []
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
""",
    "storage.conf": """
[storage]
driver = "vfs"
graphroot = "{home}/graph"
runroot = "{home}/runroot"
[storage.options.vfs]
ignore_chown_errors = "true"
""",
    "policy.json": '{{"default": [{{"type": "insecureAcceptAnything"}}]}}',
}
"""A container engine without root, in a host that may make neither namespaces for processes nor mount an overlay."""


def test_a_container_of_an_account_without_further_ids(
    attach: Callable[..., Any], turnout: Any, base_image: Path, podman: object
) -> None:
    host = attach(network=False)
    host.run("mkdir -p .config/containers")
    for name, text in PODMAN.items():
        content = text.format(home=host.home) if "{home}" in text or "{{" in text else text
        host.path(f".config/containers/{name}").write_text(content)
    image = host.path("image.tar")
    shutil.copyfile(base_image, image)
    image.chmod(0o644)
    host.run(f"podman import image.tar {baseimage.IMAGE}")
    turnout.script("import os, sys; print(os.path.exists('/run/.containerenv')); open('outputs/a', 'w').write('b')")
    environment = Environment("boxed")
    environment.docker.enabled = True
    environment.docker.base_image = baseimage.IMAGE
    environment.python.user_managed_dependencies = True
    config = ScriptRunConfig(str(turnout.directory), script="train.py", environment=environment)
    config.run_config.target = "far"
    run = Experiment(Workspace.from_config(), "far").submit(config)
    assert run.wait_for_completion()["status"] == "Completed"
    assert turnout("logs", "@last").stdout == "True\n"
    assert Path(run.record.artifact_path("outputs/a")).read_text() == "b"
