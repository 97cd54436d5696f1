"""`turnout target` with a Spark cluster to which this machine submits."""

from __future__ import annotations

import pytest

LOCAL = ("--spark-master", "local[*]")


def test_a_target_is_added_changed_shown_and_removed(workspace, turnout):
    added = turnout("target", "add", "spark", *LOCAL, "--conf", "spark.a=1", "--conf", "spark.b=x=y", "--json")
    assert added.code == 0
    assert added.json["spark"] == {"master": "local[*]", "conf": {"spark.a": "1", "spark.b": "x=y"}}
    assert turnout("target", "update", "spark", "--conf", "spark.a=").code == 0
    checked = turnout("target", "check", "spark", "--json")
    assert checked.code == 0
    assert checked.json["spark"] == {"master": "local[*]", "conf": {"spark.b": "x=y"}}
    (row,) = [row for row in turnout("target", "list", "--json").json if row["name"] == "spark"]
    assert (row["type"], row["running"]) == ("Spark", 0)
    assert turnout("target", "show", "spark", "--json").json["spark"] == checked.json["spark"]
    assert turnout("target", "remove", "spark").code == 0
    assert [row["name"] for row in turnout("target", "list", "--json").json] == ["local"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "say where: --ssh for a machine, --spark-master for a Spark cluster"),
        (("--conf", "spark.a=1"), "say where"),
        ((*LOCAL, "--identity", "key"), "say where"),
        (("--ssh", "box", "--conf", "spark.a=1"), "a Spark cluster needs --spark-master"),
        (("--spark-master", "m:7077"), "'m:7077' is no Spark master"),
        ((*LOCAL, "--conf", "a=1"), "'a' is no setting of Spark's"),
        ((*LOCAL, "--spark-page", "http://m:8080"), "only a standalone master has a page"),
        ((*LOCAL, "--spark-home", "spark"), "Spark's directory is an absolute path"),
    ],
)
def test_what_names_no_cluster_is_refused(workspace, bad_input, turnout, options, says):
    assert says in bad_input("target", "add", "spark", *options)
    assert [row["name"] for row in turnout("target", "list", "--json").json] == ["local"]
