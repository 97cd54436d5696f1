"""Reads and writes the YAML and text files that people keep beside their code: conda files, `.runconfig`s.

A round trip keeps comments, order, quotes and indentation; a file is replaced whole or not at all and keeps its mode.
ruamel.yaml is imported when the first such file is touched, never by an environment made in memory.
"""

from __future__ import annotations

import os
from typing import Any

from turnout.exceptions import UserErrorException


def read_text(path: str, error: type[UserErrorException]) -> str:
    """Return a text file's content: UTF-8, or UTF-16 when it begins with that mark (PowerShell's `>` writes it).

    Raises:
        error: the file can't be read; the message names it.
    """
    try:
        with open(path, "rb") as stream:
            data = stream.read()
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except OSError as failure:
        raise error(f"{path} can't be read: {failure.strerror or failure}", inner_exception=failure) from failure
    except UnicodeDecodeError as failure:
        raise error(f"{path} is not a UTF-8 text file", inner_exception=failure) from failure


def parse_yaml(text: str, path: str, error: type[UserErrorException]) -> Any:
    """Return the content of a YAML (or JSON) file as mappings and lists that remember their comments.

    Raises:
        error: it is not YAML; the message names the file and the line.
    """
    from ruamel.yaml.error import YAMLError

    try:
        return _yaml().load(text)
    except YAMLError as failure:
        mark = getattr(failure, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        reason = getattr(failure, "problem", None) or "not YAML"
        raise error(f"{path}{line}: {' '.join(str(reason).split())}", inner_exception=failure) from failure


def format_yaml(value: Any, like: str = "") -> str:
    """Return `value` as YAML, indented as the text `like` is."""
    import io

    yaml = _yaml()
    if like:
        from ruamel.yaml.util import load_yaml_guess_indent

        _, indent, offset = load_yaml_guess_indent(like)
        if indent is not None:
            yaml.indent(mapping=2, sequence=indent, offset=offset or 0)
    stream = io.StringIO()
    yaml.dump(value, stream)
    return stream.getvalue()


def _yaml() -> Any:
    from ruamel.yaml import YAML  # 60 ms, paid only where a YAML file is read or written

    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 4096  # never fold a person's long line
    return yaml


def plain(value: Any) -> Any:
    """Return what `parse_yaml` returned as plain Python types, a copy."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int) and not isinstance(value, bool):
        # The round-trip loader gives an anchored boolean a class of its own, derived from int.
        return bool(value) if type(value).__name__ == "ScalarBoolean" else int(value)
    return value


def write_text(path: str, text: str) -> None:
    """Replace the file at `path`, through a link if it is one; its mode stays, a new one gets the account's default."""
    target = os.path.realpath(path)
    temporary = f"{target}.{os.getpid()}.tmp"
    try:
        with open(temporary, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        if os.path.exists(target):
            os.chmod(temporary, os.stat(target).st_mode & 0o7777)
        os.replace(temporary, target)
    except BaseException:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        raise
