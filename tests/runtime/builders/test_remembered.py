"""What an interpreter said is remembered as long as it would say the same, and no longer."""

import json
import os
import shutil
import sys
import time
import venv
from pathlib import Path

import pytest

from turnout.runtime.builders import inspection, remembered
from turnout.runtime.layout import Home


@pytest.fixture
def home(tmp_path):
    return Home(str(tmp_path / "home"))


@pytest.fixture
def interpreter(tmp_path):
    """Yield the Python of a virtual environment that holds one distribution, and what a .pth file names."""
    venv.create(tmp_path / "venv", symlinks=True)
    add(packages(tmp_path), "one", "1")
    (packages(tmp_path) / "more.pth").write_text("# a comment\nimport sys\n" + str(tmp_path / "elsewhere") + "\n")
    return str(tmp_path / "venv/bin/python")


@pytest.fixture
def later(monkeypatch):
    """Let a while go by since the environment was made."""
    now = time.time_ns
    monkeypatch.setattr(remembered.time, "time_ns", lambda: now() + 10**10)


def packages(tmp_path):
    return next((tmp_path / "venv/lib").glob("python*/site-packages"))


def add(directory, name, version):
    information = directory / f"{name}-{version}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")


def ask(home, interpreter):
    """Return whether the interpreter was started, and what it said, versions by name."""
    question = remembered.Question(home, interpreter)
    answer = question.finish(30)
    assert answer == inspection.inspect(interpreter)
    return question.pid != 0, {each["name"]: each["version"] for each in answer["packages"]}


def test_an_interpreter_is_asked_once(home, interpreter, later):
    assert ask(home, interpreter) == (True, {"one": "1"})
    assert ask(home, interpreter) == (False, {"one": "1"})
    assert ask(home, os.path.realpath(interpreter))[0]  # another one: it has other packages


def remove(directory, tmp_path):
    information = directory / "one-1.dist-info"
    (information / "METADATA").unlink()
    information.rmdir()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda directory, tmp_path: add(directory, "two", "2"), {"one": "1", "two": "2"}),
        (remove, {}),
        (
            lambda directory, tmp_path: (directory / "one-1.dist-info/METADATA").write_text("Name: one\nVersion: 9\n"),
            {"one": "9"},
        ),
        (
            lambda directory, tmp_path: (directory / "one-1.dist-info/direct_url.json").write_text(
                '{"url": "a://b/c"}'
            ),
            {"one": "1"},
        ),
        (lambda directory, tmp_path: add(tmp_path / "elsewhere", "three", "3"), {"one": "1", "three": "3"}),
        (
            lambda directory, tmp_path: (
                add(tmp_path / "new", "four", "4"),
                (directory / "new.pth").write_text(str(tmp_path / "new")),
            ),
            {"one": "1", "four": "4"},
        ),
        (
            lambda directory, tmp_path: (
                add(tmp_path / "new", "five", "5"),
                (directory / "sitecustomize.py").write_text(f"import sys; sys.path.append({str(tmp_path / 'new')!r})"),
            ),
            {"one": "1", "five": "5"},
        ),
    ],
    ids=["added", "removed", "rewritten", "origin", "a named directory appears", "a directory is named", "customized"],
)
def test_it_is_asked_again_after_any_change(home, interpreter, later, tmp_path, change, told):
    assert ask(home, interpreter) == (True, {"one": "1"})
    change(packages(tmp_path), tmp_path)
    assert ask(home, interpreter) == (True, told)
    assert ask(home, interpreter) == (False, told)


def test_it_is_asked_again_when_it_or_its_configuration_was_replaced(home, interpreter, later):
    configuration = Path(interpreter).parents[1] / "pyvenv.cfg"
    assert ask(home, interpreter)[0]
    configuration.write_text(configuration.read_text().replace("site-packages = false", "site-packages = true"))
    started, told = ask(home, interpreter)
    assert started
    assert told["one"] == "1"
    assert not ask(home, interpreter)[0]
    os.unlink(interpreter)
    shutil.copy(os.path.realpath(sys.executable), interpreter)
    assert ask(home, interpreter)[0]


def test_what_has_just_changed_is_not_remembered(home, interpreter):
    assert ask(home, interpreter)[0]
    assert ask(home, interpreter)[0]


def test_a_script_that_chooses_an_interpreter_is_asked_each_time(home, tmp_path, later):
    shim = tmp_path / "python"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    shim.chmod(0o755)
    assert ask(home, str(shim))[0]
    assert ask(home, str(shim))[0]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seen": 1}', '{"path": 3, "seen": ""}'])
def test_a_damaged_answer_is_asked_for_again(home, interpreter, later, text):
    assert ask(home, interpreter)[0]
    file = Path(remembered.file_name(home, interpreter))
    assert json.loads(file.read_text())["interpreter"] == interpreter
    file.write_text(text)
    assert ask(home, interpreter)[0]
    assert not ask(home, interpreter)[0]


def test_an_interpreter_that_fails_is_asked_each_time(home, tmp_path, later):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    for _ in range(2):
        question = remembered.Question(home, str(broken))
        assert question.pid
        assert "status 3" in question.finish(30)["error"]
