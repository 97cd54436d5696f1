"""What every environment kind must pass: subclass the suite, say what to ask for, and let pytest collect it."""

from __future__ import annotations

import io
import multiprocessing
import os
import subprocess
from typing import Any

from turnout.environments import resolution
from turnout.runtime import builders, layout
from turnout.runtime.builders import inspection


class EnvironmentKindSuite:
    """Resolving is deterministic, building happens once and whole or not at all. A subclass says what is asked for.

    Attributes:
        kind: the name of the kind in the registries.
        dependencies: two or more entries as they stand in a conda specification's pip section; may be empty for a kind that
            installs nothing.
        builds: whether the kind builds anything.
    """

    kind = ""
    dependencies: tuple[str, ...] = ()
    builds = True

    def definition(self, name: str = "suite", dependencies: tuple[str, ...] | None = None) -> dict[str, Any]:
        """Return the definition, in v1's form, of an environment of this kind."""
        raise AssertionError("a subclass says what an environment of its kind looks like")

    def resolve(self, workspace: layout.WorkspaceLayout, definition: dict[str, Any]) -> dict[str, Any]:
        """Resolve a definition as a submit does."""
        resolution.provide_tools(workspace.home)
        return resolution.resolve(definition, workspace.home, workspace, lambda line: None, os.getcwd())

    def test_it_is_this_kind_that_takes_it(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """The registry finds the kind for its definition."""
        assert self.resolve(workspace_layout, self.definition())["kind"] == self.kind

    def test_name_version_and_order_make_no_difference(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """The key is a digest of what determines the result, and of nothing else."""
        one = self.resolve(workspace_layout, self.definition())
        other = self.resolve(
            workspace_layout, {**self.definition("another", tuple(reversed(self.dependencies))), "version": "7"}
        )
        assert one["key"] == other["key"]
        assert one["lock"] == other["lock"]

    def test_what_was_built_is_found(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """Build, then find; the interpreter runs."""
        environment = self.resolve(workspace_layout, self.definition())
        home = workspace_layout.home
        if self.builds:
            assert builders.find(environment, home) is None
            builders.build(environment, home, io.BytesIO())
        built = builders.find(environment, home)
        assert built is not None
        answer = subprocess.run([built.interpreter, "-c", "print(6 * 7)"], capture_output=True, text=True, check=True)
        assert answer.stdout == "42\n"

    def test_it_says_what_is_installed(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """The facts name Python and every distribution with its version."""
        environment = self.resolve(workspace_layout, self.definition())
        built = builders.find(environment, workspace_layout.home) or builders.build(
            environment, workspace_layout.home, io.BytesIO()
        )
        facts = built.facts if built.facts is not None else inspection.inspect(built.interpreter)
        assert facts["python"]["version"].count(".") == 2
        installed = {f"{package['name']}=={package['version']}" for package in facts["packages"]}
        assert set(self.dependencies) <= installed

    def test_a_half_built_environment_is_built_anew(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """A directory without its facts was left by someone who died."""
        if not self.builds:
            return
        environment = self.resolve(workspace_layout, self.definition())
        directory = workspace_layout.home.environment(environment["key"])
        os.makedirs(os.path.join(directory, "bin"))
        with open(os.path.join(directory, "bin", "python"), "w") as stream:
            stream.write("half")
        assert builders.find(environment, workspace_layout.home) is None
        built = builders.build(environment, workspace_layout.home, io.BytesIO())
        subprocess.run([built.interpreter, "-c", ""], check=True)

    def test_of_many_at_once_one_builds(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """The others wait for it and take what it made."""
        if not self.builds:
            return
        environment = self.resolve(workspace_layout, self.definition())
        context = multiprocessing.get_context("spawn")
        with context.Pool(4) as pool:
            work = [(environment, workspace_layout.home.root)] * 8
            logs = pool.starmap(build_and_keep_log, work)
        assert sum("$ " in log for log in logs) == 1

    def test_a_build_that_fails_leaves_nothing(self, workspace_layout: layout.WorkspaceLayout) -> None:
        """Neither a directory nor facts that a later run would take for whole."""
        if not self.builds:
            return
        environment = self.resolve(workspace_layout, self.definition())
        broken = {**environment, "python": "3.999"}
        try:
            builders.build(broken, workspace_layout.home, io.BytesIO())
        except builders.BuildFailed as error:
            assert "\n" not in error.reason
        else:
            raise AssertionError("there is no Python 3.999")
        left = [name for name in os.listdir(workspace_layout.home.environments) if not name.endswith(".lock")]
        assert left == []


def build_and_keep_log(environment: dict[str, Any], home: str) -> str:
    """Build in a process of its own and return what the builder wrote."""
    log = io.BytesIO()
    builders.build(environment, layout.Home(home), log)
    return log.getvalue().decode()

