"""v1's public names and signatures, class by class: how many are there, and whether they are called as in v1."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from turnout.azureml import check, names
from turnout.runtime.script.door import resolve
from turnout.runtime.script.run import Run as ScriptsRun

API = Path(__file__).with_name("api.txt")
THERE = (681, 978)
"""How many of v1's members are there, of all; to be raised when it grows, and never lowered."""
SAME = (418, 445)
"""How many of the callables that are there take all that v1's take, of those compared; likewise."""

_SSH = "ssh's own configuration says the port when none is given; it is 22 where that says nothing"
_MADE = "made by Turnout; v1's scripts are handed one"
_FOUND = "a dataset is made by Dataset.File, Dataset.Tabular or get_by_name, as in v1"
_OF_ALL_RUNS = "the default of every run's method of that name; an empty description and none are alike"
DIFFERENT = {
    "azureml.core.compute.amlcompute.AmlComputeProvisioningConfiguration.__init__": _MADE,
    "azureml.core.compute.amlcompute.AmlComputeStatus.__init__": _MADE,
    "azureml.core.compute.computeinstance.ComputeInstanceProvisioningConfiguration.__init__": _MADE,
    "azureml.core.compute.computeinstance.ComputeInstanceStatus.__init__": _MADE,
    "azureml.core.compute.hdinsight.HDInsightCompute.attach": _SSH,
    "azureml.core.compute.remote.RemoteCompute.attach": _SSH,
    "azureml.core.compute.remote.RemoteCompute.attach_configuration": _SSH,
    "azureml.core.conda_dependencies.CondaDependencies.create": "the submitter's own minor Python is the default",
    "azureml.core.dataset.Dataset.__init__": _FOUND,
    "azureml.core.dataset.Dataset.register": "a dataset is of the newer classes, whose register this is",
    "azureml.core.dataset.Dataset.update": "a dataset is of the newer classes, whose update this is",
    "azureml.core.environment.ImageBuildDetails.__init__": _MADE,
    "azureml.core.resource_configuration.ResourceConfiguration.deserialize": "as all sections of a configuration have it",
    "azureml.core.run._OfflineRun.log_accuracy_table": _OF_ALL_RUNS,
    "azureml.core.run._OfflineRun.log_confusion_matrix": _OF_ALL_RUNS,
    "azureml.core.run._OfflineRun.log_predictions": _OF_ALL_RUNS,
    "azureml.core.run._OfflineRun.log_residuals": _OF_ALL_RUNS,
    "azureml.core.run._OfflineRun.tag": "called like Run.tag, and by v1's other name of the parameter too",
    "azureml.core.run._OfflineRun.upload_files": "called like Run.upload_files, and by v1's other name too",
    "azureml.core.runconfig.DockerConfiguration.__init__": "an empty tuple, which no two objects can share by mistake",
    "azureml.data.abstract_dataset.AbstractDataset.__init__": _FOUND,
    "azureml.data.abstract_datastore.AbstractDatastore.__init__": _MADE,
    "azureml.data.azure_storage_datastore.AzureBlobDatastore.__init__": _MADE,
    "azureml.data.azure_storage_datastore.AzureFileDatastore.__init__": _MADE,
    "azureml.data.file_dataset.FileDataset.__init__": _FOUND,
    "azureml.data.tabular_dataset.TabularDataset.__init__": _FOUND,
    "azureml.train.estimator.MMLBaseEstimator.__init__": "v1's base of estimators, which is Estimator itself here",
}
"""What is called otherwise than in v1 on purpose → why."""


class Parameter(NamedTuple):
    """A parameter of v1's; `default` is None without one, else Python's text of it."""

    name: str
    kind: str
    default: str | None


class Compared(NamedTuple):
    """What is to be compared: v1's line, what is here, and whether that is called on an object."""

    name: str
    line: str
    here: Callable[..., Any]
    of_objects: bool


def listed() -> dict[str, list[str]]:
    """Return v1's modules and classes, each with the lines of its members."""
    found: dict[str, list[str]] = {}
    owner = ""
    for line in API.read_text().splitlines():
        if line.startswith("  "):
            found[owner].append(line.strip())
        elif not line.startswith("#"):
            owner = line.partition("(")[0]
            found[owner] = []
    return found


def inherited() -> dict[str, list[str]]:
    """Return the classes here that each class inherits from."""
    lines = [line for line in API.read_text().splitlines() if line and line[0] not in " #"]
    split = [line.rstrip(")").partition("(") for line in lines]
    return {owner: bases.split(", ") if bases else [] for owner, _, bases in split}


def name_of(line: str) -> str:
    return line.partition("(")[0].partition(" ")[0]


def is_there(full: str) -> bool:
    return check.judged(full)[0] != check.MISSING


def where(owner: str) -> str | None:
    module, _, last = owner.rpartition(".")
    return names.MODULES.get(module, {}).get(last)


def there(owner: str, lines: list[str]) -> list[str]:
    """Return the lines of those members that are there, none where their class isn't."""
    if owner not in names.MODULES and where(owner) is None:
        return []
    return [line for line in lines if is_there(f"{owner}.{name_of(line)}")]


def compared(owner: str, lines: list[str]) -> Iterator[Compared]:
    """Yield the callables that are there."""
    for line in there(owner, lines):
        name = name_of(line)
        if "(" not in line:
            continue
        place = where(f"{owner}.{name}") if owner in names.MODULES else where(owner)
        found = resolve(str(place))
        if owner in names.MODULES:
            yield Compared(f"{owner}.{name}", line, found, False)
            continue
        kinds = [found, *map(resolve, check._RETURNED.get(str(place), ()))]
        kind = next(each for each in kinds if hasattr(each, name))
        on_objects = inspect.isfunction(inspect.getattr_static(kind, name)) or name == "__init__"
        yield Compared(f"{owner}.{name}", line, getattr(kind, name), on_objects)


def parameters(line: str) -> list[Parameter]:
    """Return the parameters of a line such as `log(self, name, value, step=None)`."""
    [function] = ast.parse(f"def {line}: ...").body
    assert isinstance(function, ast.FunctionDef)
    told = function.args
    texts = [None if default is None else ast.unparse(default) for default in told.defaults]
    defaults = [*[None] * (len(told.args) - len(texts)), *texts]
    found = [Parameter(each.arg, "", default) for each, default in zip(told.args, defaults, strict=True)]
    if told.vararg:
        found.append(Parameter(told.vararg.arg, "*", None))
    for each, default in zip(told.kwonlyargs, told.kw_defaults, strict=True):
        found.append(Parameter(each.arg, "keyword", None if default is None else ast.unparse(default)))
    if told.kwarg:
        found.append(Parameter(told.kwarg.arg, "**", None))
    return found


def differences(line: str, here: Callable[..., Any], of_objects: bool) -> list[str]:
    """Return in which ways what is here can't be called as v1's line says."""
    v1 = parameters(line)
    if v1 and v1[0].name in ("self", "cls"):
        found = (
            [] if (v1[0].name == "self") == of_objects else ["is called on the class in one, on objects in the other"]
        )
        v1 = v1[1:]
    else:
        found = ["is called on objects only"] if of_objects else []
    mine = list(inspect.signature(here).parameters.values())[1 if of_objects else 0 :]
    by_name = {each.name: each for each in mine if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)}
    kinds = {each.kind for each in mine}
    takes_names, takes_more = inspect.Parameter.VAR_KEYWORD in kinds, inspect.Parameter.VAR_POSITIONAL in kinds
    for parameter in v1:
        if parameter.kind in ("*", "**"):
            if not (takes_more if parameter.kind == "*" else takes_names):
                found.append(f"has no {parameter.kind}{parameter.name}")
        elif parameter.name in by_name:
            found += default_differs(parameter, by_name[parameter.name].default)
        elif not takes_names:
            found.append(f"has no {parameter.name}")
    wanted = [parameter.name for parameter in v1 if not parameter.kind]
    while wanted and wanted[-1] not in by_name:
        wanted.pop()  # accepted by name alone: only v1's own code gave it by its place
    order = [each.name for each in mine if each.kind is each.POSITIONAL_OR_KEYWORD]
    if not takes_more and order[: len(wanted)] != wanted:
        found.append(f"takes {', '.join(order)} in this order")
    known = {parameter.name for parameter in v1}
    return found + [
        f"needs {name}" for name, each in by_name.items() if each.default is each.empty and name not in known
    ]


def default_differs(parameter: Parameter, here: Any) -> list[str]:
    if parameter.default is None:
        return []
    if here is inspect.Parameter.empty:
        return [f"needs {parameter.name}"]
    wanted = ast.literal_eval(parameter.default)
    if wanted is ... or (type(wanted), wanted) == (type(here), here):
        return []
    return [f"has {parameter.name}={here!r}, not {wanted!r}"]


def test_the_table_of_members_and_signatures_only_grows(capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for owner, lines in listed().items():
        called = [differences(*each[1:]) for each in compared(owner, lines)]
        rows.append((owner, len(there(owner, lines)), len(lines), called.count([]), len(called)))
    sums = [sum(row[column] for row in rows) for column in range(1, 5)]
    with capsys.disabled():
        sys.stdout.write(f"\n{'members there':>13} {'same signatures':>15}\n")
        for owner, *counts in [*rows, ("all", *sums)]:
            sys.stdout.write("{1:>6} of {2:>3} {3:>8} of {4:>3}  {0}\n".format(owner, *counts))
    assert (tuple(sums[:2]), tuple(sums[2:])) == (THERE, SAME)


def test_signatures_differ_only_where_they_are_meant_to() -> None:
    found = {}
    for owner, lines in listed().items():
        for each in compared(owner, lines):
            told = differences(*each[1:])
            if told:
                found[each.name] = "; ".join(told)
    assert found.keys() == DIFFERENT.keys(), {name: found.get(name) for name in found.keys() ^ DIFFERENT.keys()}


def test_what_a_class_of_v1_inherits_is_there_as_in_the_class_that_has_it() -> None:
    members, bases = listed(), inherited()
    lost = []
    for owner in members:
        for base in bases[owner] if is_there(owner) and where(owner) else ():
            own = {name_of(line) for line in members[owner]}
            for name in map(name_of, there(base, members[base])):
                if name not in own and not is_there(f"{owner}.{name}"):
                    lost.append(f"{owner}.{name}")
    assert lost == []


def test_a_script_without_all_of_turnout_calls_its_run_as_in_v1() -> None:
    methods = [line for line in listed()["azureml.core.run.Run"] if "(" in line and not line.startswith("__init__")]
    found = {name_of(line): inspect.getattr_static(ScriptsRun, name_of(line), None) for line in methods}
    told = {
        line: differences(line, getattr(ScriptsRun, name_of(line)), inspect.isfunction(found[name_of(line)]))
        for line in methods
        if found[name_of(line)] is not None
    }
    assert len(told) > 30
    assert {line: says for line, says in told.items() if says} == {}


def test_what_can_be_set_in_v1_can_be_set() -> None:
    fixed = []
    for owner, lines in listed().items():
        for line in there(owner, lines):
            name, _, settable = line.partition(" ")
            found = inspect.getattr_static(resolve(str(where(owner))), name, None) if settable == "rw" else None
            if isinstance(found, property) and found.fset is None:
                fixed.append(f"{owner}.{name}")
    assert fixed == []


@pytest.mark.parametrize(
    ("line", "here", "says"),
    [
        ("f(self, a, b=1)", lambda self, a, b=1: None, []),
        ("f(self, a, _b=1)", lambda self, a, **kwargs: None, []),
        ("f(self, a, b=1)", lambda self, b=1, a=2: None, ["takes b, a in this order"]),
        ("f(self, a, b=1)", lambda self, a, b=2: None, ["has b=2, not 1"]),
        ("f(self, a, b=False)", lambda self, a, b=0: None, ["has b=0, not False"]),
        ("f(self, a, b=...)", lambda self, a, b: None, ["needs b"]),
        ("f(self, a, b=1)", lambda self, a: None, ["has no b"]),
        ("f(self, *a, **b)", lambda self: None, ["has no *a", "has no **b"]),
        ("f(self, a)", lambda self, a, more: None, ["needs more"]),
        ("f(a)", lambda self, a: None, ["is called on objects only"]),
    ],
)
def test_each_way_to_differ_is_seen(line: str, here: Callable[..., Any], says: list[str]) -> None:
    assert differences(line, here, True) == says
