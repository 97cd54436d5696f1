"""The base of the configuration objects: declared fields, their keys in v1's JSON and YAML, and nothing else.

A subclass lists its `FIELDS` in v1's key order and annotates the attributes; it gets construction with fresh defaults,
`serialize`, `deserialize`, equality, a short repr, safe copies, and the refusal of attributes that it does not have (a
misspelt setting that was silently ignored would be found a month later). Lies below `config` and `environments`, which
both are made of such objects; imports neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from turnout.exceptions import RunConfigurationException

Self = TypeVar("Self", bound="ConfigElement")

_MASK = "***"
_KINDS = {str: "a string", int: "a whole number", bool: "true or false", list: "a list", dict: "a mapping"}


def warn(message: str) -> None:
    """Log a warning, as v1's client does for what it accepts and does not use."""
    import logging  # 7 ms that a submit without a warning need not pay

    logging.getLogger("turnout").warning(message)


def normal_key(name: str) -> str:
    """Return the form in which keys are compared, so that camelCase, snake_case and PascalCase mean the same field."""
    return name.replace("_", "").lower()


class Field:
    """One serialised attribute of a `ConfigElement`.

    Args:
        attribute: the Python attribute that holds the value (or a property that reads and sets it).
        key: v1's key in JSON and YAML.
        kind: `str`, `int`, `bool`, `list`, `dict` (its keys are the user's and keep their case), `object` for anything,
            or a class with `serialize` and `deserialize`.
        default: the value of a new object; a callable is called for each object, so nothing mutable is shared.
        of: the element class of a list's or a dict's values.
        secret: the repr does not show the value.
        compare: whether the value counts when two objects are compared.
        read: what turns JSON or YAML data into the value, where `kind` alone does not say: `read(data, where)`.
        beyond: whether v1 doesn't have it: it is written only when it is set, so v1's files stay as they are.
    """

    __slots__ = ("attribute", "beyond", "compare", "default", "key", "kind", "of", "read", "secret")

    def __init__(
        self,
        attribute: str,
        key: str,
        kind: Any = str,
        default: Any = None,
        *,
        of: type[ConfigElement] | None = None,
        secret: bool = False,
        compare: bool = True,
        read: Callable[[Any, str], Any] | None = None,
        beyond: bool = False,
    ) -> None:
        self.attribute = attribute
        self.beyond = beyond
        self.key = key
        self.kind = kind
        self.default = default
        self.of = of
        self.secret = secret
        self.compare = compare
        self.read = read

    def new_default(self) -> Any:
        """Return the value that a new object starts with."""
        return self.default() if callable(self.default) else self.default

    def nested(self) -> bool:
        """Say whether the value is an object with fields of its own."""
        return hasattr(self.kind, "deserialize")

    def plain(self, value: Any, where: str) -> Any:
        """Return `value` as JSON types, a copy.

        Raises:
            RunConfigurationException: the value is not of this field's kind.
        """
        if value is None:
            return None
        self._check(value, where)
        if self.nested():
            return value.serialize()
        if self.kind is list:
            return [_plain_item(self.of, item, f"{where}[{position}]") for position, item in enumerate(value)]
        if self.kind is dict:
            return {str(name): _plain_item(self.of, item, f"{where}.{name}") for name, item in value.items()}
        return _plain_item(None, value, where)

    def parse(self, data: Any, where: str) -> Any:
        """Return the value that `data` (JSON or YAML types) stands for; the reverse of `plain`.

        A section or collection that is there but empty (`history:` in YAML) means its default.
        """
        if data is None:
            return self.new_default() if self.nested() or self.kind in (list, dict) else None
        if self.read is not None:
            return self.read(data, where)
        if self.nested():
            return self.kind.deserialize(data, where)
        if self.kind is str and isinstance(data, int) and not isinstance(data, bool):
            return str(data)  # `version: 1`, as people write it in YAML
        self._check(data, where)
        of = self.of
        if of is None:
            return _plain_item(None, data, where)
        if self.kind is list:
            return [of.deserialize(item, f"{where}[{position}]") for position, item in enumerate(data)]
        return {str(name): of.deserialize(item, f"{where}.{name}") for name, item in data.items()}

    def _check(self, value: Any, where: str) -> None:
        if self.kind is object or (self.kind is list and isinstance(value, tuple)):
            return
        accepted = isinstance(value, Mapping if self.kind is dict else self.kind)
        if self.kind is int and isinstance(value, bool):
            accepted = False
        if not accepted:
            wanted = _KINDS.get(self.kind) or f"of the class {self.kind.__name__}"
            shown = _MASK if self.secret else repr(value)
            raise RunConfigurationException(f"{where} must be {wanted}, not {shown}")


def _plain_item(of: type[ConfigElement] | None, value: Any, where: str) -> Any:
    """Return one value as JSON types; a list's or dict's elements are of the class `of` when it is given."""
    if isinstance(value, ConfigElement):
        return value.serialize()
    if of is not None:
        raise RunConfigurationException(f"{where} must be of the class {of.__name__}, not {value!r}")
    if isinstance(value, Mapping):
        return {str(name): _plain_item(None, item, where) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain_item(None, item, where) for item in value]
    return value


class ConfigElement:
    """A section of a configuration, with v1's attributes and v1's JSON keys.

    Attributes that the class does not declare are refused: AttributeError, in v1's words.
    """

    FIELDS: ClassVar[tuple[Field, ...]] = ()
    """The serialised fields in v1's key order."""

    HIDDEN: ClassVar[tuple[str, ...]] = ()
    """Further attributes, which are neither serialised nor compared."""

    _attributes: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._attributes = frozenset([*(field.attribute for field in cls.FIELDS), *cls.HIDDEN])

    def __init__(self) -> None:
        for field in self.FIELDS:
            setattr(self, field.attribute, field.new_default())

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._attributes and not isinstance(getattr(type(self), name, None), property):
            raise AttributeError(f"{type(self)} has no attribute {name}")
        object.__setattr__(self, name, value)

    def serialize(self) -> dict[str, Any]:
        """Return this element as JSON types, with v1's keys in v1's order; nothing is shared with the element.

        Raises:
            RunConfigurationException: an attribute holds something of the wrong type; the message names it.
        """
        return {
            field.key: field.plain(
                getattr(self, field.attribute), f"{type(self).__name__}.{field.attribute.lstrip('_')}"
            )
            for field in self.FIELDS
            if not (field.beyond and getattr(self, field.attribute) is None)
        }

    @classmethod
    def deserialize(cls: type[Self], data: Mapping[str, Any], where: str = "") -> Self:
        """Make an element from what `serialize` returned, or from a file that a person wrote.

        Args:
            data: keys in camelCase or snake_case; a missing key means the default. Keys that are not known are passed
                over (see `unknown_keys`).
            where: the dotted path of this element, for error messages.

        Raises:
            RunConfigurationException: a value of the wrong type; the message names its key.
        """
        if not isinstance(data, Mapping):
            raise RunConfigurationException(f"{where or cls.__name__} must be a mapping, not {data!r}")
        element = cls.__new__(cls)
        ConfigElement.__init__(element)
        given = {normal_key(str(key)): value for key, value in data.items()}
        for field in cls.FIELDS:
            name = given_name(field, given)
            if name is not None:
                value = field.parse(given[name], f"{where}.{field.key}" if where else field.key)
                setattr(element, field.attribute, value)
        return element

    @classmethod
    def unknown_keys(cls, data: Mapping[str, Any]) -> list[str]:
        """Return the dotted paths of the keys in `data` that no field here reads."""
        known = {name: field for field in cls.FIELDS for name in names(field)}
        unknown: list[str] = []
        for key, value in data.items():
            field = known.get(normal_key(str(key)))
            if field is None:
                unknown.append(str(key))
            elif isinstance(value, Mapping) and hasattr(field.kind, "unknown_keys"):
                unknown.extend(f"{key}.{inner}" for inner in field.kind.unknown_keys(value))
        return unknown

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(
            getattr(self, field.attribute) == getattr(other, field.attribute) for field in self.FIELDS if field.compare
        )

    __hash__ = None  # type: ignore[assignment]  # mutable, compared by value

    def __repr__(self) -> str:
        shown = []
        for field in self.FIELDS:
            value = getattr(self, field.attribute)
            if value != field.new_default():
                shown.append(f"{field.attribute.lstrip('_')}={_MASK if field.secret else repr(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


def names(field: Field) -> tuple[str, str]:
    """Return the normal forms of the two names of a field: its key and its attribute."""
    return normal_key(field.key), normal_key(field.attribute)


def given_name(field: Field, given: Mapping[str, Any]) -> str | None:
    """Return which of a field's names is among the normalised keys `given`, or None."""
    return next((name for name in names(field) if name in given), None)
