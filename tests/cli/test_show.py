import json
import re

import pytest

from turnout.cli import show
from turnout.runtime import events, runlock, states
from turnout.testing.records import make_run, metric

GIT = {
    "azureml.git.branch": "main",
    "azureml.git.commit": "0123456789abcdef0123",
    "azureml.git.dirty": "True",
    "azureml.git.repository_uri": "https://example.org/x.git",
    "mlflow.source.git.branch": "main",
}


@pytest.fixture
def run(workspace):
    return make_run(
        workspace,
        "diabetes_1_aa",
        state=states.FAILED,
        reason="the script was ended by SIGKILL",
        created=1_700_000_000.0,
        experiment="diabetes",
        number=7,
        arguments=["--alpha", "0.4", "two words"],
        tags={"who": "me"},
        properties={**GIT, "mine": "yes"},
        snapshot={"id": "ab" * 32, "files": 3, "bytes": 38_123_456},
        environment={"name": "Turnout-Minimal", "version": "2", "kind": "uv", "key": "deadbeef" * 8, "python": "3.11"},
        events_by_writer={
            "w": [
                metric("mse", 3.0),
                metric("mse", 2.5),
                metric("odd", float("nan")),
                metric("row", {"a": 1}, "row"),
                {"e": events.CHILD, "id": "diabetes_1_aa_0"},
                {"e": events.TAG, "key": "later", "value": "1"},
            ]
        },
        files={
            "patch.diff": b"--- a/\xff\r\n+++ b\n",
            "code/outputs/model.pkl": b"x",
            "environment.json": json.dumps(
                {
                    "interpreter": "/e/bin/python",
                    "python": {"version": "3.11.7"},
                    "packages": [{"name": "numpy", "version": "2"}],
                }
            ).encode(),
            "placement.json": b'{"host": "box", "supervisor": {"pid": 1}}',
        },
    )


def test_json_says_everything(run, turnout):
    outcome = turnout("show", "diabetes", "--json")
    facts = outcome.json
    assert outcome.err == ""
    assert (facts["id"], facts["number"], facts["experiment"]) == ("diabetes_1_aa", 7, "diabetes")
    assert (facts["status"], facts["reason"]) == ("Failed", "the script was ended by SIGKILL")
    assert (facts["created"], facts["started"]) == ("2023-11-14T22:13:20.000Z", "2023-11-14T22:13:20.500Z")
    assert (facts["ended"], facts["duration"]) == ("2023-11-14T22:13:22.500Z", 2.0)
    assert facts["arguments"] == ["--alpha", "0.4", "two words"]
    assert facts["git"]["commit"] == "0123456789abcdef0123"
    assert facts["tags"] == {"who": "me", "later": "1"}
    assert facts["properties"] == {**GIT, "mine": "yes"}
    assert facts["environment"]["python"] == "3.11.7"
    assert facts["environment"]["packages"] == [{"name": "numpy", "version": "2"}]
    assert facts["metrics"] == {
        "mse": {"last": 2.5, "count": 2},
        "odd": {"last": "NaN", "count": 1},
        "row": {"last": {"a": 1}, "count": 1},
    }
    assert (facts["children"], facts["files"], facts["patch"]) == (["diabetes_1_aa_0"], 1, 15)
    assert (facts["placement"], facts["directory"]) == ({"host": "box"}, run.root)


def test_text_says_it_for_people(run, turnout):
    out = turnout("show", "@last").out
    for words in (
        "Failed (the script was ended by SIGKILL)",
        "diabetes, run 7",
        "--alpha 0.4 'two words'",
        "abababababab (3 files, 38.1 MB)",
        "main 0123456789ab with uncommitted changes (--patch, 15 B) https://example.org/x.git",
        "Turnout-Minimal version 2 (Python 3.11.7, uv, 1 package, key deadbeefdead)",
        "who=me, later=1",
        "mine=yes",
        "box",
        run.root,
    ):
        assert words in out
    assert "azureml.git" not in out
    assert out.splitlines()[-3].split() == ["mse", "2.5", "2"]


def test_a_bare_record_is_shown_without_empty_lines(workspace, turnout):
    bare = make_run(
        workspace, "bare", state=states.NOT_STARTED, experiment="e", number=None, parent="other", configuration={}
    )
    runlock.acquire(bare.lock)
    out = turnout("show", "bare").out
    assert "parent" in out
    for absent in ("None", "exit", "git", "snapshot", "environment", "duration", "ended"):
        assert absent not in out


def test_the_patch_comes_as_it_is(run, turnout, workspace, capfdbinary):
    from turnout import cli

    assert cli.run(["show", "--patch", "diabetes"]) == 0
    assert capfdbinary.readouterr().out == b"--- a/\xff\r\n+++ b\n"
    make_run(workspace, "clean")
    assert turnout("show", "--patch", "clean").out == ""


def test_the_definition_comes_as_it_was_submitted(run, turnout):
    with open(run.definition) as stream:
        assert turnout("show", "--definition", "diabetes").json == json.load(stream)


def test_the_index_is_asked_where_events_are_many(run, turnout, monkeypatch):
    few = turnout("show", "diabetes", "--json").json["metrics"]
    monkeypatch.setattr(show, "_LARGE", 0)
    assert turnout("show", "diabetes", "--json").json["metrics"] == few


def test_bad_input(run, bad_input):
    assert "there is no run 'nope'" in bad_input("show", "nope")
    assert "exclude each other" in bad_input("show", "--patch", "--definition", "diabetes")


def test_it_says_which_secrets_the_run_was_given(workspace, turnout):
    variables = {"configured": {}, "inherited": [], "values": {}, "secrets": ["KEY", "TOKEN"]}
    make_run(workspace, "one_1_aa", variables=variables)
    assert turnout("show", "one", "--json").json["secrets"] == ["KEY", "TOKEN"]
    assert re.search(r"^secrets +KEY, TOKEN$", turnout("show", "one").out, re.MULTILINE)


def test_a_run_of_an_older_turnout_has_no_secrets(workspace, turnout):
    make_run(workspace, "one_1_aa", variables={})
    assert turnout("show", "one", "--json").json["secrets"] == []
    assert "secrets" not in turnout("show", "one").out
