import json
import os

from turnout.runtime import runlock, states
from turnout.testing.records import make_run


def test_the_workspace_in_use_and_why(workspace, turnout, monkeypatch, tmp_path):
    make_run(workspace, "a", experiment="one")
    make_run(workspace, "b", experiment="two", state=states.FAILED)
    make_run(workspace, "b_0", experiment="two", parent="b")
    facts = turnout("workspace", "--json").json
    assert (facts["name"], facts["home"], facts["directory"]) == ("default", str(tmp_path / "home"), workspace.root)
    assert (facts["config_file"], facts["chosen_by"]) == (None, "default")
    assert (facts["experiments"], facts["runs"]) == (2, 2)
    assert facts["runs_by_status"] == {"Completed": 1, "Failed": 1}
    assert facts["index"] == workspace.index
    assert facts["disk"]["total"] > facts["disk"]["free"] > 0
    assert "no config file names one" in turnout("workspace").out
    monkeypatch.setenv("TURNOUT_WORKSPACE", "other")
    assert turnout("workspace", "--json").json["chosen_by"] == "TURNOUT_WORKSPACE"


def test_the_config_file_that_names_it_is_told(workspace, turnout, tmp_path):
    directory = tmp_path / "here" / ".azureml"
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps({"workspace_name": "from-file"}))
    outcome = turnout("workspace")
    assert str(directory / "config.json") in outcome.out
    assert "from-file" in outcome.out


def test_sizes_are_measured_on_request(workspace, turnout):
    make_run(workspace, "a", log=b"x" * 100_000)
    os.makedirs(workspace.home.objects)
    sizes = turnout("workspace", "--sizes", "--json").json["sizes"]
    assert sizes["runs"] >= 100_000
    assert sizes["snapshots"] == sizes["environments"] == 0


def test_a_file_with_several_links_counts_once(tmp_path):
    from turnout.cli import workspace as command

    (tmp_path / "one").write_bytes(b"x" * 10_000)
    alone = command._used(str(tmp_path))
    os.link(tmp_path / "one", tmp_path / "two")
    assert command._used(str(tmp_path)) == alone


def test_experiments(workspace, turnout, terminal):
    assert turnout("experiments", "--json").json == []
    assert "no experiments yet" in terminal("experiments").err
    make_run(workspace, "a", experiment="one", created=1_700_000_000.0)
    live = make_run(workspace, "b", experiment="two", created=1_700_000_001.0, state=states.RUNNING)
    runlock.acquire(live.lock)
    assert turnout("experiments", "--json").json == [
        {"name": "two", "runs": 1, "live": 1, "latest": "2023-11-14T22:13:21.000Z"},
        {"name": "one", "runs": 1, "live": 0, "latest": "2023-11-14T22:13:20.000Z"},
    ]
    assert [line.split()[:3] for line in turnout("experiments").lines[1:]] == [["two", "1", "1"], ["one", "1", "0"]]
