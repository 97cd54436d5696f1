"""Lets modules of another name answer with Turnout's classes: `from azureml.core import Run` without an azureml-core.

A finder for one top-level name, made from a table of modules. A module of it holds nothing: each name is loaded when it is first
asked for, from where the table says. A name that v1 had and Turnout hasn't raises ImportError with what to use instead.
Compiles for Python 3.6, where a module can't be asked for names, so there all are loaded at once.
"""

import importlib
import sys
from importlib.machinery import ModuleSpec

MYPY = False
if MYPY:
    from types import ModuleType
    from typing import Any, Dict, Mapping, Optional, Sequence

    Table = Mapping[str, Mapping[str, str]]


class Door:
    """Finds and loads the modules of one name.

    Args:
        top: the name, such as `azureml`.
        modules: each module's full name → its names, each with the place where Turnout has it: `turnout.run:Run`. A
            module's own parents need no entry.
        instead: the full name of a module, or of a name in one, that Turnout hasn't → what to use instead, in a few words.
    """

    def __init__(self, top: str, modules: "Table", instead: "Mapping[str, str]") -> None:
        self.top = top
        self.instead = instead
        self.modules: "Dict[str, Mapping[str, str]]" = {}
        for name in sorted(modules):
            parts = name.split(".")
            for end in range(1, len(parts)):
                self.modules.setdefault(".".join(parts[:end]), {})
            self.modules[name] = modules[name]

    def find_spec(
        self, fullname: str, path: "Optional[Sequence[str]]" = None, target: "Any" = None
    ) -> "Optional[ModuleSpec]":
        """Return the spec of a module of this name; None for all others."""
        if fullname != self.top and not fullname.startswith(self.top + "."):
            return None
        if fullname in self.modules:
            return ModuleSpec(fullname, self, origin="turnout", is_package=True)  # type: ignore[arg-type]
        raise ModuleNotFoundError(self.refusal(fullname), name=fullname)

    def refusal(self, fullname: str) -> str:
        """Return what is said of a module or a name that isn't there."""
        parts = fullname.split(".")
        for end in range(len(parts), 1, -1):
            known = self.instead.get(".".join(parts[:end]))
            if known:
                return "%s is not part of Turnout: %s" % (fullname, known)
        return "%s is not part of Turnout; `turnout azureml check` lists what works" % fullname

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system."""

    def exec_module(self, module: "ModuleType") -> None:
        """Give a module its names."""
        fullname = module.__name__
        names = self.modules[fullname]
        module.__doc__ = "%s, as Turnout has it." % fullname
        module.__all__ = sorted(names)  # type: ignore[attr-defined]

        def load(name: str) -> "Any":
            where = names.get(name)
            if where is None:
                if name.startswith("__"):
                    raise AttributeError("module %r has no attribute %r" % (fullname, name))
                below = "%s.%s" % (fullname, name)
                if below in self.modules:
                    return importlib.import_module(below)
                # ImportError, as `from … import …` replaces the text of an AttributeError by its own.
                raise ImportError(self.refusal(below), name=below)
            value = resolve(where)
            setattr(module, name, value)
            return value

        if sys.version_info < (3, 7):
            for name in names:
                load(name)
            return
        module.__getattr__ = load  # type: ignore[method-assign]
        module.__dir__ = lambda: sorted(set(module.__dict__) | set(names))  # type: ignore[method-assign]

    def install(self) -> None:
        """Answer from now on, also in the place of an installation of that name."""
        if not any(isinstance(finder, Door) and finder.top == self.top for finder in sys.meta_path):
            sys.meta_path.insert(0, self)
            for name in [name for name in sys.modules if name == self.top or name.startswith(self.top + ".")]:
                del sys.modules[name]


def resolve(where: str) -> "Any":
    """Return what a place such as `turnout.run:Run` names; the module itself without a name."""
    module, _, name = where.partition(":")
    found: "Any" = importlib.import_module(module)
    for part in name.split(".") if name else ():
        found = getattr(found, part)
    return found
