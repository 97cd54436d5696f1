"""Reads notebooks, and runs them without Jupyter: the code cells, one after the other, in one namespace.

What is Python runs. Of IPython's own lines `%%writefile` is carried out, since v1's notebooks write their training scripts with it;
those that only concern how things are shown are passed over; of the others it is said that they are.
"""

from __future__ import annotations

import json
import linecache
import os
import sys
import types
from collections.abc import Sequence
from typing import NamedTuple

from turnout.exceptions import UserErrorException

EXTENSION = ".ipynb"
_WRITE = "writefile"
_AROUND_PYTHON = ("capture", "prun", "time", "timeit")
"""Cell magics whose cells are Python."""
_OF_DISPLAY = ("autoreload", "config", "load_ext", "matplotlib", "pylab", "reload_ext", "time", "timeit")
"""Line magics that change nothing of what a script does."""


class Cell(NamedTuple):
    """A code cell.

    Attributes:
        lines: all of its lines.
        magic: the words of its cell magic (`%%writefile train.py`), if it has one.
        python: as many lines, empty where there is no Python.
        passed_over: line numbers, from 1, and the lines that are neither Python nor carried out.
    """

    lines: list[str]
    magic: list[str]
    python: list[str]
    passed_over: list[tuple[int, str]]

    @property
    def writes(self) -> str | None:
        """The file that the cell writes; None when it writes none."""
        return self.magic[-1] if self.magic[:1] == [_WRITE] and len(self.magic) > 1 else None


def cells(path: str) -> list[Cell]:
    """Return the code cells of a notebook.

    Raises:
        OSError: it can't be read.
        ValueError: it is none.
    """
    with open(path, encoding="utf-8") as stream:
        content = json.load(stream)
    if not isinstance(content, dict):
        raise ValueError(f"{path} is no notebook")
    found = []
    for cell in content.get("cells") or []:
        if cell.get("cell_type") == "code":
            source = cell.get("source") or ""
            found.append(_cell(("".join(source) if isinstance(source, list) else source).splitlines()))
    return found


def _cell(lines: list[str]) -> Cell:
    magic = lines[0][2:].split() if lines and lines[0].startswith("%%") else []
    if magic and magic[0] not in (_WRITE, *_AROUND_PYTHON):
        return Cell(lines, magic, [""] * len(lines), [(1, lines[0])])
    if magic[:1] == [_WRITE]:
        is_script = magic[-1].endswith(".py")
        return Cell(lines, magic, ["", *lines[1:]] if is_script else [""] * len(lines), [])
    python, passed_over = [], []
    for number, line in enumerate(lines, 1):
        word = line.strip()
        if number == 1 and magic:
            python.append("")
        elif word.startswith(("%", "!", "?")):
            python.append(line[: len(line) - len(line.lstrip())] + "pass")  # where it may be all of a block
            if word[1:].split(" ")[0] not in _OF_DISPLAY:
                passed_over.append((number, word))
        elif word.endswith("?") and "#" not in word and word.rstrip("?").replace(".", "").isidentifier():
            python.append("pass")  # a question to the notebook
        else:
            python.append(line)
    return Cell(lines, magic, python, passed_over)


def python(path: str) -> str:
    """Return all that is Python in a notebook, what it writes into scripts too; lines are counted over its code cells."""
    return "\n".join("\n".join(cell.python) for cell in cells(path))


def run(path: str, arguments: Sequence[str]) -> None:
    """Run a notebook in its own directory, as Jupyter would.

    Args:
        path: the notebook.
        arguments: what it finds in `sys.argv[1:]`.

    Raises:
        UserErrorException: it can't be read.
        BaseException: whatever ends it.
    """
    try:
        found = cells(path)
    except (OSError, ValueError) as error:
        raise UserErrorException(f"the notebook {path} can't be read: {error}") from None
    main = types.ModuleType("__main__")
    sys.modules["__main__"] = main
    sys.argv[:] = [path, *arguments]
    directory, shown = os.path.dirname(os.path.abspath(path)), path
    sys.path[0] = directory
    os.chdir(directory)
    for number, cell in enumerate(found, 1):
        for line, text in cell.passed_over:
            sys.stderr.write(f"{shown}, cell {number}, line {line}: passed over: {text}\n")
        if cell.writes is not None:
            _write(cell)
            continue
        name = f"{shown}, cell {number}"
        linecache.cache[name] = (0, None, [f"{line}\n" for line in cell.lines], name)  # for tracebacks
        exec(compile("\n".join(cell.python), name, "exec"), main.__dict__)


def _write(cell: Cell) -> None:
    name = str(cell.writes)
    appends = "-a" in cell.magic or "--append" in cell.magic
    sys.stdout.write(f"{'Appending to' if appends else 'Overwriting' if os.path.exists(name) else 'Writing'} {name}\n")
    with open(name, "a" if appends else "w", encoding="utf-8") as out:
        out.write("\n".join(cell.lines[1:]) + "\n")
