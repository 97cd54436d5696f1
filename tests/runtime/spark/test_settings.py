"""Spark's settings: read, joined, checked, and kept free of secrets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnout.runtime.spark import settings
from turnout.runtime.spark.settings import SettingsError


@pytest.mark.parametrize(
    ("master", "kind"),
    [
        ("local", "local"),
        ("local[4]", "local"),
        ("local[*]", "local"),
        ("local[*,3]", "local"),
        ("local-cluster[2,1,1024]", "local"),
        ("spark://host:7077", "standalone"),
        ("spark://[::1]:7077", "standalone"),
        ("spark://one:7077,two:7077", "standalone"),
        ("yarn", "yarn"),
        ("k8s://https://host:6443", "kubernetes"),
    ],
)
def test_a_master_names_its_kind_of_cluster(master: str, kind: str) -> None:
    assert settings.kind_of(master) == kind


@pytest.mark.parametrize(
    "master",
    ["", "host:7077", "spark://host", "spark://host:port", "spark://a:1,spark://b:2", "spark://a:1/", "k8s://", "mesos://m:5050",
     "yarn-client", "local[]", "local[x]", "local[*] ", "http://host:8080"],
)  # fmt: skip
def test_what_is_no_master_is_refused_with_examples(master: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.kind_of(master)
    assert str(refused.value) == (
        f"{master!r} is no Spark master; give spark://HOST:PORT, yarn, k8s://HOST:PORT, or local[*] for this machine"
    )


def test_the_addresses_of_masters_that_stand_by_for_each_other() -> None:
    assert settings.addresses("spark://one:7077,[::1]:7078") == [("one", 7077), ("::1", 7078)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("512", 512 << 20),
        ("512m", 512 << 20),
        ("512M", 512 << 20),
        ("512mb", 512 << 20),
        (" 2g ", 2 << 30),
        ("2GB", 2 << 30),
        ("1t", 1 << 40),
        ("1024k", 1 << 20),
        ("7b", 7),
        ("1p", 1 << 50),
    ],
)
def test_a_size_is_what_spark_takes_it_for(text: str, expected: int) -> None:
    assert settings.memory("spark.executor.memory", text) == expected


@pytest.mark.parametrize("text", ["", "g", "1.5g", "-1g", "2 gigs", "4x", "1bb", "2 g", "²g"])
def test_what_spark_takes_for_no_size_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.checked({"spark.executor.memory": text})
    assert str(refused.value) == f"spark.executor.memory is a size such as 512m or 4g, not {text!r}"


@given(number=st.integers(0, 1 << 30), unit=st.sampled_from("bkmgtp"))
def test_the_long_form_of_a_unit_means_what_the_short_one_does(number: int, unit: str) -> None:
    short = settings.memory("n", f"{number}{unit}")
    assert short == number * 1024 ** "bkmgtp".index(unit)
    if unit != "b":
        assert settings.memory("n", f"{number}{unit.upper()}B") == short


def test_settings_become_the_text_that_spark_reads() -> None:
    given = {
        "spark.a": True, "spark.b": False, "spark.c": 2, "spark.d": 0.5, "spark.e": "x y", "spark.f": None, "spark.g-h_1": "",
    }  # fmt: skip
    expected = {
        "spark.a": "true",
        "spark.b": "false",
        "spark.c": "2",
        "spark.d": "0.5",
        "spark.e": "x y",
        "spark.g-h_1": "",
    }
    assert settings.checked(given) == expected


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"executor.memory": "1g"}, "'executor.memory' is no setting of Spark's: they begin with spark., such as"),
        ({"spark.": "1"}, "'spark.' is no setting"),
        ({"spark.a b": "1"}, "'spark.a b' is no setting"),
        ({"spark.a=b": "1"}, "'spark.a=b' is no setting"),
        ({3: "1"}, "'3' is no setting"),
        ({"spark.a": ["x"]}, "the setting spark.a is text or a number, not ['x']"),
        ({"spark.a": "x\ny"}, "the setting spark.a has a line break"),
        ({"spark.submit.deployMode": "Cluster"}, "spark.submit.deployMode is client or cluster, not 'Cluster'"),
        ({"spark.driver.memory": "much"}, "spark.driver.memory is a size"),
    ],
)
def test_a_setting_that_spark_would_ignore_or_trip_over_is_refused(given: dict[Any, Any], says: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.checked(given)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


# The forms that Spark's "Configuration" shows for spark-defaults.conf, and those that Java's properties have besides.
PROPERTIES = """\
# Default system properties
! another remark

spark.master            spark://5.6.7.8:7077
spark.executor.memory   4g
  spark.eventLog.enabled = true
spark.serializer=org.apache.spark.serializer.KryoSerializer
spark.ui.port: 4050
spark.executor.extraJavaOptions\t-XX:+PrintGCDetails -Dkey=value -Dnumbers="one two three"
spark.empty
"""


def test_an_installations_defaults_are_read_as_spark_reads_them() -> None:
    assert settings.parse_properties(PROPERTIES) == {
        "spark.master": "spark://5.6.7.8:7077",
        "spark.executor.memory": "4g",
        "spark.eventLog.enabled": "true",
        "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
        "spark.ui.port": "4050",
        "spark.executor.extraJavaOptions": '-XX:+PrintGCDetails -Dkey=value -Dnumbers="one two three"',
        "spark.empty": "",
    }


NAMES = st.from_regex(r"spark\.[A-Za-z0-9_.\-]+", fullmatch=True)
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).filter(
    lambda text: text[0] not in "=:"
)


@given(values=st.dictionaries(NAMES, VALUES), sign=st.sampled_from([" ", "\t", "=", ":", " = ", "  "]))
def test_what_is_written_as_properties_is_read_back(values: dict[str, str], sign: str) -> None:
    assert settings.parse_properties("".join(f"{name}{sign}{value}\n" for name, value in values.items())) == values


@given(st.text())
def test_no_text_upsets_the_reading_of_properties(text: str) -> None:
    for name in settings.parse_properties(text):
        assert name
        assert name == name.strip()


@pytest.mark.parametrize("prefix", ["spark.executorEnv.", "spark.yarn.appMasterEnv."])
def test_a_secret_that_is_asked_for_on_executors_is_refused(prefix: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.refuse_secrets({prefix + "TOKEN": "anything"}, ["TOKEN"], ["hunter22"])
    assert str(refused.value) == (
        f"the secret TOKEN can't be given to executors ({prefix}TOKEN): Spark shows their variables in its web page and in the "
        "event log; use it on the driver only, or have executors read it from a store of the cluster's"
    )


def test_a_setting_that_holds_a_secret_is_refused_and_does_not_repeat_it() -> None:
    with pytest.raises(SettingsError) as refused:
        settings.refuse_secrets({"spark.hadoop.fs.s3a.secret.key": "hunter22;x"}, ["TOKEN"], ["hunter22"])
    assert str(refused.value).startswith("the setting spark.hadoop.fs.s3a.secret.key holds the value of a secret")
    assert "hunter22" not in str(refused.value)


def test_what_has_no_secret_in_it_is_accepted() -> None:
    own = {"spark.executorEnv.MODE": "x", "spark.executor.cores": "1", "spark.app.name": "n"}
    settings.refuse_secrets(own, ["TOKEN", "EMPTY", "PIN"], ["hunter22", "", "1"])  # "1" would be found everywhere


def test_what_an_executor_is_asked_to_have() -> None:
    assert (settings.asked_memory({}), settings.asked_cores({})) == (1 << 30, 1)
    assert settings.asked_memory({"spark.executor.memory": "450m"}) == 450 << 20
    assert settings.asked_cores({"spark.executor.cores": "3"}) == 3
    for text in ("0", "-1", "two", "1.5", "²"):
        with pytest.raises(SettingsError, match=r"spark\.executor\.cores is a number from 1 on, not '"):
            settings.asked_cores({"spark.executor.cores": text})


def test_a_runs_settings_stand_above_its_targets() -> None:
    definition = {
        "target": {"spark": {"master": "spark://h:1", "conf": {"spark.a": "target", "spark.b": 1}}},
        "configuration": {"spark": {"configuration": {"spark.a": "run"}}},
    }
    assert settings.of_run(definition) == {"spark.a": "run", "spark.b": "1"}
    assert settings.master_of(definition) == "spark://h:1"
    assert (
        settings.master_of({**definition, "configuration": {"spark": {"configuration": {"spark.master": "yarn"}}}})
        == "yarn"
    )
    assert settings.master_of({"target": {"name": "local"}}) == "local[*]"
    assert settings.of_run({}) == {}
