"""ConfigElement: the base of all configuration sections."""

from __future__ import annotations

import copy
import pickle

import pytest

from turnout.config.distributed import DockerConfiguration, MpiConfiguration
from turnout.config.run_configuration import RunConfiguration
from turnout.elements import ConfigElement, Field
from turnout.environments.sections import ContainerRegistry, DockerSection, SparkPackage, SparkSection
from turnout.exceptions import RunConfigurationException


class Sample(ConfigElement):
    size: int
    words: list[str]
    mapping: dict[str, str]
    hidden: str

    FIELDS = (
        Field("size", "theSize", int, 1),
        Field("words", "words", list, list),
        Field("mapping", "mapping", dict, dict),
    )
    HIDDEN = ("hidden",)


def test_an_unknown_attribute_is_refused_in_v1s_words() -> None:
    for element in (Sample(), RunConfiguration(), RunConfiguration().history, RunConfiguration().environment):
        with pytest.raises(AttributeError, match=r"^<class '.*'> has no attribute foo$"):
            element.foo = 1


def test_what_a_misspelt_attribute_was_meant_to_change_stays_as_it_was() -> None:
    run = RunConfiguration()
    with pytest.raises(AttributeError):
        run.nodecount = 2  # type: ignore[attr-defined]
    assert run.node_count == 1


def test_nothing_mutable_is_shared_between_two_objects() -> None:
    first, second = Sample(), Sample()
    first.words.append("x")
    first.mapping["a"] = "b"
    assert second.words == []
    assert second.mapping == {}


def test_serialized_data_does_not_change_with_the_object() -> None:
    sample = Sample()
    data = sample.serialize()
    sample.words.append("x")
    assert data["words"] == []


@pytest.mark.parametrize("key", ["theSize", "the_size", "TheSize", "size"])
def test_keys_are_read_in_any_spelling(key: str) -> None:
    assert Sample.deserialize({key: 5}).size == 5


def test_keys_inside_a_persons_dictionary_keep_their_case() -> None:
    given = {"MY_Var": "1", "my_var": "2", "myVar": "3"}
    assert Sample.deserialize({"mapping": given}).serialize()["mapping"] == given


def test_an_empty_section_means_its_default() -> None:
    assert RunConfiguration.deserialize({"history": None, "arguments": None}) == RunConfiguration()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"theSize": "two"}, "theSize must be a whole number, not 'two'"),
        ({"theSize": True}, "theSize must be a whole number, not True"),
        ({"words": "one"}, "words must be a list, not 'one'"),
        ({"mapping": []}, r"mapping must be a mapping, not \[\]"),
        ([], r"Sample must be a mapping, not \[\]"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(data: object, message: str) -> None:
    with pytest.raises(RunConfigurationException, match=f"^{message}$"):
        Sample.deserialize(data)  # type: ignore[arg-type]


def test_a_wrong_type_deep_inside_is_named_by_its_path() -> None:
    with pytest.raises(
        RunConfigurationException, match=r"^environment\.docker\.enabled must be true or false, not 'maybe'$"
    ):
        RunConfiguration.deserialize({"environment": {"docker": {"enabled": "maybe"}}})


def test_a_wrong_type_that_was_assigned_is_named_when_it_is_serialized() -> None:
    run = RunConfiguration()
    run.node_count = "2"  # type: ignore[assignment]
    with pytest.raises(
        RunConfigurationException, match=r"^RunConfiguration\.node_count must be a whole number, not '2'$"
    ):
        run.serialize()


def test_a_section_of_the_wrong_class_is_refused() -> None:
    run = RunConfiguration()
    run.docker = DockerSection()  # type: ignore[assignment]
    with pytest.raises(RunConfigurationException, match="of the class DockerConfiguration"):
        run.serialize()


def test_a_whole_number_where_a_string_belongs_is_taken_as_text() -> None:
    assert SparkPackage.deserialize({"version": 3}).version == "3"


def test_elements_of_a_list_come_back_as_their_class() -> None:
    section = SparkSection()
    section.packages.append(SparkPackage("org", "thing", "1.0"))
    assert SparkSection.deserialize(section.serialize()) == section


def test_unknown_keys_are_listed_by_their_path() -> None:
    data = {
        "script": "a.py",
        "colour": 1,
        "history": {"output_collection": True, "shade": 2},
        "environment": {"odd": 1},
    }
    assert RunConfiguration.unknown_keys(data) == ["colour", "history.shade", "environment.odd"]


def test_equality_is_by_value_and_class() -> None:
    assert MpiConfiguration(2) == MpiConfiguration(2)
    assert MpiConfiguration(2) != MpiConfiguration(3)
    assert DockerConfiguration() != MpiConfiguration()


def test_copies_are_independent_and_equal() -> None:
    run = RunConfiguration(script="a.py", arguments=["--x", 1])
    for twin in (copy.deepcopy(run), pickle.loads(pickle.dumps(run))):
        assert twin == run
        twin.arguments.append("more")
        twin.environment.python.conda_dependencies.add_pip_package("numpy")
        twin.environment_variables["A"] = "1"
        assert run.arguments == ["--x", 1]
        assert run.environment.python.conda_dependencies.pip_packages == []
        assert run.environment_variables == {}


def test_the_repr_shows_what_differs_from_the_defaults_and_no_password() -> None:
    registry = ContainerRegistry()
    registry.address = "images.example"
    registry.password = "hunter2"
    assert repr(registry) == "ContainerRegistry(address='images.example', password=***)"
    assert repr(RunConfiguration(script="a.py")) == "RunConfiguration(script='a.py')"
