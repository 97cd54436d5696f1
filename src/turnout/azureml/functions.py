"""The few functions and constants of v1 that belong to no class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from turnout.runtime import states

if TYPE_CHECKING:
    from turnout.experiment import Experiment
    from turnout.run import Run

DEFAULT_CPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
DEFAULT_GPU_IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-cuda11.8-cudnn8-ubuntu22.04"


class RunStatus:
    """v1's names of the states that scripts compare with."""

    NOT_STARTED = states.NOT_STARTED
    PREPARING = states.PREPARING
    QUEUED = states.QUEUED
    STARTING = states.STARTING
    RUNNING = states.RUNNING
    FINALIZING = states.FINALIZING
    CANCEL_REQUESTED = states.CANCEL_REQUESTED
    COMPLETED = states.COMPLETED
    FAILED = states.FAILED
    CANCELED = states.CANCELED
    NOT_RESPONDING = states.NOT_RESPONDING

    @classmethod
    def get_running_statuses(cls) -> list[str]:
        """Return the states of a run that has not ended."""
        return [state for state in states.ALL if not states.is_final(state)]


def get_run(experiment: Experiment, run_id: str, rehydrate: bool = True, clean_up: bool = True) -> Run:
    """Return a run of an experiment's workspace by its id.

    Args:
        experiment: the experiment.
        run_id: the run's id.
        rehydrate: accepted as in v1.
        clean_up: accepted as in v1.

    Raises:
        UserErrorException: there is none.
    """
    found: Any = experiment.workspace.get_run(run_id)
    return found  # type: ignore[no-any-return]
