"""Conda environments built by the real py-rattler and uv from locks of a real channel: what is in them, and what fails."""

from __future__ import annotations

import copy
import functools
import hashlib
import http.server
import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout.environments import resolution
from turnout.environments.kinds import conda
from turnout.runtime import builders, layout
from turnout.runtime.builders import BuildFailed, rattlertool
from turnout.testing.condachannel import Channel

RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"


class Maker:
    """Resolves conda packages and builds them, in a home of its own."""

    def __init__(self, root: Path, channel: Channel) -> None:
        self.home = layout.Home(str(root / "home"))
        self.source = root
        self.channel = channel

    def resolve(self, *packages: str, pip: tuple[str, ...] = (), channel: str = "") -> dict[str, Any]:
        asked = {"channels": [channel or self.channel.url], "dependencies": [*packages, {"pip": list(pip)}]}
        definition = {"name": "mine", "python": {"condaDependencies": asked}}
        workspace = self.home.workspace("w")
        return resolution.resolve(definition, self.home, workspace, lambda line: None, str(self.source))

    def build(self, environment: dict[str, Any]) -> tuple[builders.Built, str]:
        log = io.BytesIO()
        return builders.build(environment, self.home, log), log.getvalue().decode()

    def fails(self, environment: dict[str, Any]) -> BuildFailed:
        with pytest.raises(BuildFailed) as failed:
            self.build(environment)
        assert "\n" not in failed.value.reason
        assert builders.find(environment, self.home) is None
        left = [name for name in os.listdir(self.home.environments) if not name.endswith(".lock")]
        assert left == []
        return failed.value


@pytest.fixture
def maker(tmp_path: Path, conda_channel: Channel, monkeypatch: pytest.MonkeyPatch) -> Maker:
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    return Maker(tmp_path, conda_channel)


def run(built: builders.Built, code: str) -> str:
    words = [built.interpreter, "-I", "-c", code]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def changed(environment: dict[str, Any], name: str, **other: Any) -> dict[str, Any]:
    """Return an environment whose lock says something else of one conda package, under that lock's key."""
    made = copy.deepcopy(environment)
    for package in made["lock"]["conda"]:
        if package["name"] == name:
            package.update(other)
    return {**made, "key": conda.key(made["lock"])}


def test_the_facts_name_what_conda_and_pip_installed(maker: Maker) -> None:
    built, log = maker.build(maker.resolve("greeting", "tool", pip=("certifi==2024.7.4",)))
    assert built.facts is not None
    installed = {package["name"]: package for package in built.facts["conda"]}
    assert sorted(installed) == ["greeting", "python", "tool", "words"]
    assert installed["greeting"] == {
        "name": "greeting",
        "version": "2.0",
        "build": "py_0",
        "channel": f"{maker.channel.url}/",
    }
    assert {package["name"] for package in built.facts["packages"]} == {"certifi", "greeting"}
    assert built.facts["python"]["version"] == installed["python"]["version"]
    assert built.facts["python"]["prefix"] == os.path.dirname(os.path.dirname(built.interpreter))
    assert built.facts["tool"].startswith("py-rattler 0.")
    assert "installs 4 conda packages" in log
    assert ", 4 of 4" in log
    assert run(built, "import greeting, certifi; print(greeting.version)") == "2.0"


def test_files_that_name_the_prefix_name_the_right_one(maker: Maker) -> None:
    built, _ = maker.build(maker.resolve("tool"))
    prefix = os.path.dirname(os.path.dirname(built.interpreter))
    told = subprocess.run([os.path.join(prefix, "bin", "tool")], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == prefix
    assert os.stat(prefix).st_mode & 0o777 == 0o700


def test_pip_replaces_a_package_of_condas(maker: Maker) -> None:
    built, log = maker.build(maker.resolve("idna", pip=("idna==3.10",)))
    assert built.facts is not None
    assert built.facts["packages"] == [{"name": "idna", "version": "3.10"}]
    assert {package["name"] for package in built.facts["conda"] if package.get("replaced")} == {"idna"}
    assert run(built, "import idna; print(idna.__version__)") == "3.10"
    assert "- idna==3.7" in log


def test_pip_leaves_a_package_of_condas_that_fits(maker: Maker) -> None:
    built, _ = maker.build(maker.resolve("idna", pip=("idna>=3",)))
    assert built.facts is not None
    assert built.facts["packages"] == [{"name": "idna", "version": "3.7"}]
    assert not [package for package in built.facts["conda"] if package.get("replaced")]
    prefix = Path(built.interpreter).parent.parent
    [metadata] = prefix.glob("lib/*/site-packages/idna-3.7.dist-info")
    record = next((prefix / "conda-meta").glob("idna-*.json"))
    assert str((metadata / "METADATA").relative_to(prefix)) in record.read_text()


@pytest.mark.parametrize("version", ["1.10.0", "1.11.0"])
def test_a_package_without_a_list_of_its_files_makes_way_too(maker: Maker, version: str) -> None:
    built, log = maker.build(maker.resolve(f"six={version}", pip=("six==1.17.0",)))
    assert built.facts is not None
    assert built.facts["packages"] == [{"name": "six", "version": "1.17.0"}]
    assert {package["name"] for package in built.facts["conda"] if package.get("replaced")} == {"six"}
    assert run(built, "import six; print(six.__version__)") == "1.17.0"
    assert run(built, "import importlib.util as u; print(u.find_spec('six_extra'))") == "None"
    prefix = Path(built.interpreter).parent.parent
    assert (prefix / "share" / "six.txt").read_text() == "kept\n"
    assert f"six {version} of conda makes way" in log


# Archives


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def served(conda_channel: Channel) -> Iterator[str]:
    """The channel over HTTP."""
    handler = functools.partial(Quiet, directory=str(conda_channel.path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def empty_cache(tmp_path: Path, conda_channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for has to be fetched."""
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def another(tmp_path: Path) -> Channel:
    """An empty channel of this test's own."""
    (tmp_path / "another").mkdir()
    return Channel(tmp_path / "another")


@pytest.mark.usefixtures("empty_cache")
def test_what_is_downloaded_is_told(maker: Maker, served: str) -> None:
    _, log = maker.build(maker.resolve("words=1", channel=served))
    assert re.search(r"^downloading words 1 \(\d+\.\d kB\)$", log, re.MULTILINE)
    assert re.search(rf"^downloading python {RUNNING}\.\d+ \(\d+\.\d MB\)$", log, re.MULTILINE)
    _, log = maker.build(maker.resolve("words=1", "tool", channel=served))
    assert "downloading words" not in log


@pytest.mark.parametrize("over", ["file", "http"])
@pytest.mark.usefixtures("empty_cache")
def test_an_archive_with_another_hash_is_refused(maker: Maker, served: str, over: str) -> None:
    environment = maker.resolve("words=1", channel=served if over == "http" else "")
    failed = maker.fails(changed(environment, "words", sha256="0" * 64))
    assert "hash mismatch" in failed.reason
    assert "words-1-0.conda" in failed.reason
    assert "no longer has the package that was locked" in failed.reason


def test_the_cache_does_not_stand_in_for_another_archive_of_the_same_name(maker: Maker, another: Channel) -> None:
    environment = maker.resolve("words=1")
    maker.build(environment)
    archive = another.add("words", "1", {"share/words.txt": "changed"}, noarch="generic")
    data = archive.read_bytes()
    digests = {"sha256": hashlib.sha256(data).hexdigest(), "md5": hashlib.md5(data).hexdigest()}
    built, _ = maker.build(changed(environment, "words", url=archive.as_uri(), size=len(data), **digests))
    assert (Path(built.interpreter).parent.parent / "share" / "words.txt").read_text() == "changed"


@pytest.mark.usefixtures("empty_cache")
def test_a_channel_that_went_away_is_named(maker: Maker, served: str) -> None:
    environment = maker.resolve("words=1", channel=served)
    gone = changed(environment, "words", url="http://127.0.0.1:9/noarch/words-1-0.conda")
    failed = maker.fails(gone)
    assert "http://127.0.0.1:9/noarch/words-1-0.conda" in failed.reason
    assert "check the network" in failed.reason


def test_a_python_that_does_not_run_is_no_environment(maker: Maker, another: Channel) -> None:
    another.add("python", f"{RUNNING}.99", {"bin/python": "#!/bin/sh\necho broken >&2\nexit 3\n"})
    another.add("words", "1", {"share/words.txt": ""}, noarch="generic")
    another.index()
    failed = maker.fails(maker.resolve("words", channel=another.url))
    assert "does not run" in failed.reason
    assert "broken" in failed.reason


# py-rattler


def test_a_home_without_py_rattler_gets_it_once(maker: Maker) -> None:
    environments = [maker.resolve("words=1"), maker.resolve("words=2")]
    os.unlink(os.path.join(maker.home.tools, "rattler"))
    logs = [maker.build(environment)[1] for environment in environments]
    key = rattlertool.tool_environment()["key"]
    assert [f"built environment {key}" in log for log in logs] == [True, False]
    assert all(builders.find(environment, maker.home) for environment in environments)


def test_where_py_rattler_can_not_be_had_one_line_says_how_to_get_it(
    maker: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = maker.resolve("words=1")
    os.unlink(os.path.join(maker.home.tools, "rattler"))
    for name in [name for name in os.environ if name.startswith(("UV_INDEX", "UV_DEFAULT", "UV_EXTRA", "PIP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    failed = maker.fails(environment)
    assert "pip install 'turnout[conda]'" in failed.reason
    assert "127.0.0.1:9" in failed.words
