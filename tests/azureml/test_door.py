"""The table of v1's names: whole, true, and told in one line where something is missing."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from turnout.azureml import names
from turnout.runtime.script import azureml_names
from turnout.runtime.script.door import Door, resolve


def names_of(modules: dict[str, dict[str, str]]) -> list[str]:
    """Return the full names that a table offers."""
    return sorted(f"{module}.{name}" for module in modules for name in modules[module])


@pytest.mark.parametrize("table", [names.MODULES, azureml_names.MODULES], ids=["whole", "shipped"])
def test_every_name_is_where_the_table_says(table: dict[str, dict[str, str]]) -> None:
    for module in table:
        for name, where in table[module].items():
            assert resolve(where) is not None, f"{module}.{name}"


def test_what_comes_with_a_run_is_part_of_the_whole() -> None:
    assert set(names_of(azureml_names.MODULES)) <= set(names_of(names.MODULES))


def test_nothing_is_both_there_and_missing() -> None:
    there = {*names_of(names.MODULES), *names.MODULES}
    assert not there & set(names.INSTEAD)
    for known in names.INSTEAD.values():
        assert known
        assert "\n" not in known


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_it_answers_to_azureml() -> None:
    told = run(
        "import turnout.azureml\n"
        "import azureml.core, azureml.train.hyperdrive as hyperdrive\n"
        "from azureml.core import Workspace\n"
        "from azureml.train.hyperdrive import *\n"
        "import turnout\n"
        "print(Workspace is turnout.Workspace, hyperdrive.choice is choice, 'Run' in dir(azureml.core))\n"
        "from azureml.core.compute_target import ComputeTargetException\n"
        "print(ComputeTargetException is turnout.ComputeTargetException)\n"
    )
    assert told == "True True True\nTrue\n"


def test_nothing_answers_without_it() -> None:
    assert run("import importlib.util, turnout\nprint(importlib.util.find_spec('azureml'))") == "None\n"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("from azureml.core import Webservice", "azureml.core.Webservice is not part of Turnout: serving models"),
        ("import azureml.train.automl.run", "azureml.train.automl is not part of Turnout: automated machine learning"),
        (
            "from azureml.core.webservice import AciWebservice",
            "azureml.core.webservice is not part of Turnout: serving",
        ),
        ("from azureml.core import Unheard", "azureml.core.Unheard is not part of Turnout; `turnout azureml check`"),
    ],
)
def test_what_is_missing_is_said_with_what_to_use_instead(statement: str, said: str) -> None:
    told = run(f"import turnout.azureml\ntry:\n    {statement}\nexcept ImportError as error:\n    print(error)")
    assert told.startswith(said)
    assert len(told.splitlines()) == 1


def test_an_older_python_gets_all_names_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door("someone", {"someone.core": {"Door": "turnout.runtime.script.door:Door"}}, {})
    monkeypatch.setattr(sys, "meta_path", [door, *sys.meta_path])
    monkeypatch.setattr(sys, "version_info", (3, 6, 15, "final", 0))
    try:
        module = importlib.import_module("someone.core")
        assert module.__dict__["Door"] is Door
    finally:
        for name in ("someone", "someone.core"):
            sys.modules.pop(name, None)
