"""Notebooks: what of them is Python, and how their cells run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from turnout import UserErrorException
from turnout.azureml import check, notebook


def write(path: Path, *sources: str) -> str:
    cells = [{"cell_type": "markdown", "source": "# not code"}]
    cells += [{"cell_type": "code", "source": source} for source in sources]
    path.write_text(json.dumps({"cells": cells}))
    return str(path)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory of its own, and this process as it was afterwards."""
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_lines_that_are_no_python_are_taken_out_and_the_others_keep_their_numbers(tmp_path: Path) -> None:
    path = write(
        tmp_path / "lab.ipynb",
        "%matplotlib inline\nif True:\n    !ls\nprint?\nx = 1",
        "%%bash\necho $HOME && ls",
        "%%writefile train.py\nimport os",
        "%%writefile notes.txt\nno Python at all",
        "%%time\nfor x in (): pass",
    )
    lines = notebook.python(path).split("\n")
    assert lines[:5] == ["pass", "if True:", "    pass", "pass", "x = 1"]
    assert lines[5:] == ["", "", "", "import os", "", "", "", "for x in (): pass"]
    assert [cell.passed_over for cell in notebook.cells(path)][:2] == [[(3, "!ls")], [(1, "%%bash")]]


def test_a_cell_of_another_language_does_not_hide_the_others_from_a_check(tmp_path: Path) -> None:
    path = write(tmp_path / "lab.ipynb", "%%html\n<b>bold</b>", "from azureml.core import Run")
    uses, unreadable = check.check(path)
    assert unreadable == []
    assert [use.name for use in uses] == ["azureml.core.Run"]


def test_cells_run_in_one_namespace_and_write_files(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (kept / "below").mkdir()
    (kept / "below" / "helper.py").write_text("value = 2\n")
    write(
        kept / "below" / "lab.ipynb",
        "import sys, helper\none = 1\n%matplotlib inline\n%pip install six",
        "%%writefile train.py\nprint('{x}')\n",
        "%%writefile -a train.py\n# more",
        "import pathlib\nassert __name__ == '__main__'\nwritten = pathlib.Path('train.py').read_text()",
        "print(one + helper.value, sys.argv[1:], written)",
    )
    notebook.run("below/lab.ipynb", ["x"])
    told = capsys.readouterr()
    assert told.out == "Writing train.py\nAppending to train.py\n3 ['x'] print('{x}')\n# more\n\n"
    assert told.err == "below/lab.ipynb, cell 1, line 4: passed over: %pip install six\n"


def test_what_is_no_notebook_is_said(kept: Path) -> None:
    (kept / "lab.ipynb").write_text("[]")
    with pytest.raises(UserErrorException, match=r"the notebook lab.ipynb can't be read: lab.ipynb is no notebook"):
        notebook.run("lab.ipynb", [])
