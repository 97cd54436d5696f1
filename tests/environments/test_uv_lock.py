"""What a uv.lock asks for, held against uv's own export where a lock is made by uv."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from turnout.environments import uv_lock
from turnout.environments.environment import Environment
from turnout.environments.resolution import installed_uv
from turnout.environments.specification import from_spec
from turnout.exceptions import EnvironmentException

LOCK = """
version = 1
requires-python = ">=3.8"

[[package]]
name = "project"
version = "0.1"
source = { virtual = "." }
dependencies = [
    { name = "click", marker = "python_full_version >= '3.9'" },
    { name = "http", extra = ["socks"] },
    { name = "fork", version = "1.0", source = { registry = "https://one/simple" }, marker = "sys_platform == 'win32'" },
    { name = "fork", version = "2.0", source = { registry = "https://two/simple" }, marker = "sys_platform != 'win32'" },
    { name = "repo" }, { name = "direct" }, { name = "near" }, { name = "local" }, { name = "folder" },
]
[package.dev-dependencies]
dev = [{ name = "pytest" }]
[package.optional-dependencies]
plot = [{ name = "plots" }]

[[package]]
name = "click"
version = "8.1"
source = { registry = "https://one/simple" }
dependencies = [{ name = "colorama", marker = "sys_platform == 'win32'" }]
sdist = { url = "https://one/click.tar.gz", hash = "sha256:aa" }
wheels = [{ url = "https://one/click.whl", hash = "sha256:bb" }]

[[package]]
name = "colorama"
version = "0.4"
source = { registry = "https://one/simple" }
wheels = [{ url = "https://one/c.whl", hash = "sha256:cc" }]

[[package]]
name = "http"
version = "2.0"
source = { registry = "https://one/simple" }
dependencies = [{ name = "colorama", marker = "os_name == 'nt'" }, { name = "loop" }]
[package.optional-dependencies]
socks = [{ name = "socks" }]

[[package]]
name = "socks"
version = "1.7"
source = { registry = "https://one/simple" }

[[package]]
name = "loop"
version = "1"
source = { registry = "https://one/simple" }
dependencies = [{ name = "http" }]

[[package]]
name = "fork"
version = "1.0"
source = { registry = "https://one/simple" }

[[package]]
name = "fork"
version = "2.0"
source = { registry = "https://two/simple" }

[[package]]
name = "repo"
version = "1.0"
source = { git = "https://host/repo?subdirectory=python&rev=main#0123abc" }

[[package]]
name = "direct"
version = "1.0"
source = { url = "https://host/direct-1.0-py3-none-any.whl" }
wheels = [{ url = "https://host/direct-1.0-py3-none-any.whl", hash = "sha256:dd" }]

[[package]]
name = "near"
version = "1.0"
source = { editable = "packages/near" }

[[package]]
name = "local"
version = "1.0"
source = { path = "local-1.0-py3-none-any.whl" }
wheels = [{ filename = "local-1.0-py3-none-any.whl", hash = "sha256:ee" }]

[[package]]
name = "folder"
version = "1.0"
source = { registry = "wheels" }

[[package]]
name = "pytest"
version = "8"
source = { registry = "https://one/simple" }

[[package]]
name = "plots"
version = "1"
source = { registry = "https://one/simple" }
"""


def test_what_the_project_needs_is_pinned_with_hashes_markers_and_places(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(LOCK)
    lines, python = uv_lock.read(tmp_path / "uv.lock")
    assert python is None
    or_ = "(os_name == 'nt') or ((python_full_version >= '3.9') and (sys_platform == 'win32'))"
    assert lines == [
        "--extra-index-url https://two/simple",
        f"--find-links {tmp_path}/wheels",
        "click==8.1 ; (python_full_version >= '3.9') --hash=sha256:aa --hash=sha256:bb",
        f"colorama==0.4 ; {or_} --hash=sha256:cc",
        "http==2.0",
        "socks==1.7",
        "loop==1",
        "fork==1.0 ; (sys_platform == 'win32')",
        "fork==2.0 ; (sys_platform != 'win32')",
        "repo @ git+https://host/repo@0123abc#subdirectory=python",
        "direct @ https://host/direct-1.0-py3-none-any.whl --hash=sha256:dd",
        f"-e {tmp_path}/packages/near",
        f"local @ file://{tmp_path}/local-1.0-py3-none-any.whl --hash=sha256:ee",
        "folder==1.0",
    ]


def test_a_python_that_the_lock_does_not_admit_is_not_the_submitters(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(LOCK.replace(">=3.8", ">=3.99"))
    assert uv_lock.read(tmp_path / "uv.lock")[1] == "3.99"


@pytest.mark.parametrize("text", ["version = 9\npackage = []\n", "package = []\n", "version = 1\n"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "uv.lock").write_text(text)
    with pytest.raises(EnvironmentException, match=r"is no uv\.lock of version 1"):
        uv_lock.read(tmp_path / "uv.lock")


def test_a_dependency_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(LOCK.replace('[[package]]\nname = "loop"', '[[package]]\nname = "other"'))
    with pytest.raises(EnvironmentException, match=r"can't be understood .*loop"):
        uv_lock.read(tmp_path / "uv.lock")


@pytest.fixture
def made_by_uv(tmp_path: Path, wheel, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose lock uv has made from wheels on this machine."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    wheel("one", "1.0", ("two>=1", "windows; sys_platform == 'win32'", "three; extra == 'more'"))
    wheel("two", "1.5")
    wheel("three", "3.0")
    wheel("windows", "1.0", ("two",))
    wheel("unneeded", "1.0")
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[project]\nname = "project"\nversion = "1"\nrequires-python = ">=3.8"\ndependencies = ["one[more]"]\n'
        '[dependency-groups]\ndev = ["unneeded"]\n'
        f'[tool.uv]\nno-index = true\nfind-links = ["{tmp_path}/wheels"]\n'
    )
    subprocess.run([installed_uv(), "lock", "--quiet", "--python", sys.executable], cwd=project, check=True)
    return project


def test_it_is_what_uv_exports(made_by_uv: Path) -> None:
    words = [
        installed_uv(),
        "export",
        "--quiet",
        "--frozen",
        "--no-dev",
        "--no-emit-project",
        "--no-header",
        "--no-annotate",
    ]
    exported = subprocess.run(words, cwd=made_by_uv, check=True, capture_output=True, text=True).stdout
    expected = sorted(" ".join(line.split()) for line in exported.replace("\\\n", " ").splitlines())
    lines = [line for line in uv_lock.read(made_by_uv / "uv.lock")[0] if not line.startswith("--")]
    assert (
        sorted(line.replace("; (sys_platform == 'win32')", "; sys_platform == 'win32'") for line in lines) == expected
    )
    assert len(lines) == 4


def test_an_environment_of_it_resolves_to_the_same_files(made_by_uv: Path, submitter) -> None:
    made = Environment.from_uv_lock("x", made_by_uv / "uv.lock")
    environment = submitter.resolve(**made.serialize())
    kept = [line.split(" ;")[0].split(" --")[0] for line in environment["lock"]["requirements"]]
    assert kept == ["one==1.0", "three==3.0", "two==1.5"]
    assert all(" --hash=sha256:" in line for line in environment["lock"]["requirements"])


def test_submit_takes_it_as_a_specification(made_by_uv: Path, submitter) -> None:
    class Workspace:
        layout = submitter.workspace

    assert from_spec(str(made_by_uv / "uv.lock"), Workspace()) == Environment.from_uv_lock(
        "uv.lock", made_by_uv / "uv.lock"
    )
