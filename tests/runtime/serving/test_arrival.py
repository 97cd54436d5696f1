from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
import time
import zlib
from pathlib import Path

import pytest

from turnout.runtime import handed, layout, manifest, runqueue, states
from turnout.runtime.objects import ObjectStore, StoreError
from turnout.runtime.record import RunRecord
from turnout.runtime.serving import arrival

SCRIPT = b"print('hello')\n"
DIGEST = hashlib.sha256(SCRIPT).hexdigest()
SECRET = "0123456789abcdef"


def part(content: bytes, data: bytes | None = None, ends: bool = True) -> bytes:
    sent = content if data is None else data
    return arrival.PART.pack(hashlib.sha256(content).digest(), ends, len(sent)) + sent


def store(there: layout.Home, content: bytes, **request: object) -> dict:
    return arrival.store(there, {"operation": "store", "form": arrival.PLAIN, **request}, content)[0]


def commit(there: layout.Home) -> dict:
    return store(there, b"", commit=True)


def objects(there: layout.Home) -> list[str]:
    """Return all files below the store, staged ones among them."""
    return sorted(str(each.relative_to(there.objects)) for each in Path(there.objects).rglob("*") if each.is_file())


def lacking(there: layout.Home, *digests: str) -> list[str]:
    packed = zlib.compress(b"".join(map(bytes.fromhex, digests)))
    answer = zlib.decompress(arrival.missing(there, {}, packed)[1])
    return [answer[start : start + 32].hex() for start in range(0, len(answer), 32)]


def record(run_id: str = "one", **definition: object) -> dict[str, bytes]:
    """Return the files of a new run with a snapshot of one script."""
    value = {"format": layout.FORMAT, "id": run_id, "type": "azureml.scriptrun", handed.MEMBER: SECRET, **definition}
    line = {"t": time.time(), "state": states.NOT_STARTED, "reason": "submitted"}
    return {
        "manifest": manifest.serialise([manifest.Entry(manifest.FILE, DIGEST, len(SCRIPT), "train.py")]),
        "run.json": json.dumps(value).encode(),
        "journal.jsonl": json.dumps(line).encode() + b"\n",
    }


def accept(there: layout.Home, files: dict[str, bytes] | None = None, run: str = "one", workspace: str = "w") -> tuple:
    made = record(run) if files is None else files
    request = {
        "workspace": workspace,
        "run": run,
        "files": [[name, len(data)] for name, data in made.items()],
        "handed": {"variables": {}, "secrets": {"TOKEN": "s3cret"}, "tools": {}},
    }
    return arrival.accept(there, request, zlib.compress(b"".join(made.values())))


def withdraw(there: layout.Home, run: str = "one") -> bool:
    return arrival.withdraw(there, {"workspace": "w", "run": run}, b"")[0]["there"]


@pytest.fixture
def filled(there: layout.Home) -> layout.Home:
    """A home that has the script's object."""
    store(there, part(SCRIPT), commit=True)
    return there


class TestObjects:
    def test_they_are_in_the_store_once_they_are_committed(self, there: layout.Home) -> None:
        digest = hashlib.sha256(b"").hexdigest()
        assert store(there, part(SCRIPT) + part(b""), quiet=True) == {}
        assert lacking(there, DIGEST, digest) == [DIGEST, digest]
        assert commit(there) == {"stored": 2}
        assert lacking(there, DIGEST, digest) == []
        assert objects(there) == sorted([f"{each[:2]}/{each[2:]}" for each in (DIGEST, digest)])

    def test_one_comes_in_any_number_of_parts_over_any_number_of_requests(self, there: layout.Home) -> None:
        content = os.urandom(10_000)
        digest = hashlib.sha256(content).hexdigest()
        store(there, part(b"before") + part(content, content[:1], ends=False))
        store(there, zlib.compress(part(content, content[1:5000], ends=False)), form=arrival.ZIPPED)
        store(there, part(content, content[5000:]) + part(SCRIPT), commit=True)
        assert Path(ObjectStore(there.objects).path(digest)).read_bytes() == content
        assert lacking(there, DIGEST, hashlib.sha256(b"before").hexdigest()) == []

    def test_a_commit_in_the_middle_of_one_keeps_what_is_whole(self, there: layout.Home) -> None:
        content = os.urandom(1000)
        assert store(there, part(SCRIPT) + part(content, content[:500], ends=False), commit=True) == {"stored": 1}
        assert store(there, part(content, content[500:]), commit=True) == {"stored": 1}
        assert lacking(there, hashlib.sha256(content).hexdigest()) == []

    def test_what_is_there_already_is_not_stored_twice(self, filled: layout.Home) -> None:
        assert store(filled, part(SCRIPT), commit=True) == {"stored": 0}
        assert objects(filled) == [f"{DIGEST[:2]}/{DIGEST[2:]}"]

    @pytest.mark.parametrize(
        "damaged",
        [
            part(b"x" * 100, b"y" * 100),
            part(b"x" * 100, b"x" * 60, ends=False) + part(b"x" * 100, b"z" * 40),
            part(b"x" * 100)[:-1],
            part(b"x" * 100, b"x" * 60, ends=False) + part(b"other"),
        ],
        ids=["other content", "in parts", "cut off", "not sent to its end"],
    )
    def test_damage_is_refused_and_nothing_of_it_is_kept(self, there: layout.Home, damaged: bytes) -> None:
        store(there, part(SCRIPT))
        with pytest.raises(arrival.Refused):
            store(there, damaged)
        assert commit(there) == {"stored": 0}
        assert objects(there) == []
        assert store(there, part(SCRIPT) + part(b"x" * 100), commit=True) == {"stored": 2}

    @pytest.mark.parametrize("content", [b"\0" * 10, b"not zlib"])
    def test_what_are_no_parts_is_an_error(self, there: layout.Home, content: bytes) -> None:
        with pytest.raises((struct.error, zlib.error)):
            store(there, content, form=arrival.PLAIN if content[0] == 0 else arrival.ZIPPED)
        assert store(there, part(SCRIPT), commit=True) == {"stored": 1}

    def test_a_connection_that_breaks_off_leaves_nothing_and_is_repeated(self, there: layout.Home) -> None:
        content = os.urandom(1000)
        store(there, part(SCRIPT) + part(content, content[:500], ends=False))
        arrival.end()
        assert objects(there) == []
        store(there, part(SCRIPT) + part(content), commit=True)
        assert lacking(there, DIGEST, hashlib.sha256(content).hexdigest()) == []

    def test_a_store_that_cant_be_written_is_said(self, there: layout.Home) -> None:
        os.makedirs(there.root)
        Path(there.objects).write_text("in the way")
        with pytest.raises((StoreError, OSError)) as caught:
            store(there, part(SCRIPT), commit=True)
        assert there.objects in str(caught.value)
        os.unlink(there.objects)
        assert store(there, part(SCRIPT), commit=True) == {"stored": 1}

    def test_a_home_that_isnt_there_has_nothing(self, there: layout.Home) -> None:
        assert lacking(there, DIGEST) == [DIGEST]
        assert not os.path.exists(there.root)


class TestAccept:
    def test_the_record_is_there_whole_with_what_is_handed_over(self, filled: layout.Home) -> None:
        files = {**record(), "patch.diff": b"--- a\n+++ b\n"}
        reply, _ = accept(filled, files)
        run = filled.workspace("w").run("one")
        assert reply == {"directory": run.root}
        assert {name: Path(run.root, name).read_bytes() for name in files} == files
        assert sorted(os.listdir(run.root)) == sorted([*files, "events", "user_logs", "system_logs"])
        assert handed.read(filled, run).secrets == {"TOKEN": "s3cret"}
        assert os.listdir(filled.workspace("w").runs) == ["one"]
        assert [name.split(".")[0] for name in os.listdir(filled.workspace("w").changes)] == ["one"]

    def test_only_its_owner_can_read_it(self, filled: layout.Home) -> None:
        before = os.umask(0)
        try:
            accept(filled)
        finally:
            os.umask(before)
        assert stat.S_IMODE(os.stat(os.path.join(filled.secrets, SECRET)).st_mode) == 0o600
        open_to_others = [
            str(path) for path in Path(filled.root).rglob("*") if stat.S_IMODE(path.lstat().st_mode) & 0o077
        ]
        assert open_to_others == []

    def test_twice_is_once(self, filled: layout.Home) -> None:
        first, _ = accept(filled)
        run = filled.workspace("w").run("one")
        handed.remove(filled, run)  # it has begun meanwhile
        assert accept(filled)[0] == first
        assert os.listdir(filled.secrets) == []
        assert os.listdir(filled.workspace("w").runs) == ["one"]

    def test_without_its_objects_it_isnt_taken_and_they_are_named(self, there: layout.Home) -> None:
        reply, content = accept(there)
        assert reply == {"missing": 1}
        assert zlib.decompress(content).hex() == DIGEST
        assert os.listdir(there.workspace("w").runs) == []
        assert os.listdir(there.secrets) == []
        store(there, part(SCRIPT), commit=True)
        assert "directory" in accept(there)[0]

    def test_one_that_was_taken_back_is_refused(self, filled: layout.Home) -> None:
        assert not withdraw(filled)
        reply, _ = accept(filled)
        assert "taken back" in reply["refused"]
        assert not RunRecord(filled.workspace("w").run("one").root).exists()

    @pytest.mark.parametrize("name", ["../x", "a/b", "..", ".", "", ".hidden", "a\0b", "x" * 256])
    def test_a_name_that_leads_elsewhere_is_refused(self, filled: layout.Home, name: str) -> None:
        before = sorted(map(str, Path(filled.root).parent.rglob("*")))
        for given in ({"run": name}, {"workspace": name}):
            with pytest.raises(arrival.Refused, match="is no name of a file"):
                accept(filled, record(), **given)
        with pytest.raises(arrival.Refused):
            withdraw(filled, name)
        assert sorted(map(str, Path(filled.root).parent.rglob("*"))) == before

    @pytest.mark.parametrize("name", ["lock", "exit", "../run.json", "code/x", "result.json"])
    def test_only_what_a_new_record_has_is_written(self, filled: layout.Home, name: str) -> None:
        with pytest.raises(arrival.Refused, match="does not belong to a new record"):
            accept(filled, {**record(), name: b"x"})
        assert os.listdir(filled.workspace("w").runs) == []

    @pytest.mark.parametrize("name", ["manifest", "run.json", "journal.jsonl"])
    def test_a_record_that_isnt_whole_is_refused(self, filled: layout.Home, name: str) -> None:
        files = record()
        del files[name]
        with pytest.raises(arrival.Refused, match="did not come whole"):
            accept(filled, files)
        request = {"workspace": "w", "run": "one", "files": [[each, 10] for each in record()]}
        with pytest.raises(arrival.Refused, match="did not come whole"):
            arrival.accept(filled, request, zlib.compress(b"short"))
        assert os.listdir(filled.workspace("w").runs) == []

    def test_a_home_that_cant_be_written_keeps_nothing_half_made(self, filled: layout.Home) -> None:
        os.makedirs(os.path.join(filled.secrets, SECRET))  # where a file is to be put
        with pytest.raises(OSError, match=SECRET):
            accept(filled)
        assert os.listdir(filled.workspace("w").runs) == []
        os.rmdir(os.path.join(filled.secrets, SECRET))
        assert "directory" in accept(filled)[0]


class TestWithdraw:
    def test_one_that_hasnt_come_cant_come_later(self, filled: layout.Home) -> None:
        assert [withdraw(filled), withdraw(filled)] == [False, False]
        assert "refused" in accept(filled)[0]

    def test_one_that_nobody_has_queued_never_starts(self, filled: layout.Home) -> None:
        accept(filled)
        assert withdraw(filled)
        run = RunRecord(filled.workspace("w").run("one").root)
        state, reason = run.status()
        assert (state, "never handed over" in reason) == (states.CANCELED, True)
        assert os.listdir(filled.secrets) == []
        assert withdraw(filled)
        lines = Path(run.layout.journal).read_text().splitlines()
        assert len(lines) == 2

    def test_one_in_the_queue_stays(self, filled: layout.Home) -> None:
        accept(filled)
        run = filled.workspace("w").run("one")
        runqueue.enqueue(filled, run.root, {}, "")
        assert withdraw(filled)
        assert RunRecord(run.root).status()[0] == states.NOT_STARTED
        assert os.listdir(filled.secrets) == [SECRET]
        assert runqueue.find(filled, run.root) is not None

    def test_one_that_has_begun_stays(self, filled: layout.Home) -> None:
        files = record()
        files["journal.jsonl"] += json.dumps({"t": time.time(), "state": states.RUNNING, "reason": ""}).encode() + b"\n"
        accept(filled, files)
        assert withdraw(filled)
        assert RunRecord(filled.workspace("w").run("one").root).status()[0] == states.RUNNING


class TestTools:
    def test_an_object_becomes_a_tool_that_can_be_called(self, filled: layout.Home) -> None:
        for _ in range(2):  # again, over one that is there
            path = arrival.tool(filled, {"name": "uv", "digest": DIGEST}, b"")[0]["path"]
        assert os.access(path, os.X_OK)
        assert Path(path).read_bytes() == SCRIPT
        assert os.listdir(filled.tools) == ["uv"]

    def test_their_names_lead_nowhere_else(self, filled: layout.Home) -> None:
        with pytest.raises(arrival.Refused):
            arrival.tool(filled, {"name": "../uv", "digest": DIGEST}, b"")

    def test_an_object_that_isnt_there_makes_no_tool(self, there: layout.Home) -> None:
        with pytest.raises(OSError, match=DIGEST[2:]):
            arrival.tool(there, {"name": "uv", "digest": DIGEST}, b"")
        assert os.listdir(there.tools) == []
