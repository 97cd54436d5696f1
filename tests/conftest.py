"""What all tests share: a Turnout home of their own, and no variables of whoever runs them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from hypothesis import Phase, settings

from turnout.testing import baseimage, condachannel, engines, remotehost

# A shell without job control starts what it puts into the background with these ignored, and every process that a test
# starts would inherit that: Ctrl-C in a test's terminal would do nothing.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGQUIT) is signal.SIG_IGN:
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)

# In CI a failing example is printed as it was found: shrinking one that starts processes can take minutes.
settings.register_profile("ci", deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate), print_blob=True)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")


@pytest.fixture(scope="session")
def missing_service() -> Callable[[str], NoReturn]:
    """Say that a test needs something that isn't there: it skips, naming that, and fails in CI."""

    def missing(what: str) -> NoReturn:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{what}; in CI it has to be there (scripts/services installs it as root on Debian)")
        pytest.skip(what)

    return missing


def _fill(channel: condachannel.Channel) -> None:
    """Make what the tests of conda environments ask for."""
    from turnout.environments import resolution

    uv = resolution.installed_uv()
    channel.add_python(f"{sys.version_info[0]}.{sys.version_info[1]}", uv)
    channel.add_from_pypi("idna", "3.7", uv)
    for version, depends in (("1.0", ()), ("2.0", ("words ==1",))):
        module = f"version = {version!r}\n"
        metadata = f"Metadata-Version: 2.1\nName: greeting\nVersion: {version}\n"
        information = f"site-packages/greeting-{version}.dist-info"
        files = {
            "site-packages/greeting.py": module,
            f"{information}/METADATA": metadata,
            f"{information}/RECORD": f"greeting.py,,\n{information[14:]}/METADATA,,\n{information[14:]}/RECORD,,\n",
            f"{information}/INSTALLER": "conda",
        }
        channel.add("greeting", version, files, ("python >=3.8", *depends), noarch="python", build="py_0")
    for version in ("1", "2"):
        channel.add("words", version, {"share/words.txt": version}, noarch="generic")
    channel.add("tool", "1.0", {"bin/tool": f"#!/bin/sh\necho {condachannel.PLACEHOLDER}\n"}, form=".tar.bz2")
    # As distutils left a package: metadata, but no list of its files.
    library = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    old = {
        f"{library}/six.py": "__version__ = '1.10.0'\n",
        f"{library}/six_extra/__init__.py": "",
        f"{library}/six-1.10.0.egg-info": "Metadata-Version: 1.1\nName: six\nVersion: 1.10.0\n",
        "share/six.txt": "kept\n",
    }
    channel.add("six", "1.10.0", old, ("python",), build="py_0")
    unlisted = {
        f"{library}/six.py": "__version__ = '1.11.0'\n",
        f"{library}/six_extra/__init__.py": "",
        f"{library}/six-1.11.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: six\nVersion: 1.11.0\n",
        "share/six.txt": "kept\n",
    }
    channel.add("six", "1.11.0", unlisted, ("python",), build="py_0")


@pytest.fixture(scope="session")
def shared_channel(
    tmp_path_factory: pytest.TempPathFactory, missing_service: Callable[[str], NoReturn]
) -> condachannel.Channel:
    """A real conda channel, made once for all processes that run tests."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    try:
        return condachannel.once(shared / "conda" / "channel", _fill)
    except condachannel.NoPython as error:
        missing_service(str(error))


@pytest.fixture
def conda_channel(shared_channel: condachannel.Channel, monkeypatch: pytest.MonkeyPatch) -> condachannel.Channel:
    """The channel, and a cache of its packages that only tests use; no test may change either."""
    monkeypatch.setenv("RATTLER_CACHE_DIR", str(shared_channel.path.parent / "cache"))
    return shared_channel


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh Turnout home."""
    for name in [name for name in os.environ if name.startswith(("TURNOUT_", "AZUREML_"))]:
        if not name.startswith("TURNOUT_TEST"):
            monkeypatch.delenv(name)
    path = tmp_path / "home"
    monkeypatch.setenv("TURNOUT_HOME", str(path))
    return path


@pytest.fixture(scope="session")
def base_image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The packed base image for container engines; one for all processes of the session."""
    directory = tmp_path_factory.getbasetemp()
    with baseimage.packed(directory.parent if "PYTEST_XDIST_WORKER" in os.environ else directory) as archive:
        yield archive


@pytest.fixture(scope="session")
def podman(request: pytest.FixtureRequest) -> Iterator[engines.Engine]:
    """A podman with a storage of its own that has the base image."""
    yield from _engine(engines.PODMAN, request)


@pytest.fixture(scope="session")
def docker(request: pytest.FixtureRequest) -> Iterator[engines.Engine]:
    """A Docker Engine of this session's own that has the base image."""
    yield from _engine(engines.DOCKER, request)


@pytest.fixture(scope="session", params=engines.NAMES)
def engine(request: pytest.FixtureRequest) -> engines.Engine:
    """Each of the engines in turn."""
    found: engines.Engine = request.getfixturevalue(request.param)
    return found


def _engine(name: str, request: pytest.FixtureRequest) -> Iterator[engines.Engine]:
    try:
        engines.require(name)
        with engines.running(name, request.getfixturevalue("base_image")) as found:
            yield found
    except engines.MissingEngine as error:
        request.getfixturevalue("missing_service")(str(error))


@pytest.fixture
def remote_host(make_remote_host: Callable[..., remotehost.RemoteHost]) -> remotehost.RemoteHost:
    """A remote host to which the test's ssh knows the way."""
    return make_remote_host()


@pytest.fixture
def make_remote_host(
    missing_service: Callable[[str], NoReturn], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., remotehost.RemoteHost]]:
    """Return a function that makes remote hosts, with the arguments of `RemoteHost`; they go with the test.

    ssh knows the way to the newest one.
    """
    from turnout.targets.reach.ssh import reach

    with contextlib.ExitStack() as hosts:

        def make(**arguments: Any) -> remotehost.RemoteHost:
            host = hosts.enter_context(_remote_host(missing_service, **arguments))
            monkeypatch.setenv("TURNOUT_SSH_CONFIG", str(host.ssh_config))
            return host

        yield make
        reach.close_all()


@contextlib.contextmanager
def _remote_host(missing_service: Callable[[str], NoReturn], **arguments: Any) -> Iterator[remotehost.RemoteHost]:
    try:
        remotehost.require()
    except remotehost.MissingRemoteHost as error:
        missing_service(str(error))
    with remotehost.RemoteHost(**arguments) as host:
        yield host


@pytest.fixture
def wheel(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a wheel below `tmp_path/wheels` and returns its path."""

    def make(name: str, version: str = "1.0", requires: tuple[str, ...] = ()) -> Path:
        directory = tmp_path / "wheels"
        directory.mkdir(exist_ok=True)
        path = directory / f"{name}-{version}-py3-none-any.whl"
        information = f"{name}-{version}.dist-info"
        needed = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"{name}.py", f"version = {version!r}\n")
            archive.writestr(
                f"{information}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}"
            )
            archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{information}/RECORD", "")
        return path

    return make
