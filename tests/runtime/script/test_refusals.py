"""Members of v1's that are not there say what to use instead."""

from __future__ import annotations

from typing import Any

import pytest

from turnout import Environment, NotYetException, Workspace
from turnout.runtime.script.refusals import refuse


class Thing:
    pass


refuse(Thing, {"act": "do it by hand", "state": "look at it"}, ("state",))


def test_a_method_refuses_when_it_is_called_on_an_object_or_on_the_class() -> None:
    for owner in (Thing, Thing()):
        with pytest.raises(NotYetException, match=r"^Thing\.act is not there; do it by hand$"):
            owner.act(1, two=2)  # type: ignore[attr-defined]


def test_an_attribute_refuses_when_it_is_read_and_counts_as_missing() -> None:
    with pytest.raises(NotYetException, match=r"^Thing\.state is not there; look at it$"):
        _ = Thing().state  # type: ignore[attr-defined]
    assert not hasattr(Thing(), "state")
    assert getattr(Thing(), "state", "none") == "none"


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda ws: ws.delete(delete_dependent_resources=True), "Workspace.delete is not there; a workspace is kept"),
        (lambda ws: ws.webservices, "Workspace.webservices is not there; serving models"),
        (lambda ws: ws.list_connections(), "Workspace.list_connections is not there; a datastore says"),
        (lambda ws: Environment.from_docker_build_context("e", None), "give the Dockerfile to from_dockerfile"),  # type: ignore[attr-defined]
    ],
)
def test_what_v1_had_says_what_there_is(home: Any, ask: Any, words: str) -> None:
    with pytest.raises(NotYetException, match=words):
        ask(Workspace.from_config())


def test_a_workspace_is_set_up_and_changed(home: Any) -> None:
    made = Workspace.setup()
    assert made == Workspace.from_config()
    made.update(tags={"a": 1}, description="ours")  # type: ignore[dict-item]
    again = Workspace.get(made.name)
    assert (again.tags, again._labels["description"]) == ({"a": "1"}, "ours")
    assert again.id == made.id
