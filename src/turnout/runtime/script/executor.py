"""The run as a process sees it that works for its script on another machine, which has no record to report into.

Modules that executors import may ask for the run at their top. It knows its id; what would be reported is refused rather than
lost where nobody looks.
"""

import os

from turnout.runtime.script.exceptions import RunEnvironmentException
from turnout.runtime.script.run import Run

MYPY = False
if MYPY:
    from typing import Any, Dict, Optional


class ExecutorRun(Run):
    """A run whose script is elsewhere.

    Args:
        run_id: the run's id.
    """

    def __init__(self, run_id: str) -> None:
        super(ExecutorRun, self).__init__(os.path.join(os.sep, "record-on-the-driver", run_id))
        self._writer = _Refusal(run_id)

    def __repr__(self) -> str:
        return "Run(Id: %s, on an executor)" % self.id

    def _definition(self) -> "Dict[str, Any]":
        """Refuse, and so all that needs the record; see the class."""
        raise _refused(self.id)

    def _own_metrics(self, name: "Optional[str]", populate: bool) -> "Dict[str, Any]":
        raise _refused(self.id)

    def get_status(self) -> str:
        """Refuse; see the class. Raises RunEnvironmentException."""
        raise _refused(self.id)

    def get_children(self, *args: "Any", **kwargs: "Any") -> "Any":
        """Refuse; see the class. Raises RunEnvironmentException."""
        raise _refused(self.id)

    def upload_folder(self, *args: "Any", **kwargs: "Any") -> "Any":
        """Refuse; see the class. Raises RunEnvironmentException."""
        raise _refused(self.id)

    def log_image(self, *args: "Any", **kwargs: "Any") -> "Any":
        """Refuse; see the class. Raises RunEnvironmentException."""
        raise _refused(self.id)


class _Refusal:
    """Stands in the place of the writer of events."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id

    def append(self, members: str) -> None:
        raise _refused(self._run_id)

    def event(self, event: "Dict[str, Any]") -> None:
        self.append("")

    def sync(self) -> None:
        """Nothing was written."""

    def close(self) -> None:
        """Nothing is open."""


def _refused(run_id: str) -> RunEnvironmentException:
    return RunEnvironmentException(
        "this process is an executor of the run %s, and can't reach its record: return values to the driver, and log "
        "them there" % run_id
    )
