"""Gives classes those of v1's members that are not there: asked for, they say in one line what to use instead."""

from turnout.runtime.script.exceptions import NotYetException

MYPY = False
if MYPY:
    from typing import Any, Iterable, Mapping


class NotThere(NotYetException, AttributeError):
    """An attribute of v1's that is not there; `hasattr` and what looks at all attributes take it for missing."""


class Refusal:
    """A method that refuses when it is called, on an object or on the class."""

    def __init__(self, called: str, words: str) -> None:
        self._said = "%s is not there; %s" % (called, words)
        self.__doc__ = "Refuse: %s." % words

    def __get__(self, instance: "Any", owner: "Any" = None) -> "Any":
        def refuse(*args: "Any", **kwargs: "Any") -> "Any":
            raise NotYetException(self._said)

        refuse.__doc__ = self.__doc__
        return refuse


class _Property(Refusal):
    """An attribute that refuses when it is read from an object."""

    def __get__(self, instance: "Any", owner: "Any" = None) -> "Any":
        if instance is None:
            return self
        raise NotThere(self._said)


def refuse(owner: "Any", methods: "Mapping[str, str]", properties: "Iterable[str]" = ()) -> None:
    """Give a class members that refuse.

    Args:
        owner: the class.
        methods: their names → what to use instead.
        properties: which of them are read, not called.
    """
    kept = set(properties)
    for name, words in methods.items():
        made = (_Property if name in kept else Refusal)("%s.%s" % (owner.__name__, name), words)
        setattr(owner, name, made)
