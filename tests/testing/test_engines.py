"""The container engines that tests start: they work, and nothing of them is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from turnout.testing import baseimage, engines, engineservice
from turnout.testing.living import until

pytestmark = pytest.mark.system

_OWNER = """
import sys
from pathlib import Path
from turnout.testing import engines
with engines.running(sys.argv[1], Path(sys.argv[2])) as engine:
    engine.run("run", "--detach", *engine.options, engine.image, "sleep", "1000")
    print(engine.directory, flush=True)
    sys.stdin.read()
"""


def test_python_runs_in_the_base_image(engine):
    said = engine.run(
        "run", "--rm", *engine.options, engine.image, "python", "-c", "import ssl, sys; print(sys.version)"
    )
    assert said.startswith(f"{baseimage.VERSION}.")


def test_the_exit_code_is_the_commands_own(engine):
    engine.run("run", "--rm", *engine.options, engine.image, "python", "-c", "raise SystemExit(7)", code=7)
    engine.run("run", "--rm", "--init", *engine.options, engine.image, "sh", "-c", "kill -9 $$", code=137)


def test_what_fails_says_why(engine):
    with pytest.raises(engines.EngineFailed, match=r"run --rm .*there-is-no-such-command"):
        engine.run("run", "--rm", *engine.options, engine.image, "there-is-no-such-command")


def test_a_labelled_container_is_found_and_inspected(engine):
    words = ("--init", "--label", "turnout.test=yes", *engine.options, engine.image, "sleep", "1000")
    container = engine.run("run", "--detach", *words).strip()
    try:
        listed = engine.run("ps", "--no-trunc", "--quiet", "--filter", "label=turnout.test=yes").split()
        described = json.loads(engine.run("inspect", container))[0]
    finally:
        engine.run("rm", "--force", container)
    assert listed == [container]
    assert described["State"]["Running"]
    assert described["Config"]["Labels"]["turnout.test"] == "yes"


def test_an_ordinary_dockerfile_builds_with_pip(engine, tmp_path):
    (tmp_path / "Dockerfile").write_text(
        f"FROM python:{baseimage.VERSION}-slim\nRUN pip --version > /said && id >> /said\n"
    )
    engine.run("build", *engine.options, "--tag", "turnout-test", str(tmp_path))
    try:
        said = engine.run("run", "--rm", *engine.options, "turnout-test", "cat", "/said")
    finally:
        engine.run("rmi", "turnout-test")
    assert said.startswith("pip ")
    assert "uid=0(root)" in said


@pytest.mark.parametrize("name", engines.NAMES)
def test_nothing_is_left_of_an_engine(name, base_image, missing_service):
    try:
        with engines.running(name, base_image) as engine:
            container = engine.run("run", "--detach", *engine.options, engine.image, "sleep", "1000").strip()
            assert _process_of(engine, container) in engineservice.processes_of(engine.directory)
            mounted = engineservice.mounts_of(engine.directory)
    except engines.MissingEngine as error:
        missing_service(str(error))
    assert mounted
    assert _left(engine.directory) == []


@pytest.mark.parametrize("killed", ["the tests", "the tests and the service"])
@pytest.mark.parametrize("name", engines.NAMES)
def test_nothing_is_left_when_the_tests_are_killed(name, killed, base_image, missing_service):
    try:
        engines.require(name)
    except engines.MissingEngine as error:
        missing_service(str(error))
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _OWNER, name, str(base_image)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables) as owner:
        assert owner.stdout is not None
        directory = owner.stdout.readline().strip()
        assert directory
        assert engineservice.processes_of(directory)
        if killed != "the tests":
            os.kill(json.loads(Path(directory, "service").read_text())["pid"], signal.SIGKILL)
        owner.kill()

    def cleaned_up() -> bool:
        if killed != "the tests":
            engineservice.sweep()  # as each next service does; one that looked before the death passes it over
        return not _left(directory)

    until(cleaned_up, what=f"{name} cleaned up")


def test_the_base_image_is_packed_once_and_goes_with_the_last_user(tmp_path):
    with baseimage.packed(tmp_path) as first:
        number = first.stat().st_ino
        with baseimage.packed(tmp_path) as second:
            assert (second, second.stat().st_ino) == (first, number)
        assert first.exists()
    assert not first.exists()


def _process_of(engine: engines.Engine, container: str) -> int:
    return int(json.loads(engine.run("inspect", container))[0]["State"]["Pid"])


def _left(directory: str) -> list[object]:
    left: list[object] = [*engineservice.processes_of(directory), *engineservice.mounts_of(directory)]
    return left + ([directory] if Path(directory).exists() else [])
