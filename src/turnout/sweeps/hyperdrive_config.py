"""`HyperDriveConfig`: a script, a search space, a policy and limits; what an experiment submits as a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from turnout.elements import warn
from turnout.exceptions import NotYetException
from turnout.sweeps.exceptions import HyperDriveConfigException
from turnout.sweeps.policy import EarlyTerminationPolicy, NoTerminationPolicy
from turnout.sweeps.primary_metric import PrimaryMetric, PrimaryMetricGoal
from turnout.sweeps.sampling import BayesianParameterSampling, HyperParameterSampling

if TYPE_CHECKING:
    from turnout.config.script_run_config import ScriptRunConfig
    from turnout.experiment import Experiment
    from turnout.run import Run

MAX_DURATION_MINUTES = 10080
"""A week: v1's default, and the longest that v1 carried out."""
MOST_CONCURRENT_BAYESIAN = 20
RUNS_PER_PARAMETER_BAYESIAN = 20


class HyperDriveConfig:
    """How to run one script many times with other hyperparameters.

    Each trial is a run of `run_config` with its parameters behind the fixed arguments: `--lr 0.1`. May be changed and
    submitted again.

    Args:
        hyperparameter_sampling: the search space, and how trials are drawn from it.
        primary_metric_name: the metric by which trials are compared, as the script logs it.
        primary_metric_goal: whether it is to be large or small.
        max_total_runs: the most trials.
        max_concurrent_runs: the most at a time; by default all, as far as the target has slots.
        max_duration_minutes: when the sweep ends, in minutes.
        policy: which trials end early; none by default.
        estimator: v1's estimator, in place of `run_config`.
        run_config: the script and how to run it.
        resume_from: up to five earlier sweeps with the same primary metric: what they found counts, and under Bayesian
            sampling guides this one.
        resume_child_runs: ended trials of up to five earlier sweeps that are run again first, with their parameters and
            `--resume-from DIRECTORY`: the outputs that they left.
        pipeline: v1's pipelines; not carried out.
        debug_flag: accepted as in v1.
        custom_run_id: an id of your own; `HD_` and a random one by default.

    Raises:
        HyperDriveConfigException: something is missing or doesn't fit; the message names it.
        NotYetException: a pipeline.
    """

    def __init__(
        self,
        hyperparameter_sampling: HyperParameterSampling,
        primary_metric_name: str,
        primary_metric_goal: PrimaryMetricGoal,
        max_total_runs: int,
        max_concurrent_runs: int | None = None,
        max_duration_minutes: float = MAX_DURATION_MINUTES,
        policy: EarlyTerminationPolicy | None = None,
        estimator: Any = None,
        run_config: ScriptRunConfig | None = None,
        resume_from: Any = None,
        resume_child_runs: Any = None,
        pipeline: Any = None,
        debug_flag: Any = None,
        custom_run_id: str | None = None,
    ) -> None:
        if pipeline is not None:
            raise NotYetException("a sweep of pipelines is not carried out; give run_config, one script")
        if (estimator is None) == (run_config is None):
            raise HyperDriveConfigException("HyperDriveConfig: give either run_config or estimator")
        if not isinstance(hyperparameter_sampling, HyperParameterSampling):
            raise HyperDriveConfigException(
                f"hyperparameter_sampling is a sampling such as RandomParameterSampling(…), not {hyperparameter_sampling!r}"
            )
        if policy is not None and not isinstance(policy, EarlyTerminationPolicy):
            raise HyperDriveConfigException(f"policy is a policy such as BanditPolicy(…), not {policy!r}")
        self._sampling = hyperparameter_sampling
        self._metric = PrimaryMetric(_metric_name(primary_metric_name), _goal(primary_metric_goal))
        self._total = _whole("max_total_runs", max_total_runs)
        self._concurrent = (
            self._total if max_concurrent_runs is None else _whole("max_concurrent_runs", max_concurrent_runs)
        )
        if self._concurrent > self._total:
            raise HyperDriveConfigException(
                f"max_concurrent_runs {self._concurrent} is more than max_total_runs {self._total}; lower it, or leave it out"
            )
        self._minutes = _minutes(max_duration_minutes)
        self._policy = policy or NoTerminationPolicy()
        self._estimator = estimator
        self._run_config = _script_run_config(run_config, estimator, hyperparameter_sampling)
        self._resume_from = _listed(resume_from)
        self._resume_child_runs = _listed(resume_child_runs)
        self._custom_run_id = custom_run_id
        self._advise()

    @property
    def estimator(self) -> Any:
        """The estimator, where one was given."""
        return self._estimator

    @property
    def pipeline(self) -> Any:
        """None: pipelines are not carried out."""
        return None

    @property
    def run_config(self) -> ScriptRunConfig:
        """What every trial runs."""
        return self._run_config

    @property
    def source_directory(self) -> str:
        """The directory that the snapshot is made of."""
        return str(self._run_config.source_directory)

    @property
    def sampling(self) -> HyperParameterSampling:
        """The search space, and how trials are drawn from it."""
        return self._sampling

    @property
    def primary_metric(self) -> PrimaryMetric:
        """The metric's name and goal."""
        return self._metric

    @property
    def resumed_sweeps(self) -> list[Any]:
        """The sweeps that this one goes on from: runs."""
        return list(self._resume_from)

    @property
    def resumed_trials(self) -> list[Any]:
        """The trials that are run again first."""
        return list(self._resume_child_runs)

    @property
    def custom_run_id(self) -> str | None:
        """The id that was asked for."""
        return self._custom_run_id

    def serialize(self) -> dict[str, Any]:
        """Return all but the script as data, under the names of v1's request."""
        return {
            "generator_config": self._sampling.to_json(),
            "policy_config": self._policy.to_json(),
            "primary_metric_config": {"name": self._metric.name, "goal": self._metric.goal.value.lower()},
            "max_total_jobs": self._total,
            "max_concurrent_jobs": self._concurrent,
            "max_duration_minutes": self._minutes,
        }

    def _submit_to(self, experiment: Experiment, tags: dict[str, str], **kwargs: Any) -> Run:
        """Submit the sweep; see `Experiment.submit`."""
        from turnout.sweeps import submitting

        return submitting.submit(experiment, self, tags=tags, **kwargs)

    def _advise(self) -> None:
        """Warn of what can be carried out and is seldom meant, as v1 does."""
        if self._minutes > MAX_DURATION_MINUTES:
            warn(f"max_duration_minutes {self._minutes} is more than v1's limit of {MAX_DURATION_MINUTES}; it is kept")
        if isinstance(self._sampling, BayesianParameterSampling):
            advised = RUNS_PER_PARAMETER_BAYESIAN * len(self._sampling.space.parameters)
            if self._total < advised:
                warn(
                    f"Bayesian sampling over these parameters does best with {advised} runs or more, not {self._total}"
                )
            if self._concurrent > MOST_CONCURRENT_BAYESIAN:
                warn(
                    f"with {self._concurrent} runs at a time Bayesian sampling learns little; "
                    f"max_concurrent_runs of at most {MOST_CONCURRENT_BAYESIAN} is better"
                )

    def __repr__(self) -> str:
        return (
            f"HyperDriveConfig({self._run_config!r}, {self._sampling!r}, {self._policy!r}, "
            f"{self._metric.goal.value.lower()} {self._metric.name!r}, max_total_runs={self._total}, "
            f"max_concurrent_runs={self._concurrent})"
        )


class HyperDriveRunConfig(HyperDriveConfig):
    """V1's older name, whose first argument is the estimator."""

    def __init__(
        self,
        estimator: Any,
        hyperparameter_sampling: HyperParameterSampling,
        primary_metric_name: str,
        primary_metric_goal: PrimaryMetricGoal,
        max_total_runs: int,
        max_concurrent_runs: int | None = None,
        max_duration_minutes: float = MAX_DURATION_MINUTES,
        policy: EarlyTerminationPolicy | None = None,
    ) -> None:
        super().__init__(
            hyperparameter_sampling,
            primary_metric_name,
            primary_metric_goal,
            max_total_runs,
            max_concurrent_runs,
            max_duration_minutes,
            policy,
            estimator=estimator,
        )


def _script_run_config(run_config: Any, estimator: Any, sampling: HyperParameterSampling) -> ScriptRunConfig:
    from turnout.config.script_run_config import ScriptRunConfig

    if isinstance(run_config, ScriptRunConfig):
        return run_config
    if run_config is not None:
        raise HyperDriveConfigException(
            f"run_config is a ScriptRunConfig, not of the class {type(run_config).__name__}"
        )
    if not hasattr(estimator, "run_config") or not hasattr(estimator, "source_directory"):
        raise HyperDriveConfigException(f"{estimator!r} is no estimator; give run_config, a ScriptRunConfig")
    made = ScriptRunConfig(estimator.source_directory, run_config=estimator.run_config)
    made.arguments = _without(list(estimator.run_config.arguments or []), sampling)
    return made


def _without(arguments: list[Any], sampling: HyperParameterSampling) -> list[Any]:
    """Remove fixed arguments that the space has too, as v1 does for estimators."""
    from turnout.sweeps.space import flag

    flags = {flag(parameter.name) for parameter in sampling.space.parameters}
    kept: list[Any] = []
    skip = False
    for position, word in enumerate(arguments):
        name, equals, _ = word.partition("=") if isinstance(word, str) else ("", "", "")
        if skip:
            skip = False
        elif name in flags:
            warn(f"the estimator's argument {name} is left out: the search space has it")
            following = arguments[position + 1] if position + 1 < len(arguments) else None
            skip = not equals and following is not None and not str(following).startswith("--")
        else:
            kept.append(word)
    return kept


def _metric_name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise HyperDriveConfigException(
            f"primary_metric_name is the name of a metric that the script logs, not {name!r}"
        )
    return name


def _goal(goal: Any) -> PrimaryMetricGoal:
    if isinstance(goal, PrimaryMetricGoal):
        return goal
    raise HyperDriveConfigException(
        f"primary_metric_goal is PrimaryMetricGoal.MAXIMIZE or PrimaryMetricGoal.MINIMIZE, not {goal!r}"
    )


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise HyperDriveConfigException(f"{name} is a whole number of 1 or more, not {value!r}")
    return value


def _minutes(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise HyperDriveConfigException(f"max_duration_minutes is a number above 0, not {value!r}")
    return value


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
