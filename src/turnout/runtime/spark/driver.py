"""A driver, as its web page's REST interface tells ("Monitoring and Instrumentation"): application, jobs, executors."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from turnout.runtime.spark import http, ports

_FIRST_PORT = 4040
_TRIES = 16
"""Spark's own `spark.ui.port` and `spark.port.maxRetries`: a driver takes the first port that is free."""


def page(pid: int, settings: Mapping[str, str]) -> Optional[str]:
    """Return the address of the page that a driver's process serves; None while there is none.

    Only ports that this process listens on, and that its page may have, are asked: its other ports talk in other ways.
    """
    first = int(settings.get("spark.ui.port") or _FIRST_PORT)
    tries = int(settings.get("spark.port.maxRetries") or _TRIES)
    found = sorted(port for port in ports.of_process(pid) if first <= port <= first + tries)
    return "http://127.0.0.1:%d" % found[0] if found else None


class Driver:
    """A driver's page.

    Args:
        page: its address.
    """

    def __init__(self, page: str) -> None:
        self._root = page + "/api/v1/applications"

    def applications(self) -> List[Dict[str, Any]]:
        """Return the applications of the page: one. Raises NoAnswer."""
        return _dicts(http.get(self._root))

    def jobs(self, application: str) -> List[Dict[str, Any]]:
        """Return the jobs of an application, those of the page's memory (`spark.ui.retainedJobs`). Raises NoAnswer."""
        return _dicts(http.get("%s/%s/jobs" % (self._root, application)))

    def executors(self, application: str) -> List[Dict[str, Any]]:
        """Return all executors that an application has or had, without the driver. Raises NoAnswer."""
        found = _dicts(http.get("%s/%s/allexecutors" % (self._root, application)))
        return [each for each in found if each.get("id") != "driver"]


def _dicts(value: Any) -> List[Dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
