from turnout.testing.records import make_run


def test_tags_are_set_and_removed_and_listed(workspace, turnout):
    make_run(workspace, "a", tags={"old": "1", "kept": "2"})
    assert turnout("tag", "a", "new=x=y", "kept=3", "--remove", "old").out == "kept  3\nnew   x=y\n"
    assert turnout("tag", "a", "empty=", "--json").json == {"kept": "3", "new": "x=y", "empty": ""}


def test_a_tag_of_an_ended_run_is_found_at_once(workspace, turnout):
    make_run(workspace, "a")
    assert turnout("runs", "-q", "--tag", "best").out == ""
    turnout("tag", "@last", "best=yes")
    assert turnout("runs", "-q", "--tag", "best=yes").out == "a\n"
    turnout("tag", "a", "--remove", "best")
    assert turnout("runs", "-q", "--tag", "best").out == ""


def test_bad_input(workspace, bad_input):
    make_run(workspace, "a")
    assert "a tag is written KEY=VALUE, not 'nope'" in bad_input("tag", "a", "nope")
    assert "a tag is written KEY=VALUE, not '=x'" in bad_input("tag", "a", "=x")
    assert "name a tag: KEY=VALUE, or --remove KEY" in bad_input("tag", "a")
