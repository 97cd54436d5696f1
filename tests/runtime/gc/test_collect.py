import errno
import fcntl
import os
import shutil
import threading

import pytest

from turnout.runtime import bundle, deletion, filelocks, gc, gclock, manifest, records, runlock, states
from turnout.runtime.builders import store
from turnout.testing.kills import every_kill
from turnout.testing.records import hand_over, make_run, make_workspace


def counts(found):
    return {kind: freed.count for kind, freed in found.freed.items()}


def write(path, content="x", mode=0o600):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as stream:
        stream.write(content)
    os.chmod(path, mode)
    return path


def test_objects_that_no_run_names_are_freed(home):
    home.run("a", b"used")
    home.put(b"unused" * 1000)
    found = home.collect()
    assert home.objects() == set(home.put(b"used"))
    assert counts(found) == {"objects": 1}
    assert found.bytes == found.freed["objects"].bytes >= 6000
    assert found.problems == []
    assert counts(home.collect()) == {}


def test_data_that_travelled_with_a_run_is_kept_as_long_as_the_run_is_there(home):
    (digest,) = home.put(b"data")
    data = manifest.serialise([manifest.Entry(manifest.FILE, digest, 4, "inputs/n/x")])
    facts = {"id": manifest.digest(data), "travels": True}
    run = make_run(home.workspace, "reads", files={"data.manifest": data}, data=facts)
    assert counts(home.collect()) == {}
    shutil.rmtree(run.root)
    assert counts(home.collect()) == {"objects": 1}


def test_what_is_younger_than_a_day_stays(home):
    young = home.put(b"young")
    home.environment("young")
    os.utime(home.store.path(young[0]), (0, 0))  # its content is old, its place is not
    assert counts(home.collect(days=0.9)) == {}
    assert counts(home.collect(days=0.0, older_than=0.0)) == {"objects": 1, "environments": 1}
    assert home.objects() == set()


def test_a_dry_run_counts_the_same_and_frees_nothing(home, tmp_path):
    home.put(b"unused")
    home.environment("old")
    os.link(os.path.join(home.layout.environment("old"), "bin", "python"), tmp_path / "cache")
    make_run(home.workspace, "gone")
    deletion.delete(home.workspace.run("gone"))
    write(os.path.join(home.layout.secrets, "never"), "{}")
    before = sorted(os.walk(home.layout.root))
    dry = home.collect(dry_run=True)
    assert sorted(os.walk(home.layout.root)) == before
    real = home.collect()
    assert counts(dry) == counts(real) == {"objects": 1, "environments": 1, "deleted runs": 1, "stale secrets": 1}
    assert dry.bytes == real.bytes > 0


def test_stat_caches_are_void_before_the_first_object_goes(home):
    home.put(b"unused")
    before = home.store.state()
    home.collect(dry_run=True)
    assert home.store.state() == before
    home.collect()
    assert home.store.state() != before
    before = home.store.state()
    home.collect()  # nothing to free
    assert home.store.state() == before


def test_a_full_disk_does_not_keep_objects(home, monkeypatch):
    home.put(b"unused")
    before = home.store.state()

    def full(path, data, sync=False):
        raise OSError(errno.ENOSPC, "No space left on device", path)

    monkeypatch.setattr(records, "write_atomic", full)
    assert counts(home.collect()) == {"objects": 1}
    assert home.objects() == set()
    assert home.store.state() != before


def test_an_unreadable_manifest_keeps_all_objects_but_nothing_else(home):
    run = home.run("damaged", b"used")
    write(run.manifest, "?")
    home.put(b"unused")
    home.environment("old")
    found = home.collect()
    assert counts(found) == {"environments": 1}
    assert len(home.objects()) == 2
    assert run.manifest in found.problems[0]
    deletion.delete(run)
    assert counts(home.collect()) == {"objects": 2, "deleted runs": 1}


def test_damaged_and_staged_objects_go_after_a_day(home):
    (digest,) = home.put(b"damaged")
    home.run("a", b"damaged")
    home.store.set_aside(digest)
    staged = home.store.incoming()
    staged.add_bytes(b"staged")  # and its writer is killed
    assert counts(home.collect(days=0.5)) == {}
    assert counts(home.collect()) == {"damaged objects": 1, "staged leftovers": 1}
    assert os.listdir(os.path.join(home.layout.objects, "incoming")) == []


def test_a_strange_file_in_the_store_stays(home):
    strange = write(os.path.join(home.layout.objects, "ab", "notes.txt"))
    long = write(os.path.join(home.layout.objects, "ab", "Z" * 62))
    home.collect()
    assert os.path.exists(strange)
    assert os.path.exists(long)


def test_environments_that_no_run_uses_are_freed(home):
    home.run("a", b"used", environment={"key": "used"})
    for key in ("used", "unused"):
        home.environment(key)
    home.environment("half", whole=False)
    assert counts(home.collect()) == {"environments": 2}
    assert sorted(os.listdir(home.layout.environments)) == ["used", "used.json", "used.lock"]


def test_an_environment_that_is_being_built_stays(home):
    home.environment("building", whole=False)
    with open(home.layout.environment("building") + ".lock") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert counts(home.collect()) == {}
    assert counts(home.collect()) == {"environments": 1}


def test_files_that_others_share_are_not_counted(home, tmp_path):
    directory = home.environment("old")
    os.link(os.path.join(directory, "bin", "python"), tmp_path / "cache")
    shared = home.collect().bytes
    home.environment("old")
    assert home.collect().bytes >= shared + 5000


def test_a_builder_that_waited_while_gc_removed_the_lock_has_the_lock_that_counts(home):
    """Two builders, each with a lock file of the same name that the other can't see, would build into one directory."""
    home.environment("key", whole=False)
    waiting = threading.Event()

    class Runner:
        def say(self, line):
            waiting.set()

        def step(self, text):
            pass

    got = []
    path = home.layout.environment("key") + ".lock"
    with open(path) as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        thread = threading.Thread(target=lambda: got.append(store._lock(home.layout, "key", Runner())))
        thread.start()
        assert waiting.wait(10)
        os.unlink(path)
    thread.join(10)
    assert os.path.samestat(os.fstat(got[0]), os.stat(path))
    with open(path) as stream, pytest.raises(BlockingIOError):
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(got[0])


def test_old_runtimes_go_when_every_run_has_ended(home):
    present = bundle.ship(home.layout)
    assert present == bundle.present(home.layout)
    old = os.path.join(home.layout.runtime, "0" * 64)
    write(os.path.join(old, "turnout", "__init__.py"))
    memo = write(os.path.join(home.layout.runtime, "seen-before"), "0" * 64)
    live = make_run(home.workspace, "live", state=states.QUEUED)
    assert counts(home.collect(days=8)) == {}
    deletion.delete(live)
    assert counts(home.collect(days=6)) == {"deleted runs": 1}  # a week
    assert os.path.isdir(old)
    assert counts(home.collect(days=8)) == {"runtimes": 1}
    assert not os.path.exists(memo)
    assert bundle.ship(home.layout) == present
    assert os.path.isdir(present)


def test_leftovers_of_killed_processes_go_after_a_day_whatever_was_asked_for(home):
    leftovers = [
        write(os.path.join(home.workspace.runs, ".half_1_ab.0a1b2c3d", "run.json")),
        write(os.path.join(home.workspace.runs, ".half_2_ab.0a1b2c3d.tmp", "run.json")),
        write(os.path.join(home.layout.runtime, "0" * 64 + ".0a1b2c3d.tmp", "turnout", "__init__.py")),
        write(home.workspace.definition + ".12-0a1b2c3d.tmp"),
        write(os.path.join(home.workspace.locks, "digest.json.12.new")),
        write(os.path.join(home.layout.objects, "generation.12-0a1b2c3d.tmp")),
        write(os.path.join(home.layout.environments, "key.json.12-0a1b2c3d.tmp")),
    ]
    assert counts(home.collect(days=0.0, older_than=0.0)) == {}
    assert counts(home.collect()) == {"half-made runs": 2, "temporary files": 5}
    assert [path for path in leftovers if os.path.exists(path)] == []
    assert os.path.exists(home.workspace.definition)


def test_answers_of_interpreters_go_after_a_day(home):
    answer = write(os.path.join(home.layout.interpreters, "digest.json"), "{}")
    assert counts(home.collect(days=0.9, older_than=0.0)) == {}
    assert os.path.exists(answer)
    assert counts(home.collect()) == {"answers of interpreters": 1}
    assert os.listdir(home.layout.interpreters) == []


def test_secrets_go_unless_a_run_waits_for_them(home):
    other = make_workspace(home.layout.root, "other")
    hand_over(make_run(other, "same", state=states.QUEUED, handed_over="waiting"))
    hand_over(make_run(home.workspace, "same", handed_over="ended"))
    write(os.path.join(home.layout.secrets, "never"), '{"run": "workspaces/other/runs/never"}')
    write(os.path.join(home.layout.secrets, "another-of"), '{"run": "workspaces/other/runs/same"}')
    assert counts(home.collect(days=0.5)) == {}
    assert counts(home.collect()) == {"stale secrets": 3}
    assert os.listdir(home.layout.secrets) == ["waiting"]


def test_what_a_killed_deletion_left_is_finished(home):
    runs = [home.run(f"run_{number}", b"content") for number in range(3)]
    deletion.delete(runs[0])  # killed before the trash was emptied
    write(home.workspace.tombstone("run_1"), "")  # killed before the rename
    live = make_run(home.workspace, "live", state=states.RUNNING)
    runlock.acquire(live.lock)
    write(home.workspace.tombstone("live"), "")  # can't be, and is not touched
    found = home.collect(days=0.0)
    assert counts(found) == {"deleted runs": 2}
    assert sorted(os.listdir(home.workspace.runs)) == ["live", "run_2"]
    assert os.listdir(home.workspace.trash) == []


def test_a_run_that_came_after_the_first_look_keeps_its_objects(home, monkeypatch):
    """Between the look and the lock a submit finds an old object that no run names, and counts on it."""
    home.put(b"old", b"unused")
    alone = gclock.alone

    def submit_first(*arguments):
        home.run("just in time", b"old")
        return alone(*arguments)

    monkeypatch.setattr(gclock, "alone", submit_first)
    assert counts(home.collect()) == {"objects": 1}
    assert home.objects() == set(home.put(b"old"))


def test_something_that_can_not_be_removed_is_told_and_the_rest_goes(home, monkeypatch):
    stuck, _ = home.put(b"stuck", b"unused")
    unlink = os.unlink

    def refuse(name, **options):
        if name == stuck[2:]:
            raise OSError(errno.EIO, "Input/output error")
        unlink(name, **options)

    monkeypatch.setattr(os, "unlink", refuse)
    found = home.collect()
    assert counts(found) == {"objects": 1}
    assert found.problems == [f"{home.store.path(stuck)} can't be removed: input/output error"]


def test_without_flock_nothing_is_freed(home, monkeypatch):
    home.put(b"unused")

    def refuse(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(filelocks.NoFileLocks):
        home.collect()
    assert len(home.objects()) == 1


def test_an_empty_home(tmp_path):
    from turnout.runtime.layout import Home

    assert counts(gc.collect(Home(str(tmp_path)))) == {}


COLLECT = """
import sys, time
from turnout.runtime import bundle, deletion, gc, layout, removal
home = layout.Home(arguments[0])
begin()
gc.collect(home, now=time.time() + 10 * gc.DAY)
"""


def test_killed_at_any_moment_everything_that_a_run_refers_to_is_there(home):
    home.run("a", b"used", b"shared", environment={"key": "used"})
    home.run("b", b"shared", b"too", environment={"key": "used too"})
    home.environment("used")
    home.environment("used too")
    needed = home.objects()
    kept = sorted(os.listdir(home.layout.environments))

    def litter():
        home.put(b"unused", b"likewise")
        if not os.path.exists(home.layout.environment("unused")):
            home.environment("unused")
        write(os.path.join(home.layout.runtime, "0" * 64, "turnout", "__init__.py"))
        write(os.path.join(home.workspace.runs, ".half.0a1b2c3d", "run.json"))
        make_run(home.workspace, f"gone_{len(os.listdir(home.workspace.changes))}")
        for name in os.listdir(home.workspace.runs):
            if name.startswith("gone"):
                deletion.delete(home.workspace.run(name))

    litter()
    everything = home.objects()
    state = home.store.state()
    kills = 0
    for _ in every_kill(COLLECT, home.layout.root):
        kills += 1
        there = home.objects()
        assert needed <= there <= everything
        assert there == everything or home.store.state() != state  # or a stat cache counts on what is gone
        names = os.listdir(home.layout.environments)
        assert set(kept) <= set(names)
        assert "unused.json" not in names or os.path.isfile(home.layout.environment("unused") + "/bin/python")
        assert {"a", "b"} <= set(os.listdir(home.workspace.runs))
        litter()
        state = home.store.state()
    assert kills > 50
    assert home.objects() == needed
    assert sorted(os.listdir(home.layout.environments)) == kept
    assert os.listdir(home.layout.runtime) == os.listdir(home.workspace.trash) == []
    assert sorted(os.listdir(home.workspace.runs)) == ["a", "b"]
