"""What is sent of objects, taken by the agent's own functions on the other side."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from turnout.runtime import layout
from turnout.runtime.objects import ObjectStore, StoreError
from turnout.runtime.serving import arrival
from turnout.targets.reach.ssh import upload


def fill(store: ObjectStore, contents: list[bytes]) -> list[str]:
    os.makedirs(store.root, exist_ok=True)
    with store.incoming() as incoming:
        digests = [incoming.add_bytes(each) for each in contents]
        incoming.commit()
    return digests


class Wire:
    """Carries requests to the agent's functions and keeps count."""

    def __init__(self, there: layout.Home) -> None:
        self.there = there
        self.requests: list[dict[str, Any]] = []
        self.bytes = 0
        self.waiting: list[dict[str, Any]] = []

    def send(self, request: dict[str, Any], content: bytes) -> None:
        self.requests.append(request)
        self.bytes += len(content)
        reply, _ = getattr(arrival, request["operation"])(self.there, request, content)
        if not request.get("quiet"):
            self.waiting.append(reply)

    def answered(self) -> object:
        return self.waiting.pop(0)

    def ask(self, request: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
        return getattr(arrival, request["operation"])(self.there, request, content)


@pytest.fixture
def here(tmp_path: Path) -> ObjectStore:
    return ObjectStore(str(tmp_path / "here" / "objects"))


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    arrival.end()  # what a process keeps of its one connection
    yield Wire(layout.Home(str(tmp_path / "there")))
    arrival.end()


def silent(done: int, total: int) -> None:
    return None


def test_every_object_arrives_as_it_is(here: ObjectStore, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "FRAME", 1000)
    monkeypatch.setattr(upload, "GROUP", 5000)
    contents = [b"", b"a", b"b" * 999, b"c" * 1000, b"d" * 1001, os.urandom(12_345), *(b"%d" % n for n in range(500))]
    digests = fill(here, contents)
    steps: list[tuple[int, int]] = []
    total = upload.send(here, digests, wire.send, wire.answered, lambda *step: steps.append(step))
    there = ObjectStore(wire.there.objects)
    assert [Path(there.path(each)).read_bytes() for each in digests] == contents
    assert total == sum(map(len, contents))
    assert steps == sorted(steps)
    assert steps[-1] == (total, total)
    assert not wire.waiting  # each answer was read
    assert sum(bool(each["commit"]) for each in wire.requests) > 2
    assert upload.ask_missing(digests, wire.ask) == []


def test_only_what_is_missing_is_named_in_the_order_asked(here: ObjectStore, wire: Wire) -> None:
    digests = fill(here, [b"a", b"b", b"c", b"d"])
    upload.send(here, [digests[1]], wire.send, wire.answered, silent)
    assert upload.ask_missing(digests[::-1], wire.ask) == [digests[3], digests[2], digests[0]]


def test_what_compresses_is_compressed_and_what_does_not_is_not(here: ObjectStore, wire: Wire) -> None:
    plain, noise = fill(here, [b"import torch\n" * 100_000, os.urandom(1_000_000)])
    upload.send(here, [plain], wire.send, wire.answered, silent)
    assert wire.bytes < 100_000
    wire.bytes = 0
    upload.send(here, [noise], wire.send, wire.answered, silent)
    assert 1_000_000 < wire.bytes < 1_001_000
    assert {each["form"] for each in wire.requests} == {arrival.ZIPPED, arrival.PLAIN}


def test_a_broken_connection_costs_no_more_than_a_group(
    here: ObjectStore, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "FRAME", 1000)
    monkeypatch.setattr(upload, "GROUP", 4000)
    digests = fill(here, [os.urandom(1000) for _ in range(20)])

    def breaks(request: dict[str, Any], content: bytes) -> None:
        if len(wire.requests) == 10:
            raise ConnectionError
        wire.send(request, content)

    with pytest.raises(ConnectionError):
        upload.send(here, digests, breaks, wire.answered, silent)
    arrival.end()  # the agent ends with its connection
    lacking = upload.ask_missing(digests, wire.ask)
    assert lacking == digests[8:]
    upload.send(here, lacking, wire.send, wire.answered, silent)
    assert upload.ask_missing(digests, wire.ask) == []


def test_an_object_that_has_changed_here_is_not_taken_there(here: ObjectStore, wire: Wire) -> None:
    (digest,) = fill(here, [b"as it was"])
    os.chmod(here.path(digest), 0o600)
    Path(here.path(digest)).write_bytes(b"as it is")
    with pytest.raises(arrival.Refused, match=f"damaged: {digest}"):
        upload.send(here, [digest], wire.send, wire.answered, silent)
    assert not ObjectStore(wire.there.objects).has(digest)


def test_an_object_that_is_not_here_is_named(here: ObjectStore, wire: Wire) -> None:
    digest = hashlib.sha256(b"nowhere").hexdigest()
    with pytest.raises(StoreError, match=digest[2:]):
        upload.send(here, [digest], wire.send, wire.answered, silent)


def test_a_push_over_a_connection_sends_what_is_missing_once(account: Any, home: Path) -> None:
    from turnout.workspace import Workspace

    store = ObjectStore(Workspace.from_config().home.objects)
    digests = fill(store, [os.urandom(300_000) for _ in range(5)])
    reach = account.reach()
    steps: list[tuple[int, int]] = []
    first = reach.push(digests + digests[:2], lambda *step: steps.append(step))
    assert 1_500_000 < first < 1_600_000
    assert steps[-1] == (1_500_000, 1_500_000)
    assert reach.push(digests) < 1000
    there = ObjectStore(str(account.directory / ".turnout" / "objects"))
    assert [Path(there.path(each)).read_bytes() for each in digests] == [
        Path(store.path(each)).read_bytes() for each in digests
    ]
