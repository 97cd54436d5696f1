from __future__ import annotations

import os
from pathlib import Path

from turnout.history import synchronising
from turnout.runtime import states
from turnout.runtime.layout import WorkspaceLayout
from turnout.testing.records import make_run


def synchronise(workspace: WorkspaceLayout, target: str | None = None):
    asked: list[str] = []
    done = synchronising.synchronise(workspace, target, asked.append)
    return {each.run: each for each in done}, asked


def test_only_runs_elsewhere_that_lack_something_are_outstanding(workspace: WorkspaceLayout, more_away) -> None:
    make_run(workspace, "local", state=states.RUNNING)
    make_run(workspace, "ended", target={"name": "local", "type": "local"})
    one, two = more_away(1), more_away(2, "other")
    assert synchronising.outstanding(workspace, None) == ["away_1", "away_2"]
    assert synchronising.outstanding(workspace, "other") == ["away_2"]
    assert synchronising.outstanding(workspace, "nowhere") == []
    two.end()
    two.copy.look()
    assert synchronising.outstanding(workspace, None) == ["away_1"]
    one.end()
    one.copy.look()
    assert synchronising.outstanding(workspace, "box") == []


def test_a_damaged_record_and_a_workspace_without_runs_are_no_trouble(workspace: WorkspaceLayout, more_away) -> None:
    more_away(1)
    damaged = make_run(workspace, "damaged", state=states.RUNNING)
    Path(damaged.definition).write_text("{")
    assert synchronising.outstanding(workspace, None) == ["away_1"]
    os.rename(workspace.runs, f"{workspace.runs}.away")
    assert synchronising.outstanding(workspace, None) == []


def test_all_that_is_outstanding_is_brought(workspace: WorkspaceLayout, more_away) -> None:
    runs = [more_away(number) for number in (1, 2, 3)]
    for run in runs[:2]:
        run.leave(model=b"m" * 1000)
        run.end()
    done, asked = synchronise(workspace)
    assert {name: (each.status, each.failed) for name, each in done.items()} == {
        "away_1": (states.COMPLETED, False),
        "away_2": (states.COMPLETED, False),
        "away_3": (states.RUNNING, False),
    }
    assert len(asked) == 3
    for run in runs[:2]:
        assert run.text("code", "outputs", "model") == b"m" * 1000
    assert list(synchronise(workspace)[0]) == ["away_3"]


def test_a_target_that_is_away_is_tried_once_and_the_others_are_asked(
    workspace: WorkspaceLayout, more_away, account: Path
) -> None:
    runs = [more_away(number) for number in (1, 2)]
    other = more_away(3, "other")
    other.end()
    runs[0].break_off()
    for each in Path(other.here.root).glob("run.json"):  # the other target's link is another one
        each.write_text(each.read_text().replace(str(account / "cut"), str(account / "whole")))
    done, asked = synchronise(workspace)
    assert {name: each.failed for name, each in done.items()} == {"away_1": True, "away_2": True, "away_3": False}
    assert done["away_1"].status == states.NOT_RESPONDING
    assert "no route to it" in done["away_1"].reason
    assert "no route to it" in done["away_2"].reason
    assert done["away_3"].status == states.COMPLETED
    assert asked == ["asking for away_1", "asking for away_3"]
    runs[0].cut.unlink()
    assert not any(each.failed for each in synchronise(workspace)[0].values())
