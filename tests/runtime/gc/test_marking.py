import os
import sys

import pytest

from turnout.runtime import manifest
from turnout.runtime.gc.marking import Marks
from turnout.testing.records import make_run, make_workspace


def marked(home):
    marks = Marks(home.layout)
    marks.update()
    return marks


def digests(marks):
    return {digest.decode() for digest in marks.objects}


@pytest.fixture
def opened():
    """The paths that are opened, as long as the list is not cleared away."""
    paths = []
    active = [True]

    def watch(event, details):
        if active[0] and event == "open" and isinstance(details[0], str):
            paths.append(details[0])

    sys.addaudithook(watch)
    yield paths
    active[0] = False


def test_what_runs_of_every_workspace_name_is_marked(home):
    other = make_workspace(home.layout.root, "other")
    home.run("a", b"one", b"two", environment={"key": "k1"})
    home.run("b", b"two", b"three", environment={"key": "k2"}, workspace=other)
    make_run(home.workspace, "interactive")
    home.put(b"nobody's")
    marks = marked(home)
    assert digests(marks) == set(home.put(b"one", b"two", b"three"))
    assert marks.environments == {"k1", "k2"}
    assert [run.run_id for run in marks.run_layouts()] == ["a", "interactive", "b"]
    assert marks.objects_are_known
    assert marks.environments_are_known
    assert marks.problems() == []


def test_links_and_directories_are_no_objects(home):
    entries = [
        manifest.Entry(manifest.LINK, "f" * 64, 0, "link"),
        manifest.Entry(manifest.DIRECTORY, "", 0, "directory"),
        manifest.Entry(manifest.EXECUTABLE, *home.put(b"run me"), 6, "script"),
    ]
    make_run(home.workspace, "a", files={"manifest": manifest.serialise(entries)})
    assert digests(marked(home)) == set(home.put(b"run me"))


def test_half_made_and_deleted_runs_mark_nothing(home):
    os.rename(home.run("half", b"half").root, os.path.join(home.workspace.runs, ".half.0a1b2c3d"))
    os.makedirs(home.workspace.trash)
    os.rename(home.run("gone", b"gone").root, os.path.join(home.workspace.trash, "gone.0a1b2c3d"))
    assert marked(home).objects == set()


def test_a_snapshot_that_runs_share_is_read_once(home, opened):
    runs = [home.run(f"run_{number}", b"same", b"files") for number in range(5)]
    opened.clear()
    marks = marked(home)
    assert len([path for path in opened if path.endswith("/manifest")]) == 1
    assert len([path for path in opened if path.endswith("/run.json")]) == len(runs)
    opened.clear()
    home.run("later", b"later")
    opened.clear()
    marks.update()
    assert [os.path.basename(path) for path in opened] == ["run.json", "manifest"]
    assert digests(marks) == set(home.put(b"same", b"files", b"later"))


def test_an_id_is_believed_only_if_it_is_the_manifests(home):
    """A definition that names another run's snapshot must not keep its own manifest from being read."""
    home.run("honest", b"short")
    honest = marked(home)
    snapshot = next(iter(honest._sizes))
    home.run("liar", b"its own", b"and more", snapshot={"id": snapshot})
    marks = marked(home)
    assert set(home.put(b"its own", b"and more")) <= digests(marks)
    # Alone, that is a damaged record; nothing is concluded from it.
    home.run("alone", b"whose", snapshot={"id": "0" * 64})
    marks = marked(home)
    assert not marks.objects_are_known
    (problem,) = marks.problems()
    assert "no objects are freed" in problem
    assert home.workspace.run("alone").manifest in problem
    assert "`turnout runs delete alone`" in problem


@pytest.mark.parametrize(
    "damage",
    [b"", b"turnout-manifest 2\0", b"turnout-manifest 1\0f " + b"z" * 64 + b" 1 file\0", b"turnout-manifest 1\0f 12"],
)
def test_a_manifest_that_can_not_be_read_is_named(home, damage):
    run = home.run("damaged", b"content")
    with open(run.manifest, "wb") as stream:
        stream.write(damage)
    marks = marked(home)
    assert not marks.objects_are_known
    assert run.manifest in marks.problems()[0]
    assert marks.environments_are_known


def test_a_missing_manifest_is_named_unless_the_run_has_no_snapshot(home):
    make_run(home.workspace, "without")
    assert marked(home).objects_are_known
    run = home.run("with", b"content")
    os.unlink(run.manifest)
    marks = marked(home)
    assert not marks.objects_are_known
    assert "no such file" in marks.problems()[0]


def test_another_run_with_the_same_snapshot_stands_in(home):
    damaged = home.run("a", b"content")
    home.run("b", b"content")
    with open(damaged.manifest, "wb") as stream:
        stream.write(b"?")
    marks = marked(home)
    assert marks.objects_are_known
    assert digests(marks) == set(home.put(b"content"))


@pytest.mark.parametrize("text", ["", "{", "[]", "\0\0\0"])
def test_a_definition_that_can_not_be_read_keeps_environments_and_its_manifest_counts(home, text):
    run = home.run("damaged", b"content", environment={"key": "k"})
    with open(run.definition, "w") as stream:
        stream.write(text)
    marks = marked(home)
    assert digests(marks) == set(home.put(b"content"))
    assert marks.objects_are_known
    assert not marks.environments_are_known
    assert "no environments are freed" in marks.problems()[0]
    os.unlink(run.manifest)
    assert not marked(home).objects_are_known  # it may have had one


def test_definitions_of_any_shape_are_read(home):
    for number, value in enumerate((None, [], "text", 3)):
        make_run(home.workspace, f"run_{number}", snapshot=value, environment=value)
    marks = marked(home)
    assert marks.environments_are_known
    assert marks.objects_are_known


def run_with_data(home, *contents, travels=True, **definition):
    """Make a run without a snapshot whose inputs have these contents."""
    entries = [
        manifest.Entry(manifest.FILE, digest, len(content), f"inputs/n/{digest}")
        for digest, content in zip(home.put(*contents), contents, strict=True)
    ]
    data = manifest.serialise(entries)
    definition.setdefault("data", {"id": manifest.digest(data), "travels": travels})
    return make_run(home.workspace, "reads", files={"data.manifest": data}, **definition)


def test_data_that_travels_is_marked(home):
    run_with_data(home, b"one", b"two")
    home.put(b"nobody's")
    marks = marked(home)
    assert digests(marks) == set(home.put(b"one", b"two"))
    assert marks.objects_are_known


def test_data_that_stays_where_it_is_needs_no_objects(home):
    run_with_data(home, b"one", travels=False)
    assert digests(marked(home)) == set()


def test_data_of_a_run_whose_definition_can_not_be_read_counts(home):
    run = run_with_data(home, b"one")
    with open(run.definition, "w") as stream:
        stream.write("{")
    assert digests(marked(home)) == set(home.put(b"one"))


def test_a_missing_list_of_data_is_named(home):
    run = run_with_data(home, b"one")
    os.unlink(run.data_manifest)
    marks = marked(home)
    assert not marks.objects_are_known
    assert run.data_manifest in marks.problems()[0]


@pytest.mark.parametrize("data", [None, [], "text", 3, {"travels": True, "id": 7}])
def test_what_is_said_of_data_may_have_any_shape(home, data):
    run_with_data(home, b"one", data=data)
    assert marked(home).objects_are_known
