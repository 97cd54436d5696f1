"""What a target may say of its Spark, and the sentences that refuse the rest."""

from __future__ import annotations

from typing import Any

import pytest

from turnout.exceptions import ComputeTargetException, NotYetException
from turnout.targets.hdinsight_compute import HDInsightCompute
from turnout.targets.spark_settings import changed, described, trouble


def test_only_what_was_said_is_kept() -> None:
    assert described() == {"master": "local[*]"}
    assert described("spark://m:1", "/spark", {"spark.a": True}, ["http://m:8080"], True) == {
        "master": "spark://m:1",
        "home": "/spark",
        "conf": {"spark.a": "true"},
        "pages": ["http://m:8080"],
        "shared_home": True,
    }


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"master": "m:1"}, "'m:1' is no Spark master"),
        ({"conf": {"a": 1}}, "'a' is no setting of Spark's"),
        ({"conf": {"spark.executor.memory": "x"}}, "spark.executor.memory is a size"),
        ({"conf": {"spark.executor.cores": 0}}, "spark.executor.cores is a number from 1 on"),
        ({"conf": {"spark.master": "yarn"}}, "give the master by itself, not as the setting spark.master"),
        ({"master": "spark://m:1", "pages": ["m:8080"]}, "'m:8080' is no page of a Spark master"),
        ({"master": "yarn", "pages": ["http://m:1"]}, "only a standalone master has a page that Turnout asks; yarn"),
        ({"home": "spark"}, "Spark's directory is an absolute path on the target's machine, not 'spark'"),
    ],
)
def test_what_cant_be_used_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ComputeTargetException) as refused:
        described(**given)
    assert says in str(refused.value)
    with pytest.raises(ComputeTargetException) as refused:
        changed({"master": "local[*]"}, given)
    assert says in str(refused.value)


def test_a_change_keeps_the_rest_and_an_empty_value_takes_a_setting_away() -> None:
    known = described("spark://m:1", "/spark", {"spark.a": 1, "spark.b": 2})
    after = changed(known, {"conf": {"spark.a": "", "spark.c": 3}})
    assert after == {"master": "spark://m:1", "home": "/spark", "conf": {"spark.b": "2", "spark.c": "3"}}
    assert known["conf"] == {"spark.a": "1", "spark.b": "2"}


def test_what_a_machine_tells_of_trouble_is_said_with_the_targets_name() -> None:
    assert trouble({"master": {"trouble": "refused"}}, "t") == "t: refused; start the master, or correct --spark-master"
    assert trouble({"missing_named": "no Spark in /x"}, "t") == "t: no Spark in /x"
    assert trouble({"missing": ["no Java"]}, "t") == ""


def test_a_head_node_is_described_as_v1_did() -> None:
    made = HDInsightCompute.attach_configuration(username="me", address="head", ssh_port=22, private_key_file="/k")
    assert (made.options["type"], made.options["spark"]) == ("HDInsight", {"master": "yarn"})
    assert (made.options["address"], made.options["user"], made.options["port"]) == ("head", "me", 22)


@pytest.mark.parametrize("given", [{"resource_id": "/subscriptions/x"}, {"resource_group": "g", "cluster_name": "c"}])
def test_a_cluster_of_a_cloud_is_said_not_to_be_found(given: dict[str, Any]) -> None:
    with pytest.raises(NotYetException, match="give the address of its head node"):
        HDInsightCompute.attach_configuration(username="me", **given)
