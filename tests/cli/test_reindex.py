import os

from turnout.testing.records import make_run


def test_the_index_is_rebuilt(workspace, turnout):
    make_run(workspace, "a")
    before = turnout("runs", "--json").json
    with open(workspace.index, "wb") as stream:
        stream.write(b"SQLite format 3\0 damaged")
    assert turnout("reindex", "--json").json["runs"] == 1
    assert turnout("runs", "--json").json == before
    os.unlink(workspace.index)
    assert turnout("reindex").out.startswith("1 run indexed in 0.")
    assert turnout("runs", "--json").json == before


def test_what_can_not_be_read_is_named(workspace, turnout):
    make_run(workspace, "good")
    with open(make_run(workspace, "bad").definition, "w") as stream:
        stream.write("{")
    outcome = turnout("reindex")
    assert (outcome.code, outcome.err) == (0, "turnout: the definition of bad can't be read; it is left out\n")
    assert turnout("reindex", "--json").json["unreadable"] == ["bad"]
