"""What a hyperparameter can be: v1's ten expressions, each a plain list `[name, arguments]` that JSON and YAML keep as it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from turnout.sweeps.exceptions import HyperDriveConfigException

_FARTHEST = 10
"""Standard deviations beyond which a normal draw never lies."""


def choice(*options: Any) -> list[Any]:
    """Return the expression of one value out of several.

    Args:
        *options: the values, or a single list, tuple, range, set or NumPy array of them.

    Raises:
        HyperDriveConfigException: there is none.
    """
    values = [_plain(option) for option in options]
    if len(values) == 1 and not isinstance(values[0], (str, bytes, dict)) and hasattr(values[0], "__iter__"):
        values = values[0]
    found = [_plain(value) for value in values]
    if not found:
        raise HyperDriveConfigException("choice: give it at least one value")
    return ["choice", [found]]


def randint(upper: int) -> list[Any]:
    """Return the expression of a whole number of [0, `upper`).

    Raises:
        HyperDriveConfigException: `upper` is no whole number above 0.
    """
    number = _plain(upper)
    if isinstance(number, bool) or not isinstance(number, int) or number <= 0:
        raise HyperDriveConfigException(f"randint: upper must be a whole number above 0, not {upper!r}")
    return ["randint", [number]]


def uniform(min_value: float, max_value: float) -> list[Any]:
    """Return the expression of a number between `min_value` and `max_value`, all alike.

    Raises:
        HyperDriveConfigException: one is no number, or the first is not the smaller one.
    """
    return ["uniform", _range("uniform", min_value, max_value)]


def quniform(min_value: float, max_value: float, q: int) -> list[Any]:
    """Return the expression of round(uniform(min_value, max_value) / q) * q.

    Raises:
        HyperDriveConfigException: as for `uniform`; or `q` is no whole number above 0.
    """
    return ["quniform", [*_range("quniform", min_value, max_value), _step("quniform", q)]]


def loguniform(min_value: float, max_value: float) -> list[Any]:
    """Return the expression of exp(uniform(min_value, max_value)): the bounds are logarithms, and may be equal.

    Raises:
        HyperDriveConfigException: one is no number, or the first is larger.
    """
    return ["loguniform", _range("loguniform", min_value, max_value, equal=True)]


def qloguniform(min_value: float, max_value: float, q: int) -> list[Any]:
    """Return the expression of round(exp(uniform(min_value, max_value)) / q) * q.

    Raises:
        HyperDriveConfigException: as for `loguniform`; or `q` is no whole number above 0.
    """
    return ["qloguniform", [*_range("qloguniform", min_value, max_value, equal=True), _step("qloguniform", q)]]


def normal(mu: float, sigma: float) -> list[Any]:
    """Return the expression of a number with mean `mu` and standard deviation `sigma`.

    Raises:
        HyperDriveConfigException: one is no number, or `sigma` is negative.
    """
    return ["normal", _spread("normal", mu, sigma)]


def qnormal(mu: float, sigma: float, q: int) -> list[Any]:
    """Return the expression of round(normal(mu, sigma) / q) * q.

    Raises:
        HyperDriveConfigException: as for `normal`; or `q` is no whole number above 0.
    """
    return ["qnormal", [*_spread("qnormal", mu, sigma), _step("qnormal", q)]]


def lognormal(mu: float, sigma: float) -> list[Any]:
    """Return the expression of exp(normal(mu, sigma)).

    Raises:
        HyperDriveConfigException: as for `normal`.
    """
    return ["lognormal", _spread("lognormal", mu, sigma)]


def qlognormal(mu: float, sigma: float, q: int) -> list[Any]:
    """Return the expression of round(exp(normal(mu, sigma)) / q) * q.

    Raises:
        HyperDriveConfigException: as for `normal`; or `q` is no whole number above 0.
    """
    return ["qlognormal", [*_spread("qlognormal", mu, sigma), _step("qlognormal", q)]]


def _plain(value: Any) -> Any:
    """Return NumPy's numbers and arrays, also inside lists and mappings, as Python's own; everything else as it is."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return {key: _plain(each) for key, each in value.items()} if isinstance(value, dict) else value


def _number(name: str, what: str, value: Any) -> float:
    number = _plain(value)
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not _is_finite(number):
        raise HyperDriveConfigException(f"{name}: {what} must be a finite number, not {value!r}")
    return number


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # a whole number that no float is as large as
        return False


def _range(name: str, low: Any, high: Any, equal: bool = False) -> list[float]:
    bounds = [_number(name, "min_value", low), _number(name, "max_value", high)]
    if bounds[0] > bounds[1] or (bounds[0] == bounds[1] and not equal):
        raise HyperDriveConfigException(f"{name}: min_value {low!r} must be smaller than max_value {high!r}")
    if not _is_finite(bounds[1] - bounds[0]):
        raise HyperDriveConfigException(f"{name}: the distance from {low!r} to {high!r} is no finite number")
    return bounds


def _spread(name: str, mu: Any, sigma: Any) -> list[float]:
    numbers = [_number(name, "mu", mu), _number(name, "sigma", sigma)]
    if numbers[1] < 0:
        raise HyperDriveConfigException(f"{name}: sigma must not be negative, not {sigma!r}")
    if not _is_finite(abs(numbers[0]) + _FARTHEST * numbers[1]):
        raise HyperDriveConfigException(f"{name}: mu {mu!r} and sigma {sigma!r} reach beyond all finite numbers")
    return numbers


def _step(name: str, q: Any) -> int:
    number = _number(name, "q", q)
    if number <= 0 or number != int(number):
        raise HyperDriveConfigException(f"{name}: q must be a whole number above 0, not {q!r}")
    return int(number)


def make(parameter: str, kind: str, arguments: Sequence[Any]) -> list[Any]:
    """Return an expression by its name.

    Args:
        parameter: whose it is, for the error.
        kind: one of `EXPRESSIONS`.
        arguments: what it is called with.

    Raises:
        HyperDriveConfigException: it can't take them.
    """
    try:
        made: list[Any] = EXPRESSIONS[kind](*arguments)
    except TypeError:
        raise HyperDriveConfigException(f"the parameter {parameter}: {kind} can't take {list(arguments)!r}") from None
    except HyperDriveConfigException as error:
        raise HyperDriveConfigException(f"the parameter {parameter}: {error}") from None
    return made


EXPRESSIONS: dict[str, Callable[..., list[Any]]] = {
    "choice": choice,
    "randint": randint,
    "uniform": uniform,
    "quniform": quniform,
    "loguniform": loguniform,
    "qloguniform": qloguniform,
    "normal": normal,
    "qnormal": qnormal,
    "lognormal": lognormal,
    "qlognormal": qlognormal,
}
"""Each expression by its name."""
