"""What every environment kind must pass, on both sides: resolving and keying, building, finding and failing.

A test module subclasses `EnvironmentKindSuite`, names the kind and gives it two definitions; pytest collects the rest:

    class TestUv(EnvironmentKindSuite):
        kind = "uv"
        definition = {"python": {"condaDependencies": {"dependencies": [{"pip": ["six", "idna"]}]}}}
        reordered = {"python": {"condaDependencies": {"dependencies": [{"pip": ["idna", "six"]}]}}}
        unbuildable = {"requirements": ["/nowhere/six-1.0-py3-none-any.whl"]}
        packages = ("idna", "six")
"""

# ruff: noqa: D102 - the name of a test says what it shows

from __future__ import annotations

import copy
import importlib
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from turnout.environments import kinds, locks, resolution
from turnout.runtime import builders, layout, records
from turnout.runtime.builders import BuildFailed, inspection

_BUILD_IN_A_PROCESS = """
import sys
from turnout.runtime import builders, layout, records
with open(sys.argv[3], "wb", buffering=0) as log:
    print("ready", flush=True)
    sys.stdin.readline()
    builders.build(records.read_json(sys.argv[2]), layout.Home(sys.argv[1]), log, run_id=sys.argv[4])
"""
_BUILDERS_AT_ONCE = 8


class EnvironmentKindSuite:
    """The tests; a subclass gives the attributes.

    Attributes:
        kind: the kind's name in the registries of both sides.
        definition: a definition that the kind carries out, with at least two packages if it installs any.
        reordered: one that asks for the same, listed in another order.
        unbuildable: what to change in a lock so that building from it fails, without a network.
        packages: distributions that the environment of `definition` holds, at least.
        makes_directory: whether the kind builds something that it keeps by key.
    """

    kind: ClassVar[str]
    definition: ClassVar[dict[str, Any]]
    reordered: ClassVar[dict[str, Any]]
    unbuildable: ClassVar[dict[str, Any]]
    packages: ClassVar[tuple[str, ...]] = ()
    makes_directory: ClassVar[bool] = True

    def resolve(self, root: Path, definition: dict[str, Any], workspace: str = "first") -> dict[str, Any]:
        """Return the environment that a definition is resolved to, in a home below `root`."""
        home = layout.Home(str(root / "home"))
        return resolution.resolve(
            copy.deepcopy(definition), home, home.workspace(workspace), lambda line: None, str(root)
        )

    def build(self, root: Path, environment: dict[str, Any]) -> tuple[builders.Built, str]:
        """Build an environment and return it with what its log says."""
        log = io.BytesIO()
        built = builders.build(environment, layout.Home(str(root / "home")), log)
        return built, log.getvalue().decode("utf-8")

    def find(self, root: Path, environment: dict[str, Any]) -> builders.Built | None:
        """Look an environment up."""
        return builders.find(environment, layout.Home(str(root / "home")))

    def test_both_sides_register_the_kind(self) -> None:
        assert self.kind in kinds.KINDS
        assert self.kind in builders.BUILDERS

    def test_resolving_gives_what_run_json_needs(self, tmp_path: Path) -> None:
        environment = self.resolve(tmp_path, {**self.definition, "name": "named", "version": "3"})
        assert environment["kind"] == self.kind
        assert (environment["name"], environment["version"]) == ("named", "3")
        assert environment["platform"] == resolution.platform_tag()
        assert environment["key"].startswith(f"{self.kind}-")
        assert os.path.basename(environment["key"]) == environment["key"]

    def test_resolving_twice_gives_the_same(self, tmp_path: Path) -> None:
        first = self.resolve(tmp_path, self.definition)
        assert self.resolve(tmp_path, self.definition) == first
        assert self.resolve(tmp_path, self.definition, workspace="second") == first

    def test_the_order_of_packages_makes_no_difference(self, tmp_path: Path) -> None:
        before = self.resolve(tmp_path, self.definition)
        home = layout.Home(str(tmp_path / "home"))
        kept = sorted(os.listdir(home.workspace("first").locks)) if os.path.isdir(home.workspace("first").locks) else []
        assert self.resolve(tmp_path, self.reordered) == before
        if kept:
            assert sorted(os.listdir(home.workspace("first").locks)) == kept

    def test_the_key_depends_on_the_lock_and_not_on_the_name(self, tmp_path: Path) -> None:
        one = self.resolve(tmp_path, {**self.definition, "name": "one", "version": "1"})
        two = self.resolve(tmp_path, {**self.definition, "name": "two", "version": "2"})
        assert one["key"] == two["key"]
        assert self._spoiled(one)["key"] != one["key"]

    def test_a_known_lock_needs_no_tool(self, tmp_path: Path, monkeypatch: Any) -> None:
        before = self.resolve(tmp_path, self.definition)
        monkeypatch.setattr(subprocess, "Popen", _no_process)
        assert self.resolve(tmp_path, self.definition) == before

    def test_what_is_built_is_found(self, tmp_path: Path) -> None:
        environment = self.resolve(tmp_path, self.definition)
        if self.makes_directory:
            assert self.find(tmp_path, environment) is None
        built, _ = self.build(tmp_path, environment)
        assert self.find(tmp_path, environment) == built

    def test_the_interpreter_runs_and_tells_its_packages(self, tmp_path: Path) -> None:
        environment = self.resolve(tmp_path, self.definition)
        built, _ = self.build(tmp_path, environment)
        facts = inspection.inspect(built.interpreter)
        assert "error" not in facts
        assert facts["python"]["version"].startswith(f"{environment['python']}.")
        assert set(self.packages) <= {package["name"] for package in facts["packages"]}
        if built.facts is not None:
            assert built.facts["packages"] == facts["packages"]
            assert built.facts["interpreter"] == built.interpreter
            assert (built.facts["kind"], built.facts["key"]) == (self.kind, environment["key"])

    def test_a_half_built_directory_is_built_again(self, tmp_path: Path) -> None:
        if not self.makes_directory:
            return
        environment = self.resolve(tmp_path, self.definition)
        directory = layout.Home(str(tmp_path / "home")).environment(environment["key"])
        os.makedirs(directory)
        Path(directory, "left-over").write_text("half")
        assert self.find(tmp_path, environment) is None
        built, log = self.build(tmp_path, environment)
        assert not os.path.exists(os.path.join(directory, "left-over"))
        assert "unfinished" in log
        assert self.find(tmp_path, environment) == built

    def test_builders_at_once_build_once(self, tmp_path: Path) -> None:
        if not self.makes_directory:
            return
        environment = self.resolve(tmp_path, self.definition)
        described, home = tmp_path / "environment.json", tmp_path / "home"
        records.write_json(str(described), environment)
        logs = [tmp_path / f"log-{number}" for number in range(_BUILDERS_AT_ONCE)]
        processes = [_builder_process(home, described, log) for log in logs]
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()  # it is ready; none builds before all are
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            process.stdin.flush()
        for process in processes:
            process.communicate()
        assert [process.returncode for process in processes] == [0] * len(logs)
        texts = [log.read_text() for log in logs]
        assert sum("turnout: building environment" in text for text in texts) == 1
        assert self.find(tmp_path, environment) is not None

    def test_a_failed_build_leaves_nothing(self, tmp_path: Path) -> None:
        environment = self._spoiled(self.resolve(tmp_path, self.definition))
        failure = None
        try:
            self.build(tmp_path, environment)
        except BuildFailed as error:
            failure = error
        assert failure is not None
        assert failure.reason
        assert "\n" not in failure.reason
        assert self.find(tmp_path, environment) is None
        home = layout.Home(str(tmp_path / "home"))
        assert not os.path.exists(home.environment(environment["key"]))
        assert not os.path.exists(home.environment(environment["key"]) + ".json")

    def test_the_digest_of_a_request_ignores_the_order_of_its_keys(self) -> None:
        assert locks.digest(self.kind, {"a": 1, "b": [2]}) == locks.digest(self.kind, {"b": [2], "a": 1})
        assert locks.digest(self.kind, {"a": 1}) != locks.digest(self.kind, {"a": 2})

    def _spoiled(self, environment: dict[str, Any]) -> dict[str, Any]:
        """Return the environment with a lock that can't be built, under that lock's key."""
        lock = {**environment["lock"], **self.unbuildable}
        return {**environment, "lock": lock, "key": _kind(self.kind).key(lock)}


def _builder_process(home: Path, described: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a process that builds once it is told to on its standard input."""
    return subprocess.Popen(
        [sys.executable, "-c", _BUILD_IN_A_PROCESS, str(home), str(described), str(log), log.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def _kind(name: str) -> Any:
    return importlib.import_module(f"turnout.environments.kinds.{name}")


def _no_process(*arguments: Any, **options: Any) -> Any:
    raise AssertionError(f"a process was started: {arguments}")
