"""Reads what the index keeps of a run from its record: no database here.

Events are read from where the last reading stopped, in pieces, so that a run with millions of points needs little
memory. What an event means in the end never depends on the order in which files were read: each carries a stamp of
(time, writer, position), and the stamps decide.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from turnout.runtime import events, records, states
from turnout.runtime.record import RunRecord, artifact_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Stamp = tuple[float, str, int]
    Point = tuple[float, str, int, float | None, float | None, str | None]
    Look = Callable[[str], tuple[str, str]]

PIECE = 8 << 20
"""Bytes of an events file that are read at a time."""

DEFINED: Stamp = (-1.0, "", -1)
"""The stamp of what the definition says: before every event."""


@dataclass(slots=True)
class Writer:
    """How far one events file has been read.

    Attributes:
        offset: bytes read.
        latest: the highest time of a metric; a clock set back must not reorder what one writer wrote.
        spoken: the highest time of anything else, which `events.read_all` orders by itself too.
        position: how many items the file has had so far.
        skipped: lines that did not parse.
    """

    offset: int = 0
    latest: float = 0.0
    spoken: float = 0.0
    position: int = 0
    skipped: int = 0


@dataclass(slots=True)
class Label:
    """A tag, property or setting as one event left it."""

    key: str
    value: str | None
    stamp: Stamp
    removed: bool = False


@dataclass(slots=True)
class Piece:
    """What a piece of a run's events says.

    Attributes:
        points: by (metric, column or empty): (time, writer, position, step, value, text).
        kinds: the kind of each of those metrics.
        writers: the state of the files that were read, after this piece.
    """

    points: dict[tuple[str, str], list[Point]] = field(default_factory=dict)
    kinds: dict[tuple[str, str], str] = field(default_factory=dict)
    tags: list[Label] = field(default_factory=list)
    properties: list[Label] = field(default_factory=list)
    settings: list[Label] = field(default_factory=list)
    writers: dict[str, Writer] = field(default_factory=dict)


def read_row(record: RunRecord, answer: tuple[str, str] | None = None) -> dict[str, Any] | None:
    """Return a run's row: the definition, the state and how it ended.

    Args:
        record: the run.
        answer: status and reason of a run that has not ended, from someone who looked closer than the record.

    Returns:
        The row without `seq` and `workspace`; None when there is no such run, or its definition can't be read.
    """
    try:
        definition: Any = record.definition  # what a damaged file holds may be anything
    except (OSError, ValueError):
        return None
    if not isinstance(definition, dict):
        return None
    journal = record.journal()
    last = str(journal[-1].get("state")) if journal else states.NOT_STARTED
    final = states.is_final(last)
    status, reason = answer if answer is not None and not final else record.status()
    result = record.result()
    parent = _text(definition.get("parent"))
    return {
        "id": record.layout.run_id,
        "number": _integer(definition.get("number")),
        "experiment": _text(definition.get("experiment")) or "",
        "type": _text(definition.get("type")),
        "parent": parent,
        "root": _text(definition.get("root")),
        "status": status,
        "reason": storable(reason),
        "created": _moment(definition.get("created")),
        "started": _time(result.get("started")) or _first(journal, states.RUNNING, states.STARTING),
        "ended": (_time(result.get("ended")) or _time(journal[-1].get("t"))) if final else None,
        "target": _text((_mapping(definition.get("target"))).get("name")),
        "display_name": _text(definition.get("display_name")),
        "exit_code": _integer(result.get("exit_code")),
        "signal": _integer(result.get("signal")),
        "snapshot": _text(_mapping(definition.get("snapshot")).get("id")),
        "child": parent is not None,
        "final": final,
    }


def defined_labels(record: RunRecord, what: str) -> list[Label]:
    """Return the tags or properties (`what`) that the definition gave the run."""
    return [
        Label(storable(str(key)), label_text(value), DEFINED)
        for key, value in _mapping(record.definition.get(what)).items()
    ]


def event_sizes(record: RunRecord) -> dict[str, int]:
    """Return how many bytes each events file of a run has by now."""
    try:
        with os.scandir(record.layout.events) as entries:
            return {storable(entry.name): entry.stat().st_size for entry in entries}
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return {}


def read_events(
    record: RunRecord,
    known: Mapping[str, Writer],
    limit: int = PIECE,
    ends: Mapping[str, int] | None = None,
) -> Iterator[Piece]:
    """Yield what has been added to a run's events since `known`.

    Args:
        record: the run.
        known: what was read before, by file name; not changed.
        limit: bytes to read at a time.
        ends: from `event_sizes`: what was added after that is for the next time, or a reader would never be done with a
            run that logs faster than it reads.
    """
    try:
        entries = sorted(os.scandir(record.layout.events), key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    prefix = artifact_prefix(record.layout.run_id)
    for entry in entries:
        if entry.name.endswith(events.SUFFIX):
            name, size = storable(entry.name), entry.stat().st_size
            if ends is not None:
                size = min(size, ends.get(name, 0))
            if os.access(entry.path, os.R_OK):
                yield from _read_writer(entry.path, name, size, replace(known.get(name) or Writer()), prefix, limit)


def is_rewritten(record: RunRecord, known: Mapping[str, Writer]) -> bool:
    """Say whether an events file is shorter than what was read of it: then it isn't the file that was read."""
    for name, writer in known.items():
        try:
            if os.stat(os.path.join(record.layout.events, name)).st_size < writer.offset:
                return True
        except OSError:
            return True
    return False


def _read_writer(path: str, name: str, size: int, writer: Writer, prefix: str, limit: int) -> Iterator[Piece]:
    while writer.offset < size:
        values, offset, skipped = records.read_lines(path, writer.offset, limit)
        if offset == writer.offset:
            if writer.offset + limit >= size:
                return  # the last line isn't whole yet
            limit *= 4  # one line is longer than a piece
            continue
        piece = Piece()
        for value in values:
            _take(piece, value, name, writer, prefix)
        writer.offset = offset
        writer.skipped += skipped
        piece.writers[name] = replace(writer)
        yield piece


def _take(piece: Piece, event: dict[str, Any], name: str, writer: Writer, prefix: str) -> None:
    kind = event.get("e")
    if kind == events.METRIC:
        writer.latest = max(writer.latest, _moment(event.get("t")))
        _take_metric(piece, event, name, writer, prefix)
        return
    writer.spoken = max(writer.spoken, _moment(event.get("t")))
    stamp = (writer.spoken, name, writer.position)
    writer.position += 1
    key = storable(str(event.get("key")))
    if kind == events.TAG:
        piece.tags.append(Label(key, label_text(event.get("value")), stamp))
    elif kind == events.UNTAG:
        piece.tags.append(Label(key, None, stamp, removed=True))
    elif kind == events.PROPERTY:
        piece.properties.append(Label(key, label_text(event.get("value")), stamp))
    elif kind == events.SET:
        piece.settings.append(Label(key, label_text(event.get("value")), stamp))


def _take_metric(piece: Piece, event: dict[str, Any], name: str, writer: Writer, prefix: str) -> None:
    metric, step = event.get("name"), _time(event.get("step"))
    if not isinstance(metric, str):
        return
    kind = str(event.get("kind"))
    for part, value in _parts(kind, event.get("value"), prefix):
        key = (storable(metric), storable(part))
        number, text = split(value)
        points = piece.points.get(key)
        if points is None:
            points = piece.points[key] = []
        points.append((writer.latest, name, writer.position, step, number, text))
        piece.kinds[key] = kind
        writer.position += 1


def _parts(kind: str, raw: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield (column, value) of each point of a metric event, as `events.metrics` takes it apart."""
    if isinstance(raw, float | int | str):
        yield "", raw
        return
    value = events.decode_value(raw)
    if kind == events.ROW and isinstance(value, dict):
        for column, item in value.items():
            yield str(column), item
    elif kind == events.TABLE and isinstance(value, dict):
        for column, items in value.items():
            for item in items if isinstance(items, list) else [items]:
                yield str(column), item
    elif kind == events.LIST and isinstance(value, list):
        for item in value:
            yield "", item
    elif kind in events.ARTIFACT_KINDS and isinstance(value, dict):
        yield "", prefix + str(value.get("$artifact"))
    else:
        yield "", value


def split(value: Any) -> tuple[float | None, str | None]:
    """Return the number that a chart draws and, where that alone doesn't say what was logged, its JSON."""
    if isinstance(value, float):
        return (value, None) if math.isfinite(value) else (None, json.dumps(value))
    if isinstance(value, int):  # booleans too
        try:
            return float(value), json.dumps(value)
        except OverflowError:
            return None, json.dumps(value)
    return None, json.dumps(value)


def join(value: float | None, text: str | None) -> Any:
    """Undo `split`."""
    return value if text is None else json.loads(text)


def storable(text: str) -> str:
    """Return text that every database takes: no NUL, no half of a surrogate pair."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def label_text(value: Any) -> str | None:
    """Return a tag's or property's value as the index keeps it."""
    if value is None:
        return None
    return storable(value if isinstance(value, str) else json.dumps(value))


def _first(journal: list[dict[str, Any]], *wanted: str) -> float | None:
    for state in wanted:
        for line in journal:
            if line.get("state") == state:
                return _time(line.get("t"))
    return None


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    return storable(str(value)) if value is not None and value != "" else None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 else None


def _time(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _moment(value: Any) -> float:
    return _time(value) or 0.0
