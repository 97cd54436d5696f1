"""What is brought to a target that can't fetch packages: fetched from a real index here, installed in another home there."""

from __future__ import annotations

import base64
import hashlib
import http.server
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout import wheelhouse
from turnout.environments import resolution, wheels
from turnout.exceptions import EnvironmentException
from turnout.runtime import builders, gc, layout, redaction
from turnout.runtime.objects import ObjectStore
from turnout.runtime.serving import server

SECRET = "s3cret"
BACKEND = """
import zipfile
def build_wheel(directory, settings=None, metadata=None):
    name = "compiled-1.0-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(directory + "/" + name, "w") as archive:
        archive.writestr("compiled-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: compiled\\nVersion: 1.0\\n")
        archive.writestr("compiled-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: cp311-cp311-linux_x86_64\\n")
        archive.writestr("compiled-1.0.dist-info/RECORD", "")
    return name
"""


class Index:
    """A package index in a directory of wheels, which wants a password; files may be on another server."""

    def __init__(self, directory: Path, password: str = "", files_at: str = "") -> None:
        self.asked: list[tuple[str, str | None]] = []
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.append((self.path, self.headers["Authorization"]))
                wanted = "Basic " + base64.b64encode(f"me:{password}".encode()).decode()
                name = os.path.basename(self.path.partition("#")[0])
                if password and self.headers["Authorization"] != wanted:
                    self.send_response(401)
                    self.end_headers()
                elif files_at and name.endswith(".whl"):
                    self.send_response(302)
                    self.send_header("Location", files_at + name)
                    self.end_headers()
                else:
                    self.page(name)

            def page(self, name: str) -> None:
                path = directory / name
                if name.endswith(".whl") and path.exists():
                    content, kind = path.read_bytes(), "application/octet-stream"
                else:
                    package = self.path.strip("/").rpartition("/")[2].replace("-", "_")
                    found = [each for each in sorted(directory.glob("*.whl")) if each.name.startswith(f"{package}-")]
                    links = (f'<a href="/files/{each.name}#sha256={digest(each)}">{each.name}</a>' for each in found)
                    content, kind = "".join(links).encode(), "text/html"
                self.send_response(200 if content else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content)

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, *words: Any) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class There:
    """A target whose home is another directory of this machine; the runtime's own requests answer."""

    def __init__(self, here: layout.Home, home: layout.Home) -> None:
        self.home, self.pushed = home, list[str]()
        self._here = here

    def run(self, request: dict[str, Any]) -> dict[str, Any]:
        return server.carry_out(self.home, request, b"")[0]

    def push(self, objects: Iterable[str], progress: Any = None) -> int:
        with ObjectStore(self.home.objects).incoming() as incoming:
            for each in objects:
                self.pushed.append(each)
                incoming.add_bytes(Path(ObjectStore(self._here.objects).path(each)).read_bytes())
            return incoming.commit()

    def pull(self, request: dict[str, Any], content: bytes = b"") -> tuple[dict[str, Any], bytes]:
        return server.carry_out(self.home, request, content)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> layout.Home:
    """The submitter's home; uv has nothing in its cache and knows no index."""
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache-here"))
    monkeypatch.setenv("HOME", str(tmp_path))
    home = layout.Home(str(tmp_path / "here"))
    os.makedirs(home.objects)
    return home


@pytest.fixture
def there(here: layout.Home, tmp_path: Path) -> There:
    home = layout.Home(str(tmp_path / "there"))
    os.makedirs(home.objects)
    resolution.provide_tools(home)
    return There(here, home)


@pytest.fixture
def serve() -> Iterator[Callable[..., Index]]:
    made: list[Index] = []

    def start(*words: Any, **options: Any) -> Index:
        made.append(Index(*words, **options))
        return made[-1]

    yield start
    for index in made:
        index.close()


@pytest.fixture
def resolve(here: layout.Home, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def resolved(*pip: str) -> dict[str, Any]:
        definition = {"name": "mine", "python": {"condaDependencies": {"dependencies": [{"pip": list(pip)}]}}}
        return resolution.resolve(definition, here, here.workspace("w"), lambda line: None, str(tmp_path))

    return resolved


def ask(environment: dict[str, Any], here: layout.Home, unreachable: Iterable[str], report: Any = None) -> wheels.Asked:
    facts = {"unreachable": list(unreachable), "libc": ["glibc", "2.36"]}
    said = report or (lambda line: None)
    return wheels.Asked(environment, here, "far", facts, os.environ, redaction.as_it_is, said)


def build(environment: dict[str, Any], there: There, tmp_path: Path) -> builders.Built:
    """Build on the target: with nothing in its cache, and no index that it could ask."""
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "UV_CACHE_DIR": str(tmp_path / "cache-there")}
    variables["UV_INDEX_URL"] = "http://127.0.0.1:1/"
    with (tmp_path / "log").open("wb", buffering=0) as log:
        return builders.build(environment, there.home, log, variables)


def versions(built: builders.Built) -> dict[str, str]:
    assert built.facts is not None
    return {each["name"]: each["version"] for each in built.facts["packages"]}


def test_what_the_lock_names_is_fetched_here_and_installed_there(
    here: layout.Home,
    there: There,
    serve: Callable[..., Index],
    resolve: Callable[..., Any],
    wheel: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the credentials of the index, which only that host gets; once it is built, nothing is asked any more."""
    wheel("inner"), wheel("outer", requires=("inner",))
    store = serve(tmp_path / "wheels")
    index = serve(tmp_path / "wheels", password=SECRET, files_at=f"http://{store.host}/files/")
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://me:{SECRET}@{index.host}/")
    environment = resolve("outer")
    said: list[str] = []
    wheelhouse.bring(there, ask(environment, here, ["http://index"], said.append))
    assert said == ["fetching 2 packages that far can't fetch"]
    assert sorted(there.pushed) == sorted(digest(path) for path in (tmp_path / "wheels").iterdir())
    assert {header for _, header in store.asked} == {None}
    for each in (store, index):
        each.asked.clear()
    assert versions(build(environment, there, tmp_path)) == {"inner": "1.0", "outer": "1.0"}
    wheelhouse.bring(there, ask(environment, here, ["http://index"], said.append))
    assert (len(said), len(there.pushed), store.asked, index.asked) == (1, 2, [], [])


def test_a_file_that_is_not_the_locked_one_is_refused(
    here: layout.Home,
    there: There,
    serve: Callable[..., Index],
    resolve: Callable[..., Any],
    wheel: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = wheel("single")
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://{serve(tmp_path / 'wheels').host}/")
    environment = resolve("single")
    path.write_bytes(wheel("single", requires=("other",)).read_bytes())
    with pytest.raises(EnvironmentException, match="locked"):
        wheelhouse.bring(there, ask(environment, here, ["http://index"]))
    assert there.pushed == []
    assert not os.path.exists(there.home.wheels)


def test_a_folder_of_this_machine_is_no_index_for_another_one(
    here: layout.Home,
    there: There,
    resolve: Callable[..., Any],
    wheel: Callable[..., Path],
    tmp_path: Path,
) -> None:
    """Its wheels travel even where the target has a network."""
    path = wheel("single")
    environment = resolve(f"--find-links {tmp_path}/wheels", "--no-index", "single")
    wheelhouse.bring(there, ask(environment, here, []))
    assert there.pushed == [digest(path)]
    path.rename(tmp_path / path.name)
    path.parent.rmdir()
    assert versions(build(environment, there, tmp_path)) == {"single": "1.0"}


def test_wheels_and_packages_of_this_machine_travel(
    here: layout.Home,
    there: There,
    resolve: Callable[..., Any],
    wheel: Callable[..., Path],
    tmp_path: Path,
) -> None:
    path, package = wheel("single"), tmp_path / "compiled"
    package.mkdir()
    (package / "backend.py").write_text(BACKEND.replace("cp311-cp311-linux_x86_64", "py3-none-any"))
    settings = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (package / "pyproject.toml").write_text(f'[project]\nname = "compiled"\nversion = "1.0"\n{settings}')
    environment = resolve(str(path), str(package))
    key = environment["key"]
    wheelhouse.bring(there, ask(environment, here, []))
    path.unlink()
    (package / "pyproject.toml").rename(package / "aside")
    assert versions(build(environment, there, tmp_path)) == {"single": "1.0", "compiled": "1.0"}
    assert os.path.isdir(there.home.environment(key))
    with pytest.raises(EnvironmentException, match="was changed since environment 'mine' was locked"):
        wheels.collect(ask(environment, here, []))


def test_what_would_not_run_there_is_refused(here: layout.Home, resolve: Callable[..., Any], tmp_path: Path) -> None:
    package = tmp_path / "compiled"
    package.mkdir()
    (package / "backend.py").write_text(BACKEND)
    settings = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    (package / "pyproject.toml").write_text(f'[project]\nname = "compiled"\nversion = "1.0"\n{settings}')
    with pytest.raises(EnvironmentException, match=r"compiled \(.*\) holds compiled code"):
        wheels.collect(ask(resolve(str(package)), here, []))
    with pytest.raises(EnvironmentException, match=r"/compiled is editable"):
        wheels.collect(ask(resolve(f"-e {package}"), here, []))


def test_a_python_that_the_target_can_not_get_is_asked_for_before_there_is_a_run(
    here: layout.Home, there: There, resolve: Callable[..., Any]
) -> None:
    """Also by an environment without packages; where there is a network, uv downloads it."""
    environment = {**resolve(), "python": "3.99"}
    with pytest.raises(EnvironmentException, match=r"asks for Python 3\.99, which far doesn't have and can't download"):
        wheelhouse.bring(there, ask(environment, here, ["http://index"]))
    wheelhouse.bring(there, ask(environment, here, []))


def test_wheels_whose_objects_were_freed_meanwhile_are_asked_for_again(
    here: layout.Home, there: There, wheel: Callable[..., Path]
) -> None:
    content = digest(wheel("single"))
    request = {"operation": "wheels", "key": "uv-1", "wheels": {"single-1.0-py3-none-any.whl": content}}
    request.update(replaced={}, complete=True)
    assert there.run(request) == {"missing": [content]}
    assert not os.path.exists(there.home.wheels)


@pytest.mark.parametrize("name", ["../a.whl", ".hidden", "a/b"])
def test_names_that_lead_elsewhere_are_refused(there: There, name: str) -> None:
    for words in ({"key": name, "wheels": {}}, {"key": "uv-1", "wheels": {name: "0" * 64}}):
        with pytest.raises(ValueError, match="is no name of a file"):
            there.run({"operation": "wheels", "replaced": {}, "complete": True, **words})


def test_gc_frees_them_after_a_day(there: There) -> None:
    there.run({"operation": "wheels", "key": "uv-1", "wheels": {}, "replaced": {}, "complete": True})
    gc.collect(there.home)
    assert os.listdir(there.home.wheels) == ["uv-1"]
    gc.collect(there.home, now=time.time() + 2 * gc.DAY)
    assert os.listdir(there.home.wheels) == []
