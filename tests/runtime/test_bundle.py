from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import turnout
from turnout.runtime import bundle, layout, records, shipped_init

SOURCE = Path(turnout.__file__).parent


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> layout.Home:
    """A home, and a process that has shipped nothing yet."""
    monkeypatch.setattr(bundle, "_shipped", {})
    return layout.Home(str(tmp_path / "home"))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of this package that may be changed, in place of the real one."""
    copied = tmp_path / "installed" / "turnout"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SOURCE / "runtime", copied / "runtime", ignore=ignore)
    for name in ("__init__.py", "exceptions.py"):
        shutil.copy2(SOURCE / name, copied / name)
    monkeypatch.setattr(bundle, "_PACKAGE", str(copied))
    return copied


def run(shipped: str, code: str, *arguments: str, **variables: str) -> str:
    environment = {"PATH": os.defpath, "PYTHONPATH": shipped, **variables}
    words = [sys.executable, "-s", "-S", "-W", "error", "-c", code, *arguments]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_copy_is_whole_and_private(place: layout.Home) -> None:
    shipped = bundle.ship(place)
    assert os.path.dirname(shipped) == place.runtime
    assert len(os.path.basename(shipped)) == 64
    top = Path(shipped, "turnout")
    copied = {path.relative_to(top).as_posix() for path in top.rglob("*") if path.is_file()}
    expected = {path.relative_to(SOURCE).as_posix() for path in (SOURCE / "runtime").rglob("*.py")}
    assert copied >= expected | {"__init__.py", "exceptions.py"}
    assert not [name for name in copied if "__pycache__" in name or "workspace" in name]
    assert (top / "runtime" / "layout.py").read_bytes() == (SOURCE / "runtime" / "layout.py").read_bytes()
    for path in [Path(shipped), *Path(shipped).rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert sorted(name[:5] for name in os.listdir(place.runtime)) == sorted(["seen-", os.path.basename(shipped)[:5]])


def test_a_script_can_import_what_was_shipped(place: layout.Home) -> None:
    code = """
import turnout, sys
from turnout import Run, UserErrorException
from turnout.exceptions import TurnoutException
assert issubclass(UserErrorException, TurnoutException)
assert turnout.Run is Run and turnout.runtime.script.run.Run is Run
assert set(turnout.__all__) > {"Run", "RunEnvironmentException"}
from turnout import *
print(turnout.__version__)
"""
    assert run(bundle.ship(place), code) == turnout.__version__


def test_a_supervisor_can_run_from_it_without_anything_else(place: layout.Home) -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); from turnout.runtime import closing; print(closing.__file__)"
    shipped = bundle.ship(place)
    words = [sys.executable, "-I", "-S", "-c", code, shipped]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.startswith(shipped)


def test_every_public_name_is_shipped_or_known_to_need_more() -> None:
    assert {*shipped_init._HOMES, *shipped_init._FULL_ONLY} == set(turnout.__all__)
    assert not {*shipped_init._HOMES} & {*shipped_init._FULL_ONLY}


def test_names_that_are_not_shipped_say_why(place: layout.Home) -> None:
    code = """
import turnout
for name in ("Workspace", "Experiment"):
    try:
        getattr(turnout, name)
    except ImportError as error:
        print(error)
print(hasattr(turnout, "nonsense"))
"""
    need = "needs a full installation of turnout in the script's environment"
    told = run(bundle.ship(place), code).splitlines()
    assert told == [f"turnout.Workspace {need}", f"turnout.Experiment {need}", "False"]


def test_shipping_again_finds_the_copy(place: layout.Home) -> None:
    shipped = bundle.ship(place)
    before = os.stat(shipped)
    assert bundle.ship(place) == shipped
    bundle._shipped.clear()  # as a new process
    assert bundle.ship(place) == shipped
    assert os.stat(shipped).st_ino == before.st_ino


def test_finding_the_copy_costs_next_to_nothing(place: layout.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle.ship(place)
    opened: list[str] = []
    real = open

    def spy(path: Any, *arguments: Any, **keywords: Any) -> Any:
        opened.append(str(path))
        return real(path, *arguments, **keywords)

    monkeypatch.setattr("builtins.open", spy)
    durations = []
    for _ in range(5):
        bundle._shipped.clear()
        begun = time.perf_counter()
        bundle.ship(place)
        durations.append(time.perf_counter() - begun)
    assert all(os.path.basename(path).startswith("seen-") for path in opened)  # no source file is read
    assert min(durations) < 0.02  # 0.5 ms here; the bound catches a slip of an order of magnitude


def test_a_changed_runtime_is_another_copy_and_the_same_again_is_not(place: layout.Home, package: Path) -> None:
    first = bundle.ship(place)
    path = package / "runtime" / "states.py"
    text = path.read_text()
    path.write_text(text + "\n# changed\n")
    assert bundle.ship(place) == first  # a process ships what it has begun with
    bundle._shipped.clear()
    second = bundle.ship(place)
    assert second != first
    assert Path(second, "turnout/runtime/states.py").read_text().endswith("# changed\n")
    path.write_text(text)
    bundle._shipped.clear()
    assert bundle.ship(place) == first


def test_another_version_is_another_copy(place: layout.Home, package: Path) -> None:
    first = bundle.ship(place)
    path = package / "__init__.py"
    path.write_text(path.read_text().replace(f'"{turnout.__version__}"', '"99.0"'))
    bundle._shipped.clear()
    second = bundle.ship(place)
    assert second != first
    assert run(second, "import turnout; print(turnout.__version__)") == "99.0"


def test_a_shipped_runtime_can_ship_itself(place: layout.Home, tmp_path: Path) -> None:
    shipped = bundle.ship(place)
    code = "import sys; from turnout.runtime import bundle, layout; print(bundle.ship(layout.Home(sys.argv[1])))"
    again = run(shipped, code, str(tmp_path / "other"))
    assert os.path.basename(again) == os.path.basename(shipped)
    assert run(again, "import turnout; print(turnout.__version__)") == turnout.__version__


def test_a_copy_that_was_removed_is_made_again(place: layout.Home) -> None:
    shipped = bundle.ship(place)
    shutil.rmtree(shipped)
    assert bundle.ship(place) == shipped
    assert os.path.isfile(os.path.join(shipped, "turnout", "__init__.py"))


def test_a_memo_that_lost_its_content_is_written_again(place: layout.Home) -> None:
    shipped = bundle.ship(place)
    [memo] = [name for name in os.listdir(place.runtime) if name.startswith("seen-")]
    Path(place.runtime, memo).write_text("")
    bundle._shipped.clear()
    assert bundle.ship(place) == shipped
    assert Path(place.runtime, memo).read_text() == os.path.basename(shipped)


def test_a_home_that_can_not_be_written_keeps_nothing_half_made(
    place: layout.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = records.write_atomic
    written = []

    def fail_late(path: str, data: bytes, sync: bool = False) -> None:
        written.append(path)
        if len(written) > 5:
            raise OSError(28, "No space left on device")
        real(path, data, sync)

    monkeypatch.setattr(records, "write_atomic", fail_late)
    with pytest.raises(OSError, match="No space"):
        bundle.ship(place)
    assert os.listdir(place.runtime) == []


def test_many_that_ship_at_once_make_one_copy(place: layout.Home) -> None:
    found = []
    barrier = threading.Barrier(6)

    def ship() -> None:
        barrier.wait(10)
        found.append(bundle._find_or_copy(place))

    threads = [threading.Thread(target=ship) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    assert len(os.listdir(place.runtime)) == 2


# A full installation in the script's environment.


@pytest.fixture
def full(tmp_path: Path) -> Callable[..., str]:
    """Make something that looks like a full installation; return its entry of the path."""

    def make(name: str = "site", text: str = "__version__ = 'full'\nRun = 'full Run'\n", whole: bool = True) -> str:
        package = tmp_path / name / "turnout"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(text)
        (package / "runtime.py").write_text("which = 'full'\n")
        if whole:
            (package / "workspace.py").write_text("")
        return str(tmp_path / name)

    return make


WHICH = "import turnout; print(turnout.__version__)"


def test_a_full_installation_takes_its_place_whole(place: layout.Home, full: Callable[..., str]) -> None:
    path = os.pathsep.join([bundle.ship(place), full()])
    assert run(path, WHICH) == "full"
    assert run(path, "from turnout import Run; print(Run)") == "full Run"
    assert run(path, "from turnout.runtime import which; print(which)") == "full"
    assert run(
        path, "import sys, turnout; print(sys.modules['turnout'] is turnout, turnout.__spec__.origin)"
    ).startswith("True " + path.split(os.pathsep)[1])


def test_another_shipped_copy_before_it_does_not_hide_it(
    place: layout.Home, full: Callable[..., str], tmp_path: Path
) -> None:
    shipped = bundle.ship(place)
    shutil.copytree(shipped, tmp_path / "second")
    assert run(os.pathsep.join([shipped, str(tmp_path / "second"), full()]), WHICH) == "full"


def test_a_package_of_that_name_that_is_not_turnout_is_passed_over(
    place: layout.Home, full: Callable[..., str]
) -> None:
    path = os.pathsep.join([bundle.ship(place), full(whole=False)])
    assert run(path, WHICH) == turnout.__version__


def test_a_full_installation_that_does_not_load_is_passed_over(place: layout.Home, full: Callable[..., str]) -> None:
    path = os.pathsep.join([bundle.ship(place), full(text="this is no Python\n")])
    assert run(path, WHICH) == turnout.__version__
    assert run(path, "from turnout import Run; print(Run.__module__)") == "turnout.runtime.script.run"


def test_an_editable_installation_by_path_file_is_found(
    place: layout.Home, full: Callable[..., str], tmp_path: Path
) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    (site / "editable.pth").write_text(full("checkout") + "\n")
    code = "import site, sys; site.addsitedir(sys.argv[1]); " + WHICH
    assert run(bundle.ship(place), code, str(site)) == "full"


def test_an_editable_installation_by_finder_is_found(place: layout.Home, full: Callable[..., str]) -> None:
    code = """
import sys
from importlib.machinery import PathFinder
class Broken:
    def find_spec(self, name, path=None, target=None):
        raise RuntimeError("not mine")
class Editable:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return PathFinder.find_spec(name, [sys.argv[1]]) if name == "turnout" else None
sys.meta_path += [Broken(), Editable]
"""
    assert run(bundle.ship(place), code.replace("Broken(), ", "") + WHICH, full()) == "full"
    order = "sys.meta_path.insert(len(sys.meta_path) - 1, sys.meta_path.pop())\n"
    assert run(bundle.ship(place), code + order + WHICH, full("other")) == "full"


def test_the_source_checkout_itself_is_a_full_installation(place: layout.Home) -> None:
    if not (SOURCE / "workspace.py").exists():
        pytest.skip("the package has no workspace module here")
    path = os.pathsep.join([bundle.ship(place), str(SOURCE.parent)])
    assert run(path, "import turnout; print(turnout.__file__)") == str(SOURCE / "__init__.py")
