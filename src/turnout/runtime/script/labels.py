"""The names, tags and properties of a `Run`: read from the record, changed by events."""

import warnings

from turnout.runtime import events
from turnout.runtime.script import context
from turnout.runtime.script.base import RunBase
from turnout.runtime.script.exceptions import UserErrorException

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterable, Mapping, Optional, Union


class Labels(RunBase):
    """What a run is called and marked with. Tags may change, properties are immutable (v1's rule)."""

    @property
    def name(self) -> str:
        """The run's name; the same as `display_name`, as in v1."""
        return self.display_name

    @property
    def display_name(self) -> str:
        """The run's name for people; its id while it has none. It may be set."""
        later = events.settings(self.record.events(metrics=False))
        return str(later.get("display_name") or self._definition().get("display_name") or self.id)

    @display_name.setter
    def display_name(self, value: str) -> None:
        self._event(events.SET, key="display_name", value=str(value))

    @property
    def description(self) -> "Optional[str]":
        """A text about the run, None while it has none. It may be set."""
        value = events.settings(self.record.events(metrics=False)).get("description")
        return None if value is None else str(value)

    @description.setter
    def description(self, value: str) -> None:
        self._event(events.SET, key="description", value=str(value))

    @property
    def number(self) -> "Optional[int]":
        """The run's number within its experiment; None for child runs and offline runs."""
        number = self._definition().get("number")
        return None if number is None else int(number)

    @property
    def type(self) -> "Optional[str]":
        """`azureml.scriptrun` for a submitted run, `hyperdrive` for a sweep (v1's names), else None."""
        kind = self._definition().get("type")
        return None if kind is None else str(kind)

    @property
    def experiment(self) -> "Any":
        """The experiment that the run belongs to: its `name`, and its `workspace`."""
        definition = self._definition()
        workspace = context.Workspace(definition.get("workspace") or {}, self)
        return context.Experiment(str(definition.get("experiment") or ""), workspace)

    @property
    def tags(self) -> "Dict[str, Any]":
        """The tags as they stand now."""
        return self.get_tags()

    @property
    def properties(self) -> "Dict[str, Any]":
        """The properties."""
        return self.get_properties()

    def tag(self, key: str, value: "Optional[str]" = None) -> None:
        """Set a tag.

        Args:
            key: its name.
            value: a string, or None for a tag without a value; anything else becomes a string, with a warning.
        """
        self._event(events.TAG, key=_text("a tag's name", key), value=None if value is None else _text("a tag", value))

    def set_tags(self, tags: "Mapping[str, Optional[str]]") -> None:
        """Set several tags; the others stay.

        Args:
            tags: values by name, as for `tag`.
        """
        for key, value in _pairs("set_tags", tags).items():
            self.tag(key, value)

    def remove_tags(self, tags: "Union[str, Iterable[str]]") -> None:
        """Remove tags by name; one that isn't there is no error.

        Args:
            tags: a list of names, or one name.
        """
        for key in [tags] if isinstance(tags, str) else list(tags):
            self._event(events.UNTAG, key=str(key))

    def get_tags(self) -> "Dict[str, Any]":
        """Return the tags as they stand now."""
        self._definition()
        return self.record.tags()

    def add_properties(self, properties: "Mapping[str, str]") -> None:
        """Add properties, for good.

        Args:
            properties: values by name; they become strings.

        Raises:
            UserErrorException: the run has another value for one of them; then none is added.
        """
        wanted = {str(key): str(value) for key, value in _pairs("add_properties", properties).items()}
        present = self.get_properties()
        for key, value in wanted.items():
            if key in present and present[key] != value:
                raise UserErrorException(
                    "the property %r is %r already, and properties can't be changed; use a tag" % (key, present[key])
                )
        for key, value in wanted.items():
            if key not in present:
                self._event(events.PROPERTY, key=key, value=value)

    def get_properties(self) -> "Dict[str, Any]":
        """Return the properties."""
        self._definition()
        return self.record.properties()


def matches(present: "Mapping[str, Any]", wanted: "Any") -> bool:
    """Apply v1's filter on tags or properties.

    Args:
        present: what a run has.
        wanted: None for no filter; a string: has this name; a dict: has these values.
    """
    if wanted is None:
        return True
    if hasattr(wanted, "items"):
        return all(key in present and present[key] == (None if v is None else str(v)) for key, v in wanted.items())
    return wanted in present


def _pairs(call: str, value: "Any") -> "Dict[Any, Any]":
    if not hasattr(value, "items"):
        raise UserErrorException("run.%s: give a dict, not a %s" % (call, type(value).__name__))
    return dict(value.items())


def _text(what: str, value: "Any") -> str:
    if isinstance(value, str):
        return str.__str__(value)
    message = "%s must be a string: the %s %r was turned into one" % (what, type(value).__name__, value)
    warnings.warn(message, stacklevel=3)
    return str(value)
