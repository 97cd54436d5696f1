"""The shipped part is run for real under the oldest and the newest Pythons that scripts come with.

Interpreters are found through `TURNOUT_TEST_PYTHONS` (paths, separated as in PATH), pyenv, and PATH.
"""

from __future__ import annotations

import ast
import functools
import glob
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from turnout.runtime import bundle, layout
from turnout.runtime.record import RunRecord

RUNTIME = Path(layout.__file__).parent
VERSIONS = ["3.6", "3.7", "3.8", "3.13"]
NEWER_THAN_3_8 = {"graphlib", "tomllib", "zoneinfo", "compression"}

SCRIPT = """
import decimal, json, os, sys, threading
import turnout
from turnout import Run, TurnoutException
from turnout.exceptions import UserErrorException

run = Run.get_context(allow_offline=False)
assert Run.get_context() is run
run.log("loss", 1.5)
run.log("loss", float("nan"), step=2)
run.log("loss", decimal.Decimal("0.25"), description="d")
run.log("big", 10 ** 400)
run.log_list("list", range(3))
run.log_row("row", x=1, y="a")
run.log_table("table", {"x": [1, 2], "y": [None, True]})
run.log_residuals("chart", {"schema_type": "residuals", "schema_version": "1.0.0",
                            "data": {"bin_edges": [1], "bin_counts": [2]}})
with open("image.svg", "w") as stream:
    stream.write("<svg/>")
run.log_image("image", "image.svg")
run.upload_file("deep/file", "image.svg")
run.tag("key", "value")
run.add_properties({"p": "1"})
run.display_name = "named"
try:
    run.log("loss", [1])
except UserErrorException as error:
    assert isinstance(error, TurnoutException) and "log_list" in str(error)
else:
    raise AssertionError("a list was logged")

def many():
    for number in range(200):
        run.log("thread", number)

threads = [threading.Thread(target=many) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
pid = os.fork()
if not pid:
    run.log("forked", 1)
    os._exit(0)
os.waitpid(pid, 0)
with run.child_run("kid") as child:
    child.log("m", 1)
assert [found.status for found in run.get_children()] == ["Completed"]
assert run.experiment.name == "diabetes" and run.experiment.workspace.name == "default"
run.download_file("deep/file", "copy.svg")
run.complete()
print(json.dumps({"version": turnout.__version__, "at": turnout.__file__, "status": run.get_details()["status"],
                  "files": run.get_file_names(), "repr": repr(run)}))
"""

OFFLINE = """
from turnout import Run
run = Run.get_context()
run.log("m", 1, step=1)
with run.child_run("kid") as child:
    child.log("m", 2)
assert run.get_metrics(recursive=True) == {run.id: {"m": 1}, child.id: {"m": 2}}
assert not hasattr(run, "experiment")
run.complete()
assert run.status == "Completed"
"""


@functools.lru_cache(maxsize=1)
def interpreters() -> dict[str, str]:
    """Return the path of one interpreter for each minor version that is found."""
    paths = os.environ.get("TURNOUT_TEST_PYTHONS", "").split(os.pathsep)
    paths += glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python"))
    paths += [shutil.which(f"python{version}") or "" for version in VERSIONS]
    found: dict[str, str] = {}
    for path in filter(None, paths):
        words = [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        asked = subprocess.run(words, capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            found.setdefault(asked.stdout.strip(), path)
    return found


@pytest.fixture(params=VERSIONS)
def python(request: pytest.FixtureRequest) -> str:
    path = interpreters().get(request.param)
    if path is None:
        pytest.skip(f"no Python {request.param} here; name one in TURNOUT_TEST_PYTHONS")
    return path


@pytest.fixture
def run_script(workspace: layout.WorkspaceLayout, tmp_path: Path) -> Callable[..., str]:
    shipped = bundle.ship(workspace.home)

    def run(python: str, text: str, **variables: str) -> str:
        script = tmp_path / "script.py"
        script.write_text(text)
        environment = {"PATH": os.defpath, "PYTHONPATH": shipped, "PYTHONHASHSEED": "0", **variables}
        done = subprocess.run(
            [python, "-s", "-W", "error", str(script)],
            env=environment,
            cwd=tmp_path / "cwd",
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout

    return run


def test_a_submitted_script_reports_everything(
    python: str, run_script: Callable[..., str], submit: Callable[..., layout.RunLayout]
) -> None:
    directory = submit().root
    told = json.loads(run_script(python, SCRIPT, TURNOUT_RUN_DIRECTORY=directory))
    assert told["version"] == sys.modules["turnout"].__version__
    assert "/runtime/" in told["at"]
    assert told["status"] == "Running"
    assert told["files"] == ["chart", "deep/file", "image.svg"]
    assert told["repr"].startswith("Run(Experiment: diabetes,\nId: diabetes_1_abc,")
    record = RunRecord(directory)
    metrics = record.metrics()
    assert str(metrics["loss"]) == "[1.5, nan, 0.25]"
    assert metrics["big"] == 10**400
    assert metrics["list"] == [0, 1, 2]
    assert metrics["row"] == {"x": 1, "y": "a"}
    assert metrics["table"] == {"x": [1, 2], "y": [None, True]}
    assert sorted(metrics["thread"]) == sorted([*range(200)] * 3)
    assert metrics["forked"] == 1
    assert metrics["image"].endswith("/image.svg")
    assert record.tags() == {"key": "value"}
    assert record.properties() == {"p": "1"}
    assert len(os.listdir(record.layout.events)) == 2


def test_a_script_started_by_hand_keeps_its_record(python: str, run_script: Callable[..., str], tmp_path: Path) -> None:
    told = run_script(python, OFFLINE)
    assert told.startswith("Attempted to log scalar metric m:\n1\n")
    runs = sorted(path.name for path in (tmp_path / "cwd" / "offline-runs").iterdir())
    assert [RunRecord(str(tmp_path / "cwd" / "offline-runs" / name)).metrics() for name in runs] == [{"m": 1}, {"m": 2}]


def test_names_of_the_full_package_say_what_they_need(python: str, run_script: Callable[..., str]) -> None:
    text = "try:\n    from turnout import Workspace\nexcept ImportError as error:\n    print(error)\n"
    told = run_script(python, text)
    if "python3.6" in python or "/3.6" in python:
        assert "Workspace" in told
    else:
        assert told == "turnout.Workspace needs a full installation of turnout in the script's environment\n"


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports anywhere."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            found.add(str(node.module))
            if str(node.module).startswith("turnout"):
                found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def module_file(name: str) -> Path | None:
    base = RUNTIME.parent.parent.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.exists():
            return path
    return None


def script_files() -> set[Path]:
    """Return what `turnout.runtime.script` is made of and all it imports."""
    shipped = {RUNTIME / "shipped_init.py", RUNTIME / "shipped_azureml.py"}
    pending = {*(RUNTIME / "script").glob("*.py"), *shipped, RUNTIME.parent / "exceptions.py"}
    found: set[Path] = set()
    while pending:
        path = pending.pop()
        found.add(path)
        files = {module_file(name) for name in imports(path) if name.startswith("turnout")}
        pending |= {file for file in files if file is not None} - found
    return found


def test_what_a_script_imports_has_the_syntax_of_python_3_6() -> None:
    files = script_files()
    assert RUNTIME / "records.py" in files
    for path in files:
        text = path.read_text(encoding="utf-8")
        ast.parse(text, str(path), feature_version=(3, 6))
        assert "from __future__ import annotations" not in text, path
    assert not [path for path in files if "runtime" not in path.parts and path.name != "exceptions.py"]


def test_the_runtime_has_the_syntax_of_python_3_8() -> None:
    for path in RUNTIME.rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 8))


@pytest.mark.parametrize("version", ["3.6", "3.8"])
def test_older_pythons_compile_it(version: str) -> None:
    path = interpreters().get(version)
    if path is None:
        pytest.skip(f"no Python {version} here; name one in TURNOUT_TEST_PYTHONS")
    files = script_files() if version == "3.6" else set(RUNTIME.rglob("*.py"))
    code = "import sys\nfor path in sys.argv[1:]: compile(open(path, 'rb').read(), path, 'exec')"
    subprocess.run([path, "-W", "error", "-c", code, *map(str, sorted(files))], check=True)


GUESTS = {RUNTIME / "builders" / "rattler_install.py": {"rattler"}}
"""Files whose text is given to another Python, and what that one has."""


def test_the_runtime_imports_nothing_but_the_standard_library_and_itself() -> None:
    allowed = (sys.stdlib_module_names - NEWER_THAN_3_8) | {"turnout"}
    for path in RUNTIME.rglob("*.py"):
        found = imports(path)
        assert {name.split(".")[0] for name in found} <= allowed | GUESTS.get(path, set()), path
        strangers = {name for name in found if name.startswith("turnout") and not name.startswith("turnout.runtime")}
        assert not strangers, path


HEAVY = {"asyncio", "decimal", "fractions", "logging", "numpy", "shutil", "subprocess", "tempfile", "typing", "uuid"}


def test_importing_run_loads_nothing_heavy(workspace: layout.WorkspaceLayout) -> None:
    """A script that imports `Run` must not pay for what it doesn't use."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from turnout import Run; print(*sys.modules)"
    words = [sys.executable, "-I", "-S", "-c", code, bundle.ship(workspace.home)]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    assert "turnout.runtime.script.run" in told
    assert HEAVY & set(told) == set()
