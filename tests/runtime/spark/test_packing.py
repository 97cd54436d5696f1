from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from turnout.environments import resolution
from turnout.runtime.spark import packing

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
SITE = f"lib/python{VERSION}/site-packages"


@pytest.fixture
def venv(tmp_path: Path, wheel: Callable[..., Path]) -> Path:
    """A virtual environment as uv makes it, with six and a pyspark; its Python is one of the system's, so not packed."""
    uv, made = resolution.installed_uv(), tmp_path / "venv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(made)], check=True)
    links = ["--no-index", "--find-links", str(wheel("six").parent), "--find-links", str(wheel("pyspark").parent)]
    subprocess.run([uv, "pip", "install", "-q", "--python", f"{made}/bin/python", *links, "six", "pyspark"], check=True)
    (made / SITE / "pyspark").mkdir()
    (made / SITE / "pyspark" / "__init__.py").write_text("")
    return made


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the Python that runs the tests for one of the system's."""
    home = os.path.dirname(os.path.dirname(os.path.realpath(sys.executable)))
    monkeypatch.setattr(packing, "_SYSTEM", (*packing._SYSTEM, home))


def unpacked(archive: str, tmp_path: Path) -> Path:
    """Unpack as Spark does on an executor; return the directory that is called `environment` there."""
    place = tmp_path / "executor" / packing.ENVIRONMENT
    place.mkdir(parents=True)
    subprocess.run(["tar", "-xzf", archive, "-C", str(place)], check=True)
    return place


def pack(prefix: Path, tmp_path: Path, version: str = VERSION) -> str:
    return packing.environment(str(tmp_path / "made" / "e.tar.gz"), str(prefix), str(prefix / "bin/python"), version)


def names(archive: str) -> list[str]:
    with tarfile.open(archive) as stream:
        return stream.getnames()


@pytest.mark.usefixtures("light")
def test_the_environment_works_where_it_is_unpacked(venv: Path, tmp_path: Path) -> None:
    archive = pack(venv, tmp_path)
    assert stat.S_IMODE(os.stat(archive).st_mode) == 0o600
    place = unpacked(archive, tmp_path)
    shutil.rmtree(venv)
    code = "import six, sys; print(six.__file__, '%d.%d' % sys.version_info[:2], sys.argv[1:])"
    argv = [f"{packing.ENVIRONMENT}/bin/python", "-c", code, "two words"]
    for _ in range(2):  # the first one makes what the next one finds
        done = subprocess.run(argv, cwd=place.parent, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"{place / SITE / 'six.py'} {VERSION} ['two words']\n"


@pytest.mark.usefixtures("light")
def test_executors_have_their_own_pyspark(venv: Path, tmp_path: Path) -> None:
    found = names(pack(venv, tmp_path))
    assert f"{SITE}/six.py" in found
    assert not [name for name in found if "/pyspark/" in name or name.endswith("/pyspark")]
    assert not [name for name in found if "__pycache__" in name]


@pytest.mark.usefixtures("light")
def test_several_executors_may_start_at_once(venv: Path, tmp_path: Path) -> None:
    place = unpacked(pack(venv, tmp_path), tmp_path)
    argv = [str(place / "bin/python"), "-c", "import six; print(six.version)"]
    for _ in range(3):
        started = [subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
        assert [(one.communicate(), one.returncode) for one in started] == [((b"1.0\n", b""), 0)] * 4
        (place / "pyvenv.cfg").unlink()
        (place / "bin" / f"python{VERSION}").unlink()


def test_a_python_of_another_version_is_refused_in_one_line(tmp_path: Path) -> None:
    archive = packing.environment(str(tmp_path / "e.tar.gz"), None, sys.executable, "2.99")
    done = subprocess.run([str(unpacked(archive, tmp_path) / "bin/python")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (127, "")
    assert done.stderr == (
        f"turnout: the executor on {os.uname().nodename} has no Python 2.99, with which the driver runs: install it there, "
        "or choose an environment whose Python all machines of the cluster have\n"
    )


@pytest.mark.usefixtures("light")
def test_without_an_environment_the_drivers_python_is_started(tmp_path: Path) -> None:
    (tmp_path / "some where").mkdir()
    link = tmp_path / "some where" / "it's python"
    link.symlink_to(os.path.realpath(sys.executable))  # a link to it: no library lies beside
    archive = packing.environment(str(tmp_path / "e.tar.gz"), None, str(link), VERSION)
    assert names(archive) == ["bin/python"]
    place = unpacked(archive, tmp_path)
    done = subprocess.run([str(place / "bin/python"), "-c", "print('runs')"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "runs\n", "")


def test_an_archive_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "e.tar.gz").write_bytes(b"there")
    assert packing.environment(str(tmp_path / "e.tar.gz"), None, sys.executable, VERSION) == str(tmp_path / "e.tar.gz")
    assert (tmp_path / "e.tar.gz").read_bytes() == b"there"


@pytest.mark.usefixtures("light")
def test_links_among_the_packages_are_kept(venv: Path, tmp_path: Path) -> None:
    (venv / SITE / "other.py").symlink_to("six.py")
    (venv / SITE / "models").mkdir()
    (venv / SITE / "linked").symlink_to("models")
    place = unpacked(pack(venv, tmp_path), tmp_path)
    assert os.readlink(place / SITE / "other.py") == "six.py"
    assert os.readlink(place / SITE / "linked") == "models"


# The snapshot


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A snapshot's files, and a shipped runtime beside them."""
    contents = {
        "code/train.py": "import words",
        "code/words/__init__.py": "",
        "code/words/stop.txt": "the",
        "code/words/deep/more.txt": "a",
        "code/wordsmith.txt": "no package's",
        "code/fast.so": "machine code",
        "code/data/big.csv": "1" * 1000,
        "runtime/turnout/__init__.py": "",
        "runtime/turnout/__pycache__/x.pyc": "",
    }
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    (tmp_path / "code" / "link.py").symlink_to("train.py")
    return tmp_path / "code"


def sizes(code: Path) -> list[tuple[str, int]]:
    found = [path for path in code.rglob("*") if not path.is_dir()]
    return sorted((path.relative_to(code).as_posix(), path.lstat().st_size) for path in found)


def pack_files(code: Path, listed: list[tuple[str, int]]) -> str:
    return packing.files(str(code.parent / "made" / "f.tar.gz"), str(code), listed, str(code.parent / "runtime"))


def test_a_snapshot_goes_whole_with_the_runtime_beside_it(code: Path) -> None:
    archive = pack_files(code, sizes(code))
    assert sorted(names(archive)) == sorted(
        ["code/" + name for name, _ in sizes(code)] + ["runtime/turnout/__init__.py"]
    )
    with tarfile.open(archive) as stream:
        assert stream.getmember("code/link.py").linkname == "train.py"


def test_of_a_large_snapshot_modules_and_packages_go(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "LIMIT", 1000)
    kept = ["fast.so", "link.py", "train.py", "words/__init__.py", "words/deep/more.txt", "words/stop.txt"]
    assert sorted(name for name in names(pack_files(code, sizes(code))) if name.startswith("code/")) == [
        "code/" + name for name in kept
    ]


def test_nothing_half_made_is_left_when_a_file_cant_be_read(code: Path) -> None:
    with pytest.raises(FileNotFoundError):
        pack_files(code, [*sizes(code), ("gone.py", 1)])
    assert os.listdir(code.parent / "made") == []
