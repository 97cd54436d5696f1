"""Git's ignore patterns as regular expressions over bytes.

Follows git's `dir.c` and `wildmatch.c` to the letter (gitignore(5) says less than they do): names are bytes, `**` means
more than `*` only between slashes, bracket expressions know POSIX classes, a malformed pattern matches nothing. The
tests hold it against git itself. The rules of one file become two dictionaries of literal names and at most two
expressions, so that a path is matched in about a microsecond however many rules there are.

Not the pathspec library: it takes 40 ms to import, tries rule after rule, and decides differently from git where names
or patterns are odd (line ends, classes, escapes in brackets, `[!a]` against a slash). bench/snapshots.py compares them.
"""

from __future__ import annotations

import re

DIRECTORY_MARK = b"\0"
"""Stands at the end of a directory's name in what is matched; no name holds it, and no wildcard matches it."""

_ANY = rb"[^/\0]"
_STAR = rb"[^/\0]*"
_DEEP = rb"[^\0]*"
_NEVER = rb"(?!)"
_SPECIAL = b"*?[\\"

_ASCII = range(1, 128)
_LETTERS = frozenset(code for code in _ASCII if chr(code).isalpha())
_DIGITS = frozenset(b"0123456789")
_GRAPHIC = frozenset(range(0x21, 0x7F))
_CLASSES = {
    b"alnum": _LETTERS | _DIGITS,
    b"alpha": _LETTERS,
    b"blank": frozenset(b" \t"),
    b"cntrl": frozenset([*range(1, 32), 127]),
    b"digit": _DIGITS,
    b"graph": _GRAPHIC,
    b"lower": frozenset(code for code in _LETTERS if chr(code).islower()),
    b"print": _GRAPHIC | {0x20},
    b"punct": _GRAPHIC - _LETTERS - _DIGITS,
    b"space": frozenset(b" \t\n\r"),  # git's own isspace: neither \v nor \f
    b"upper": frozenset(code for code in _LETTERS if chr(code).isupper()),
    b"xdigit": frozenset(b"0123456789abcdefABCDEF"),
}


class Rule:
    """One line of an ignore file.

    Attributes:
        source: the file, as it is to be shown.
        line: its line number, from 1.
        text: the line, as it is to be shown.
        negated: it begins with `!`: what it matches stays in.
        names: its last component holds more than wildcards, so that it means something in particular.
    """

    __slots__ = ("line", "names", "negated", "source", "text")

    def __init__(self, source: str, line: int, text: bytes, negated: bool, names: bool) -> None:
        self.source = source
        self.line = line
        self.text = text.decode("utf-8", "replace")
        self.negated = negated
        self.names = names

    def __str__(self) -> str:
        return f"{self.source}:{self.line}: {self.text}"


class RuleFile:
    """The rules of one ignore file.

    Args:
        source: the file, as it is to be shown.
        data: its content.
    """

    __slots__ = ("_names", "_paths", "_rules", "_wild_names", "_wild_paths")

    def __init__(self, source: str, data: bytes) -> None:
        self._rules: list[Rule] = []
        self._names: dict[bytes, int] = {}
        self._paths: dict[bytes, int] = {}
        wild_names: list[tuple[int, bytes]] = []
        wild_paths: list[tuple[int, bytes]] = []
        for number, line in enumerate(_lines(data), 1):
            pattern = _Pattern.parse(line)
            if pattern is None:
                continue
            index = len(self._rules)
            self._rules.append(Rule(source, number, line, pattern.negated, pattern.names))
            literals, wild = (self._paths, wild_paths) if pattern.anchored else (self._names, wild_names)
            if pattern.literal is not None:
                literals[pattern.literal + DIRECTORY_MARK] = index
                if not pattern.directories_only:
                    literals[pattern.literal] = index
            else:
                wild.append((index, pattern.expression()))
        self._wild_names = _Alternatives.of(wild_names)
        self._wild_paths = _Alternatives.of(wild_paths)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def last_match(self, name: bytes, path: bytes) -> Rule | None:
        """Return the last rule that matches, as git has it, or None.

        Args:
            name: the last component; a directory's ends with `DIRECTORY_MARK`.
            path: the path from the directory that the rules are relative to; marked in the same way.
        """
        best = self._names.get(name, -1)
        wild = self._wild_names
        if wild is not None:
            best = max(best, wild.last_match(name))
        if self._paths:
            best = max(best, self._paths.get(path, -1))
        wild = self._wild_paths
        if wild is not None:
            best = max(best, wild.last_match(path))
        return self._rules[best] if best >= 0 else None


class _Alternatives:
    """Several expressions in one: says which of those that match comes last."""

    __slots__ = ("_fullmatch", "_indexes")

    def __init__(self, expressions: list[tuple[int, bytes]]) -> None:
        backwards = expressions[::-1]
        self._indexes = [index for index, _ in backwards]
        joined = b"|".join(b"(%s)" % expression for _, expression in backwards)
        self._fullmatch = re.compile(joined, re.DOTALL).fullmatch

    @classmethod
    def of(cls, expressions: list[tuple[int, bytes]]) -> _Alternatives | None:
        return cls(expressions) if expressions else None

    def last_match(self, subject: bytes) -> int:
        match = self._fullmatch(subject)
        return self._indexes[match.lastindex - 1] if match and match.lastindex else -1


class _Pattern:
    """A parsed line: what `parse_path_pattern` of git's dir.c makes of it."""

    __slots__ = ("anchored", "directories_only", "literal", "names", "negated", "text")

    def __init__(self, text: bytes) -> None:
        self.negated = text.startswith(b"!")
        if self.negated:
            text = text[1:]
        self.directories_only = text.endswith(b"/")
        if self.directories_only:
            text = text[:-1]
        self.anchored = b"/" in text
        self.text = text.removeprefix(b"/")
        self.literal = None if any(code in _SPECIAL for code in self.text) else self.text
        self.names = bool(self.text.rpartition(b"/")[2].strip(b"*?"))

    @classmethod
    def parse(cls, line: bytes) -> _Pattern | None:
        """Return the pattern of a line, or None for a blank line or a comment."""
        if not line or line.startswith(b"#"):
            return None
        return cls(_without_trailing_blanks(line.partition(b"\0")[0]))

    def expression(self) -> bytes:
        """Return the expression that a whole marked name or path has to match."""
        end = re.escape(DIRECTORY_MARK)
        if not self.directories_only:
            end += b"?"
        if not self.anchored:
            return (_translated(self.text) or _NEVER) + end
        # Git compares what stands before the first wildcard as it is, and matches the rest as a pattern of its own: so
        # `a**/b` holds a leading `**/` after all.
        length = _literal_length(self.text)
        rest = _translated(self.text[length:])
        return _NEVER if rest is None else re.escape(self.text[:length]) + rest + end


def _lines(data: bytes) -> list[bytes]:
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [line.removesuffix(b"\r") for line in lines]


def _without_trailing_blanks(line: bytes) -> bytes:
    """Remove blanks at the end, unless a backslash stands before them."""
    end = index = 0
    while index < len(line):
        if line[index] == 0x5C:
            index += 2
            end = index
        else:
            index += 1
            if line[index - 1] != 0x20:
                end = index
    return line[:end]


def _literal_length(pattern: bytes) -> int:
    return next((index for index, code in enumerate(pattern) if code in _SPECIAL), len(pattern))


def _translated(pattern: bytes) -> bytes | None:
    """Return a glob as an expression, or None if it can match nothing."""
    out: list[bytes] = []
    index = 0
    while index < len(pattern):
        code = pattern[index : index + 1]
        if code == b"*":
            expression, index = _stars(pattern, index)
        elif code == b"[":
            bracket = _bracket(pattern, index + 1)
            if bracket is None:
                return None
            expression, index = bracket
        elif code == b"?":
            expression, index = _ANY, index + 1
        elif code == b"\\":
            if index + 1 == len(pattern):
                return None
            expression, index = re.escape(pattern[index + 1 : index + 2]), index + 2
        else:
            expression, index = re.escape(code), index + 1
        out.append(expression)
    return b"".join(out)


def _stars(pattern: bytes, index: int) -> tuple[bytes, int]:
    """Translate the asterisks at `index`; return the expression and the index after them."""
    end = index
    while pattern[end : end + 1] == b"*":
        end += 1
    rest = pattern[end : end + 2]
    between_slashes = (index == 0 or pattern[index - 1] == 0x2F) and (
        not rest or rest.startswith(b"/") or rest == b"\\/"
    )
    if end - index == 1 or not between_slashes:
        return _STAR, end
    if rest.startswith(b"/"):
        return b"(?:" + _DEEP + b"/)?", end + 1
    return _DEEP, end


def _bracket(pattern: bytes, index: int) -> tuple[bytes, int] | None:
    """Translate a bracket expression.

    Args:
        pattern: the whole pattern.
        index: where the expression begins, after its `[`.

    Returns:
        The expression and the index after its `]`; None if it doesn't end or names a class that doesn't exist.
    """
    negated = pattern[index : index + 1] in (b"!", b"^")
    if negated:
        index += 1
    members: set[int] = set()
    previous = 0  # what a following `-` starts from
    first = True
    while first or pattern[index : index + 1] != b"]":
        first = False
        if index >= len(pattern):
            return None
        code = pattern[index]
        following = pattern[index + 1 : index + 2]
        if code == 0x5C:
            if not following:
                return None
            previous = following[0]
            members.add(previous)
            index += 2
        elif code == 0x2D and previous and following not in (b"", b"]"):
            index += 1
            if following == b"\\":
                index += 1
            if index >= len(pattern):
                return None
            members.update(range(previous, pattern[index] + 1))
            previous = 0
            index += 1
        elif code == 0x5B and following == b":":
            end = pattern.find(b"]", index + 2)
            if end < 0:
                return None
            if end < index + 3 or pattern[end - 1] != 0x3A:  # no `:]`: a `[` like any other
                members.add(code)
                previous = code
                index += 1
                continue
            members_of_class = _CLASSES.get(pattern[index + 2 : end - 1])
            if members_of_class is None:
                return None
            members |= members_of_class
            previous = 0
            index = end + 1
        else:
            members.add(code)
            previous = code
            index += 1
    if negated:
        members = set(range(256)) - members
    return _byte_class(members - {0, 0x2F}), index + 1


def _byte_class(members: set[int]) -> bytes:
    """Return the expression for one byte out of `members`."""
    if not members:
        return _NEVER
    return b"[" + b"".join(b"\\x%02x" % code for code in sorted(members)) + b"]"
