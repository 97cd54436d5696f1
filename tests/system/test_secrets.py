"""A secret reaches the script and nothing else: whatever becomes of the run, its value is in no file and no output."""

from __future__ import annotations

import functools
import http.server
import json
import os
import stat
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.system
CURRENT = ("--environment", sys.executable)
GIVEN = "given-hunter2-given"
TAKEN = "taken hunter2/ä taken"
WITH_BOTH = ("--secret", f"GIVEN={GIVEN}", "--secret", "TAKEN")
PRINTS = "import os\nprint(os.environ['GIVEN'], os.environ['TAKEN'], flush=True)\n"


def holding(home: Path) -> list[str]:
    """Return the files of the home that hold a value or a part of one, whatever kind of file they are."""
    found = []
    for directory, _, names in os.walk(home):
        for name in names:
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                with open(path, "rb") as stream:
                    if b"hunter2" in stream.read():
                        found.append(os.path.relpath(path, home))
    return sorted(found)


def only_where_the_script_printed(home: Path) -> bool:
    return all(path.endswith("user_logs/std_log.txt") for path in holding(home))


@pytest.fixture(autouse=True)
def _taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one of the values among the variables of whoever submits."""
    monkeypatch.setenv("TAKEN", TAKEN)
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")


@pytest.fixture
def told(turnout: Any) -> Callable[..., Any]:
    """Run a command and see to it that nothing it says holds a value; return what it did."""

    def run(*words: str, script: str = "", **options: Any) -> Any:
        done = turnout(*words, **options)
        for text in (done.stdout.replace(script, "") if script else done.stdout, done.stderr):
            assert "hunter2" not in text, text
        return done

    return run


EVERY_COMMAND = (
    ("reindex",),
    ("runs", "--json"),
    ("show", "@last"),
    ("show", "@last", "--json"),
    ("show", "@last", "--definition"),
    ("logs", "@last", "--system"),
    ("metrics", "@last", "--json"),
    ("files", "@last", "--json"),
    ("doctor", "--json"),
)


def look(told: Callable[..., Any], commands: tuple[tuple[str, ...], ...] = (("reindex",), ("show", "@last"))) -> None:
    """Look at the last run; no command tells a value."""
    for words in commands:
        told(*words)


def test_the_script_gets_the_values_and_the_record_the_names(turnout: Any, told: Any, home: Path) -> None:
    turnout.script(PRINTS)
    done = told("submit", *CURRENT, *WITH_BOTH, "train.py", script=f"{GIVEN} {TAKEN}")
    assert done.stdout == f"{GIVEN} {TAKEN}\n"
    definition = turnout.json("show", "@last", "--definition")["variables"]
    assert definition["secrets"] == ["GIVEN", "TAKEN"]
    assert "TAKEN" not in definition["inherited"]
    look(told)
    assert only_where_the_script_printed(home)
    assert list((home / "secrets").iterdir()) == []


def test_a_failing_script_is_quoted_without_them(turnout: Any, told: Any, home: Path) -> None:
    turnout.script("import os, sys\nraise ValueError('neither ' + os.environ['GIVEN'] + ' nor ' + os.environ['TAKEN'])")
    done = turnout("submit", *CURRENT, *WITH_BOTH, "train.py", code=1)
    assert done.stderr.splitlines()[-2].endswith("ValueError: neither *** nor ***")
    assert turnout.json("show", "@last")["error"]["message"].endswith("ValueError: neither *** nor ***")
    look(told, EVERY_COMMAND)
    assert only_where_the_script_printed(home)


def test_json_and_dry_run_do_not_tell_them(turnout: Any, told: Any, home: Path) -> None:
    turnout.script("print('done')")
    told("submit", "--dry-run", *CURRENT, *WITH_BOTH, "train.py")
    told("submit", "--json", *CURRENT, *WITH_BOTH, "train.py")
    assert holding(home) == []


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Serve a wheel at a path with a secret in it; return the address of the server."""
    directory = tmp_path / "served" / "hunter2"
    directory.mkdir(parents=True)
    with zipfile.ZipFile(directory / "one-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("one.py", "")
        archive.writestr("one-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
        archive.writestr("one-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("one-1.0.dist-info/RECORD", "")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Handler, directory=str(directory.parent))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_environment_that_needs_one_is_built_and_keeps_none(
    turnout: Any, told: Any, home: Path, served: str
) -> None:
    turnout.script("import one; print('done')")
    (turnout.directory / "requirements.txt").write_text(f"one @ {served}/${{TOKEN}}/one-1.0-py3-none-any.whl\n")
    words = ("--environment", "requirements.txt", "--secret", "TOKEN=hunter2", "train.py")
    assert told("submit", *words).stdout == "done\n"
    assert told("submit", *words).stdout == "done\n"  # found
    look(told)
    assert holding(home) == []


def test_an_environment_that_can_not_be_resolved_is_told_without_them(turnout: Any, told: Any, home: Path) -> None:
    turnout.script("print('done')")
    (turnout.directory / "requirements.txt").write_text("one\n")
    index = ("--secret", "UV_DEFAULT_INDEX=http://127.0.0.1:9/hunter2/simple")
    done = told("submit", "--environment", "requirements.txt", *index, "train.py", code=125)
    assert "***" in done.stderr
    assert turnout.json("show", "@last")["status"] == "Failed"
    look(told)
    assert holding(home) == []


def test_an_environment_that_can_not_be_built_is_told_without_them(
    turnout: Any, told: Any, home: Path, tmp_path: Path
) -> None:
    package = turnout.directory / "local"
    package.mkdir()
    (package / "setup.py").write_text(
        "import os, sys\nfrom setuptools import setup\n"
        "if 'bdist_wheel' in sys.argv or 'editable_wheel' in sys.argv: sys.exit('no access with ' + os.environ['GIVEN'])\n"
        "setup(name='local', version='1')\n"
    )
    turnout.script("print('done')")
    (turnout.directory / "requirements.txt").write_text("./local\n")
    done = told("submit", "--environment", "requirements.txt", *WITH_BOTH, "train.py", code=125)
    assert "local" in done.stderr
    log = turnout("logs", "@last", "--system").stdout
    assert "no access with ***" in log
    look(told)
    assert holding(home) == []


def test_before_the_start_they_wait_in_one_file_and_a_cancelled_run_leaves_none(
    turnout: Any, told: Any, until: Any, home: Path, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    tool = tmp_path / "uv"
    tool.write_text(f'#!/bin/sh\necho "with $TAKEN"; : > "{begun}"; sleep 600\n')
    tool.chmod(0o755)
    turnout.script("print('done')")
    words = ("submit", "--json", "--detach", *WITH_BOTH, "train.py")
    run_id = json.loads(told(*words, env={**os.environ, "TURNOUT_UV": str(tool)}).stdout)["id"]
    until(begun.exists)
    [name] = os.listdir(home / "secrets")
    assert holding(home) == [f"secrets/{name}"]
    waiting = home / "secrets" / name
    assert stat.S_IMODE(waiting.stat().st_mode) == 0o600
    assert stat.S_IMODE(waiting.parent.stat().st_mode) == 0o700
    log = home / "workspaces" / "default" / "runs" / run_id / "system_logs" / "environment.log"
    until(lambda: "with ***" in log.read_text())
    told("cancel", run_id)
    told("wait", run_id, code=125)
    assert list(waiting.parent.iterdir()) == []
    look(told)
    assert holding(home) == []


def test_while_the_script_runs_they_are_in_no_file_and_no_command_line(
    turnout: Any, until: Any, home: Path, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    turnout.script(
        "import os, time\nprint('begun', len(os.environ['GIVEN']), flush=True)\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)"
    )
    process = turnout.start("submit", *CURRENT, f"--secret=GIVEN={GIVEN}", "--secret", "TAKEN", "train.py")
    assert process.stdout.readline() == b"begun %d\n" % len(GIVEN)
    until(lambda: not list((home / "secrets").iterdir()))
    assert holding(home) == []
    assert "--secret=GIVEN=***\0--secret\0TAKEN\0train.py" in Path(f"/proc/{process.pid}/cmdline").read_text()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                assert b"hunter2" not in Path("/proc", entry, "cmdline").read_bytes(), entry
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended meanwhile
    gate.touch()
    assert process.communicate(timeout=30)[0] == b""
    assert process.returncode == 0


def test_a_run_started_inside_a_run_keeps_them_secret(turnout: Any, told: Any, home: Path) -> None:
    turnout.script(
        "import os\nassert os.environ['USER'] == os.environ['GIVEN'] + 'x'\nraise ValueError(os.environ['GIVEN'])",
        "in.py",
    )
    turnout.script(
        "import sys\nfrom turnout import Environment, Run, ScriptRunConfig\n"
        "config = ScriptRunConfig('.', script='in.py')\n"
        "config.run_config.environment.python.user_managed_dependencies = True\n"
        "config.run_config.environment.python.interpreter_path = sys.executable\n"
        "print(Run.get_context().submit_child(config).id)\n"
    )
    secrets = ("--secret", f"GIVEN={GIVEN}", "--secret", f"USER={GIVEN}x")
    child = told("submit", *CURRENT, *secrets, "train.py").stdout.strip()
    turnout("wait", child, code=1)
    variables = turnout.json("show", child, "--definition")["variables"]
    assert variables["secrets"] == ["GIVEN", "USER"]
    assert "USER" not in variables["values"]
    assert turnout.json("show", child)["reason"].endswith("ValueError: ***")
    look(told)
    assert only_where_the_script_printed(home)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--secret", "NOWHERE", "train.py"], "the secret NOWHERE has no value"),
        (["--secret", "=hunter2", "train.py"], "--secret NAME=VALUE"),
        (["--secret", "two words hunter2", "train.py"], "--secret NAME=VALUE"),
        (["--secret", "TURNOUT_HOME=hunter2", "train.py"], "TURNOUT_HOME can't be a secret"),
        (["--secret", "A=hunter2", "--env", "A=1", "train.py"], "A is given both"),
        (["--secret", "A=hunter2 hunter2", "train.py", "x=hunter2 hunter2"], "the secret A stands in an argument"),
    ],
)
def test_what_can_not_be_a_secret_gets_one_line_and_leaves_nothing(
    turnout: Any, told: Any, home: Path, words: list[str], said: str
) -> None:
    turnout.script("print(1)")
    done = told("submit", *CURRENT, *words, code=2)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (home / "workspaces" / "default" / "runs").exists() or not os.listdir(
        home / "workspaces" / "default" / "runs"
    )
    assert holding(home) == []


def test_the_python_api_takes_them_too(turnout: Any, home: Path) -> None:
    turnout.script("import os; print(os.environ['A'], os.environ['B'])")
    turnout.script(
        f"""import os, sys
from turnout import Environment, Experiment, ScriptRunConfig, Workspace
ws = Workspace.from_config()
environment = Environment("mine")
environment.python.user_managed_dependencies = True
environment.python.interpreter_path = sys.executable
environment.secret_variables = {{"A": {GIVEN!r}, "B": None}}
registered = environment.register(ws)
assert registered.secret_variables == {{"A": None, "B": None}}
environment.save_to_directory("saved")
os.environ["B"] = {TAKEN!r}
config = ScriptRunConfig("project", script="train.py")
config.run_config.environment = environment
config.run_config.save("saved/it.runconfig")
for used, more in ((environment, {{}}), (registered, {{"secrets": {{"A": {GIVEN!r}}}}})):
    config.run_config.environment = used
    run = Experiment(ws, "api").submit(config, **more)
    run.wait_for_completion()
    assert "hunter2" not in str(run.get_details()) + repr(config) + repr(run.get_environment().serialize())
""",
        "submit.py",
    )
    import subprocess

    done = subprocess.run(
        [sys.executable, "project/submit.py"], cwd=turnout.directory.parent, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    for path in (turnout.directory.parent / "saved").rglob("*"):
        assert path.is_dir() or "hunter2" not in path.read_text()
    found = holding(home)
    assert len([path for path in found if path.endswith("std_log.txt")]) == 2
    (source,) = [path for path in found if not path.endswith("std_log.txt")]
    assert source.startswith("objects/")  # submit.py itself, in the snapshot


def test_keys_and_passwords_in_the_source_directory_are_pointed_out(turnout: Any, home: Path) -> None:
    turnout.script("print(1)")
    (turnout.directory / ".env").write_text("TOKEN=hunter2")
    (turnout.directory / "my.key").write_text("-----BEGIN PRIVATE KEY-----\n")
    (turnout.directory / "talk.key").write_text("slides")
    line = "the snapshot holds what looks like secrets: .env, my.key; leave them out with a line in .gitignore"
    for _ in range(2):
        said = turnout("submit", *CURRENT, "train.py").stderr.splitlines()
        assert [number for number, each in enumerate(said) if each.startswith(line)] == [0]
    assert f"note: {line}" in turnout("snapshot").stdout
    assert turnout.json("snapshot")["notices"][0].startswith(line)
    (turnout.directory / ".turnoutignore").write_text(".env\n*.key\n")
    assert "secrets" not in turnout("submit", *CURRENT, "train.py").stderr
