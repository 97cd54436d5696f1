"""Where MLflow keeps what a run's script logs to it: in the run's outputs, so that it is part of the record. Pure.

MLflow's own default is its working directory, of which nothing is kept. A tracking URI that a person has set stays. MLflow's runs
are beside Turnout's: logging into the run's own metrics is not there yet.
"""

import os

from turnout.runtime import layout

MYPY = False
if MYPY:
    from typing import Dict

DATABASE = "mlflow.db"
_ARTIFACTS = "mlruns"


def uri(directory: str) -> str:
    """Return the tracking URI of a directory: MLflow 3 keeps runs in databases only, and SQLite needs no server."""
    return "sqlite:///" + os.path.join(directory, DATABASE)


def variables(run: "layout.RunLayout") -> "Dict[str, str]":
    """Return MLflow's variables for a run: where its runs and their artifacts go."""
    outputs = os.path.join(run.code, layout.OUTPUTS)
    # MLflow's name for the directory of artifacts beside a database (since 1.0); it has no public one.
    return {"MLFLOW_TRACKING_URI": uri(outputs), "_MLFLOW_SERVER_ARTIFACT_ROOT": os.path.join(outputs, _ARTIFACTS)}
