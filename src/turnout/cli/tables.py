"""Tables and lists of facts: drawn with rich on a terminal, plain aligned lines when piped.

Plain lines hold the same text as the terminal, never shortened, with at least two blanks between columns. For programs
there is `--json`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from turnout.cli import text
from turnout.runtime import states

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

_GAP = "  "
_STYLES = {
    states.COMPLETED: "green",
    states.FAILED: "bold red",
    states.CANCELED: "yellow",
    states.CANCEL_REQUESTED: "yellow",
    states.NOT_RESPONDING: "magenta",
    states.RUNNING: "cyan",
    states.FINALIZING: "cyan",
    "ok": "green",
    "note": "yellow",
    "later": "dim",
    "broken": "bold red",
}


def on_terminal() -> bool:
    """Say whether a person sees the output directly."""
    return sys.stdout.isatty()


class Table:
    """Rows under named columns, each perhaps with a note.

    Args:
        columns: the headings, as they are to be read.
        right: which of them hold numbers, which stand to the right.
        status: the column that holds a status, coloured on a terminal.
        optional: the columns that a narrow terminal does without, the first to go first.
        note: the heading of the notes: a last column when piped, a line below the row on a terminal.
    """

    def __init__(
        self,
        *columns: str,
        right: Iterable[str] = (),
        status: str | None = None,
        optional: Iterable[str] = (),
        note: str | None = None,
    ) -> None:
        self._columns = columns
        self._right = frozenset(right)
        self._status = status
        self._optional = tuple(optional)
        self._note = note
        self._rows: list[tuple[list[str], str]] = []

    def add(self, *cells: object, note: object = None) -> None:
        """Add a row; each cell becomes one line of text."""
        self._rows.append(([text.plain(cell) for cell in cells], text.plain(note) if note else ""))

    def print(self) -> None:
        """Print the table; an empty one prints nothing."""
        if not self._rows:
            return
        if on_terminal():
            self._draw()
        else:
            sys.stdout.write("".join(f"{line}\n" for line in self._plain()))

    def _plain(self) -> list[str]:
        noted = self._note is not None and any(note for _, note in self._rows)
        heading = [name.upper() for name in self._columns] + [str(self._note).upper()] * noted
        rows = [heading, *([*cells, note or "-"] if noted else cells for cells, note in self._rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return [self._line(row, widths) for row in rows]

    def _line(self, cells: list[str], widths: list[int]) -> str:
        names = [*self._columns, ""]
        padded = [
            cell.rjust(width) if name in self._right else cell.ljust(width)
            for name, cell, width in zip(names, cells, widths, strict=False)
        ]
        return _GAP.join(padded).rstrip()

    def _draw(self) -> None:
        screen = console()
        for line in self.drawn(screen.width):
            screen.print(line, soft_wrap=True)

    def drawn(self, width: int) -> list[Any]:
        """Return what rich prints of it, a line each, on a terminal so many characters wide."""
        from rich.cells import cell_len
        from rich.padding import Padding
        from rich.text import Text

        cells = [[name.upper() for name in self._columns], *(row for row, _ in self._rows)]
        widths = {name: max(cell_len(row[column]) for row in cells) for column, name in enumerate(self._columns)}
        shown = self._fitting(widths, width)

        def line(row: list[str], heading: bool) -> Text:
            parts = Text(no_wrap=True)
            for column, name in enumerate(self._columns):
                if name not in shown:
                    continue
                cell, blanks = row[column], " " * (widths[name] - cell_len(row[column]))
                style = "bold" if heading else _STYLES.get(cell, "") if name == self._status else ""
                if parts:
                    parts.append(_GAP)
                parts.append(blanks if name in self._right else "")
                parts.append(cell, style)
                parts.append("" if name in self._right else blanks)
            parts.rstrip()
            return parts

        lines: list[Any] = [line(cells[0], heading=True)]
        for row, note in self._rows:
            lines.append(line(row, heading=False))
            if note:
                lines.append(Padding(Text(note, style="dim"), (0, 0, 0, 4), expand=False))
        return lines

    def _fitting(self, widths: dict[str, int], width: int) -> list[str]:
        """Return the columns that fit, as many of the optional ones as can be."""
        shown = list(self._columns)
        for name in self._optional:
            if sum(widths[column] + len(_GAP) for column in shown) - len(_GAP) <= width:
                break
            if name in shown:
                shown.remove(name)
        return shown


class Facts:
    """A list of names and what they are, for one thing."""

    def __init__(self) -> None:
        self._facts: list[tuple[str, str]] = []

    def add(self, name: str, value: object) -> None:
        """Add a line; None and empty texts are left out."""
        if value is not None and value != "":
            self._facts.append((name, text.plain(value)))

    def print(self) -> None:
        """Print the lines, the values aligned."""
        width = max((len(name) for name, _ in self._facts), default=0)
        if not on_terminal():
            sys.stdout.write("".join(f"{name.ljust(width)}{_GAP}{value}\n" for name, value in self._facts))
            return
        from rich.text import Text

        screen = console()
        for name, value in self._facts:
            style = _STYLES.get(value.split(" ", 1)[0], "") if name == "status" else ""
            screen.print(Text.assemble((name.ljust(width), "bold"), _GAP, (value, style)), soft_wrap=True)


def console() -> Console:
    """Return rich's console on standard output: colours only where the terminal has them and NO_COLOR is not set."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False, markup=False, emoji=False)
