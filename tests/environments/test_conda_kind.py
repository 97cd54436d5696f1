"""Conda packages: what the lock depends on, what is in it, and what bad input gets; solved by the real py-rattler."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.environments import kinds, locks, resolution
from turnout.environments.kinds import conda, conda_solve, specification
from turnout.environments.kinds.failures import ResolutionFailed
from turnout.exceptions import EnvironmentException
from turnout.runtime import layout
from turnout.testing.condachannel import Channel

RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"


def parse(*dependencies: Any, channels: tuple[str, ...] = ("conda-forge",)) -> specification.Specification:
    packages = {"channels": list(channels), "dependencies": list(dependencies)}
    return specification.parse({"name": "mine", "python": {"condaDependencies": packages}})


def context(**other: Any) -> kinds.Context:
    said: list[str] = []
    usual = kinds.Context("mine", layout.Home("/nowhere"), "/", "linux-x86_64", True, said.append, variables={})
    return usual._replace(**other)


def request(*dependencies: Any, **options: Any) -> dict[str, Any]:
    return conda.request(parse(*dependencies, **options), context())


# What the lock depends on


@given(
    st.lists(st.sampled_from(["scipy", "numpy>=1.26", "numpy >= 1.26", "R-Base", {"pip": ["six"]}]), min_size=1),
    st.randoms(use_true_random=False),
)
def test_the_order_of_packages_and_their_spaces_make_no_difference(items: list[Any], random: Any) -> None:
    shuffled = [item.replace(" ", "") if isinstance(item, str) else item for item in items]
    random.shuffle(shuffled)
    assert locks.digest("conda", request(*items)) == locks.digest("conda", request(*shuffled))


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("NumPy", "numpy"),
        ("numpy=1.26", "numpy=1.26"),
        ("numpy = 1.26", "numpy=1.26"),
        ("numpy >=1.26 , <2", "numpy>=1.26,<2"),
        ("numpy 1.26.*", "numpy 1.26.*"),
        ("numpy  1.26  py311_0", "numpy 1.26 py311_0"),
        ("numpy[version='>=1']", "numpy[version='>=1']"),
        ("bioconda::samtools=1.9", "bioconda::samtools=1.9"),
    ],
)
def test_a_package_has_one_normal_form(given: str, normal: str) -> None:
    assert request(given)["conda"] == [normal]


def test_what_asks_for_something_else_is_another_request() -> None:
    asked = [
        request("numpy"),
        request("numpy=1.26"),
        request("numpy 1.26"),
        request("numpy", {"pip": ["six"]}),
        request("numpy", "python=3.9"),
        request("numpy", channels=("bioconda", "conda-forge")),
        request("numpy", channels=("conda-forge", "bioconda")),
        conda.request(parse("numpy"), context(platform="linux-aarch64", here=False)),
        conda.request(parse("numpy"), context(variables={"CONDA_CHANNEL_PRIORITY": "flexible"})),
    ]
    assert len({locks.digest("conda", one) for one in asked}) == len(asked)


def test_the_channels_keep_their_order_and_those_of_packages_are_asked_too() -> None:
    made = request("bioconda::samtools", "numpy", channels=("https://host.example/mine/", "nodefaults", "conda-forge"))
    assert made["channels"] == ["https://host.example/mine", "conda-forge", "bioconda"]
    assert request("numpy", channels=())["channels"] == ["conda-forge"]
    assert request("numpy", channels=("nodefaults",))["channels"] == ["conda-forge"]


def test_a_folder_is_a_channel_however_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "my channel").mkdir()
    here = context(directory=str(tmp_path), report=lambda line: None)
    for named in ("./my channel", str(tmp_path / "my channel/"), (tmp_path / "my channel").as_uri()):
        assert conda.request(parse("a", channels=(named,)), here)["channels"] == [(tmp_path / "my channel").as_uri()]


def test_pips_part_is_what_the_uv_kind_makes_of_it() -> None:
    said: list[str] = []
    made = conda.request(parse("numpy", {"pip": ["azureml-defaults", "six"]}), context(report=said.append))
    assert made["requirements"] == ["six"]
    assert [line for line in said if "azureml-defaults is left out" in line]


SECRETS = (
    {"channels": ("https://me:hunter2@host.example/channel",)},
    {"channels": ("https://hunter2@host.example/channel",)},
    {"channels": ("https://host.example/t/hunter2/channel",)},
    {"channels": ("file://me:hunter2@host/channel",)},
    {"package": "https://me:hunter2@host.example/channel::numpy"},
    {"package": "https://host.example/t/hunter2/channel::numpy"},
    {"package": "numpy[channel='https://me:hunter2@host.example/c']"},
    {"package": "!! https://me:hunter2@host.example/c"},
)


@pytest.mark.parametrize("given", SECRETS)
def test_a_password_is_refused_and_not_repeated(given: dict[str, Any]) -> None:
    with pytest.raises(EnvironmentException) as refused:
        request(given.get("package", "numpy"), channels=given.get("channels", ("conda-forge",)))
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("channels", "variables", "said"),
    [
        (("defaults",), {}, "name conda-forge"),
        (("/nowhere/channel",), {}, "no folder /nowhere/channel"),
        (("file:///nowhere/channel",), {}, "no folder /nowhere/channel"),
        (("conda-forge",), {"CONDA_CHANNEL_PRIORITY": "loose"}, "strict, flexible, disabled"),
    ],
)
def test_what_can_not_be_meant_is_refused(channels: tuple[str, ...], variables: dict[str, str], said: str) -> None:
    with pytest.raises(EnvironmentException, match=said):
        conda.request(parse("numpy", channels=channels), context(variables=variables))


@pytest.mark.parametrize("channels", ["conda-forge", [1], {"a": "b"}])
def test_channels_that_are_no_list_of_names_are_refused(channels: Any) -> None:
    with pytest.raises(EnvironmentException, match="channels"):
        specification.parse({"python": {"condaDependencies": {"channels": channels}}})


# The key


def package(name: str, **other: Any) -> dict[str, Any]:
    return {"name": name, "version": "1", "build": "0", "subdir": "noarch", "sha256": name * 4, "url": "u", **other}


def lock(*packages: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {"python": "3.11", "platform": "linux-x86_64", "requirements": [], "conda": list(packages), **other}


def test_the_key_is_of_what_gets_installed() -> None:
    one = conda.key(lock(package("a"), package("b")))
    same = [
        lock(package("b"), package("a")),
        lock(package("a", url="elsewhere", channel="other", depends=["c"]), package("b")),
        lock(package("a"), package("b"), virtual=["__glibc=2.36=0"], sources=["--no-index"]),
    ]
    assert {conda.key(other) for other in same} == {one}
    different = [
        lock(package("a")),
        lock(package("a", sha256="other"), package("b")),
        lock(package("a", version="2"), package("b")),
        lock(package("a", build="1"), package("b")),
        lock(package("a"), package("b"), requirements=["six==1.17.0"]),
        lock(package("a"), package("b"), platform="linux-aarch64"),
        lock(package("a"), package("b"), python="3.12"),
    ]
    assert len({one, *(conda.key(other) for other in different)}) == len(different) + 1


def test_what_pip_would_take_for_its_own_is_python_code_of_a_version_that_it_can_read() -> None:
    packages = [
        package("pytorch", version="2.5.1", depends=["python >=3.11", "libtorch"]),
        package("PyYAML", version="6.0.2", depends=["python_abi 3.11.* *_cp311"]),
        package("openssl", version="3.4.0", depends=["__glibc"]),
        package("tzdata", version="2024b", noarch="generic"),
        package("odd", version="2024b_1", noarch="python"),
        package("_internal", version="1", noarch="python"),
        package("six", version="1.17.0", noarch="python"),
    ]
    assert conda.installed(packages) == ["torch==2.5.1", "pyyaml==6.0.2", "six==1.17.0"]


# The lock


@pytest.fixture
def resolve(submitter: Any, conda_channel: Channel) -> Callable[..., dict[str, Any]]:
    """Return a function that resolves conda packages from the channel of the tests."""

    def made(*packages: str, pip: tuple[str, ...] = (), channels: tuple[str, ...] = ()) -> dict[str, Any]:
        asked = {"channels": list(channels or (conda_channel.url,)), "dependencies": [*packages, {"pip": list(pip)}]}
        return submitter.resolve(name="mine", python={"condaDependencies": asked})

    return made


def versions(environment: dict[str, Any]) -> dict[str, str]:
    return {package["name"]: package["version"] for package in environment["lock"]["conda"]}


def test_the_lock_has_exact_packages_with_their_hashes(
    resolve: Callable[..., Any], conda_channel: Channel, submitter: Any
) -> None:
    made = resolve("greeting", pip=("six==1.17.0",))
    found = versions(made)
    python = found.pop("python")
    assert found == {"greeting": "2.0", "words": "1"}
    assert python.startswith(f"{RUNNING}.")
    assert (made["kind"], made["python"]) == ("conda", RUNNING)
    records = {package["name"]: package for package in made["lock"]["conda"]}
    archive = conda_channel.path / "noarch" / "words-1-0.conda"
    assert records["words"]["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    assert records["words"]["size"] == archive.stat().st_size
    assert records["words"]["url"] == archive.as_uri()
    assert [line.split(" ")[0] for line in made["lock"]["requirements"]] == ["six==1.17.0"]
    assert any("is on this machine: " in line for line in submitter.said)


def test_a_version_that_is_asked_for_is_taken(resolve: Callable[..., Any]) -> None:
    assert versions(resolve("greeting=1.0", "words==2"))["greeting"] == "1.0"


def test_pip_keeps_to_the_versions_that_conda_installs(resolve: Callable[..., Any]) -> None:
    made = resolve("idna", pip=("idna>=3",))
    assert [line.split(" ")[0] for line in made["lock"]["requirements"]] == ["idna==3.7"]


def test_the_first_channel_that_has_a_package_counts(
    resolve: Callable[..., Any], conda_channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Channel(tmp_path / "other")
    other.path.mkdir()
    other.add("words", "7", {"share/words.txt": "7"}, noarch="generic")
    other.index()
    assert versions(resolve("words", channels=(conda_channel.url, other.url)))["words"] == "2"
    assert versions(resolve("words", channels=(other.url, conda_channel.url)))["words"] == "7"
    monkeypatch.setenv("CONDA_CHANNEL_PRIORITY", "disabled")
    assert versions(resolve("words", channels=(conda_channel.url, other.url)))["words"] == "7"
    monkeypatch.setenv("CONDA_CHANNEL_PRIORITY", "strict")
    assert versions(resolve(f"{other.url}::words", channels=(conda_channel.url,)))["words"] == "7"


def test_another_platform_is_taken_to_offer_little(tmp_path: Path, submitter: Any) -> None:
    foreign = Channel(tmp_path / "foreign")
    foreign.path.mkdir()
    foreign.subdir = "linux-aarch64"
    foreign._records["linux-aarch64"] = {}
    foreign.add("python", "3.11.9", {"bin/python": ""})
    foreign.add("modest", "1", {"share/modest": ""}, ("__glibc >=2.28", "__linux"))
    foreign.add("fastidious", "1", {"share/fastidious": ""}, ("__cuda",))
    foreign.index()

    def solve(name: str) -> dict[str, Any]:
        asked = parse(name, "python=3.11", channels=(foreign.url,))
        there = context(
            platform="linux-aarch64", here=False, home=submitter.home, variables=os.environ, report=lambda line: None
        )
        return conda_solve.solve(conda.request(asked, there), there)

    resolution.provide_tools(submitter.home, conda.TOOLS)
    solved = solve("modest")
    assert [package["subdir"] for package in solved["packages"]] == ["linux-aarch64"] * 2
    assert "__glibc=2.28=0" in solved["virtual"]
    with pytest.raises(ResolutionFailed, match="__cuda"):
        solve("fastidious")


# Bad input


@pytest.mark.parametrize(
    ("packages", "said", "advice"),
    [
        (("greeting=2.0", "words=2"), "greeting", "fit together"),
        (("greeting=9",), "greeting 9", "fit together"),
        (("no-such-package", "words"), "has no package no-such-package for", "check the spelling"),
        (("words", "python=3.6.2"), rf"no Python 3\.6\.2 for .* \(there is {RUNNING}", r"--python 3\.11"),
    ],
)
def test_what_has_no_solution_says_why_and_keeps_nothing(
    resolve: Callable[..., Any], submitter: Any, packages: tuple[str, ...], said: str, advice: str
) -> None:
    with pytest.raises(ResolutionFailed, match=said) as failed:
        resolve(*packages)
    message = str(failed.value.message)
    assert "\n" not in message
    assert re.search(advice, message)
    assert failed.value.words
    assert submitter.locks() == []


def test_a_channel_without_packages_is_named(resolve: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ResolutionFailed, match=r"/empty.*check the names of the channels"):
        resolve("words", channels=(str(tmp_path / "empty"),))


def test_a_package_that_can_not_be_read_is_refused(resolve: Callable[..., Any]) -> None:
    with pytest.raises(EnvironmentException, match="can't be read: unable to parse version spec") as refused:
        resolve("words===1")
    assert not isinstance(refused.value, ResolutionFailed)


class Guarded(http.server.SimpleHTTPRequestHandler):
    """Serves a folder to those who give the password."""

    token = b64encode(b"me:hunter2").decode()

    def do_GET(self) -> None:
        try:
            if self.headers.get("Authorization") != f"Basic {self.token}":
                self.send_error(401)
            else:
                super().do_GET()
        except (BrokenPipeError, ConnectionResetError):
            pass  # rattler asks for several forms of the index at once, and leaves when one is refused

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def guarded(conda_channel: Channel) -> Iterator[str]:
    """The channel of the tests, over HTTP, with a password."""

    def handler(*arguments: Any) -> Guarded:
        return Guarded(*arguments, directory=str(conda_channel.path))

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("place", ["netrc", "auth file"])
def test_a_private_channel_takes_the_password_from_where_rattler_keeps_it(
    resolve: Callable[..., Any],
    guarded: str,
    submitter: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ResolutionFailed, match=r"401.*RATTLER_AUTH_FILE"):
        resolve("words=1", channels=(guarded,))
    if place == "netrc":
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hunter2\n")
    else:
        login = {"127.0.0.1": {"BasicHTTP": {"username": "me", "password": "hunter2"}}}
        (tmp_path / "auth.json").write_text(json.dumps(login))
        monkeypatch.setenv("RATTLER_AUTH_FILE", str(tmp_path / "auth.json"))
    made = resolve("words=1", channels=(guarded,))
    assert versions(made)["words"] == "1"
    kept = "".join(path.read_text() for path in submitter.locks())
    assert "hunter2" not in kept + json.dumps(made) + "".join(submitter.said)


# Where py-rattler comes from


def test_without_the_extra_uv_fetches_py_rattler_once(
    resolve: Callable[..., Any], submitter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolution, "installed_rattler", lambda: "")
    resolve("words=1")
    assert os.listdir(submitter.home.tools) == ["uv"]
    made = [line for line in submitter.said if "building environment rattler-" in line]
    resolve("words=2")
    assert len(made) == 1
    assert [line for line in submitter.said if "building environment rattler-" in line] == made


def test_without_py_rattler_one_line_says_how_to_get_it(
    resolve: Callable[..., Any], submitter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolution, "installed_rattler", lambda: "")
    for name in [name for name in os.environ if name.startswith(("UV_INDEX", "UV_DEFAULT", "UV_EXTRA", "PIP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(EnvironmentException, match=r"pip install 'turnout\[conda\]'") as refused:
        resolve("words=1")
    assert "\n" not in str(refused.value.message)
    assert not [name for name in os.listdir(submitter.home.environments) if not name.endswith(".lock")]


def test_a_python_without_py_rattler_is_named(
    resolve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run([resolution.installed_uv(), "venv", "-q", str(tmp_path / "bare")], check=True)
    monkeypatch.setenv("TURNOUT_RATTLER", str(tmp_path / "bare/bin/python"))
    with pytest.raises(EnvironmentException, match=r"No module named 'rattler'.*pip install 'turnout\[conda\]'"):
        resolve("words=1")


def test_turnout_itself_does_not_load_rattler() -> None:
    code = (
        "import sys, turnout.environments.kinds.conda_solve, turnout.environments.resolution as r; "
        "r.installed_rattler(); print('rattler' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
