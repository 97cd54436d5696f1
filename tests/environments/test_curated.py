"""The ranges of the curated environments, held against the index that uv is configured for here."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from turnout.environments import curated, registry, resolution
from turnout.environments.packages import of_lock
from turnout.environments.resolution import ResolutionFailed
from turnout.runtime import layout
from turnout.runtime.builders import uvtool

WITH_PACKAGES = [name for name, found in curated.ENVIRONMENTS.items() if found.requirements]


@pytest.fixture(scope="module")
def resolve(tmp_path_factory: pytest.TempPathFactory, missing_service: Any) -> Any:
    """Resolve a curated environment for Python 3.11; without an index, say that one is missing."""
    home = layout.Home(str(tmp_path_factory.mktemp("home")))

    def ask(name: str) -> list[str]:
        found = registry.get(home.workspace("w"), name, None, None)
        found.python.conda_dependencies.set_python_version("3.11")
        question = resolution.ask(found.serialize(), home, lambda line: None)
        try:
            lock = question.resolve()
        except ResolutionFailed as failure:
            if "check the network" in str(failure):
                missing_service("no package index can be reached")
            raise
        return [package.name for package in of_lock(question.kind_name, lock)]

    return ask


@pytest.mark.system
@pytest.mark.parametrize("name", WITH_PACKAGES)
def test_its_ranges_can_be_had_for_python_3_11(resolve: Any, name: str) -> None:
    wanted = [line.partition(">")[0].partition("[")[0] for line in curated.ENVIRONMENTS[name].requirements]
    assert {package for package in wanted if not package.startswith("-")} <= set(resolve(name))


@pytest.mark.parametrize(
    ("sources", "environ", "arguments"),
    [
        (["--torch-backend cpu"], {}, ["--torch-backend", "cpu"]),
        (["--torch-backend cpu", "--trusted-host h"], {}, ["--torch-backend", "cpu", "--allow-insecure-host", "h"]),
        (
            ["--torch-backend cpu", "--extra-index-url https://h"],
            {"UV_INDEX": "https://more"},
            ["--torch-backend", "cpu"],
        ),
        (["--torch-backend cpu"], {"UV_DEFAULT_INDEX": "https://mirror"}, []),
        (["--torch-backend cpu"], {"UV_FIND_LINKS": "/wheels"}, []),
        (["--torch-backend cpu"], {"UV_TORCH_BACKEND": "cu126"}, []),
        (["--torch-backend cpu", "--index-url https://mirror"], {}, []),
        (["--find-links https://h/", "--torch-backend cpu"], {}, []),
    ],
)
def test_a_place_that_a_person_chose_is_not_passed_by_for_pytorchs_index(
    sources: list[str], environ: dict[str, str], arguments: list[str]
) -> None:
    assert uvtool.arguments(sources, environ) == arguments
    assert not any("torch-backend" in line for line in uvtool.file_lines(sources))


def test_uv_knows_the_backend_and_takes_nothing_but_pytorch_from_it(
    submitter: Any, wheel: Any, monkeypatch: Any
) -> None:
    """A directory of wheels would switch the backend off, so the wheel is named by its path."""
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    calls: list[list[str]] = []
    start = subprocess.Popen

    def noted(command: list[str], **options: Any) -> Any:
        calls.append(command)
        return start(command, **options)

    monkeypatch.setattr(subprocess, "Popen", noted)
    environment = submitter.resolve("--torch-backend cpu", str(wheel("one")))
    assert calls[-1][calls[-1].index("--torch-backend") :][:2] == ["--torch-backend", "cpu"]
    assert environment["lock"]["sources"] == ["--torch-backend cpu"]
    assert len(environment["lock"]["requirements"]) == 1
