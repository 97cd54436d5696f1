"""Images built by real engines: from a base, with packages on top, from a Dockerfile; and what can't be built."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from turnout.environments import resolution
from turnout.runtime import builders, layout
from turnout.runtime.builders import BuildFailed
from turnout.runtime.containers import engine as engine_module
from turnout.runtime.gc import environments as gc_environments
from turnout.runtime.objects import ObjectStore
from turnout.runtime.serving import server
from turnout.testing import engines

pytestmark = pytest.mark.system


@pytest.fixture
def machine(engine: engines.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> layout.Home:
    for name, value in engine.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(engine_module.ENGINE_VARIABLE, engine.command)
    made = layout.Home(str(tmp_path / "home"))
    os.makedirs(made.environments)
    resolution.provide_tools(made)
    return made


def environment(engine: engines.Engine, key: str, **lock: Any) -> dict[str, Any]:
    image = {"reference": engine.image, "id": None, "digest": None}
    packages = {"requirements": [], "sources": [], "build": [], "local": {}}
    whole = {"image": image, "installs": False, "interpreter": "python", "dockerfile": "", **packages, **lock}
    return {"kind": "container", "key": f"container-{key}", "python": "3.11", "lock": whole}


def build(home: layout.Home, asked: dict[str, Any], **more: Any) -> tuple[builders.Built, str]:
    log = io.BytesIO()
    built = builders.build(asked, home, log, **more)
    return built, log.getvalue().decode()


def test_an_image_is_taken_as_it_is_when_nothing_is_to_be_installed(
    engine: engines.Engine, machine: layout.Home
) -> None:
    asked = environment(engine, "plain")
    assert builders.find(asked, machine) is None
    built, _ = build(machine, asked)
    assert (
        engine.run("inspect", "--format", "{{.Id}}", engine.image).strip().endswith(str(built.image)[len("sha256:") :])
    )
    assert os.path.basename(built.interpreter).startswith("python")
    assert built.facts is not None
    assert built.facts["python"]["version"].startswith("3.11")
    assert builders.find(asked, machine) == built


def test_packages_are_a_layer_on_top_and_are_what_the_lock_says(engine: engines.Engine, machine: layout.Home) -> None:
    hashed = "six==1.16.0 --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
    asked = environment(engine, "six", installs=True, interpreter=None, requirements=[hashed])
    built, log = build(machine, asked)
    assert built.facts is not None
    assert [(one["name"], one["version"]) for one in built.facts["packages"]] == [("six", "1.16.0")]
    assert "six==1.16.0" in log
    assert built.image is not None
    said = engine.run(
        "run", "--rm", "--entrypoint", built.interpreter, built.image, "-c", "import six; print(six.__file__)"
    )
    assert said.startswith(str(built.prefix))
    assert "/opt/turnout/uv" not in engine.run(
        "run",
        "--rm",
        "--entrypoint",
        "/bin/sh",
        built.image,
        "-c",
        "test -s /opt/turnout/uv && echo /opt/turnout/uv || true",
    )
    assert engine.run("ps", "--all", "--format", "{{.Names}}").split() == []


def test_wheels_that_were_brought_need_no_network(
    engine: engines.Engine, machine: layout.Home, wheel: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:1/")
    monkeypatch.setenv("UV_SYSTEM_CERTS", "1")  # as a submitter with certificates of its own says; the image has none
    path = wheel("single")
    os.makedirs(machine.objects)
    with ObjectStore(machine.objects).incoming() as incoming:
        digest = incoming.add_bytes(path.read_bytes())
        incoming.commit()
    request = {
        "operation": "wheels",
        "key": "container-brought",
        "wheels": {path.name: digest},
        "replaced": {},
        "complete": True,
    }
    server.carry_out(machine, request, b"")
    requirements = [f"single==1.0 --hash=sha256:{digest}"]
    built, _ = build(
        machine, environment(engine, "brought", installs=True, interpreter=None, requirements=requirements)
    )
    assert built.facts is not None
    assert [(each["name"], each["version"]) for each in built.facts["packages"]] == [("single", "1.0")]


def test_a_dockerfile_makes_the_base(engine: engines.Engine, machine: layout.Home) -> None:
    text = f"FROM {engine.image}\nENV MARK=there\nRUN echo made > /made\n"
    built, log = build(machine, environment(engine, "file", dockerfile=text, image=None))
    assert built.image is not None
    assert engine.run("run", "--rm", "--entrypoint", "/bin/cat", built.image, "/made") == "made\n"
    assert "FROM" in log


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        ({"dockerfile": "FROM {image}\nRUN false\n", "image": None}, "could not build the Dockerfile"),
        ({"dockerfile": "FRUM {image}\n", "image": None}, "could not build the Dockerfile"),
        (
            {"image": {"reference": "localhost/turnout-tests/absent:1", "id": None, "digest": None}},
            "could not pull the base image",
        ),
        ({"interpreter": "pypy"}, "there is no pypy in the image"),
        (
            {"installs": True, "interpreter": None, "requirements": ["six==1.16.0 --hash=sha256:" + "0" * 64]},
            "could not install the packages in the image",
        ),
        (
            {"image": {"reference": "{image}", "id": "sha256:" + "1" * 64, "digest": None}},
            "is another one now than when the environment was locked",
        ),
    ],
    ids=["step", "syntax", "absent", "interpreter", "hash", "moved"],
)
def test_what_can_not_be_built_says_why_and_leaves_nothing(
    engine: engines.Engine, machine: layout.Home, lock: dict[str, Any], words: str
) -> None:
    if lock.get("dockerfile"):
        lock = {**lock, "dockerfile": lock["dockerfile"].format(image=engine.image)}
    if lock.get("image"):
        reference = lock["image"]["reference"].format(image=engine.image)
        lock = {**lock, "image": {**lock["image"], "reference": reference}}
    asked = environment(engine, "bad", **lock)
    with pytest.raises(BuildFailed, match=words):
        build(machine, asked)
    assert builders.find(asked, machine) is None
    assert not os.path.exists(machine.environment("container-bad"))
    assert engine.run("ps", "--all", "--format", "{{.Names}}").split() == []


def test_secrets_of_an_index_are_not_in_the_image(engine: engines.Engine, machine: layout.Home) -> None:
    asked = environment(engine, "secret", installs=True, interpreter=None, requirements=["six==1.16.0"])
    variables = {**os.environ, "UV_INDEX_ACME_PASSWORD": "hunter2"}
    built, log = build(machine, asked, variables=variables)
    assert built.image is not None
    assert "hunter2" not in engine.run("inspect", built.image) + engine.run("history", "--no-trunc", built.image) + log


def test_without_an_engine_one_line_says_so(tmp_path: Path) -> None:
    home = layout.Home(str(tmp_path / "home"))
    os.makedirs(home.environments)
    asked = {"kind": "container", "key": "container-x", "python": "3.11", "lock": {}}
    with pytest.raises(BuildFailed, match="there is no container engine on this machine: install podman or docker"):
        build(home, asked, variables={"PATH": str(tmp_path)})
    with pytest.raises(BuildFailed, match="TURNOUT_CONTAINER_ENGINE names nerdctl, which can't be executed"):
        build(home, asked, variables={"PATH": str(tmp_path), "TURNOUT_CONTAINER_ENGINE": "nerdctl"})


def test_a_removed_environment_takes_its_image_along_and_leaves_the_base(
    engine: engines.Engine, machine: layout.Home
) -> None:
    asked = environment(engine, "going", installs=True, interpreter=None, requirements=[])
    built, _ = build(machine, asked)
    assert built.image is not None
    assert built.facts is not None
    assert built.facts["image_bytes"] > 1000
    assert gc_environments.discard(machine, "container-going")
    assert engine.any("image", "inspect", built.image).returncode != 0
    assert engine.any("image", "inspect", engine.image).returncode == 0
    assert builders.find(asked, machine) is None
