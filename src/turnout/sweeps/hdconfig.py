"""Reads a sweep from a YAML file: v1's `hdconfig.yml` as it stands, and what else `turnout sweep start` may find in one.

v1's file has `sampling` (type, parameter_space), `policy`, `primary_metric_name`, `primary_metric_goal`, `max_total_runs`,
`max_concurrent_runs` and `max_duration_minutes`. Beyond v1: `script`, `arguments`, `source_directory`, `target`, `environment`,
`experiment`, `seed`; a parameter space as a mapping, `lr: {uniform: [0.01, 0.1]}` or `kernel: [linear, rbf]`. Paths start at the
file, and so does the script that it names where it gives no source directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from turnout.sweeps import policy as policies
from turnout.sweeps import sampling as samplings
from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.parameter_expressions import EXPRESSIONS, make
from turnout.sweeps.policy import EarlyTerminationPolicy
from turnout.sweeps.sampling import HyperParameterSampling

SAMPLINGS = {"random": "RANDOM", "grid": "GRID", "bayesian": "BayesianOptimization"}
"""What a file calls a way of sampling → v1's name."""
POLICIES = {
    "bandit": "Bandit",
    "medianstopping": "MedianStopping",
    "median": "MedianStopping",
    "truncationselection": "TruncationSelection",
    "truncation": "TruncationSelection",
    "asha": "ASHA",
    "notermination": "Default",
    "default": "Default",
    "none": "Default",
}
"""What a file calls a policy, without `Policy` and in any case → v1's name."""

RUN_KEYS = ("script", "arguments", "source_directory", "target", "environment", "experiment")
"""What a file may say of the runs."""
_KEYS = (
    "sampling",
    "policy",
    "primary_metric_name",
    "primary_metric_goal",
    "max_total_runs",
    "max_concurrent_runs",
    "max_duration_minutes",
    "seed",
    *RUN_KEYS,
)
_ENTRY = ("name", "expression", "values")


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a file says: `sampling` and `policy` as objects, the rest as it stands.

    Raises:
        HyperDriveConfigException: it can't be read, or says something that a sweep doesn't have; the message names it.
    """
    name = os.fspath(path)
    data = _mapping(name, _parsed(name))
    unknown = [key for key in data if key not in _KEYS]
    if unknown:
        raise HyperDriveConfigException(f"{name}: there is no {unknown[0]!r} in a sweep; there is {', '.join(_KEYS)}")
    try:
        _check_run_keys(data)
        if "sampling" in data:
            data["sampling"] = sampling(_mapping("sampling", data["sampling"]), data.pop("seed", None))
        if data.get("policy") is not None:
            data["policy"] = policy(_mapping("policy", data["policy"]))
    except HyperDriveConfigException as error:
        raise HyperDriveConfigException(f"{name}: {error}") from None
    return data


def _check_run_keys(data: Mapping[str, Any]) -> None:
    arguments = data.get("arguments")
    if arguments is not None and not isinstance(arguments, list):
        raise HyperDriveConfigException(f"arguments is a list such as [--epochs, 3], not {arguments!r}")
    for key in RUN_KEYS:
        value = data.get(key)
        if key != "arguments" and value is not None and not isinstance(value, str):
            raise HyperDriveConfigException(f"{key} is a text, not {value!r}")


def sampling(data: Mapping[str, Any], seed: int | None = None) -> HyperParameterSampling:
    """Return the sampling that a file's section describes. Raises HyperDriveConfigException."""
    kind = SAMPLINGS.get(_word(data.get("type"), "ParameterSampling").removesuffix("optimization"))
    if kind is None:
        raise HyperDriveConfigException(f"the type of sampling is random, grid or bayesian, not {data.get('type')!r}")
    unknown = [key for key in data if key not in ("type", "parameter_space", "properties")]
    if unknown:
        raise HyperDriveConfigException(f"sampling has no {unknown[0]!r}; it has type and parameter_space")
    properties = _mapping("properties", data.get("properties") or {})
    if seed is not None:
        properties["seed"] = seed
    return samplings.from_json(
        {"name": kind, "parameter_space": parameter_space(data.get("parameter_space")), "properties": properties}
    )


def parameter_space(data: Any) -> dict[str, Any]:
    """Return name → expression of a parameter space in either form. Raises HyperDriveConfigException."""
    if isinstance(data, Mapping):
        return {str(name): _expression(str(name), value) for name, value in data.items()}
    if not data:
        raise HyperDriveConfigException("parameter_space is empty: give it entries with name, expression and values")
    if not isinstance(data, list):
        raise HyperDriveConfigException(f"parameter_space holds entries with name, expression and values, not {data!r}")
    found: dict[str, Any] = {}
    for entry in data:
        name, made = _entry(_mapping("an entry of parameter_space", entry))
        if name in found:
            raise HyperDriveConfigException(f"the parameter {name} is in the space twice")
        found[name] = made
    return found


def _entry(given: dict[str, Any]) -> tuple[str, list[Any]]:
    """Return the name and the expression of one parameter in v1's form."""
    if given.get("name") is None:
        raise HyperDriveConfigException(f"an entry of parameter_space has no name: {given!r}")
    name = str(given["name"])
    unknown = [key for key in given if key not in _ENTRY]
    if unknown:
        raise HyperDriveConfigException(
            f"the parameter {name} has no {unknown[0]!r}; it has name, expression and values"
        )
    missing = [key for key in _ENTRY if given.get(key) is None]
    if missing:
        raise HyperDriveConfigException(
            f"the parameter {name} has no {missing[0]}; give it name, expression and values"
        )
    return name, expression(name, str(given["expression"]), given["values"])


def expression(name: str, kind: str, values: Any) -> list[Any]:
    """Return an expression by its name and values.

    Args:
        name: the parameter, for the error.
        kind: one of v1's ten expressions.
        values: its arguments.

    Raises:
        HyperDriveConfigException: there is no such expression, or it can't take these values.
    """
    if kind not in EXPRESSIONS:
        raise HyperDriveConfigException(
            f"the parameter {name}: there is no expression {kind!r}; there is {', '.join(EXPRESSIONS)}"
        )
    return make(name, kind, values if isinstance(values, list) else [values])


def policy(data: Mapping[str, Any]) -> EarlyTerminationPolicy:
    """Return the policy that a file's section describes. Raises HyperDriveConfigException."""
    kind = POLICIES.get(_word(data.get("type"), "Policy"))
    if kind is None:
        raise HyperDriveConfigException(
            f"the type of the policy is bandit, median, truncation, asha or none, not {data.get('type')!r}"
        )
    return policies.from_json({"name": kind, "properties": {key: data[key] for key in data if key != "type"}})


def _expression(name: str, value: Any) -> list[Any]:
    """Return the expression of one parameter in the short form: `[a, b]`, or `{uniform: [a, b]}`."""
    if isinstance(value, list):
        return expression(name, "choice", value)
    if isinstance(value, Mapping) and len(value) == 1:
        ((kind, values),) = value.items()
        return expression(name, str(kind), values)
    raise HyperDriveConfigException(
        f"the parameter {name} is a list of choices, or one expression such as {{uniform: [0.01, 0.1]}}, not {value!r}"
    )


def _word(value: Any, ending: str) -> str:
    return str(value or "").lower().removesuffix(ending.lower()).replace("_", "").replace("-", "")


def _mapping(what: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise HyperDriveConfigException(f"{what} must hold names and values, not {value!r}")
    return {str(key): item for key, item in value.items()}


def _parsed(name: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        with open(name, encoding="utf-8") as stream:
            return YAML(typ="safe", pure=True).load(stream)
    except OSError as error:
        raise HyperDriveConfigException(f"{name} can't be read: {error.strerror}") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise HyperDriveConfigException(f"{name} is no YAML: {' '.join(str(error).split())}") from error
