"""How a sweep's trials are drawn, as a person configures it: v1's three sampling classes."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any, ClassVar

from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.space import Parameter, Space

_PROPERTIES = ("seed",)
_MOST_POINTS = 100_000
"""The most values that one `quniform` may have under Bayesian sampling (v1's rule)."""


class HyperParameterSampling:
    """A search space and a way to draw trials from it; use one of the subclasses.

    Args:
        sampling_method_name: v1's name of the way.
        parameter_space: name → expression, such as `{"--lr": uniform(0.01, 0.1)}`. A name without `-` gets `--`.
        properties: `seed`, a whole number, makes the sweep repeatable.
        supported_distributions: which expressions there may be; None for all.
        distributions_validators: accepted as in v1.

    Raises:
        HyperDriveConfigException: a parameter or a property can't be used; the message names it.
    """

    def __init__(
        self,
        sampling_method_name: str,
        parameter_space: Mapping[str, Any],
        properties: Mapping[str, Any] | None = None,
        supported_distributions: Any = None,
        distributions_validators: Any = None,
    ) -> None:
        self._sampling_method_name = sampling_method_name
        self._space = Space(parameter_space)
        self._parameter_space = {name: list(expression) for name, expression in parameter_space.items()}
        self._properties = _checked_properties(properties)
        for parameter in self._space.parameters:
            if supported_distributions is not None and parameter.kind not in supported_distributions:
                known = ", ".join(supported_distributions)
                raise HyperDriveConfigException(
                    f"the parameter {parameter.name} is {parameter.kind}, and {sampling_method_name} sampling takes {known} only"
                )
            self._check(parameter)

    def _check(self, parameter: Parameter) -> None:
        """Refuse a parameter that this way of sampling can't draw. Raises HyperDriveConfigException."""

    @property
    def name(self) -> str:
        """V1's name of the way."""
        return self._sampling_method_name

    @property
    def space(self) -> Space:
        """The search space."""
        return self._space

    def to_json(self) -> dict[str, Any]:
        """Return it as data, in v1's form: name, parameter_space, properties."""
        made: dict[str, Any] = {
            "name": self._sampling_method_name,
            "parameter_space": {
                parameter.name: [
                    parameter.kind,
                    [parameter.arguments] if parameter.kind == "choice" else parameter.arguments,
                ]
                for parameter in self._space.parameters
            },
        }
        return {**made, "properties": self._properties} if self._properties else made

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._parameter_space!r})"


class RandomParameterSampling(HyperParameterSampling):
    """Trials by chance. In a space that can be counted no trial comes twice.

    Args:
        parameter_space: name → any expression.
        properties: `{"seed": number}` makes the sweep repeatable.

    Raises:
        HyperDriveConfigException: a parameter can't be used; the message names it.
    """

    SAMPLING_NAME: ClassVar[str] = "RANDOM"

    def __init__(self, parameter_space: Mapping[str, Any], properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(self.SAMPLING_NAME, parameter_space, properties)


class GridParameterSampling(HyperParameterSampling):
    """Every combination of choices; the last parameter changes fastest.

    Args:
        parameter_space: name → `choice`.
        properties: accepted as in v1.

    Raises:
        HyperDriveConfigException: a parameter is no choice, or can't be used; the message names it.
    """

    SAMPLING_NAME: ClassVar[str] = "GRID"

    def __init__(self, parameter_space: Mapping[str, Any], properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(self.SAMPLING_NAME, parameter_space, properties, supported_distributions=("choice",))


class BayesianParameterSampling(HyperParameterSampling):
    """Each trial where the ones before promise most: Optuna's tree-structured Parzen estimator (`turnout[sweeps]`).

    The fewer run at a time, the more each one knows.

    Args:
        parameter_space: name → `choice`, `uniform` or `quniform` (whole bounds, at most 100,000 values; v1's rule).
        properties: `{"seed": number}` makes the sweep repeatable, as far as trials end in the same order.

    Raises:
        HyperDriveConfigException: a parameter can't be used; the message names it.
    """

    SAMPLING_NAME: ClassVar[str] = "BayesianOptimization"

    def __init__(self, parameter_space: Mapping[str, Any], properties: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            self.SAMPLING_NAME, parameter_space, properties, supported_distributions=("choice", "uniform", "quniform")
        )

    def _check(self, parameter: Parameter) -> None:
        if parameter.kind == "quniform":
            low, high, step = parameter.arguments
            if any(bound != math.floor(bound) for bound in (low, high)):
                raise HyperDriveConfigException(
                    f"the parameter {parameter.name}: quniform takes whole bounds under Bayesian sampling, not {low} and {high}"
                )
            if (high - low) / step > _MOST_POINTS:
                raise HyperDriveConfigException(
                    f"the parameter {parameter.name}: quniform has more than {_MOST_POINTS:,} values; take a larger q"
                )
        if parameter.kind == "choice":
            texts = [isinstance(value, str) for value in parameter.arguments]
            if any(texts) and not all(texts):
                raise HyperDriveConfigException(
                    f"the parameter {parameter.name}: under Bayesian sampling the choices are all strings or none is"
                )
            if any(not isinstance(value, (str, int, float)) for value in parameter.arguments):
                raise HyperDriveConfigException(
                    f"the parameter {parameter.name}: under Bayesian sampling choices are strings or numbers"
                )


SAMPLINGS: dict[str, type[RandomParameterSampling] | type[GridParameterSampling] | type[BayesianParameterSampling]] = {
    each.SAMPLING_NAME: each for each in (RandomParameterSampling, GridParameterSampling, BayesianParameterSampling)
}
"""Each way by its name."""


def from_json(data: Mapping[str, Any]) -> HyperParameterSampling:
    """Return what `to_json` described.

    Raises:
        HyperDriveConfigException: there is no such way, or a parameter can't be used.
    """
    made = SAMPLINGS.get(str(data.get("name")))
    if made is None:
        raise HyperDriveConfigException(f"there is no sampling {data.get('name')!r}; there is {', '.join(SAMPLINGS)}")
    return made(data.get("parameter_space") or {}, data.get("properties"))


def _checked_properties(properties: Mapping[str, Any] | None) -> dict[str, Any]:
    if not isinstance(properties or {}, Mapping):
        raise HyperDriveConfigException(
            f"the properties of a sampling are names and values such as {{'seed': 1}}, not {properties!r}"
        )
    found = dict(properties or {})
    unknown = [name for name in found if name not in _PROPERTIES]
    if unknown:
        raise HyperDriveConfigException(f"sampling has no property {unknown[0]!r}; it has {', '.join(_PROPERTIES)}")
    if "seed" in found:
        seed = found["seed"]
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise HyperDriveConfigException(f"the seed of a sampling is a whole number, not {seed!r}")
        found["seed"] = operator.index(seed)  # NumPy's as Python's own
    return found
