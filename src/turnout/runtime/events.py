"""The events that a script (or a client, for tags) reports: their form on disk, and their meaning when read back.

An event is one JSON object a line in `events/WRITER.jsonl`:

    {"t": unix seconds, "e": kind, …}

    metric    name, kind (scalar, list, row, table, or an artifact kind), value, and step, description when given
    tag       key, value            untag     key
    property  key, value            child     id
    artifact  name, size            error     code, message
    set       key (display_name, description), value
    warning   message
    registered  what (dataset, model, files), id, and what that kind needs: see `script.assets.travelled`

A float that JSON has no word for is written as {"$float": "nan" | "inf" | "-inf"}; an artifact metric's value is
{"$artifact": name}.
"""

import math
import os

from turnout.runtime import records

MYPY = False
if MYPY:
    from typing import Any, Dict, Iterable, List, Optional, Tuple

METRIC = "metric"
TAG = "tag"
UNTAG = "untag"
PROPERTY = "property"
CHILD = "child"
ARTIFACT = "artifact"
ERROR = "error"
SET = "set"
WARNING = "warning"
REGISTERED = "registered"

SCALAR = "scalar"
LIST = "list"
ROW = "row"
TABLE = "table"
IMAGE = "image"
ARTIFACT_KINDS = (IMAGE, "confusion_matrix", "accuracy_table", "residuals", "predictions")

SUFFIX = ".jsonl"

_METRIC_MEMBER = b'"e":"metric"'
"""How Turnout writes it; inside a string of JSON the quotes would be escaped. Most lines of a long run have it."""


def encode_value(value: "Any") -> "Any":
    """Return `value` (JSON types, any float, nested) as strict JSON types."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": "nan" if value != value else "inf" if value > 0 else "-inf"}
    if isinstance(value, list):
        return [encode_value(item) for item in value]
    if isinstance(value, dict):
        return {key: encode_value(item) for key, item in value.items()}
    return value


def decode_value(value: "Any") -> "Any":
    """Undo `encode_value`."""
    if isinstance(value, list):
        return [decode_value(item) for item in value]
    if isinstance(value, dict):
        if len(value) == 1 and "$float" in value:
            try:
                return float(value["$float"])
            except (TypeError, ValueError, OverflowError):
                return value  # nobody writes that: it is damaged, and stays what it is
        return {key: decode_value(item) for key, item in value.items()}
    return value


def read_all(directory: str, metrics: bool = True) -> "Tuple[List[Dict[str, Any]], int]":
    """Read the events of a run, all writers merged by time (in order within a writer).

    Args:
        directory: the run's `events` directory; it may be missing.
        metrics: False for a caller that doesn't look at metrics: they are passed over unparsed, many times faster.

    Returns:
        The events, and how many lines did not parse.
    """
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(SUFFIX))
    except FileNotFoundError:
        return [], 0
    merged: "List[Tuple[float, str, int, Dict[str, Any]]]" = []
    skipped = 0
    for name in names:
        path = os.path.join(directory, name)
        values, _, bad = records.read_lines(path, without=b"" if metrics else _METRIC_MEMBER)
        skipped += bad
        latest = {True: 0.0, False: 0.0}
        for position, value in enumerate(values):
            # A clock set back must not reorder what one writer wrote. Metrics have a clock of their own here, so that the
            # order of the rest is the same whether they are read or passed over.
            metric = value.get("e") == METRIC
            latest[metric] = max(latest[metric], records.moment(value.get("t")))
            merged.append((latest[metric], name, position, value))
    merged.sort(key=lambda item: item[:3])
    return [item[3] for item in merged], skipped


def metrics(events: "Iterable[Dict[str, Any]]", artifact_prefix: str = "") -> "Dict[str, Any]":
    """Return the metrics as v1's `Run.get_metrics` shapes them.

    A name logged once is its value, logged more than once the list of values in order; `log_list` extends the list;
    rows and tables are a dict of columns, each a scalar while there is one row, else a list. A metric whose values are
    all None is left out. Source: the behaviour of v1's client, as observed.

    Args:
        events: the run's events in order.
        artifact_prefix: what stands before an artifact's name in the value of an image and its kin.
    """
    columns: "Dict[str, Dict[str, List[Any]]]" = {}
    tables = set()
    for event in events:
        if event.get("e") != METRIC:
            continue
        name, kind, value = event.get("name"), event.get("kind"), decode_value(event.get("value"))
        if not isinstance(name, str):
            continue
        into = columns.setdefault(name, {})
        if kind in (ROW, TABLE) and isinstance(value, dict):
            tables.add(name)
            for column, item in value.items():
                into.setdefault(column, []).extend(item if kind == TABLE else [item])
        elif kind == LIST and isinstance(value, list):
            into.setdefault(name, []).extend(value)
        elif kind in ARTIFACT_KINDS and isinstance(value, dict):
            into.setdefault(name, []).append(artifact_prefix + str(value.get("$artifact")))
        else:
            into.setdefault(name, []).append(value)
    shaped: "Dict[str, Any]" = {}
    for name, by_column in columns.items():
        if name in tables:
            shaped[name] = {column: _one_or_many(items) for column, items in by_column.items()}
        else:
            items = by_column.get(name, [])
            if any(item is not None for item in items):
                shaped[name] = _one_or_many(items)
    return shaped


def points(events: "Iterable[Dict[str, Any]]") -> "List[Dict[str, Any]]":
    """Return every metric event in order, decoded: `t, name, kind, value, step` (step is None when not given)."""
    return [
        {
            "t": event.get("t"),
            "name": event.get("name"),
            "kind": event.get("kind"),
            "value": decode_value(event.get("value")),
            "step": event.get("step"),
        }
        for event in events
        if event.get("e") == METRIC
    ]


def _one_or_many(items: "List[Any]") -> "Any":
    return items[0] if len(items) == 1 else list(items)


def tags(initial: "Dict[str, Any]", events: "Iterable[Dict[str, Any]]") -> "Dict[str, Any]":
    """Return the tags: those of the definition, then the last change of each by (time, writer)."""
    current = dict(initial)
    for event in events:
        if event.get("e") == TAG:
            current[str(event.get("key"))] = event.get("value")
        elif event.get("e") == UNTAG:
            current.pop(str(event.get("key")), None)
    return current


def properties(initial: "Dict[str, Any]", events: "Iterable[Dict[str, Any]]") -> "Dict[str, Any]":
    """Return the properties: immutable, so the earliest value of each stands."""
    current = dict(initial)
    for event in events:
        if event.get("e") == PROPERTY:
            current.setdefault(str(event.get("key")), event.get("value"))
    return current


def settings(events: "Iterable[Dict[str, Any]]") -> "Dict[str, Any]":
    """Return what was set later and may change again: display_name, description."""
    return {str(event.get("key")): event.get("value") for event in events if event.get("e") == SET}


def children(events: "Iterable[Dict[str, Any]]") -> "List[str]":
    """Return the ids of the child runs in the order in which they were reported."""
    return [str(event.get("id")) for event in events if event.get("e") == CHILD]


def warnings(events: "Iterable[Dict[str, Any]]") -> "List[str]":
    """Return what a person should know although the run goes on, each once, in order."""
    told = [str(event.get("message")) for event in events if event.get("e") == WARNING]
    return list(dict.fromkeys(told))


def last_error(events: "Iterable[Dict[str, Any]]") -> "Optional[Dict[str, Any]]":
    """Return the last error that was reported (`code`, `message`), or None."""
    found = None
    for event in events:
        if event.get("e") == ERROR:
            found = {"code": event.get("code"), "message": event.get("message")}
    return found
