"""`RunDetails`: v1's notebook widget, as text: what the run is, its state, and what it has logged."""

from __future__ import annotations

import sys
from typing import Any

from turnout.run import Run
from turnout.runtime import states
from turnout.sweeps.hyperdrive_run import HyperDriveRun

_ROWS = 20


class RunDetails:
    """Shows a run: once, as it stands; it prints a table where v1 drew a widget that changed.

    Args:
        run_instance: the run.
    """

    def __init__(self, run_instance: Run) -> None:
        self._run = run_instance

    def show(self, render_lib: Any = None, widget_settings: Any = None) -> None:
        """Print the run as it stands; `wait_for_completion(show_output=True)` follows it.

        Args:
            render_lib: accepted as in v1.
            widget_settings: accepted as in v1.
        """
        sys.stdout.write(self.text())

    def get_widget_data(self, widget_settings: Any = None) -> dict[str, Any]:
        """Return what is shown: status, reason, properties, tags and metrics."""
        details = self._run.get_details()
        return {
            "status": details["status"],
            "run_id": self._run.id,
            "run_properties": details,
            "run_metrics": Run.get_metrics(self._run),
            "child_runs": [child.id for child in self._run.get_children()],
        }

    def text(self) -> str:
        """Return what is printed."""
        run = self._run
        status, reason = run.status_and_reason()
        lines = [f"RunId: {run.id}", f"Status: {status}{f' ({reason})' if reason else ''}"]
        lines.append(f"Web View: {run.get_portal_url()}")
        if isinstance(run, HyperDriveRun):
            lines += _sweep(run)
        else:
            lines += [f"  {name}: {_short(value)}" for name, value in list(run.get_metrics().items())[:_ROWS]]
        if not states.is_final(status):
            lines.append(f"Follow it: turnout logs -f {run.id}")
        return "\n".join(lines) + "\n"


def _sweep(run: HyperDriveRun) -> list[str]:
    name = run.settings.metric.name
    found = [f"  {'trial':<44}{'status':<12}{name:<14}hyperparameters"]
    for each in run.get_children_sorted_by_primary_metric(top=_ROWS):
        value = each["best_primary_metric"]
        shown = "-" if value is None else f"{value:.6g}"
        found.append(f"  {each['run_id']:<44}{each['status']:<12}{shown:<14}{each['hyperparameters']}")
    return found


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{value[-1]} ({len(value)} logged)" if value else "[]"
    return str(value)
