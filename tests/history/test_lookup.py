import os
import sys

import pytest

from turnout.exceptions import UserErrorException
from turnout.history.lookup import find_run
from turnout.testing.records import make_run


def test_an_exact_id_touches_neither_the_index_nor_the_listing(workspace, monkeypatch):
    make_run(workspace, "train_1_aa")
    make_run(workspace, "train_1_aa_0", parent="train_1_aa")
    monkeypatch.setattr(os, "listdir", None)
    monkeypatch.setitem(sys.modules, "turnout.history.index", None)
    assert find_run(workspace, "train_1_aa") == "train_1_aa"


def test_a_unique_prefix_will_do_without_the_index(workspace, monkeypatch):
    make_run(workspace, "train_1_aa")
    make_run(workspace, "train_2_bb")
    monkeypatch.setitem(sys.modules, "turnout.history.index", None)
    assert find_run(workspace, "train_2") == "train_2_bb"


def test_an_ambiguous_prefix_lists_up_to_five(workspace):
    for number in range(7):
        make_run(workspace, f"train_{number}_aa")
    with pytest.raises(UserErrorException) as caught:
        find_run(workspace, "train")
    message = str(caught.value)
    assert "'train' begins the ids of 7 runs: train_0_aa, " in message
    assert "train_4_aa, …" in message
    assert "train_5_aa" not in message


def test_last_is_the_newest_run_without_a_parent(workspace):
    make_run(workspace, "b", created=20.0)
    make_run(workspace, "a", created=30.0)
    make_run(workspace, "c", created=10.0)
    make_run(workspace, "a_0", created=40.0, parent="a")
    assert find_run(workspace, "@last") == find_run(workspace, "@last~0") == "a"
    assert find_run(workspace, "@last~2") == "c"


@pytest.mark.parametrize("text", ["@last~9", "@last~", "@first", "@last~-1", "@", "@last~99999999999"])
def test_what_names_no_run_says_the_way_out(workspace, text):
    make_run(workspace, "a")
    with pytest.raises(UserErrorException, match=r"names no run.*turnout runs"):
        find_run(workspace, text)


@pytest.mark.parametrize("text", ["nope", "", ".", "..", "../runs/a", "a/", "/", "nul\0"])
def test_an_unknown_run_says_the_way_out(workspace, text):
    make_run(workspace, "a")
    with pytest.raises(UserErrorException, match=r"there is no run.*turnout runs"):
        find_run(workspace, text)


def test_a_workspace_without_runs_says_so(workspace):
    with pytest.raises(UserErrorException, match="no run yet"):
        find_run(workspace, "@last")
    os.rmdir(workspace.runs)
    with pytest.raises(UserErrorException, match="there is no run 'x'"):
        find_run(workspace, "x")


def test_a_directory_that_is_no_run_is_not_found(workspace):
    os.mkdir(os.path.join(workspace.runs, "half-made"))
    with pytest.raises(UserErrorException, match="there is no run"):
        find_run(workspace, "half")
