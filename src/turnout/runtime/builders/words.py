"""Cleans what tools say, so that it can be quoted in a record: no colours, no credentials, the lines that matter."""

from __future__ import annotations

import re

from turnout.runtime import redaction

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<user>[^/@\s'\"`]+)@")
_PLACEHOLDERS = re.compile(r"(?:(?:[A-Za-z0-9._-]+|\$\{[A-Z0-9_]+\}):)?\$\{[A-Z0-9_]+\}")
_START = re.compile(r"[\s\u00d7]*(error|fatal|failed|\u00d7)[:\s]", re.IGNORECASE)
_ORNAMENTS = " \t\u00d7\u2502\u2570\u251c\u2500\u25b6"
"""What uv before 0.13 draws its errors with: a cross, box-drawing lines and an arrow."""
_FILLER = ", we can conclude that your requirements are unsatisfiable"
_MOST_LINES = 60
_LONGEST_HEADLINE = 400


def clean(text: str, hide: redaction.Hide = redaction.as_it_is) -> str:
    """Return `text` without terminal escapes, without credentials in URLs, and without what `hide` takes out.

    Secrets go before credentials: cutting a URL short would leave the rest of a secret that holds it.
    """
    return without_credentials(hide(_ESCAPES.sub("", text)))


def holds_credentials(text: str) -> bool:
    """Say whether a URL in `text` carries a user name or password that must not be kept.

    A user name alone is no secret for SSH (`git+ssh://git@host`), and `${NAME}` is a variable's name, not its value.
    """
    return without_credentials(text) != text


def without_credentials(text: str) -> str:
    """Return `text` with the user part of every URL cut out, unless it is harmless (see `holds_credentials`)."""
    return _USERINFO.sub(_harmless_or_cut, text)


def _harmless_or_cut(match: "re.Match[str]") -> str:
    user, scheme = match.group("user"), match.group("scheme")
    harmless = (scheme.endswith("ssh") and ":" not in user) or _PLACEHOLDERS.fullmatch(user)
    return match.group(0) if harmless else "%s://" % scheme


def tells_error(line: str) -> bool:
    """Say whether a line begins a tool's account of its failure."""
    return _START.match(line) is not None


def meaningful(text: str) -> str:
    """Return the part of a failed tool's output that tells why: from its first error on, else its last lines."""
    lines = [line.rstrip() for line in clean(text).splitlines() if line.strip()]
    for position, line in enumerate(lines):
        if tells_error(line):
            return "\n".join(lines[position : position + _MOST_LINES])
    return "\n".join(lines[-_MOST_LINES:])


def headline(quoted: str) -> str:
    """Return one line for what `meaningful` gave: the error and its first cause, without labels and ornaments."""
    lines = quoted.splitlines()
    if not lines:
        return ""
    error = _unlabelled(lines[0]).rstrip(":")
    cause = ""
    for line, following in zip(lines[1:], [*lines[2:], ""]):
        if following.strip().startswith("^"):
            break  # an excerpt with a marker below it
        begins = "\u25b6" in line or line.lstrip(_ORNAMENTS).startswith("cause: ")
        text = _unlabelled(line)
        if (begins and cause) or (not begins and (not cause or not _goes_on(line, text))):
            break
        cause += (" " if cause else "") + text
    cause = cause.replace(_FILLER, "")
    joined = "%s: %s" % (error, cause) if cause else error
    return joined if len(joined) <= _LONGEST_HEADLINE else joined[: _LONGEST_HEADLINE - 1] + "\u2026"


def _unlabelled(line: str) -> str:
    text = line.strip(_ORNAMENTS)
    label, colon, rest = text.partition(": ")
    return rest.strip() if colon and label.lower() in ("error", "cause") else text


def _goes_on(line: str, text: str) -> bool:
    """Say whether a line continues a cause in prose: indented, and not another tool's quoted output."""
    return line.startswith("      ") and not text.startswith(("[", "-", "hint"))
