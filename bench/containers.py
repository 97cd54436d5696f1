"""Times containers beside their engine: making an image with packages, the same one with others, and starting a script.

    python bench/containers.py [--engine podman|docker] [--rounds 5] [REQUIREMENT…]

The engine is one of its own, with a base image made from this Python. The figures are medians; the ways take turns. uv's cache
is warm for Turnout, pip's is mounted for the engine's own build where that can be done (podman), so that neither downloads.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from submit import machine

from environments import compare
from turnout import Environment, Experiment, ScriptRunConfig, Workspace
from turnout.environments import resolution
from turnout.runtime import builders, records
from turnout.runtime.containers import engine as engine_module
from turnout.runtime.gc import environments as gc_environments
from turnout.testing import baseimage, engines

REQUIREMENTS = ["numpy==2.1.0", "pandas==2.2.3", "scikit-learn==1.5.2", "requests", "pyyaml"]
OTHERS = ["idna"]
"""What is asked for beside those, the second time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=engines.NAMES, default=engines.PODMAN)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("requirements", nargs="*", metavar="REQUIREMENT")
    arguments = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="turnout-bench-") as top:
        os.environ["TURNOUT_HOME"] = os.path.join(top, "home")
        with baseimage.packed(Path(top)) as archive, engines.running(arguments.engine, archive) as engine:
            os.environ.update(engine.variables)
            os.environ[engine_module.ENGINE_VARIABLE] = engine.command
            measure(top, engine, arguments.requirements or REQUIREMENTS, arguments.rounds)


def measure(top: str, engine: engines.Engine, requirements: list[str], rounds: int) -> None:
    print(f"{engine.run('--version').strip()}, {machine()}; {' '.join(requirements)}")
    bench = Bench(top, engine, requirements)
    bench.turnout(requirements)  # warms uv's cache, and locks
    bench.clean()
    first = compare({"turnout": bench.by_turnout, f"{engine.name} build": bench.by_engine}, bench.clean, rounds)
    show("an image with these packages", first, f"{engine.name} build")
    again = compare(
        {"turnout": bench.again_by_turnout, f"{engine.name} build": bench.again_by_engine}, lambda: None, rounds
    )
    show("the same with one more package", again, f"{engine.name} build")
    starts = compare(
        {"turnout": bench.start_by_turnout, f"{engine.name} run": bench.start_by_engine}, lambda: None, rounds
    )
    show("a script that does nothing, to its end", starts, f"{engine.name} run")


class Bench:
    """The compared ways."""

    def __init__(self, top: str, engine: engines.Engine, requirements: list[str]) -> None:
        self.top, self.engine, self.requirements = top, engine, requirements
        self.workspace = Workspace.from_config()
        self.home = self.workspace.home
        self.count = 0
        project = Path(top, "project")
        project.mkdir()
        Path(project, "nothing.py").write_text("")
        self.project = str(project)

    def environment(self, requirements: list[str]) -> Environment:
        made = Environment("bench")
        made.docker.enabled = True
        made.docker.base_image = self.engine.image
        for line in requirements:
            made.python.conda_dependencies.add_pip_package(line)
        return made

    def turnout(self, requirements: list[str]) -> None:
        definition = self.environment(requirements).serialize()
        resolved = resolution.resolve(definition, self.home, self.workspace.layout, lambda line: None)
        self.lines = resolved["lock"]["requirements"]
        with open(os.devnull, "wb", buffering=0) as log:
            builders.build(resolved, self.home, log)

    def by_turnout(self) -> None:
        self.turnout(self.requirements)

    def again_by_turnout(self) -> None:
        self.count += 1
        self.turnout([*self.requirements, f"idna>={2 + self.count % 2}.{self.count}"])

    def by_engine(self) -> None:
        self.build(self.lines)

    def again_by_engine(self) -> None:
        self.count += 1
        self.build([*self.lines, f"# {self.count}"])

    def build(self, lines: list[str]) -> None:
        context = Path(self.top, "context")
        context.mkdir(exist_ok=True)
        Path(context, "requirements.txt").write_text("\n".join(lines) + "\n")
        Path(context, "Dockerfile").write_text(
            f"FROM {self.engine.image}\nCOPY requirements.txt /requirements.txt\n"
            "RUN python -m pip install --quiet --root-user-action=ignore --require-hashes -r /requirements.txt\n"
        )
        cache = Path.home() / ".cache" / "pip"
        cache.mkdir(parents=True, exist_ok=True)
        seen = ["--volume", f"{cache}:/root/.cache/pip"] if self.engine.name == engines.PODMAN else []
        self.engine.run("build", "--quiet", *self.engine.options, *seen, "--tag", "bench:1", str(context))

    def start_by_turnout(self) -> None:
        config = ScriptRunConfig(self.project, script="nothing.py", environment=self.environment(self.requirements))
        run = Experiment(self.workspace, "bench").submit(config)
        assert run.wait_for_completion()["status"] == "Completed"

    def start_by_engine(self) -> None:
        mount = ["--volume", f"{self.project}:{self.project}"]
        self.engine.run("run", "--rm", *self.engine.options, *mount, "bench:1", "python", f"{self.project}/nothing.py")

    def clean(self) -> None:
        for name in os.listdir(self.home.environments):
            if name.endswith(".json") and records.read_json(os.path.join(self.home.environments, name)).get("image"):
                gc_environments.discard(self.home, name[: -len(".json")])
        self.engine.any("rmi", "--force", "bench:1")
        self.engine.any("image", "prune", "--force")


def show(what: str, times: dict[str, float], base: str) -> None:
    for name, seconds in times.items():
        print(f"{what}: {seconds:6.2f} s  {seconds / times[base]:5.2f} x  {name}")


if __name__ == "__main__":
    main()
