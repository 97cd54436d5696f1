"""What a compute target says of the Spark behind it: master, installation, settings; checked as they are given."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from turnout.exceptions import ComputeTargetException
from turnout.runtime.spark import settings

_PAGE = re.compile(r"https?://[^\s/]+(:\d+)?/?")


def described(
    master: str = settings.LOCAL,
    home: str = "",
    conf: Mapping[str, Any] | None = None,
    pages: Sequence[str] = (),
    shared_home: bool = False,
) -> dict[str, Any]:
    """Return a target's Spark as data.

    Args:
        master: `spark://HOST:PORT`, `yarn`, `k8s://…` or `local[*]`.
        home: Spark's directory on the target's machine; found there by default.
        conf: settings of every run on the target; a run's own stand above them.
        pages: where a standalone master's web page is; port 8080 of its host by default.
        shared_home: whether the cluster's machines see Turnout's home on the target under the same path.

    Raises:
        ComputeTargetException: one of them can't be used.
    """
    try:
        kind = settings.kind_of(master)
        checked = settings.checked(conf or {})
        settings.asked_memory(checked)
        settings.asked_cores(checked)
    except settings.SettingsError as error:
        raise ComputeTargetException(str(error), error) from error
    for page in pages:
        if not _PAGE.fullmatch(page):
            raise ComputeTargetException(
                f"{page!r} is no page of a Spark master; give an address such as http://host:8080"
            )
    if pages and kind != settings.STANDALONE:
        raise ComputeTargetException(f"only a standalone master has a page that Turnout asks; {master} has none")
    if settings.MASTER in checked:
        raise ComputeTargetException(f"give the master by itself, not as the setting {settings.MASTER}")
    if home and not os.path.isabs(home):
        raise ComputeTargetException(f"Spark's directory is an absolute path on the target's machine, not {home!r}")
    found: dict[str, Any] = {"master": master}
    for name, value in (("home", home), ("conf", checked), ("pages", list(pages)), ("shared_home", shared_home)):
        if value:
            found[name] = value
    return found


def changed(known: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a target's Spark with changes; a setting whose value is empty goes.

    Raises:
        ComputeTargetException: one of them can't be used.
    """
    conf = {**(known.get("conf") or {}), **(changes.get("conf") or {})}
    joined = {**known, **changes, "conf": {name: value for name, value in conf.items() if value != ""}}
    if "master" in changes and "pages" not in changes:
        joined.pop("pages", None)  # another master's
    return described(**joined)


def beside() -> str:
    """Return the directory of the pyspark that is installed with Turnout; empty when there is none."""
    found = importlib.util.find_spec("pyspark")
    return os.path.dirname(found.origin) if found is not None and found.origin else ""


def trouble(facts: Mapping[str, Any], target: str) -> str:
    """Return why a target's cluster can't take runs, as the machine told it; an empty string when it can."""
    master = facts.get("master") or {}
    if master.get("trouble"):
        return f"{target}: {master['trouble']}; start the master, or correct --spark-master"
    named = facts.get("missing_named")
    return f"{target}: {named}" if named else ""
