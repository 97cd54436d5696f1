"""The trials of a sweep as its controller sees them: each one's parameters, state, and what it has logged so far."""

from __future__ import annotations

import json
import os

from turnout.runtime import events, records, states
from turnout.runtime.record import RunRecord
from turnout.sweeps.primary_metric import PrimaryMetric, numbers
from turnout.sweeps.samplers import Known
from turnout.sweeps.space import Values
from turnout.sweeps.termination import Series


class Trial:
    """One trial.

    Attributes:
        number: from 0.
        values: its parameters.
        record: its record; there may be none any more, when someone has deleted it.
        state: the last known one.
        reason: why it is so.
        ended: whether it has ended.
        series: what it has logged of the primary metric.
        looked: up to which interval the policy has looked at it.
        stopped: why the policy or the sweep ended it; empty while it didn't.

    Args:
        number: from 0.
        record: its record.
        values: its parameters.
        metric: the name of the primary metric.
    """

    def __init__(self, number: int, record: RunRecord, values: Values, metric: str) -> None:
        self.number = number
        self.record = record
        self.values = values
        self.state, self.reason = states.NOT_STARTED, ""
        self.ended = False
        self.looked = 0
        self.stopped = ""
        self.series = Series([])
        self._known: Known | None = None
        self._size = -1
        self._reader = Reader(record.layout.events, metric)

    @property
    def id(self) -> str:
        """Its run's id."""
        return self.record.layout.run_id

    def score(self, metric: PrimaryMetric) -> float | None:
        """Return its best value so far; None when it has logged none."""
        return metric.best(self.series.values)

    def known(self, metric: PrimaryMetric) -> Known:
        """Return what a sampler may know of it."""
        if self._known is not None:
            return self._known
        known = Known(self.values, self.score(metric), self.ended)
        if self.series.ended:  # nothing is added to that: a sweep asks for all of its trials each time that one begins
            self._known = known
        return known

    def read(self) -> None:
        """Read what it has logged since the last time."""
        self.series.values = self._reader.read()
        self.series.ended = self.ended

    def has_news(self) -> bool:
        """Say whether its journal has grown since the last call, or its record is gone."""
        try:
            size = os.stat(self.record.layout.journal).st_size
        except OSError:
            return not self.record.exists()
        known, self._size = self._size, size
        return size != known

    def take(self, state: str, reason: str) -> bool:
        """Take a new state; say whether it has ended by that."""
        was, self.state, self.reason = self.ended, state, reason
        self.ended = states.is_final(state)
        return self.ended and not was


class Reader:
    """Reads the values of one metric as they come: each byte of the events is read once.

    Args:
        directory: the `events` of a run.
        metric: the metric's name.
    """

    def __init__(self, directory: str, metric: str) -> None:
        self._directory = directory
        self._metric = metric
        self._mark = json.dumps(metric).encode("ascii")
        self._offsets: dict[str, int] = {}
        self._latest: dict[str, float] = {}
        self._found: list[tuple[float, str, int, list[float]]] = []
        self._values: list[float] = []

    def read(self) -> list[float]:
        """Return all values so far, in the order of their times."""
        count = len(self._found)
        try:
            with os.scandir(self._directory) as entries:
                grown = [
                    entry.name
                    for entry in entries
                    if entry.name.endswith(events.SUFFIX) and entry.stat().st_size > self._offsets.get(entry.name, 0)
                ]
        except FileNotFoundError:
            return self._values
        for name in grown:
            self._read(name)
        if len(self._found) > count:
            self._found.sort(key=lambda found: found[:3])
            self._values = [value for found in self._found for value in found[3]]
        return self._values

    def _read(self, name: str) -> None:
        offset = self._offsets.get(name, 0)
        with open(os.path.join(self._directory, name), "rb") as stream:
            stream.seek(offset)
            data = stream.read()
        end = data.rfind(b"\n") + 1
        self._offsets[name] = offset + end
        for place, line in enumerate(data[:end].split(b"\n")):
            if self._mark not in line:
                continue
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if not isinstance(event, dict) or event.get("e") != events.METRIC or event.get("name") != self._metric:
                continue
            if event.get("kind") not in (events.SCALAR, events.LIST):
                continue
            # A clock that is set back must not reorder what one writer wrote.
            latest = max(self._latest.get(name, 0.0), records.moment(event.get("t")))
            self._latest[name] = latest
            found = numbers(events.decode_value(event.get("value")))
            if found:
                self._found.append((latest, name, offset + place, found))


def first_error(trials: list[Trial]) -> tuple[str, str] | None:
    """Return the id of the first trial that failed, and why; None when none did."""
    for trial in trials:
        if trial.state == states.FAILED:
            error = trial.record.result().get("error") or {}
            return trial.id, str(error.get("message") or trial.reason)
    return None
