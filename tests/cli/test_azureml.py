"""`turnout azureml check`: what it prints and what it ends with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SCRIPT = """
from azureml.core import Workspace, Webservice, Run
ws = Workspace.from_config()
print(ws.resource_group)
Run.get_context().log("a", 1)
"""


def test_the_command_lists_what_needs_attention(turnout: Any, tmp_path: Path) -> None:
    (tmp_path / "submit.py").write_text(SCRIPT)
    done = turnout("azureml", "check", str(tmp_path))
    assert done.code == 1
    assert "submit.py:2" in done.out
    assert "azureml.core.Webservice" in done.out
    assert "azureml.core.Run.log " not in done.out
    assert done.lines[-1].startswith("of 7 names")
    everything = turnout("azureml", "check", "--all", str(tmp_path))
    assert "azureml.core.Run.log " in everything.out
    (tmp_path / "submit.py").write_text("from azureml.core import Run\n")
    fine = turnout("azureml", "check", str(tmp_path))
    assert (fine.code, fine.out) == (0, "of 1 name 1 work, 0 differ, 0 are missing, as far as the sources tell\n")
    assert turnout("azureml", "check", str(tmp_path / "nowhere")).code == 2
