"""Hides the values of secrets in text that Turnout is about to keep: logs, reasons, errors."""

from __future__ import annotations

import json
from typing import Callable, Iterable, List, Set, Tuple

MASK = "***"
SHORTEST = 4
"""Shorter values are not looked for: they would be found everywhere."""

Hide = Callable[[str], str]


class Redactor:
    """A function that returns a text with every secret value in it replaced by `***`.

    Found are the value as it is, each line of one that has several, and the forms that tools print: escaped as in JSON
    and in Python, and percent-encoded as in a URL.

    Args:
        values: the values of the secrets.
    """

    def __init__(self, values: Iterable[str]) -> None:
        forms: Set[str] = set()
        for value in values:
            forms.update(form for form in _forms(value) if len(form) >= SHORTEST)
        self._forms = sorted(forms)

    def __call__(self, text: str) -> str:
        """Return `text` without the values."""
        spans = sorted(span for form in self._forms for span in _occurrences(text, form))
        if not spans:
            return text
        # Values may overlap: what any of them covers goes.
        parts: List[str] = []
        end = 0
        for begin, until in spans:
            if begin >= end:
                parts += [text[end:begin], MASK]
            end = max(end, until)
        return "".join(parts) + text[end:]


def as_it_is(text: str) -> str:
    """Return `text`: where there is no secret, nothing is hidden."""
    return text


def redactor(values: Iterable[str]) -> Hide:
    """Return what hides these values: a `Redactor`, or `as_it_is` when there are none."""
    listed = list(values)
    return Redactor(listed) if listed else as_it_is


def unknown(names: Iterable[str]) -> Hide:
    """Return what hides secrets whose values aren't known any more: nothing is quoted if there are `names`."""
    return _nothing if list(names) else as_it_is


def _nothing(text: str) -> str:
    return ""


def _forms(value: str) -> Set[str]:
    from urllib.parse import quote  # 5 ms that only a run with secrets pays for

    plain = {value, value.strip(), *(line.strip() for line in value.splitlines())}
    found = set(plain)
    for each in plain:
        found.update((json.dumps(each)[1:-1], json.dumps(each, ensure_ascii=False)[1:-1], repr(each)[1:-1]))
        encoded = each.encode("utf-8", "surrogateescape")
        found.update((quote(encoded, safe=""), quote(encoded)))
    return found


def _occurrences(text: str, form: str) -> List[Tuple[int, int]]:
    found = []
    at = text.find(form)
    while at >= 0:
        found.append((at, at + len(form)))
        at = text.find(form, at + 1)
    return found
