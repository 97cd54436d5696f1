"""What ended runs left is brought by a real agent; then by agents that were tampered with."""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from pathlib import Path

import pytest

from turnout.history import collecting
from turnout.runtime import layout, states
from turnout.targets.reach import TargetError


class Counting:
    """A way to a target that counts the bytes of files that come."""

    def __init__(self, reach) -> None:
        self.reach = reach
        self.run = reach.run
        self.count = 0

    def pull(self, request: dict, content: bytes = b"") -> tuple[dict, bytes]:
        reply, data = self.reach.pull(request, content)
        self.count += len(zlib.decompress(data))
        return reply, data


def collect(away, deadline: float | None = None) -> int:
    """Bring all, and return how many bytes came."""
    counting = Counting(away.copy.reach)
    assert collecting.collect(counting, away.copy.directory, away.here, deadline) == []
    return counting.count


def tree(root: str) -> dict[str, object]:
    """Return what lies below code/ and artifacts/ of a record."""
    found: dict[str, object] = {}
    for top in ("code", "artifacts"):
        for path in Path(root, top).rglob("*"):
            name = str(path.relative_to(root))
            if path.is_symlink():
                found[name] = os.readlink(path)
            elif path.is_file():
                found[name] = path.read_bytes()
    return found


@pytest.fixture
def ended(away):
    """A run that has left some files."""
    away.leave(model=os.urandom(100_000), empty=b"", **{f"step{n}": b"%d" % n for n in range(300)})
    outputs = Path(away.there.code, "outputs")
    (outputs / "deep" / "er").mkdir(parents=True)
    (outputs / "deep" / "er" / "caf\udce9").write_bytes(b"name")
    (outputs / "best").symlink_to("model")
    (outputs / "etc").symlink_to("/etc")
    Path(away.there.artifacts).mkdir()
    Path(away.there.artifacts, "plot.png").write_bytes(b"png")
    away.end()
    return away


def test_all_of_it_is_brought_once(ended) -> None:
    there = tree(ended.there.root)
    assert collect(ended) == sum(len(each) for each in there.values() if isinstance(each, bytes))
    assert tree(ended.here.root) == there
    assert collect(ended) == 0
    assert not os.path.exists(os.path.join(ended.here.root, ".incoming"))


def test_only_what_is_missing_or_differs_is_brought_again(ended) -> None:
    collect(ended)
    outputs = Path(ended.here.code, "outputs")
    (outputs / "step7").unlink()
    (outputs / "step42").write_bytes(b"??")
    (outputs / "best").unlink()
    (outputs / "best").symlink_to("elsewhere")
    assert collect(ended) == 3
    assert tree(ended.here.root) == tree(ended.there.root)


def test_the_same_content_under_several_names_comes_whole(away) -> None:
    """Larger than one answer, so that each begins in the middle of it: a checkpoint that is the best and the last."""
    content = os.urandom(5 << 20)
    away.leave(best=content, last=content, other=b"x")
    away.end()
    collect(away)
    assert tree(away.here.root) == tree(away.there.root)


def test_a_part_that_is_here_is_gone_on_from(away) -> None:
    content = os.urandom(3 << 20)
    away.leave(model=content, twin=content)
    away.end()
    partial = Path(away.here.root, ".incoming", hashlib.sha256(content).hexdigest())
    partial.parent.mkdir()
    partial.write_bytes(content[: 2 << 20])
    assert collect(away) == (1 << 20) + (3 << 20)
    assert tree(away.here.root) == tree(away.there.root)


def test_a_part_that_is_damaged_is_fetched_anew(away) -> None:
    content = os.urandom(1 << 20)
    away.leave(model=content)
    away.end()
    partial = Path(away.here.root, ".incoming", hashlib.sha256(content).hexdigest())
    partial.parent.mkdir()
    partial.write_bytes(b"x" * (1 << 19))
    with pytest.raises(TargetError, match=r"code/outputs/model changed.*try again"):
        collect(away)
    assert not os.path.exists(os.path.join(away.here.code, "outputs", "model"))
    collect(away)
    assert tree(away.here.root) == tree(away.there.root)


def test_a_deadline_keeps_what_came(away) -> None:
    away.leave(model=os.urandom(9 << 20))
    away.end()
    with pytest.raises(collecting.OutOfTime):
        collect(away, time.monotonic() - 1)
    assert tree(away.here.root) == {}
    assert collect(away, time.monotonic() + 60) == 5 << 20  # one answer came before


def test_large_ones_and_those_that_nobody_asked_for_stay(away) -> None:
    away.leave(large=b"l" * 1000, small=b"s")
    away.end()
    arguments = (away.copy.reach, away.copy.directory, away.here)
    assert collecting.collect(*arguments, limit=10) == [("code/outputs/large", 1000)]
    assert list(tree(away.here.root)) == ["code/outputs/small"]
    assert collecting.collect(*arguments, names=["outputs/other"]) == [("code/outputs/large", 1000)]
    assert collecting.collect(*arguments, names=["outputs/large"]) == []
    assert tree(away.here.root) == tree(away.there.root)


class Tampered:
    """An agent that answers what it likes."""

    def __init__(self, entries: list[object], pieces: list[object] = (), data: bytes = b"") -> None:
        self.entries = entries
        self.pieces = pieces
        self.data = data

    def run(self, request: dict) -> dict:
        return {"entries": self.entries}

    def pull(self, request: dict, content: bytes = b"") -> tuple[dict, bytes]:
        pieces = self.pieces or [[name, offset, len(self.data)] for name, offset in request["wanted"][:1]]
        return {"pieces": pieces}, zlib.compress(self.data)


EVIL = hashlib.sha256(b"evil").hexdigest()


def everything(run: layout.RunLayout) -> set[str]:
    return {str(path) for path in Path(run.workspace.home.root).parent.rglob("*")}


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/tmp/x",
        "code/../run.json",
        "code/../../x",
        "run.json",
        "user_logs/x",
        "code//x",
        "code/./x",
        "code/",
        "",
    ],
)
@pytest.mark.parametrize("kind", ["f", "l"])
def test_a_name_outside_of_what_a_run_leaves_is_refused(away, name: str, kind: str) -> None:
    before = everything(away.here)
    content = EVIL if kind == "f" else "/etc/passwd"
    with pytest.raises(TargetError, match="doesn't belong to a run"):
        collecting.collect(Tampered([[name, kind, 4, content]], data=b"evil"), "", away.here, None)
    assert everything(away.here) == before


@pytest.mark.parametrize("digest", ["../../../evil", "{root}/evil", "", EVIL[:-1], EVIL.upper(), EVIL + "\n"])
def test_a_digest_that_is_a_path_is_refused(away, digest: str) -> None:
    before = everything(away.here)
    entry = ["code/outputs/x", "f", 4, digest.format(root=away.here.root)]
    with pytest.raises(TargetError, match="digest that is none"):
        collecting.collect(Tampered([entry], data=b"evil"), "", away.here, None)
    assert everything(away.here) == before


@pytest.mark.parametrize("order", [1, -1])
def test_nothing_is_written_through_a_link(away, tmp_path: Path, order: int) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    entries = [["code/outputs/x", "l", 0, str(victim)], ["code/outputs/x/evil", "f", 4, EVIL]][::order]
    with pytest.raises(TargetError, match="beyond a link"):
        collecting.collect(Tampered(entries, data=b"evil"), "", away.here, None)
    assert list(victim.iterdir()) == []


def test_a_link_that_is_here_is_replaced_and_not_written_through(away, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    outputs = Path(away.here.code, "outputs")
    outputs.mkdir(parents=True)
    (outputs / "x").symlink_to(victim)
    collecting.collect(Tampered([["code/outputs/x", "f", 4, EVIL]], data=b"evil"), "", away.here, None)
    assert victim.read_bytes() == b"mine"
    assert (outputs / "x").read_bytes() == b"evil"
    assert not (outputs / "x").is_symlink()


def test_another_content_than_was_told_is_not_kept(away) -> None:
    with pytest.raises(TargetError, match="changed on the target"):
        collecting.collect(Tampered([["code/outputs/x", "f", 4, EVIL]], data=b"EVIL"), "", away.here, None)
    assert tree(away.here.root) == {}
    assert list(Path(away.here.root, ".incoming").iterdir()) == []


def test_a_file_that_has_become_shorter_is_not_waited_for(away) -> None:
    with pytest.raises(TargetError, match="has become shorter"):
        collecting.collect(Tampered([["code/outputs/x", "f", 4, EVIL]], data=b""), "", away.here, None)
    assert tree(away.here.root) == {}


def test_a_file_that_was_not_asked_for_is_refused(away) -> None:
    pieces = [["code/outputs/y", 0, 4]]
    with pytest.raises(TargetError, match="where 'code/outputs/x' was asked for"):
        collecting.collect(Tampered([["code/outputs/x", "f", 4, EVIL]], pieces, b"evil"), "", away.here, None)


def test_a_look_says_what_an_agent_did_and_the_run_goes_on(away) -> None:
    away.leave(x=b"evil")
    away.end()
    run = away.copy.reach.run
    away.copy.reach.run = lambda request: {"entries": [["../x", "f", 4, EVIL]]}
    state, reason = away.copy.look()
    assert (state, "doesn't belong to a run" in reason) == (states.NOT_RESPONDING, True)
    away.copy.reach.run = run
    assert away.copy.look()[0] == states.COMPLETED
