"""Writes docs/reference.md from the docstrings of the public names; `--check` says whether it is as it should be."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import turnout
from turnout import sweeps
from turnout.cli import COMMANDS
from turnout.runtime.script.refusals import Refusal

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"


def page() -> str:
    """Return the whole page."""
    parts = [
        "# Reference\n\nMade from the docstrings by `scripts/reference.py`.\n\n## Python: `from turnout import …`\n"
    ]
    for name in sorted(turnout.__all__):
        parts.append(_class(name, getattr(turnout, name)))
    parts.append("## Sweeps: `from turnout.sweeps import …`\n")
    for name in sorted(sweeps.__all__):
        value = getattr(sweeps, name)
        parts.append(_class(name, value) if isinstance(value, type) else _function(name, value))
    parts.append("## The command line\n\nEach command has `--help`; listings have `--json`.\n")
    for name, (_, line) in COMMANDS.items():
        parts.append(f"- `turnout {name}`: {line}")
    return "\n".join(parts) + "\n"


def _class(name: str, value: type) -> str:
    lines = [f"### `{name}`\n", _indented(inspect.getdoc(value) or ""), ""]
    if issubclass(value, Exception):
        return "\n".join(lines)
    for member, found in _members(value) if _is_of_several(value) else sorted(vars(value).items()):
        if isinstance(found, Refusal):
            continue  # it says itself what to use instead
        if member.startswith("_") or not (
            inspect.isroutine(found) or isinstance(found, property | staticmethod | classmethod)
        ):
            continue
        target = getattr(found, "fget", None) or getattr(found, "__func__", found)
        text = inspect.getdoc(target)
        if not text:
            continue
        signature = "" if isinstance(found, property) else str(inspect.signature(target))
        lines.append(f"- **`{member}{signature}`**: {_indented(text, '  ')}")
    return "\n".join(lines) + "\n"


def _is_of_several(value: type) -> bool:
    """Say whether a class has members that are written in a base of the script's side."""
    return any(base.__module__.startswith("turnout.runtime.script") for base in value.__mro__[1:])


def _function(name: str, value: object) -> str:
    """Return what is said of a function."""
    signature = str(inspect.signature(value))  # type: ignore[arg-type]
    return f"### `{name}{signature}`\n\n{inspect.getdoc(value) or ''}\n"


def _members(value: type) -> list[tuple[str, object]]:
    """Return the members of a class and of its bases, the nearest first."""
    found: dict[str, object] = {}
    for base in value.__mro__[:-1]:
        for member, item in vars(base).items():
            found.setdefault(member, item)
    return sorted(found.items())


def _indented(text: str, by: str = "") -> str:
    return text.replace("\n", f"\n{by}")


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if PAGE.read_text() == page() else "docs/reference.md is old: run scripts/reference.py")
    PAGE.write_text(page())
