"""Reads a project's sources and says which of v1's names they use, and whether each works here. Nothing is run or imported.

What is certain is a name that is imported, and a member of a class that is named, or whose object was made in the same file by a
call that is known to make one. A member of an object of unknown kind is not counted.
"""

from __future__ import annotations

import ast
import functools
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from turnout.azureml import differences, door, names, notebook
from turnout.runtime.script.door import resolve

WORKS, DIFFERS, MISSING = "works", "differs", "missing"

_SKIPPED = ("node_modules", "__pycache__", "site-packages")
_MAKES = {
    "azureml.core.Workspace": {"from_config", "get", "create", "setup"},
    "azureml.core.Run": {"get_context", "get"},
    "azureml.core.Environment": {
        "get",
        "from_conda_specification",
        "from_pip_requirements",
        "from_docker_image",
        "from_dockerfile",
        "from_docker_build_context",
        "from_existing_conda_environment",
        "load_from_directory",
    },
    "azureml.core.conda_dependencies.CondaDependencies": {"create"},
    "azureml.core.RunConfiguration": {"load"},
    "azureml.core.Dataset": {"get_by_name", "get_by_id", "get"},
    "azureml.core.Datastore": {"get", "get_default", "register_azure_blob_container", "register_azure_data_lake_gen2"},
    "azureml.core.Model": {"register"},
}
"""Class methods that return an object of their class."""
_TABLE = "azureml.data.tabular_dataset.TabularDataset"
_FILES = "azureml.data.file_dataset.FileDataset"
_STEPS = ("drop_columns", "keep_columns", "register", "skip", "take", "take_sample", "with_timestamp_columns")
_MADE_TABLES = (
    "from_delimited_files",
    "from_json_lines_files",
    "from_parquet_files",
    "register_pandas_dataframe",
    "register_spark_dataframe",
)
_REFERRING = ("as_download", "as_mount", "as_upload", "path", "upload", "upload_files")
_RETURNS = {
    "azureml.core.Workspace": {"get_default_datastore": "azureml.core.Datastore", "get_run": "azureml.core.Run"},
    "azureml.core.Dataset.Tabular": dict.fromkeys(_MADE_TABLES, _TABLE),
    "azureml.core.Dataset.File": {"from_files": _FILES, "upload_directory": _FILES},
    "azureml.core.Dataset": dict.fromkeys(_STEPS, "azureml.core.Dataset"),
    _TABLE: dict.fromkeys(_STEPS, _TABLE),
    _FILES: dict.fromkeys(_STEPS, _FILES),
    "azureml.core.Datastore": dict.fromkeys(_REFERRING, "azureml.data.data_reference.DataReference"),
    "azureml.core.Experiment": {"submit": "azureml.core.Run", "start_logging": "azureml.core.Run"},
    "azureml.core.Run": {
        "submit_child": "azureml.core.Run",
        "child_run": "azureml.core.Run",
        "register_model": "azureml.core.Model",
    },
    "azureml.core.Environment": {"clone": "azureml.core.Environment"},
    "azureml.train.hyperdrive.HyperDriveRun": {"get_best_run_by_primary_metric": "azureml.core.Run"},
}
"""Methods whose objects' kind is known."""
_RETURNED = {
    "turnout.targets.compute_target:ComputeTarget": (
        "turnout.targets.aml_compute:AmlCompute",
        "turnout.targets.compute_instance:ComputeInstance",
        "turnout.targets.remote_compute:RemoteCompute",
        "turnout.targets.hdinsight_compute:HDInsightCompute",
    ),
    "turnout.runtime.script.assets.dataset:Dataset": (
        "turnout.runtime.script.assets.datasets:FileDataset",
        "turnout.runtime.script.assets.datasets:TabularDataset",
    ),
    "turnout.run:Run": ("turnout.sweeps.hyperdrive_run:HyperDriveRun",),
}
"""Where a class is whose objects are of one of these."""
_ATTRIBUTES = {
    "azureml.core.Run": {"experiment": "azureml.core.Experiment", "parent": "azureml.core.Run"},
    "azureml.core.Experiment": {"workspace": "azureml.core.Workspace"},
    "azureml.core.ScriptRunConfig": {"run_config": "azureml.core.RunConfiguration"},
    "azureml.core.RunConfiguration": {"environment": "azureml.core.Environment"},
}
"""Attributes whose objects' kind is known."""


_SPELLINGS = {known.rpartition(".")[2]: known for known in (*_MAKES, *_RETURNS, *_ATTRIBUTES)}
"""A class's own name → its one spelling above."""


class Use(NamedTuple):
    """One of v1's names, where a file uses it.

    Attributes:
        file: its path, below the project.
        line: from 1; in a notebook counted over its code cells.
        name: in full: `azureml.core.Workspace.from_config`.
        status: works, differs or missing.
        words: how it differs, or what to use instead.
    """

    file: str
    line: int
    name: str
    status: str
    words: str


class Unreadable(NamedTuple):
    """A file that could not be looked through: its path, and why."""

    file: str
    words: str


def check(project: str) -> tuple[list[Use], list[Unreadable]]:
    """Return the uses of v1's names in a project, and the files that can't be read.

    Args:
        project: a directory, a Python file or a notebook.
    """
    uses: list[Use] = []
    unreadable: list[Unreadable] = []
    for path in sorted(sources(project)):
        shown = os.path.relpath(path, project) if os.path.isdir(project) else path
        try:
            tree = ast.parse(_text(path), filename=path)
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            unreadable.append(Unreadable(shown, " ".join(str(error).split())))
            continue
        reader = _Reader()
        reader.visit(tree)
        uses += [Use(shown, line, name, *judged(name)) for line, name in sorted(set(reader.found))]
    return uses, unreadable


def sources(project: str) -> Iterator[str]:
    """Yield the Python files and notebooks of a project; hidden directories and virtual environments are passed over."""
    if os.path.isfile(project):
        yield project
        return
    for directory, below, files in os.walk(project):
        below[:] = [
            name
            for name in below
            if not name.startswith(".")
            and name not in _SKIPPED
            and not os.path.exists(os.path.join(directory, name, "pyvenv.cfg"))
        ]
        for name in files:
            if name.endswith((".py", notebook.EXTENSION)):
                yield os.path.join(directory, name)


def judged(name: str) -> tuple[str, str]:
    """Return the status of a full name, and what is to be said of it."""
    module, member = _split(name)
    if module is None:
        return MISSING, door.refusal(name).partition(": ")[2] or "Turnout doesn't have it"
    if not member:
        return WORKS, ""
    first, *further = member
    where = names.MODULES[module].get(first) if module in names.MODULES else None
    if where is None:
        return MISSING, door.refusal(f"{module}.{first}").partition(": ")[2] or "Turnout doesn't have it"
    found = resolve(where)
    told = differences.of(first, "")
    if told is not None and (not further or told[0] == MISSING):
        return told  # what can't be made has no members
    kinds = [found, *map(resolve, _RETURNED.get(where, ()))]
    for attribute in further:
        if None in kinds:
            break  # a member of an object of unknown kind
        having = [kind for kind in kinds if _has(kind, attribute)]
        words = [_told(first, kind, attribute) for kind in having] or [differences.of(first, attribute)]
        if all(words):
            return words[0] or (WORKS, "")
        if not having:
            return MISSING, f"{first} has no {attribute} here"
        kinds = [_value_of(kind, attribute) for kind in having]
    return WORKS, ""


def _value_of(owner: Any, attribute: str) -> Any:
    """Return the class of what an object's attribute holds, or what a class's attribute is; None where that isn't known."""
    if not isinstance(owner, type):
        return getattr(owner, attribute, None)
    fields = {field.attribute: field.kind for field in getattr(owner, "FIELDS", ())}
    if isinstance(fields.get(attribute), type) and fields[attribute] is not object:
        return fields[attribute]
    found = getattr(owner, attribute, None)
    if not isinstance(found, property):
        return None if hasattr(type(found), "__set__") else found  # a slot says nothing of what it holds
    import typing

    try:
        told = typing.get_type_hints(found.fget).get("return")
    except (NameError, TypeError):  # a class that is imported for the type checker alone
        return None
    return told if isinstance(told, type) and told is not Any else None


def _told(first: str, kind: Any, attribute: str) -> tuple[str, str] | None:
    """Return what there is to say of a class's member: under the class's name in v1, or of one that it inherits from."""
    owners = [first, *(base.__name__ for base in getattr(kind, "__mro__", ()))]
    return next((told for told in (differences.of(owner, attribute) for owner in owners) if told is not None), None)


def _split(name: str) -> tuple[str | None, list[str]]:
    """Return the longest module that a full name begins with, and what follows."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        module = ".".join(parts[:end])
        if module in door.modules:
            known = door.modules[module]
            if end < len(parts) and parts[end] not in known and f"{module}.{parts[end]}" not in door.modules:
                return (module, parts[end:]) if module in names.MODULES else (None, [])
            return module, parts[end:]
    return None, []


def _has(owner: Any, attribute: str) -> bool:
    """Say whether objects of a class have an attribute: of the class, declared, or set by its constructor."""
    if owner is None or not isinstance(owner, type):
        return owner is not None and hasattr(owner, attribute)
    if hasattr(owner, attribute) or attribute in getattr(owner, "_attributes", ()):
        return True
    return any(attribute in _set_by(base) for base in owner.__mro__ if base is not object)


@functools.cache
def _set_by(owner: type) -> set[str]:
    """Return the attributes that a class's constructor sets."""
    import inspect
    import textwrap

    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    except (OSError, TypeError, SyntaxError):
        return set()
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }


def _text(path: str) -> str:
    if path.endswith(notebook.EXTENSION):
        return notebook.python(path)
    with open(path, encoding="utf-8") as stream:
        return stream.read()


class _Reader(ast.NodeVisitor):
    """Finds v1's names in one file.

    Attributes:
        found: (line, full name).
    """

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []
        self._names: dict[str, str] = {}  # a name of the file → v1's full name
        self._objects: dict[str, str] = {}  # a variable → the class of its object, v1's full name

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.split(".")[0] == "azureml":
                self.found.append((node.lineno, alias.name))
                self._names[alias.asname or "azureml"] = alias.name if alias.asname else "azureml"

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or (node.module or "").split(".")[0] != "azureml":
            return
        for alias in node.names:
            if alias.name == "*":
                self.found.append((node.lineno, str(node.module)))
                for name in names.MODULES.get(str(node.module), ()):
                    self._names[name] = f"{node.module}.{name}"
                continue
            full = f"{node.module}.{alias.name}"
            self.found.append((node.lineno, full))
            self._names[alias.asname or alias.name] = full

    def visit_Assign(self, node: ast.Assign) -> None:
        kind = self._kind(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._names.pop(target.id, None)
                if kind is None:
                    self._objects.pop(target.id, None)
                else:
                    self._objects[target.id] = kind
        self.generic_visit(node)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            kind = self._kind(item.context_expr)
            if kind is not None and isinstance(item.optional_vars, ast.Name):
                self._objects[item.optional_vars.id] = kind
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner = self._owner(node.value)
        if owner is not None:
            self.found.append((node.lineno, f"{owner}.{node.attr}"))
        self.generic_visit(node)

    def _owner(self, node: ast.expr) -> str | None:
        """Return v1's full name of what an expression is: a module, a class, or an object's class."""
        if isinstance(node, ast.Name):
            return self._names.get(node.id) or self._objects.get(node.id)
        if isinstance(node, ast.Attribute):
            outer = self._owner(node.value)
            if outer is None:
                return None
            known = _ATTRIBUTES.get(canonical(outer), {}).get(node.attr)
            return known or f"{outer}.{node.attr}"
        return self._kind(node)

    def _kind(self, node: ast.expr) -> str | None:
        """Return the class of the object that a call makes, v1's full name; None where that isn't known."""
        if isinstance(node, ast.Attribute):
            outer = self._owner(node.value)
            return None if outer is None else _ATTRIBUTES.get(canonical(outer), {}).get(node.attr)
        if not isinstance(node, ast.Call):
            return None
        if isinstance(node.func, ast.Attribute):
            owner = self._owner(node.func.value)
            if owner is not None:
                made = canonical(owner)
                if node.func.attr in _MAKES.get(made, ()):
                    return made
                known = _RETURNS.get(made, {}).get(node.func.attr)
                if known is not None:
                    return known
        full = self._owner(node.func)
        return full if full is not None and _is_class(full) else None


def canonical(name: str) -> str:
    """Return the one spelling under which a class is known here, of the several that v1 had."""
    return _SPELLINGS.get(name.rpartition(".")[2], name)


def _is_class(name: str) -> bool:
    module, _, last = name.rpartition(".")
    where = names.MODULES.get(module, {}).get(last)
    return where is not None and isinstance(resolve(where), type)
