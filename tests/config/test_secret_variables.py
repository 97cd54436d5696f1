"""Which variables of a run are secrets, where their values come from, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from turnout.config.run_configuration import RunConfiguration
from turnout.config.secret_variables import gather, handed_over, refuse_recorded
from turnout.environments.environment import Environment
from turnout.exceptions import RunConfigurationException
from turnout.runtime import layout

VALUE = "hunter2-hunter2"


def configuration(secret_variables: dict[str, str | None] | None = None, **variables: str) -> RunConfiguration:
    run = RunConfiguration("train.py")
    run.environment = Environment("mine")
    run.environment.secret_variables = secret_variables
    run.environment_variables = variables
    return run


def test_a_value_is_given_or_taken_from_the_submitters_variables() -> None:
    assert gather({"A": "given", "B": None, "C": ""}, ["D"], {"A": "mine", "B": "mine"}) == {
        "A": "given",
        "B": "mine",
        "C": "",
    }


def test_a_secret_is_not_among_the_inherited_variables() -> None:
    given = handed_over(configuration({"A": None, "B": "1"}), {}, {"B": "2"}, {"A": "x", "B": "y", "C": "z"})
    assert given.variables == {"C": "z"}
    assert given.secrets == {"A": "x", "B": "2"}  # what was given for this run comes last


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"NOWHERE": None}, r"the secret NOWHERE has no value.*export NOWHERE=…"),
        ({"TURNOUT_HOME": VALUE}, "TURNOUT_HOME can't be a secret: Turnout sets it itself"),
        ({"PATH": VALUE}, "PATH can't be a secret"),
        ({"PYTHONPATH": VALUE}, "PYTHONPATH can't be a secret"),
        ({"PWD": VALUE}, "PWD can't be a secret"),
        ({"": VALUE}, "a secret is named like a variable"),
        ({f"my {VALUE}": None}, "a secret is named like a variable"),
        ({"A": f"{VALUE}\0"}, "the secret A holds a character that no variable can hold"),
        ({"A": f"{VALUE}\ud800"}, "the secret A holds a character that no variable can hold"),
        ({"A": {VALUE: 1}}, "must be a string, not of the class dict"),
        ({"ORDINARY": VALUE}, "ORDINARY is given both as a secret and as an ordinary variable"),
    ],
)
def test_what_can_be_no_secret_is_refused_and_not_repeated(wanted: Any, said: str) -> None:
    with pytest.raises(RunConfigurationException, match=said) as refused:
        gather(wanted, ["ORDINARY"], {"PATH": "/bin"})
    assert VALUE not in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("where", ["run", "environment"])
def test_a_secret_that_is_an_ordinary_variable_too_is_refused(where: str) -> None:
    run = configuration({"A": VALUE})
    (run if where == "run" else run.environment).environment_variables = {"A": "1"}
    with pytest.raises(RunConfigurationException, match="A is given both"):
        handed_over(run, run.environment_variables, {}, {})


@pytest.mark.parametrize(
    ("value", "given"), [(VALUE, VALUE), (VALUE, f"--token={VALUE}"), ("1234", "1234")], ids=["whole", "part", "short"]
)
@pytest.mark.parametrize("place", ["texts", "command", "environment_variables", "environment's", "requirement"])
def test_a_value_that_would_be_recorded_elsewhere_is_refused(place: str, value: str, given: str) -> None:
    run = configuration()
    texts = ["--alpha", given] if place == "texts" else []
    if place == "command":
        run.command = given
    elif place == "environment_variables":
        run.environment_variables = {"B": given}
    elif place == "environment's":
        run.environment.environment_variables = {"B": given}
    elif place == "requirement":
        run.environment.python.conda_dependencies.set_pip_requirements([given])
    with pytest.raises(RunConfigurationException, match=r"the value of the secret A stands in .* too") as refused:
        refuse_recorded({"A": value}, run, texts)
    assert value not in str(refused.value)


def test_a_short_value_may_be_part_of_a_word() -> None:
    run = configuration(B="1234567")
    run.environment.python.user_managed_dependencies = True
    run.environment.python.conda_dependencies = None
    refuse_recorded({"A": "1234", "B": "", "C": "abc"}, run, ["--number=1234", "", "abc"])


def test_the_secrets_of_the_run_that_submits_stay_secrets(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"variables": {"secrets": ["USER", "GONE", "TOLD"]}}))
    environ = {layout.RUN_DIRECTORY_VARIABLE: str(tmp_path), "USER": VALUE, "OTHER": "1", "TOLD": VALUE}
    run = configuration(TOLD="something else")
    given = handed_over(run, run.environment_variables, {}, environ)
    assert given.secrets == {"USER": VALUE}
    assert given.variables == {"OTHER": "1", "TOLD": VALUE}


@pytest.mark.parametrize("text", [None, "{", "{}", '{"variables": null}', '{"variables": {"secrets": null}}'])
def test_a_run_of_which_no_secrets_are_known_has_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    environ = {layout.RUN_DIRECTORY_VARIABLE: str(tmp_path), "A": "1"}
    assert handed_over(configuration(), {}, {}, environ).secrets == {}
