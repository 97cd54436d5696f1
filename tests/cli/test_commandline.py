"""What others see of a command line, in processes of their own."""

import subprocess
import sys

import pytest

from turnout.cli import commandline

SEES = """
import subprocess, sys
from turnout.cli import commandline
said = commandline.hide_values(("A=hunter2", "B=x", "C", "D=", "E=ä=b"), "--secret")
with open("/proc/self/cmdline", "rb") as stream:
    others_see = stream.read()
print(repr((said, others_see.rstrip(b"\\0").split(b"\\0")[3:], sys.argv[1:])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the process list is another one elsewhere")
def test_values_are_gone_and_the_words_of_the_script_stay():
    words = [
        "--secret",
        "A=hunter2",
        "--secret=B=x",
        "--secret",
        "C",
        "--secret",
        "D=",
        "--secret=E=ä=b",
        "A",
        "=hunter2",
    ]
    done = subprocess.run([sys.executable, "-c", SEES, *words], capture_output=True, text=True, check=True)
    said, seen, own = eval(done.stdout)
    assert said == ""
    assert [word.decode() for word in seen] == [
        *("--secret", "A=***", "--secret=B=*", "--secret", "C", "--secret", "D=", "--secret=E=***", "A", "=hunter2")
    ]
    assert own == words


def test_nothing_is_done_where_no_value_was_given(monkeypatch):
    monkeypatch.setattr(commandline, "rewrite", None)
    assert commandline.hide_values(("A", "B="), "--secret") == ""


@pytest.mark.parametrize(
    "broken", [lambda: (0, 0), lambda: (4096, 8192), lambda: (_ for _ in ()).throw(IndexError("x"))]
)
def test_a_failure_is_said_in_one_line_without_the_value(monkeypatch, broken):
    monkeypatch.setattr(commandline, "_bounds", broken)
    said = commandline.hide_values(("A=hunter2",), "--secret")
    assert "can be read in the process list" in said
    assert "--secret NAME takes it from the variable NAME" in said
    assert "hunter2" not in said
    assert "\n" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="the process list is another one elsewhere")
def test_a_command_line_does_not_get_longer():
    code = "from turnout.cli import commandline\ncommandline.rewrite(lambda word: word + b'x')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "it would get longer" in done.stderr
