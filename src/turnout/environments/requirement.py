"""Reads one line of a requirements list, as far as Turnout needs it: the name, the versions, obvious mistakes.

Not a resolver and no judge of versions: uv has the last word when an environment is resolved. No I/O.
Source of the grammar: PEP 508 and pip's "Requirements File Format".
"""

from __future__ import annotations

import re
from typing import NamedTuple

_CLAUSE = r"(?:===|==|~=|!=|<=|>=|<|>)\s*(?:[0-9]+!)?[^\s,;()<>=!~]+"
_REQUIREMENT = re.compile(
    rf"""
    (?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*
    (?P<extras>\[\s*[A-Za-z0-9._,\s-]*\])?\s*
    (?:
        @\s*(?P<url>\S+)
      | \(\s*(?P<bracketed>{_CLAUSE}(?:\s*,\s*{_CLAUSE})*)\s*,?\s*\)
      | (?P<plain>{_CLAUSE}(?:\s*,\s*{_CLAUSE})*)\s*,?
    )?
    \s*(?:;\s*(?P<marker>\S.*?))?\s*
    """,
    re.VERBOSE,
)
_OPTIONS_AFTER = re.compile(r"\s+(?=--(?:hash|config-settings?|global-option)\b)")
_ARCHIVES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz")

VALUE_OPTIONS = {
    "-i": "--index-url",
    "--index-url": "--index-url",
    "--pypi-url": "--index-url",
    "--extra-index-url": "--extra-index-url",
    "-f": "--find-links",
    "--find-links": "--find-links",
    "-e": "--editable",
    "--editable": "--editable",
    "-r": "--requirement",
    "--requirement": "--requirement",
    "-c": "--constraint",
    "--constraint": "--constraint",
    "--no-binary": "--no-binary",
    "--only-binary": "--only-binary",
    "--trusted-host": "--trusted-host",
    "--torch-backend": "--torch-backend",
    "--use-feature": "--use-feature",
}
"""The options of a requirements file that take a value → their long names."""

FLAG_OPTIONS = ("--no-index", "--pre", "--prefer-binary", "--require-hashes")
"""The options of a requirements file that take none."""


class Requirement(NamedTuple):
    """A requirement by name; `specifier` is like `>=1,<2`, empty for any version."""

    name: str
    extras: str
    specifier: str
    url: str
    marker: str


def parse(line: str) -> Requirement | None:
    """Return the parts of a requirement that goes by name; None for an option, a path, a bare URL or a mistake."""
    text = _OPTIONS_AFTER.split(line.strip(), maxsplit=1)[0]
    match = _REQUIREMENT.fullmatch(text)
    if match is None or is_location(text):
        return None
    clauses = match["bracketed"] or match["plain"] or ""
    return Requirement(
        match["name"],
        "".join((match["extras"] or "").split()),
        ",".join("".join(clause.split()) for clause in clauses.split(",")),
        match["url"] or "",
        match["marker"] or "",
    )


def is_location(text: str) -> bool:
    """Say whether a requirement is a bare URL or path, which has no version and may have no name."""
    before_marker = text.split(" ;", maxsplit=1)[0].split(" @ ", maxsplit=1)
    if len(before_marker) > 1:
        return False
    first = before_marker[0]
    return (
        "://" in first.split("@", maxsplit=1)[0]
        or first.startswith((".", "/", "~", "file:"))
        or first.endswith(_ARCHIVES)
    )


def normal_name(name: str) -> str:
    """Return a distribution's name in the form in which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def identity(line: str) -> str:
    """Return what a requirement is about, so that a later line about the same thing can replace it.

    Its normalised name; for a bare URL the name in `#egg=`, else the URL or path itself.
    """
    found = parse(line)
    if found is not None:
        return normal_name(found.name)
    egg = re.search(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)", line)
    if egg:
        return normal_name(egg[1])
    named = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", line.strip())
    if named and not is_location(line.strip()):
        return normal_name(named[0])
    return line.strip()


def split_option(line: str) -> tuple[str, str]:
    """Return the long name and the value of an option line; an unknown option keeps its own spelling."""
    text = line.strip()
    if text.startswith("--"):
        name, _, value = text.replace("=", " ", 1).partition(" ") if "=" in text.split()[0] else text.partition(" ")
    else:
        name, value = text[:2], text[2:]
    return VALUE_OPTIONS.get(name, name), value.strip()


def problem(line: str) -> str | None:
    """Return what is obviously wrong with a line of a requirements file, or None."""
    text = line.strip()
    if text.startswith("-"):
        name, value = split_option(text)
        if name in VALUE_OPTIONS:
            return None if value else f"{name} needs a value"
        if name in FLAG_OPTIONS:
            return f"{name} takes no value" if value else None
        return f"{name} is not an option of a requirements file"
    if is_location(_OPTIONS_AFTER.split(text, maxsplit=1)[0]) or parse(text) is not None:
        return None
    if text.count("[") != text.count("]") or text.count("(") != text.count(")"):
        return "a bracket is not closed"
    if re.fullmatch(r"[A-Za-z0-9._-]+(?:\[[^\]]*\])?\s*=\s*[^=\s]\S*", text):
        return "a version is given with '==', not '='"
    if not text[:1].isascii() or not text[:1].isalnum():
        return "a requirement begins with a letter or a digit"
    return "it is not 'NAME', 'NAME==VERSION' or another form that pip knows"


def merge(requirements: list[str]) -> list[str]:
    """Join the requirements for one distribution into one each, in the order of their first mention.

    `["a==1", "a<2", "b"]` → `["a==1,<2", "b"]`. Requirements with different markers stay apart, since they hold at
    different times; options, paths and URLs stay as they are, once each.
    """
    merged: dict[tuple[str, ...], list[str]] = {}
    heads: dict[tuple[str, ...], Requirement] = {}
    for line in requirements:
        found = parse(line)
        if found is None or found.url or _OPTIONS_AFTER.search(line.strip()):
            merged.setdefault(("", line.strip()), [])
            continue
        key = (normal_name(found.name), found.extras.lower(), found.marker)
        heads.setdefault(key, found)
        clauses = merged.setdefault(key, [])
        clauses.extend(clause for clause in found.specifier.split(",") if clause and clause not in clauses)
    return [_joined(heads.get(key), clauses) or key[1] for key, clauses in merged.items()]


def _joined(head: Requirement | None, clauses: list[str]) -> str:
    if head is None:
        return ""
    marker = f"; {head.marker}" if head.marker else ""
    return f"{head.name}{head.extras}{','.join(clauses)}{marker}"
