"""What every part of `Run` stands on: the record that it reads and the writer that it reports through."""

import os

from turnout.runtime.record import RunRecord
from turnout.runtime.script import writer
from turnout.runtime.script.exceptions import RecordException

MYPY = False
if MYPY:
    from typing import Any, Dict


class RunBase:
    """A run's record, to read from and to report into. Making one touches no disk.

    Attributes:
        record: reads the record.
        layout: names its files.

    Args:
        directory: where the record lies.
    """

    def __init__(self, directory: str) -> None:
        self.record = RunRecord(os.path.abspath(directory))
        self.layout = self.record.layout
        self._writer: "Any" = writer.writer_for(self.layout.events)

    @property
    def id(self) -> str:
        """The run's id."""
        return self.layout.run_id

    def _definition(self) -> "Dict[str, Any]":
        """Return what run.json says. Raises RecordException when there is no such record here."""
        try:
            return self.record.definition
        except ValueError as error:
            raise RecordException(
                "the record of the run %s can't be read: %s" % (self.id, error), inner_exception=error
            ) from error
        except OSError as error:
            raise RecordException(
                "the record of the run %s can't be read: %s; it may lie on another machine" % (self.id, error),
                inner_exception=error,
            ) from error

    def _event(self, kind: str, **members: "Any") -> None:
        """Report one event that isn't a metric's hot path."""
        event: "Dict[str, Any]" = {"e": kind}
        event.update(members)
        self._writer.event(event)
