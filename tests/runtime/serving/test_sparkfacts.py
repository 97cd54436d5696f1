from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import layout
from turnout.runtime.serving import sparkfacts


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with a Spark 4.0.1 and a Java 17 that only a login of this account knows."""
    for name in sparkfacts.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name in ("spark/bin/spark-submit", "java/bin/java"):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    (tmp_path / "spark/jars").mkdir()
    (tmp_path / "spark/jars/spark-core_2.13-4.0.1.jar").write_bytes(b"")
    (tmp_path / "java/release").write_text('JAVA_VERSION="17.0.15"\n')
    (tmp_path / ".profile").write_text(f"echo welcome\nexport JAVA_HOME={tmp_path}/java HADOOP_CONF_DIR=/etc/hadoop\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", "/bin/sh")
    return tmp_path


def ask(there: layout.Home, **said: Any) -> dict[str, Any]:
    reply, content = sparkfacts.spark(there, {"spark": {"master": "local[*]", **said}}, b"")
    assert content == b""
    found: dict[str, Any] = json.loads(json.dumps(reply))
    return found


def test_spark_and_java_are_found_as_a_login_finds_them(there: layout.Home, machine: Path) -> None:
    assert ask(there, home=f"{machine}/spark") == {
        "missing": [],
        "home": f"{machine}/spark",
        "version": "4.0.1",
        "java": f"{machine}/java",
        "java_version": 17,
        "variables": {
            "JAVA_HOME": f"{machine}/java",
            "HADOOP_CONF_DIR": "/etc/hadoop",
            "SPARK_HOME": f"{machine}/spark",
        },
    }
    assert not os.path.exists(there.root)


def test_a_spark_that_was_named_and_is_not_there_is_told_apart(there: layout.Home, machine: Path) -> None:
    found = ask(there, home=f"{machine}/nothing")
    assert found["missing_named"].startswith(f"there is no Spark in {machine}/nothing")
    assert found["missing"] == []
    assert "home" not in found


def test_a_java_that_is_too_old_is_missing(there: layout.Home, machine: Path) -> None:
    (machine / "java/release").write_text('JAVA_VERSION="1.8.0_372"\n')
    found = ask(there, home=f"{machine}/spark")
    assert found["missing"] == [f"Spark 4.0.1 needs Java 17 or newer; JAVA_HOME is {machine}/java, Java 8"]
    assert "java" not in found


def test_a_master_that_cant_be_reached_is_trouble(there: layout.Home, machine: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as made:
        port = made.getsockname()[1]
    found = ask(there, home=f"{machine}/spark", master=f"spark://127.0.0.1:{port}")
    assert found["master"] == {"trouble": f"spark://127.0.0.1:{port} can't be reached: connection refused"}


def test_only_variables_that_count_are_taken_from_a_login() -> None:
    output = b"welcome\nSPARK_HOME=/a=b\0PATH=/bin\0OTHER=x\0TEXT=one\nPATH=/two\0JAVA_HOME=/java\0"
    assert sparkfacts._added(output) == {"SPARK_HOME": "/a=b", "PATH": "/bin", "JAVA_HOME": "/java"}
    assert sparkfacts._added(b"") == {}
