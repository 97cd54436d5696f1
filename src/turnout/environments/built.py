"""The environments that are built on this machine, and the runs that use them.

When one was used last is the modification time of its KEY.json, which `runtime.builders.store` sets anew when a run finds
the environment; the time when it was built is in the file.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from turnout.exceptions import UserErrorException
from turnout.runtime import layout, records, states
from turnout.runtime.gc import items, marking
from turnout.runtime.record import RunRecord

_WHOLE = ".json"


class Built(NamedTuple):
    """An environment of this machine, whole.

    Attributes:
        key: its key.
        kind: its kind.
        python: the full version of its Python; empty when that isn't known.
        packages: what is installed, as in environment.json.
        built: the Unix time when that was done.
        last_used: the Unix time when a run or a person last found or built it.
        directory: where it is.
        interpreter: its Python; in the image, for a container.
        image: the id of its image; empty where there is none.
        image_bytes: what that takes beside its base image.
    """

    key: str
    kind: str
    python: str
    packages: list[dict[str, Any]]
    built: float | None
    last_used: float
    directory: str
    interpreter: str
    image: str = ""
    image_bytes: int = 0


def look(home: layout.Home, key: str) -> Built | None:
    """Return the environment of a key; None when it isn't there, or not whole."""
    path = home.environment(key) + _WHOLE
    try:
        facts, used = records.read_json(path), os.stat(path).st_mtime
    except (OSError, ValueError):
        return None
    if not isinstance(facts, dict):
        return None
    python = facts.get("python")
    return Built(
        key,
        str(facts.get("kind") or key.partition("-")[0]),
        str((python.get("version") if isinstance(python, dict) else python) or ""),
        [package for package in facts.get("packages") or [] if isinstance(package, dict)],
        facts.get("built") if isinstance(facts.get("built"), (int, float)) else None,
        used,
        home.environment(key),
        str(facts.get("interpreter") or ""),
        str(facts.get("image") or ""),
        int(facts.get("image_bytes") or 0),
    )


def everything(home: layout.Home) -> list[Built]:
    """Return all environments of this machine, the last used first."""
    found = (look(home, key) for key in _keys(home))
    return sorted((each for each in found if each is not None), key=lambda each: (-each.last_used, each.key))


def find_key(home: layout.Home, text: str) -> str | None:
    """Return the key that `text` is, or that it alone begins; None when there is none.

    Raises:
        UserErrorException: it begins several.
    """
    keys = _keys(home)
    if text in keys:
        return text
    found = [key for key in keys if text and key.startswith(text)]
    if len(found) > 1:
        raise UserErrorException(
            f"'{text}' begins {len(found)} keys: {', '.join(found[:5])}; type more of the one you mean"
        )
    return found[0] if found else None


def _keys(home: layout.Home) -> list[str]:
    return [
        name[: -len(_WHOLE)]
        for name in items.names(home.environments)
        if name.endswith(_WHOLE) and not name.startswith(".")
    ]


class Uses:
    """Which runs of all workspaces of a home use which environment; their definitions are read, each once.

    Attributes:
        by_key: key → the records of the runs that were submitted with it.
        names: key → the names that the environment had in those runs, in the order of the runs' ids.
        unreadable: the records whose definition can't be read, so that nobody knows what they use.
    """

    def __init__(self, home: layout.Home) -> None:
        self.by_key: dict[str, list[layout.RunLayout]] = {}
        self.names: dict[str, list[str]] = {}
        self.unreadable: list[layout.RunLayout] = []
        self._home = home
        self._seen: set[tuple[str, str]] = set()

    def update(self) -> None:
        """Read the runs that have come since the last time.

        Raises:
            OSError: the home can't be read.
        """
        for run in marking.come_since(self._home, self._seen):
            self._read(run)

    def unfinished(self, key: str) -> list[str]:
        """Return the ids of the runs that need an environment, or may need it, and haven't ended."""
        return [run.run_id for run in [*self.by_key.get(key, []), *self.unreadable] if not _has_ended(run)]

    def _read(self, run: layout.RunLayout) -> None:
        try:
            environment = records.read_json(run.definition).get("environment") or {}
            key, name = environment.get("key"), environment.get("name")
        except (OSError, ValueError, AttributeError):
            if os.path.isdir(run.root):  # else it was deleted since it was listed
                self.unreadable.append(run)
            return
        if isinstance(key, str):
            self.by_key.setdefault(key, []).append(run)
            names = self.names.setdefault(key, [])
            if isinstance(name, str) and name not in names:
                names.append(name)


def _has_ended(run: layout.RunLayout) -> bool:
    try:
        return not os.path.isdir(run.root) or states.is_final(RunRecord(run.root).status()[0])
    except (OSError, ValueError):
        return False
