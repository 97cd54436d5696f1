"""A search space: what its parameters can be, how many trials it holds, and how a trial's values become arguments. No I/O."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from typing import Any

from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.parameter_expressions import EXPRESSIONS, make

Values = dict[str, Any]
"""A trial's parameters: name → value."""

_LARGEST = 700.0
"""exp of more is no finite number."""


class Parameter:
    """One hyperparameter.

    Attributes:
        name: as the person wrote it.
        kind: the name of its expression.
        arguments: of the expression; the values themselves for `choice`.
    """

    __slots__ = ("arguments", "kind", "name")

    def __init__(self, name: str, expression: Any) -> None:
        self.name = name
        self.kind, self.arguments = _checked(name, expression)

    @property
    def size(self) -> int | None:
        """How many values there are; None where they aren't counted."""
        if self.kind == "choice":
            return len(self.arguments)
        return int(self.arguments[0]) if self.kind == "randint" else None

    def nth(self, number: int) -> Any:
        """Return value `number`, from 0, of a parameter that has a size."""
        return self.arguments[number] if self.kind == "choice" else number

    def draw(self, source: random.Random) -> Any:
        """Return a value by chance, as v1 defines each expression; the q… ones are whole numbers."""
        if self.size is not None:
            return self.nth(source.randrange(self.size))
        plain = self.kind.removeprefix("q")
        first, second, *step = self.arguments
        number = source.gauss(first, second) if plain.endswith("normal") else source.uniform(first, second)
        if plain.startswith("log"):
            number = math.exp(min(number, _LARGEST))
        return round(number / step[0]) * step[0] if step else number


class Space:
    """The parameters of a sweep, in the order in which they were given.

    Args:
        parameters: name → expression.

    Raises:
        HyperDriveConfigException: there is none, or one can't be used; the message names it.
    """

    def __init__(self, parameters: Any) -> None:
        if not isinstance(parameters, Mapping) or not parameters:
            raise HyperDriveConfigException(
                "the parameter space is empty: give it names and expressions, such as {'--lr': uniform(0.01, 0.1)}"
            )
        self.parameters = [Parameter(_name(name), expression) for name, expression in parameters.items()]
        flags = [flag(parameter.name) for parameter in self.parameters]
        for position, name in enumerate(flags):
            if name in flags[:position]:
                raise HyperDriveConfigException(f"the parameter {name} is in the space twice")

    def size(self) -> int | None:
        """Return how many different trials there are; None where they aren't counted."""
        total = 1
        for parameter in self.parameters:
            if parameter.size is None:
                return None
            total *= parameter.size
        return total

    def nth(self, number: int) -> Values:
        """Return trial `number` of the grid, from 0; the last parameter changes fastest."""
        values: Values = {}
        for parameter in reversed(self.parameters):
            assert parameter.size is not None
            number, which = divmod(number, parameter.size)
            values[parameter.name] = parameter.nth(which)
        return {parameter.name: values[parameter.name] for parameter in self.parameters}

    def draw(self, source: random.Random) -> Values:
        """Return a trial by chance."""
        return {parameter.name: parameter.draw(source) for parameter in self.parameters}


def flag(name: str) -> str:
    """Return what stands before a parameter's value in the arguments: its name, with `--` unless it has a `-` already."""
    return name if name.startswith("-") else f"--{name}"


def arguments(values: Values) -> list[str]:
    """Return a trial's values as the script gets them, after its fixed arguments: `--lr 0.1 --kernel rbf` (v1's form).

    Numbers are written in their shortest exact form; lists and mappings as JSON.
    """
    words = []
    for name, value in values.items():
        words += [flag(name), value if isinstance(value, str) else _text(value)]
    return words


def _text(value: Any) -> str:
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip("-") or "\0" in name or any(mark.isspace() for mark in name):
        raise HyperDriveConfigException(f"{name!r} can't be a parameter's name: it becomes an argument such as --lr")
    return name


def _checked(name: str, expression: Any) -> tuple[str, list[Any]]:
    """Return an expression's name and arguments, checked. Raises HyperDriveConfigException."""
    shape = isinstance(expression, (list, tuple)) and len(expression) == 2 and isinstance(expression[1], (list, tuple))
    if not shape or not isinstance(expression[0], str) or expression[0] not in EXPRESSIONS:
        known = ", ".join(EXPRESSIONS)
        raise HyperDriveConfigException(
            f"the parameter {name} must be one of {known}, such as choice(1, 2), not {expression!r}"
        )
    kind, given = expression
    made = make(name, kind, given)
    found: list[Any] = made[1][0] if kind == "choice" else made[1]
    if kind == "choice":
        found = [_value(name, value) for value in found]
    elif "log" in kind and max(found[:2]) > _LARGEST:
        raise HyperDriveConfigException(
            f"the parameter {name}: {kind} takes logarithms, and exp({max(found[:2])}) is no finite number"
        )
    return kind, found


def _value(name: str, value: Any) -> Any:
    """Return a choice as JSON types. Raises HyperDriveConfigException when it can't be an argument."""
    if isinstance(value, (str, bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        if isinstance(value, str) and "\0" in value:
            raise HyperDriveConfigException(f"the parameter {name}: {value!r} holds a null character")
        return value
    if isinstance(value, (list, tuple, dict)):
        try:
            return json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError):
            pass
    raise HyperDriveConfigException(
        f"the parameter {name}: {value!r} can't be an argument; choices are strings, numbers, and lists of them"
    )
