"""Every environment kind passes the suite; and what is particular to each."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from turnout.environments import resolution
from turnout.environments.kinds import KINDS, kind_of
from turnout.environments.uvtool import ResolutionFailed
from turnout.exceptions import EnvironmentException, NotYetException
from turnout.runtime import builders, layout
from turnout.testing.environment_kinds import EnvironmentKindSuite
from turnout.workspace import Workspace


@pytest.fixture
def workspace_layout(home: object) -> layout.WorkspaceLayout:
    return Workspace.from_config().layout


def pip(*lines: str, python: str | None = None) -> dict[str, Any]:
    entries: list[Any] = [f"python={python}"] if python else []
    return {"name": "e", "python": {"condaDependencies": {"dependencies": [*entries, "pip", {"pip": list(lines)}]}}}


class TestUv(EnvironmentKindSuite):
    kind = "uv"
    dependencies = ("six==1.16.0", "idna==3.10")

    def definition(self, name: str = "suite", dependencies: tuple[str, ...] | None = None) -> dict[str, Any]:
        return {**pip(*(self.dependencies if dependencies is None else dependencies)), "name": name}


class TestExisting(EnvironmentKindSuite):
    kind = "existing"
    builds = False

    def definition(self, name: str = "suite", dependencies: tuple[str, ...] | None = None) -> dict[str, Any]:
        return {"name": name, "python": {"userManagedDependencies": True, "interpreterPath": sys.executable}}


def test_no_kind_is_left_untested() -> None:
    assert set(KINDS) == set(builders.BUILDERS) == {"uv", "existing"}


def resolve(workspace: layout.WorkspaceLayout, definition: dict[str, Any]) -> dict[str, Any]:
    return resolution.resolve(definition, workspace.home, workspace, lambda line: None)


def test_a_lock_has_exact_versions_and_hashes_and_is_made_once(workspace_layout: layout.WorkspaceLayout) -> None:
    said: list[str] = []
    first = resolution.resolve(pip("six>=1.15,<1.17"), workspace_layout.home, workspace_layout, said.append)
    assert "six==1.16.0" in first["lock"]["requirements"]
    assert "--hash=sha256:" in first["lock"]["requirements"]
    assert said
    said.clear()
    again = resolution.resolve(pip("six>=1.15,<1.17"), workspace_layout.home, workspace_layout, said.append)
    assert again == first
    assert said == []


def test_nothing_to_install_needs_no_resolver(workspace_layout: layout.WorkspaceLayout) -> None:
    assert resolve(workspace_layout, pip())["lock"] == {"requirements": "", "options": []}


def test_a_conflict_is_told_in_the_resolvers_words(workspace_layout: layout.WorkspaceLayout) -> None:
    with pytest.raises(ResolutionFailed) as caught:
        resolve(workspace_layout, pip("idna==3.10", "idna==3.9"))
    assert "idna" in caught.value.message
    assert "\n" not in caught.value.message
    assert "unsatisfiable" in caught.value.words


def test_a_package_that_does_not_exist_is_named(workspace_layout: layout.WorkspaceLayout) -> None:
    with pytest.raises(ResolutionFailed, match="turnout-no-such-package"):
        resolve(workspace_layout, pip("turnout-no-such-package==1"))


def test_what_can_not_be_read_is_bad_input(workspace_layout: layout.WorkspaceLayout) -> None:
    with pytest.raises(EnvironmentException) as caught:
        resolve(workspace_layout, pip("six==["))
    assert not isinstance(caught.value, ResolutionFailed)


def test_a_python_that_can_not_be_had_is_said_with_those_that_can(workspace_layout: layout.WorkspaceLayout) -> None:
    with pytest.raises(EnvironmentException, match=r"no Python 3\.999 .*this one has .*3\."):
        resolve(workspace_layout, pip("six", python="3.999"))


def test_credentials_are_refused_and_not_repeated(workspace_layout: layout.WorkspaceLayout) -> None:
    with pytest.raises(EnvironmentException) as caught:
        resolve(workspace_layout, pip("--index-url https://user:s3cret@example.com/simple", "six"))
    assert "s3cret" not in str(caught.value)


def test_v1s_own_packages_are_dropped(workspace_layout: layout.WorkspaceLayout) -> None:
    assert resolve(workspace_layout, pip("azureml-defaults", "azureml-core==1.12"))["lock"]["requirements"] == ""


@pytest.mark.parametrize(
    "definition",
    [
        {"name": "c", "python": {"condaDependencies": {"dependencies": ["python=3.11", "numpy"]}}},
        {"name": "d", "docker": {"enabled": True}},
    ],
)
def test_what_is_not_built_yet_is_refused(definition: dict[str, Any]) -> None:
    with pytest.raises(NotYetException, match="not build yet"):
        kind_of(definition)


def test_an_interpreter_that_is_not_there_is_named(workspace_layout: layout.WorkspaceLayout) -> None:
    with pytest.raises(EnvironmentException, match="/no/such/python"):
        resolve(
            workspace_layout,
            {"name": "e", "python": {"userManagedDependencies": True, "interpreterPath": "/no/such/python"}},
        )
