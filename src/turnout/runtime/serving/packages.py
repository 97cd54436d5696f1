"""What a submitter asks and brings for an environment that this machine can't fetch the packages of."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict, Tuple

from turnout.runtime import builders, gclock, layout, records, runqueue
from turnout.runtime.builders import pythons, uvtool, wheelhouse
from turnout.runtime.objects import ObjectStore
from turnout.runtime.serving.arrival import checked

Answer = Tuple[Dict[str, Any], bytes]


def environment(home: layout.Home, request: Dict[str, Any], content: bytes) -> Answer:
    """Say whether an environment is built here, and what of it is here if it isn't.

    Args:
        home: this account's home.
        request: `environment`, in the form of run.json; `paths`, absolute ones.
        content: not used.

    Returns:
        `built`; if it isn't, `absent`, the paths that are not here, `python`, a Python of its version (empty when there is
        none), and `pythons`, the versions that there are.
    """
    wanted = dict(request["environment"])
    if builders.find(wanted, home) is not None:
        return {"built": True}, b""
    uv, variables = uvtool.find(home, os.environ), uvtool.variables(os.environ)
    return {
        "built": False,
        "absent": [path for path in request.get("paths") or [] if not os.path.exists(path)],
        "python": pythons.find(str(wanted["python"]), uv, variables) if uv else pythons.own(str(wanted["python"])),
        "pythons": pythons.installed(uv, variables) if uv else [],
    }, b""


def wheels(home: layout.Home, request: Dict[str, Any], content: bytes) -> Answer:
    """Make objects the wheels that an environment is installed from.

    Args:
        home: this account's home.
        request: `key`, the environment's; `wheels`, file names and digests; `replaced` and `complete`, see
            `turnout.runtime.builders.wheelhouse`.
        content: not used.

    Returns:
        `directory`, where they are; or `missing`, the digests of objects that have to come first.
    """
    named = {checked(name): str(digest) for name, digest in dict(request["wheels"]).items()}
    directory = os.path.join(home.wheels, checked(str(request["key"])))
    store = ObjectStore(home.objects)
    with gclock.shared(home, _silent):
        lacking = sorted(digest for digest in named.values() if not store.has(digest))
        if lacking:
            return {"missing": lacking}, b""
        os.makedirs(directory, layout.DIRECTORY_MODE, exist_ok=True)
        for name, digest in named.items():
            _place(store.path(digest), os.path.join(directory, name))
    whole = {"replaced": dict(request["replaced"]), "complete": bool(request["complete"])}
    records.write_json(os.path.join(directory, wheelhouse.WHOLE), whole)
    return {"directory": directory}, b""


def _place(source: str, path: str) -> None:
    """Put an object under another name: installers only read it, so a link will do where there can be one."""
    temporary = "%s.%s.tmp" % (path, os.urandom(4).hex())
    try:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)
        os.replace(temporary, path)
    finally:
        runqueue.remove_file(temporary)  # it is still there after a failure, and where both names were one file already


def _silent(line: str) -> None:
    """Report to nobody: the submitter sees that the connection lives."""
