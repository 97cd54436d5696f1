"""Pythons that executors have not: one that lies beside a virtual environment's, and conda's, used where they are unpacked."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from turnout.environments import resolution
from turnout.runtime import builders, layout
from turnout.runtime.spark import packing
from turnout.testing.condachannel import Channel

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
SITE = f"lib/python{VERSION}/site-packages"


@pytest.fixture
def executor(tmp_path: Path) -> Path:
    """A machine's directory of programs that has what a shell calls, and no Python."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("dirname", "ln", "mv", "uname"):
        (programs / name).symlink_to(str(shutil.which(name)))
    return programs


def unpack(archive: str, tmp_path: Path) -> Path:
    place = tmp_path / "executor" / packing.ENVIRONMENT
    place.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", archive, "-C", str(place)], check=True)
    return place


def run(place: Path, executor: Path, code: str) -> list[str]:
    """Run code by the environment's Python as an executor does; return the words that it prints."""
    words = [f"{packing.ENVIRONMENT}/bin/python", "-c", code]
    done = subprocess.run(
        words, cwd=place.parent, env={"PATH": str(executor)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def copied_python(into: Path) -> Path:
    """Copy the Python that runs the tests to a place that no other machine has; return its program."""
    program = os.path.realpath(sys.executable)
    (into / "bin").mkdir(parents=True)
    left_out = shutil.ignore_patterns("__pycache__", "site-packages", "test", "idlelib", "tkinter", "config-*")
    shutil.copytree(sysconfig.get_path("stdlib"), into / "lib" / f"python{VERSION}", ignore=left_out)
    for library in Path(sys.base_prefix, "lib").glob("libpython*.so*"):
        shutil.copy2(library, into / "lib", follow_symlinks=False)
    copy = into / "bin" / f"python{VERSION}"
    shutil.copy2(program, copy)
    return copy


def forget_library(program: Path) -> None:
    """Have a program look for its shared library where there is none, as on a machine that hasn't the original."""
    place = os.fsencode(os.path.join(sys.base_prefix, "lib"))
    program.write_bytes(program.read_bytes().replace(place, b"/gone".ljust(len(place), b"/")))


@pytest.mark.skipif(
    sysconfig.get_config_var("platlibdir") != "lib", reason="this Python's library is laid out otherwise"
)
def test_a_python_that_is_not_the_systems_goes_along(tmp_path: Path, executor: Path) -> None:
    base = copied_python(tmp_path / "base")
    venv = tmp_path / "venv"
    uv = resolution.installed_uv()
    subprocess.run([uv, "venv", "--quiet", "--no-project", "--python", str(base), str(venv)], check=True)
    (venv / SITE / "greeting.py").write_text("word = 'hello'\n")
    forget_library(base)
    archive = packing.environment(str(tmp_path / "e.tar.gz"), str(venv), str(venv / "bin" / "python"), VERSION)
    os.rename(tmp_path / "base", tmp_path / "moved")
    place = unpack(archive, tmp_path)
    code = "import greeting, sys; print(greeting.word, sys.prefix, sys.base_prefix, sys.version.split()[0])"
    told = ["hello", str(place), str(place / "base"), sys.version.split()[0]]
    for _ in range(2):  # the first one makes an environment of it
        assert run(place, executor, code) == told
    assert (
        run(place, executor, f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)")
        == told
    )


def test_a_conda_environment_is_moved_as_it_is(
    tmp_path: Path, executor: Path, conda_channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    home = layout.Home(str(tmp_path / "home"))
    asked = {"channels": [conda_channel.url], "dependencies": [f"python={VERSION}", "greeting"]}
    definition = {"name": "mine", "python": {"condaDependencies": asked}}
    environment = resolution.resolve(definition, home, home.workspace("w"), lambda line: None, str(tmp_path))
    built = builders.build(environment, home, io.BytesIO())
    assert built.prefix is not None
    archive = packing.environment(str(tmp_path / "e.tar.gz"), built.prefix, built.interpreter, VERSION)
    os.rename(built.prefix, tmp_path / "moved")
    place = unpack(archive, tmp_path)
    assert not (place / "conda-meta").exists()
    assert run(place, executor, "import greeting, sys; print(greeting.version, sys.prefix)") == ["2.0", str(place)]


def test_nothing_half_made_is_left_when_there_is_no_room(tmp_path: Path) -> None:
    """Closing the archive fails for the same reason, which must not keep the rest from being cleared away."""
    code = (
        "import resource, signal, sys; from turnout.runtime.spark import packing; "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
        "packing.environment(sys.argv[1], sys.argv[2], sys.executable, sys.argv[3])"
    )
    prefix = tmp_path / "venv"
    (prefix / SITE).mkdir(parents=True)
    (prefix / SITE / "noise").write_bytes(os.urandom(1 << 20))
    words = [sys.executable, "-c", code, str(tmp_path / "made" / "e.tar.gz"), str(prefix), VERSION]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert os.listdir(tmp_path / "made") == []
