"""`turnout submit` as a person uses it: what runs, what it prints, what it ends with, and what bad input gets."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system
CURRENT = ("--environment", sys.executable)


def runs(home: Path) -> list[str]:
    directory = home / "workspaces" / "default" / "runs"
    return sorted(path.name for path in directory.iterdir()) if directory.exists() else []


def test_arguments_reach_the_script_untouched(turnout: Any) -> None:
    turnout.script("import json, sys; print(json.dumps(sys.argv[1:]))")
    words = ["--target", "x y", "$HOME", "*", "--", "", "-h", "ä"]
    done = turnout("submit", *CURRENT, "train.py", *words)
    assert json.loads(done.stdout) == words


def test_the_exit_code_is_the_scripts(turnout: Any) -> None:
    turnout.script("import sys; sys.exit(7)")
    done = turnout("submit", *CURRENT, "train.py", code=7)
    assert "Failed" in done.stderr
    assert "exit code 7" in done.stderr


def test_a_signal_is_told_from_an_exit_code(turnout: Any) -> None:
    turnout.script("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    turnout("submit", *CURRENT, "train.py", code=137)
    result = turnout.json("show", "@last")
    assert "SIGKILL" in result["reason"]


def test_an_exception_is_the_reason(turnout: Any) -> None:
    turnout.script("raise ValueError('alpha is negative')")
    turnout("submit", *CURRENT, "train.py", code=1)
    assert "ValueError: alpha is negative" in turnout.json("show", "@last")["reason"]


def test_without_an_environment_one_line_says_which_is_used(turnout: Any) -> None:
    turnout.script("import sys; print(sys.version_info[:2] == tuple(map(int, sys.argv[1:])))")
    done = turnout("submit", "train.py", *map(str, sys.version_info[:2]))
    assert done.stdout == "True\n"
    assert "default-environment" in done.stderr


def test_the_script_runs_in_a_copy_with_its_modules(turnout: Any) -> None:
    turnout.script("VALUE = 5", "package/settings.py")
    turnout.script(
        "import os, package.settings as s; print(s.VALUE, os.getcwd()); open('new.txt', 'w')", "jobs/train.py"
    )
    done = turnout("submit", *CURRENT, "jobs/train.py")
    value, directory = done.stdout.split()
    assert value == "5"
    assert directory != str(turnout.directory)
    assert not (turnout.directory / "new.txt").exists()


def test_the_script_gets_its_variables_and_a_bare_one_gets_none_of_turnouts_shell(turnout: Any) -> None:
    turnout.script("import os; print(os.environ['A'], os.environ['B'], os.environ['TURNOUT_RUN_ID'])")
    done = turnout("submit", *CURRENT, "--env", "A=1=2", "train.py", env={**os.environ, "B": "from the shell"})
    first, rest = done.stdout.split(" ", 1)
    assert first == "1=2"
    assert rest.startswith("from the shell ")
    definition = turnout.json("show", "@last", "--definition")
    assert definition["variables"]["configured"] == {"A": "1=2"}
    assert "B" in definition["variables"]["inherited"]
    assert "from the shell" not in json.dumps(definition)


def test_nothing_handed_over_stays_behind(turnout: Any, home: Path) -> None:
    turnout.script("print(1)")
    turnout("submit", *CURRENT, "train.py")
    assert list((home / "secrets").iterdir()) == []


def test_detach_returns_at_once_and_wait_gives_the_code(turnout: Any) -> None:
    turnout.script("import sys; print('done'); sys.exit(3)")
    run_id = json.loads(turnout("submit", "--json", "--detach", *CURRENT, "train.py").stdout)["id"]
    done = turnout("wait", run_id, code=3)
    assert done.stdout == "done\n"


def test_cancel_ends_the_script_and_what_it_started(turnout: Any, until: Any) -> None:
    pids = turnout.directory / "pids"
    turnout.script(
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "time.sleep(600)'], start_new_session=True)\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)"
    )
    run_id = json.loads(turnout("submit", "--json", "--detach", *CURRENT, "train.py").stdout)["id"]
    both = until(lambda: pids.exists() and pids.read_text().split())
    turnout("cancel", run_id)
    turnout("cancel", run_id)  # twice is no error
    done = turnout("wait", run_id, code=143)
    assert "Canceled" in done.stderr
    from turnout.runtime import processes

    assert [processes.start_time(int(pid)) for pid in both] == [None, None]
    turnout("cancel", run_id)  # nor is a run that has ended


def test_the_time_limit_ends_a_run_and_says_so(turnout: Any) -> None:
    turnout.script("import time; time.sleep(600)")
    turnout("submit", *CURRENT, "--max-run-duration", "1", "train.py", code=143)
    shown = turnout.json("show", "@last")
    assert shown["status"] == "Canceled"
    assert "time limit" in shown["reason"]


def test_dry_run_prints_the_plan_and_records_nothing(turnout: Any, home: Path) -> None:
    turnout.script("print(1)")
    plan = json.loads(turnout("submit", *CURRENT, "--dry-run", "train.py", "5").stdout)
    assert plan["run"]["arguments"] == ["5"]
    assert plan["request"]["operation"] == "start"
    assert runs(home) == []


def test_an_unsolvable_environment_is_a_failed_run_with_the_resolvers_words(turnout: Any, home: Path) -> None:
    turnout.script("print(1)")
    (turnout.directory / "requirements.txt").write_text("idna==3.10\nidna==3.9\n")
    done = turnout("submit", "--environment", "requirements.txt", "train.py", code=125)
    assert "idna" in done.stderr
    shown = turnout.json("show", "@last")
    assert shown["status"] == "Failed"
    assert "idna" in shown["reason"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.py"], "missing.py"),
        (["../outside.py"], "outside"),
        (["--target", "nowhere", "train.py"], "local"),
        (["--environment", "no-such-environment", "train.py"], "no-such-environment"),
        (["--environment", "/no/such/python", "train.py"], "/no/such/python"),
        (["--environment", "bad.txt", "train.py"], "bad.txt"),
        (["--experiment", "no blanks", "train.py"], "no blanks"),
        (["--source-directory", "nothing-here", "train.py"], "nothing-here"),
        (["--source-directory", "empty", "train.py"], "empty"),
        (["--tag", "x", "train.py"], "KEY=VALUE"),
        (["--config", "missing.runconfig", "train.py"], "missing.runconfig"),
    ],
)
def test_bad_input_gets_one_line_and_leaves_nothing(turnout: Any, home: Path, words: list[str], said: str) -> None:
    turnout.script("print(1)")
    (turnout.directory.parent / "outside.py").write_text("print(1)")
    (turnout.directory / "bad.txt").write_text("idna==[\n")
    (turnout.directory / "empty").mkdir()
    environment = [] if "--environment" in words else list(CURRENT)
    done = turnout("submit", *environment, *words, code=2)
    assert said in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("turnout: ")]
    assert errors == done.stderr.splitlines()[-1:], "one line says what is wrong, and it is the last"
    assert done.stdout == ""
    assert runs(home) == []


def test_debug_shows_the_traceback(turnout: Any) -> None:
    turnout.script("print(1)")
    import subprocess

    done = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "turnout"), "--debug", "submit", *CURRENT, "missing.py"],
        cwd=turnout.directory,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "Traceback" in done.stderr


def test_a_home_of_a_newer_version_is_left_alone(turnout: Any, home: Path) -> None:
    turnout.script("print(1)")
    home.mkdir()
    (home / "format.json").write_text('{"format": 99}')
    done = turnout("submit", *CURRENT, "train.py", code=2)
    assert "newer" in done.stderr
    assert [path.name for path in home.iterdir()] == ["format.json"]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere; run the tests as another user to see this")
def test_an_unwritable_home_is_named(turnout: Any, home: Path) -> None:
    turnout.script("print(1)")
    home.mkdir(mode=0o500)
    done = turnout("submit", *CURRENT, "train.py", code=2)
    assert str(home) in done.stderr


LEAVES_MUCH = """import os
from turnout import Run
run = Run.get_context()
run.log("a", 1)
run.tag("b")
open("outputs/c", "w").write("c")
run.upload_file("deep/er/c", "outputs/c")
with run.child_run("child") as child:
    child.log("d", 2)
"""


def test_the_home_is_the_users_alone(turnout: Any, home: Path) -> None:
    turnout.script(LEAVES_MUCH)
    (turnout.directory / "package").mkdir()
    (turnout.directory / "package" / "module.py").write_text("")
    turnout("submit", "train.py", umask=0)
    for words in (("reindex",), ("runs",), ("tag", "@last", "e=f"), ("doctor", "--json")):
        turnout(*words, umask=0)
    checked = []
    for directory, folders, files in os.walk(home):
        for name in [*folders, *files]:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            assert stat.S_ISLNK(status.st_mode) or status.st_mode & 0o077 == 0 or name == "__pycache__", path
            checked.append(os.path.relpath(path, home).split(os.sep)[0])
        # What a script or an installer makes lies in directories that were just found closed.
        folders[:] = [name for name in folders if name not in ("outputs", "__pycache__") and not name.startswith("uv-")]
    assert {"environments", "objects", "runtime", "secrets", "workspaces", "format.json"} <= set(checked)
