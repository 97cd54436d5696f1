from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from turnout.runtime import layout
from turnout.runtime.script.exceptions import RecordException, UserErrorException
from turnout.runtime.script.labels import matches
from turnout.runtime.script.run import Run


def test_a_run_says_what_it_is(interactive: Run) -> None:
    assert interactive.id == "interactive"
    assert interactive.name == interactive.display_name == "top"
    assert interactive.number == 7
    assert interactive.type is None
    assert interactive.description is None
    assert repr(interactive) == "Run(Experiment: diabetes,\nId: interactive,\nType: None,\nStatus: Running)"
    assert str(interactive) == repr(interactive)


def test_a_run_without_a_name_is_called_by_its_id(submitted: Run) -> None:
    assert submitted.display_name == submitted.id
    assert submitted.number is None


def test_names_and_descriptions_may_change(interactive: Run) -> None:
    interactive.display_name = "other"
    interactive.description = "text"
    again = Run(interactive.layout.root)
    assert (again.display_name, again.name, again.description) == ("other", "other", "text")


def test_experiment_and_workspace_are_known_by_name(interactive: Run) -> None:
    experiment = interactive.experiment
    assert experiment.name == "diabetes"
    assert repr(experiment) == "Experiment(Name: diabetes,\nWorkspace: default)"
    workspace = experiment.workspace
    assert (workspace.name, workspace.id, workspace.subscription_id, workspace.resource_group) == (
        "default",
        "w1",
        "s-1",
        "",
    )
    assert repr(workspace) == "Workspace(name='default')"
    assert copy.deepcopy(experiment).workspace.name == "default"


def test_doing_something_with_the_workspace_needs_more(interactive: Run) -> None:
    with pytest.raises(AttributeError, match=r"Workspace\.compute_targets needs a full installation"):
        _ = interactive.experiment.workspace.compute_targets
    with pytest.raises(AttributeError, match=r"Experiment\.submit needs a full installation"):
        interactive.experiment.submit(None)
    assert not hasattr(interactive.experiment, "_private")


def test_tags_change(interactive: Run) -> None:
    interactive.tag("a", "1")
    interactive.tag("alone")
    interactive.set_tags({"a": "2", "b": None})
    assert interactive.tags == interactive.get_tags() == {"a": "2", "alone": None, "b": None}
    interactive.remove_tags(["a", "missing"])
    interactive.remove_tags("b")
    assert interactive.tags == {"alone": None}


def test_tags_that_are_no_strings_become_strings_with_a_warning(interactive: Run) -> None:
    with pytest.warns(UserWarning, match="a tag must be a string: the int 3"):
        interactive.tag("epochs", 3)  # type: ignore[arg-type]
    assert interactive.tags == {"epochs": "3"}


@pytest.mark.parametrize("call", ["set_tags", "add_properties"])
def test_tags_and_properties_come_as_dicts(interactive: Run, call: str) -> None:
    with pytest.raises(UserErrorException, match=f"run.{call}: give a dict, not a list"):
        getattr(interactive, call)(["a"])


def test_properties_are_immutable(interactive: Run) -> None:
    interactive.add_properties({"a": "1", "n": 2})  # type: ignore[dict-item]
    interactive.add_properties({"a": "1"})
    with pytest.raises(UserErrorException, match="the property 'a' is '1' already"):
        interactive.add_properties({"new": "x", "a": "2"})
    assert interactive.properties == interactive.get_properties() == {"a": "1", "n": "2"}


def test_what_the_definition_says_stands_first(submit: Callable[..., layout.RunLayout]) -> None:
    run = Run(submit(tags={"t": "0"}, properties={"p": "0"}, display_name="given").root)
    run.tag("t", "1")
    with pytest.raises(UserErrorException):
        run.add_properties({"p": "1"})
    assert (run.tags, run.properties, run.name) == ({"t": "1"}, {"p": "0"}, "given")


def test_a_record_that_is_elsewhere_is_said(workspace: layout.WorkspaceLayout) -> None:
    run = Run(workspace.run("elsewhere").root)
    assert run.id == "elsewhere"
    for ask in (lambda: run.tags, lambda: run.properties, lambda: run.name, lambda: run.number, lambda: run.experiment):
        with pytest.raises(RecordException, match="the record of the run elsewhere can't be read"):
            ask()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(None, True), ("a", True), ("z", False), ({"a": "1"}, True), ({"a": "1", "n": None}, True), ({"a": "2"}, False)],
)
def test_filters_ask_for_names_or_values(wanted: Any, expected: bool) -> None:
    assert matches({"a": "1", "n": None}, wanted) is expected
