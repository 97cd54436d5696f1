"""`turnout env` from the first lock to the removal, on real environments, with real runs in between."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from turnout.environments.resolution import installed_uv
from turnout.runtime.builders import pythons, uvtool

TURNOUT = os.path.join(os.path.dirname(sys.executable), "turnout")
pytestmark = pytest.mark.system
NO_DOWNLOADS = {"UV_PYTHON_DOWNLOADS": "never"}


def found(version: str) -> bool:
    """Say whether another CPython is on this machine."""
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return version != running and bool(pythons.find(version, installed_uv(), uvtool.variables(os.environ)))


@pytest.fixture
def project(turnout: Any, wheel: Any, tmp_path: Path) -> Path:
    """A project that asks for `one`, of which there is version 1.0, and that for `two`."""
    wheel("one", "1.0", ("two",))
    wheel("two", "1.0")
    path = turnout.directory / "requirements.txt"
    path.write_text(f"--no-index\n--find-links {tmp_path}/wheels\none\n")
    turnout.script("import one, two, time, sys, os\nprint(one.version, two.version)\n")
    return Path(turnout.directory)


def submit(turnout: Any, *words: str) -> str:
    return str(turnout("submit", *words, "--environment", "requirements.txt", "train.py").stdout)


def test_an_environment_is_locked_used_unfrozen_and_removed(project: Path, turnout: Any, wheel: Any) -> None:
    assert "Turnout-Sklearn" in turnout("env", "list").stdout
    locked = turnout.json("env", "lock", "requirements.txt")
    assert [(each["name"], each["version"]) for each in locked["packages"]] == [("one", "1.0"), ("two", "1.0")]
    wheel("one", "2.0", ("two",))

    # Every run has the lock, whatever is there by now; the first one builds it.
    assert submit(turnout) == "1.0 1.0\n"
    assert turnout.json("show", "@last")["environment"]["key"] == locked["key"]
    shown = turnout.json("env", "show", "requirements.txt")
    assert (shown["key"], shown["built"]["runs"]) == (locked["key"], 1)
    assert turnout.json("env", "build", "requirements.txt")["new"] is False

    # Unfreezing is a decision; what it would change is shown beforehand.
    would = turnout.json("env", "diff", "requirements.txt")["changes"]
    assert would == [{"change": "changed", "what": "one", "before": "1.0", "after": "2.0"}]
    assert submit(turnout) == "1.0 1.0\n"
    assert turnout.json("env", "update", "requirements.txt")["changes"] == would
    assert turnout("env", "update", "requirements.txt").stdout.startswith("nothing changed")
    assert submit(turnout) == "2.0 1.0\n"
    assert turnout.json("env", "diff", "@last~1", "@last")["changes"] == would

    # Both are built; each is listed with the runs that have used it, the last used first.
    listed = turnout.json("env", "list", "--built")
    assert [row["runs"] for row in listed["environments"]] == [1, 2]
    assert [row["key"] for row in listed["environments"]][1] == locked["key"]
    assert listed["bytes"] < sum(row["bytes"] for row in listed["environments"])  # `two` is there once, in both
    assert listed["bytes_freed"] < listed["bytes"]

    removed = turnout.json("env", "remove", locked["key"])
    assert removed["removed"] == locked["key"]
    assert not os.path.exists(removed["directory"])
    assert [row["runs"] for row in turnout.json("env", "list", "--built")["environments"]] == [1]
    turnout("env", "remove", "requirements.txt")
    assert turnout("env", "list", "--built").stdout == ""
    assert submit(turnout) == "2.0 1.0\n"  # built again, from the lock


def test_what_a_run_uses_is_not_removed_below_it(project: Path, turnout: Any, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    turnout.script(f"open({str(gate)!r}).read(); import one; print(one.version)\n")
    run = json.loads(submit(turnout, "--detach", "--json"))["id"]
    with open(gate, "w"):  # from here on the script has begun; it ends with this block
        key = turnout.json("show", run)["environment"]["key"]
        refused = turnout("env", "remove", key, code=2)
        assert f"is needed by {run}, which has not ended" in refused.stderr
    turnout("wait", run)
    assert turnout("logs", run).stdout == "1.0\n"
    turnout("env", "remove", key)


def test_an_old_specification_runs_on_another_python_and_the_record_has_both(
    project: Path, turnout: Any, tmp_path: Path
) -> None:
    lines = f"  - --no-index\n  - --find-links {tmp_path}/wheels\n  - one\n"
    (project / "old.yml").write_text(f"dependencies:\n- python=3.6.2\n- pip:\n{lines}")
    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    words = ("submit", "--environment", "old.yml")
    assert f"--python {running}" in turnout(*words, "train.py", code=2, env={**os.environ, **NO_DOWNLOADS}).stderr
    assert turnout(*words, "--python", running, "train.py").stdout == "1.0 1.0\n"
    shown = turnout.json("show", "@last")["environment"]
    assert shown["python"].startswith(f"{running}.")
    assert shown["python_asked"] == "3.6.2"
    assert f"Python {shown['python']} in place of 3.6.2" in turnout("show", "@last").stdout
    definition = json.loads(turnout("show", "--definition", "@last").stdout)["environment"]
    assert definition["python"] == running
    assert definition["definition"]["python"]["pythonOverride"] == running
    assert "python=3.6.2" in definition["definition"]["python"]["condaDependencies"]["dependencies"]


def test_a_run_without_an_environment_may_have_another_python(turnout: Any, missing_service: Any) -> None:
    other = next((name for name in ("3.12", "3.10", "3.13", "3.9") if found(name)), None)
    if other is None:
        missing_service("a second CPython is not on this machine")
    turnout.script("import sys; print('%d.%d' % sys.version_info[:2])")
    done = turnout("submit", "--python", other, "train.py")
    assert done.stdout == f"{other}\n"
    assert f"an empty one with Python {other}" in done.stderr


def test_ctrl_c_ends_a_build_and_leaves_nothing_half_built(
    turnout: Any, terminal: Any, package_index: Any, home: Path
) -> None:
    (turnout.directory / "requirements.txt").write_text("gated\n")
    package_index.resolution.set()
    turnout("env", "lock", "requirements.txt")
    window = terminal(TURNOUT, "env", "build", "requirements.txt")
    assert package_index.asked_to_build.wait(60)
    window.type(b"\x03")
    assert window.ended() == 130
    assert b"Traceback" not in window.seen
    assert [path.name for path in (home / "environments").iterdir() if path.suffix != ".lock"] == []
    package_index.build.set()
    assert turnout.json("env", "build", "requirements.txt")["new"] is True


def test_nobody_needs_to_read_the_log_of_a_build(project: Path, turnout: Any) -> None:
    """Its reader leaves at once: the build goes on to its end."""
    reading, writing = os.pipe()
    os.close(reading)
    process = turnout.start("env", "build", "requirements.txt", stderr=writing)
    os.close(writing)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out[:6]) == (0, b"built ")


def test_a_password_of_an_index_is_in_nothing_that_is_said_or_kept(turnout: Any, home: Path) -> None:
    (turnout.directory / "requirements.txt").write_text("one\n")
    variables = {**os.environ, "UV_DEFAULT_INDEX": "http://me:hunter2@127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0"}
    for command in ("lock", "update", "build"):
        done = turnout("env", command, "requirements.txt", code=2, env=variables)
        assert "can't be resolved" in done.stderr
        assert "hunter2" not in done.stdout + done.stderr
    kept = [path for path in home.rglob("*") if path.is_file() and b"hunter2" in path.read_bytes()]
    assert kept == []
