from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from turnout.runtime import layout, slots
from turnout.runtime.serving import facts

PROXIES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made.getsockname()[1]


@pytest.fixture
def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as made:
        return made.getsockname()[1]


def ask(there: layout.Home, **request: object) -> dict:
    reply, content = facts.facts(there, request, b"")
    assert content == b""
    return json.loads(json.dumps(reply))


def test_what_the_machine_is_is_told_without_leaving_anything(there: layout.Home) -> None:
    found = ask(there)
    assert found["host"] == os.uname().nodename
    assert found["home"] == there.root
    assert found["platform"] == f"linux-{os.uname().machine}"
    assert (found["python"], found["interpreter"]) == (".".join(map(str, sys.version_info[:3])), sys.executable)
    assert found["processors"] == os.cpu_count()
    assert found["unreachable"] == []
    room = os.statvfs(os.path.dirname(there.root))
    assert 0 < found["free"] <= room.f_blocks * room.f_frsize
    assert not os.path.exists(there.root)


def test_what_the_home_offers_is_what_a_person_has_set(there: layout.Home) -> None:
    os.makedirs(there.queue_here.root)
    slots.configure(there.queue_here, {"slots": 7, "gpus": ["0", "1"]})
    found = ask(there)
    assert (found["slots"], found["gpus"]) == (7, ["0", "1"])


def test_engines_and_uv_are_those_on_the_path(
    there: layout.Home, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = os.path.join(str(tmp_path), "bin")
    os.mkdir(directory)
    monkeypatch.setenv("PATH", directory)
    assert ask(there)["engines"] == []
    with open(os.path.join(directory, "podman"), "w") as stream:
        stream.write("#!/bin/sh\n")
    os.chmod(os.path.join(directory, "podman"), 0o755)
    assert ask(there)["engines"] == ["podman"]


def test_indexes_that_cant_be_connected_to_are_named(there: layout.Home, listening: int, closed: int) -> None:
    near, away = f"http://127.0.0.1:{listening}/simple", f"http://127.0.0.1:{closed}/simple"
    local = "file:///srv/wheels"
    began = time.monotonic()
    assert ask(there, indexes=[near, away, local])["unreachable"] == [away]
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_behind_a_proxy_only_that_knows(
    there: layout.Home, closed: int, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://proxy.example:3128")
    assert ask(there, indexes=[f"http://127.0.0.1:{closed}/simple"])["unreachable"] == []


@pytest.mark.parametrize("url", ["http://[::1", "http://127.0.0.1:port/", "https://"])
def test_an_index_whose_url_is_damaged_does_not_hide_the_facts(there: layout.Home, url: str) -> None:
    assert ask(there, indexes=[url])["home"] == there.root
