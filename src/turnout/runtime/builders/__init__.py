"""Builds environments on the machine of the run: one file a kind, and its line in `BUILDERS`.

A builder is a module with

    MAKES_DIRECTORY                                 whether it builds into a directory of the home, named by the key
    built(environment, directory, facts) -> Built   what is there, or None when it can't be used any more; looks at one
                                                    or two files and starts no process
    build(environment, directory, runner) -> facts  makes everything below `directory`, or raises BuildFailed; `runner`
                                                    starts tools, with their output going to the run's log; the
                                                    facts have at least `interpreter`, `python` and `packages`

What is common to all (one build at a time per key, half-built directories, KEY.json) is in `store`, so that a further
kind is one further file. An *environment* here is the dict that run.json holds: kind, key, python, platform and lock.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, BinaryIO, Callable, Dict, Mapping, Optional, Union

from turnout.runtime import layout, redaction
from turnout.runtime.builders.contract import BuildFailed, Built

__all__ = ["BUILDERS", "BuildFailed", "Built", "build", "find"]

BUILDERS = {"conda": "conda", "container": "container", "existing": "existing", "uv": "uv"}
"""Kind of environment → the module here that builds it."""


def find(environment: Dict[str, Any], home: layout.Home) -> Optional[Built]:
    """Return the environment if it is there; None when it must be built first (or can't be: `build` says why).

    Looks at one or two files and starts no process.

    Args:
        environment: the `environment` of run.json.
        home: the home of this machine.
    """
    builder = _builder(environment)
    if builder is None:
        return None
    if not builder.MAKES_DIRECTORY:
        built: Optional[Built] = builder.built(environment, "", None)
        return built
    from turnout.runtime.builders import store

    return store.find(environment, home, builder)


def build(
    environment: Dict[str, Any],
    home: layout.Home,
    log: Union[int, BinaryIO],
    variables: Optional[Mapping[str, str]] = None,
    run_id: str = "",
    hide: redaction.Hide = redaction.as_it_is,
    note: Optional[Callable[[str], None]] = None,
) -> Built:
    """Build the environment, or wait for whoever is building it; return it.

    May be killed at any moment, alone or with its process group: what is half-built then is known as such and is built
    again by the next one.

    Args:
        environment: the `environment` of run.json.
        home: the home of this machine.
        log: unbuffered binary file, or descriptor, that gets every line of the tools' output as it comes.
        variables: what the tools find in their environment: where package indexes, certificates and proxies are. This
            process's own by default.
        run_id: the run that wants the environment, for those who wait.
        hide: takes the values of secrets out of what is logged, noted and raised.
        note: gets each step that a person who waits may want to know of, as a few words: "downloading scipy (36.0 MiB)".

    Raises:
        BuildFailed: it can't be built; nothing of it is left behind.
    """
    from turnout.runtime.builders import store
    from turnout.runtime.builders.runner import Runner

    builder = _builder(environment)
    if builder is None:
        known = ", ".join(sorted(BUILDERS))
        raise BuildFailed(
            "nothing here builds an environment of kind %r (there is: %s)" % (environment.get("kind"), known)
        )
    runner = Runner(home, log, os.environ if variables is None else variables, hide, note)
    try:
        if not builder.MAKES_DIRECTORY:
            facts = builder.build(environment, "", runner)
            return Built(str(facts["interpreter"]), None)
        return store.build(environment, home, builder, runner, run_id)
    except OSError as error:
        raise BuildFailed(hide("environment %s can't be built: %s" % (environment.get("key"), error))) from error
    except BuildFailed as error:
        raise BuildFailed(hide(error.reason), hide(error.words)) from error


def _builder(environment: Dict[str, Any]) -> Any:
    module = BUILDERS.get(str(environment.get("kind")))
    return None if module is None else import_module("turnout.runtime.builders." + module)
