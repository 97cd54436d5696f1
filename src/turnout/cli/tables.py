"""Tables and lists of facts: drawn with rich on a terminal, plain aligned lines when piped.

Plain lines hold the same text as the terminal, never shortened, with at least two blanks between columns. For programs
there is `--json`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from turnout.cli import text
from turnout.runtime import states

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

_STYLES = {
    states.COMPLETED: "green",
    states.FAILED: "bold red",
    states.CANCELED: "yellow",
    states.CANCEL_REQUESTED: "yellow",
    states.NOT_RESPONDING: "magenta",
    states.RUNNING: "cyan",
    states.FINALIZING: "cyan",
}


def on_terminal() -> bool:
    """Say whether a person sees the output directly."""
    return sys.stdout.isatty()


class Table:
    """Rows under named columns.

    Args:
        columns: the headings, as they are to be read.
        right: which of them hold numbers, which stand to the right.
        status: the column that holds a run's status, coloured on a terminal.
        keep: the columns that are never shortened on a narrow terminal.
    """

    def __init__(
        self,
        *columns: str,
        right: Iterable[str] = (),
        status: str | None = None,
        keep: Iterable[str] = (),
    ) -> None:
        self._columns = columns
        self._right = frozenset(right)
        self._status = status
        self._keep = frozenset(keep)
        self._rows: list[list[str]] = []

    def add(self, *cells: object) -> None:
        """Add a row; each cell becomes one line of text."""
        self._rows.append([text.plain(cell) for cell in cells])

    def print(self) -> None:
        """Print the table; an empty one prints nothing."""
        if not self._rows:
            return
        if on_terminal():
            self._draw()
        else:
            sys.stdout.write("".join(f"{line}\n" for line in self._plain()))

    def _plain(self) -> list[str]:
        rows: list[Sequence[str]] = [[name.upper() for name in self._columns], *self._rows]
        widths = [max(len(row[column]) for row in rows) for column in range(len(self._columns))]
        lines = []
        for row in rows:
            cells = [
                cell.rjust(width) if name in self._right else cell.ljust(width)
                for name, cell, width in zip(self._columns, row, widths, strict=True)
            ]
            lines.append("  ".join(cells).rstrip())
        return lines

    def _draw(self) -> None:
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column, name in enumerate(self._columns):
            kept = name in self._keep or name in self._right or name == self._status
            width = max(len(name), *(len(row[column]) for row in self._rows)) if kept else None
            side: Literal["left", "right"] = "right" if name in self._right else "left"
            table.add_column(name.upper(), justify=side, no_wrap=True, overflow="ellipsis", min_width=width)
        for row in self._rows:
            table.add_row(
                *(
                    Text(cell, style=_STYLES.get(cell, "") if name == self._status else "")
                    for name, cell in zip(self._columns, row, strict=True)
                )
            )
        console().print(table)


class Facts:
    """A list of names and what they are, for one thing."""

    def __init__(self) -> None:
        self._facts: list[tuple[str, str]] = []

    def add(self, name: str, value: object) -> None:
        """Add a line; None and empty texts are left out."""
        if value is not None and value != "":
            self._facts.append((name, text.plain(value)))

    def print(self) -> None:
        """Print the lines, the values aligned; long ones wrap below themselves on a terminal."""
        width = max((len(name) for name, _ in self._facts), default=0)
        if not on_terminal():
            sys.stdout.write("".join(f"{name.ljust(width)}  {value}\n" for name, value in self._facts))
            return
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable.grid(padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in self._facts:
            style = _STYLES.get(value.split(" ", 1)[0], "") if name == "status" else ""
            table.add_row(name, Text(value, style=style))
        console().print(table)


def console() -> Console:
    """Return rich's console on standard output: colours only where the terminal has them and NO_COLOR is not set."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False, markup=False, emoji=False)
