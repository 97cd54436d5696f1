"""`turnout sweep start`: submit a sweep, and by default follow it to its end."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import click

from turnout.cli import common, errors, run_options, streams
from turnout.exceptions import UserErrorException
from turnout.sweeps import hdconfig
from turnout.sweeps.hyperdrive_config import MAX_DURATION_MINUTES, HyperDriveConfig
from turnout.sweeps.parameter_expressions import EXPRESSIONS
from turnout.sweeps.primary_metric import PrimaryMetricGoal
from turnout.sweeps.space import flag

if TYPE_CHECKING:
    from collections.abc import Callable

    from turnout.run import Run
    from turnout.sweeps.policy import EarlyTerminationPolicy
    from turnout.sweeps.sampling import HyperParameterSampling

_VALUES = {
    "choice": "V,V,…",
    "randint": "N",
    "uniform": "MIN,MAX",
    "quniform": "MIN,MAX,Q",
    "loguniform": "MIN,MAX",
    "qloguniform": "MIN,MAX,Q",
    "normal": "MU,SIGMA",
    "qnormal": "MU,SIGMA,Q",
    "lognormal": "MU,SIGMA",
    "qlognormal": "MU,SIGMA,Q",
}
_MEANT = {
    "choice": "One of these values.",
    "randint": "A whole number from 0 to N - 1.",
    "uniform": "A number between the two.",
    "loguniform": "exp of a number between the two.",
    "normal": "A number with this mean and standard deviation.",
    "lognormal": "exp of such a number.",
}
_POLICY_SETTINGS = (
    "slack_factor",
    "slack_amount",
    "truncation_percentage",
    "evaluation_interval",
    "delay_evaluation",
    "reduction_factor",
    "min_intervals",
)
_SLACKS = {"slack_factor", "slack_amount"}


def _space_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command an option for each expression.

    The parameters are in the order in which they were typed, those of one expression together where its first one was.
    """
    for kind in reversed(EXPRESSIONS):
        meant = _MEANT.get(kind) or f"The same as --{kind[1:]}, rounded to multiples of Q."
        function = click.option(
            f"--{kind}",
            multiple=True,
            metavar=f"NAME={_VALUES[kind]}",
            callback=_take(kind),
            expose_value=False,
            help=meant,
        )(function)
    return function


def _take(kind: str) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], None]:
    def take(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> None:
        space: dict[str, Any] = context.meta.setdefault("turnout.space", {})
        for word in given:
            name, equals, values = word.partition("=")
            if not equals or not name:
                raise click.UsageError(f"--{kind} is written NAME={_VALUES[kind]}, not '{word}'", context)
            if flag(name) in map(flag, space):
                raise click.UsageError(f"the parameter {name} is given twice", context)
            space[name] = hdconfig.expression(name, kind, [_value(each) for each in values.split(",")])

    return take


def _value(word: str) -> Any:
    """Return a whole number, a finite number, or the word itself: `2024_01`, `nan` and `inf` are words here."""
    for make in (int, float):
        try:
            number = make(word)
        except ValueError:
            continue
        if math.isfinite(number) and "_" not in word:
            return number
    return word


@click.command("start", context_settings=run_options.SETTINGS)
@_space_options
@click.option(
    "--sampling", type=click.Choice(tuple(hdconfig.SAMPLINGS)), help="How trials are drawn (default: random)."
)
@click.option("--seed", type=int, metavar="N", help="Makes the sweep repeatable.")
@click.option("--maximize", metavar="METRIC", help="The primary metric, as the script logs it, to be large.")
@click.option("--minimize", metavar="METRIC", help="The primary metric, to be small.")
@click.option(
    "--policy", metavar="NAME", help="When trials end early: bandit, median, truncation, asha, none (default)."
)
@click.option(
    "--slack-factor", type=float, metavar="SHARE", help="bandit: the allowed distance to the best, as a share."
)
@click.option("--slack-amount", type=float, metavar="AMOUNT", help="bandit: the allowed distance to the best.")
@click.option("--truncation-percentage", type=int, metavar="N", help="truncation: how many percent end.")
@click.option(
    "--evaluation-interval", type=int, metavar="N", help="Every how many logs of the metric the policy looks."
)
@click.option("--delay-evaluation", type=int, metavar="N", help="Before which log of the metric it doesn't.")
@click.option("--reduction-factor", type=int, metavar="N", help="asha: one of how many goes on (default: 3).")
@click.option("--min-intervals", type=int, metavar="N", help="asha: the first rung (default: 1).")
@click.option(
    "--max-total-runs", type=int, metavar="N", help="The most trials (default: the whole space, if it is finite)."
)
@click.option(
    "--max-concurrent-runs", type=int, metavar="N", help="The most at a time (default: as the target has slots)."
)
@click.option("--max-duration", type=float, metavar="MINUTES", help="End the sweep after this time (default: a week).")
@run_options.options
@click.option("--wait/--detach", default=True, help="Follow the sweep to its end (default), or return at once.")
@common.json_option
@click.argument("what", metavar="SWEEP.yaml|SCRIPT")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(wait: bool, as_json: bool, secrets: dict[str, str | None], what: str, **given: Any) -> int:
    """Submit a sweep: of SCRIPT, or as SWEEP.yaml says (v1's hdconfig.yml is one); options win over the file.

    What stands after the script belongs to the script. Each trial gets its parameters behind that: --lr 0.1.
    """
    from turnout.experiment import Experiment
    from turnout.sweeps import submitting

    config, experiment, tags = _configuration(click.get_current_context().meta.get("turnout.space") or {}, what, given)
    submitted: list[Run] = []
    try:
        further = run_options.of_submit(given, secrets, submitted.append)
        run = submitting.submit(Experiment(common.workspace(), experiment), config, tags, **further)
    except KeyboardInterrupt:
        if not submitted:
            streams.say("\nnothing was submitted")
            return errors.INTERRUPTED
        streams.say(f"\ndetached; the sweep goes on: turnout sweep show {submitted[0].id}")
        return errors.INTERRUPTED
    if as_json and not wait:
        common.print_json({"id": run.id, "status": run.record.status()[0], "directory": run.layout.root})
        return 0
    if not as_json:
        streams.say(f"submitted {run.id}")
    if not wait:
        return 0
    from turnout.cli.sweep import follow

    return follow.to_end(run, as_json)


def _configuration(
    space: dict[str, Any], what: str, given: dict[str, Any]
) -> tuple[HyperDriveConfig, str, dict[str, str]]:
    """Return the sweep that file and options describe, the experiment's name, and the tags."""
    told: dict[str, Any] = {}
    if what.lower().endswith((".yml", ".yaml")):
        told = hdconfig.load(what)
        given = _with_file(given, told, what)
    else:
        given = {**given, "script": what}
    script_config, experiment = run_options.configuration(given)
    sampling = _sampling(space, told, given)
    name, goal = _primary_metric(what, told, given)
    total = _first(given["max_total_runs"], told.get("max_total_runs"), sampling.space.size())
    if total is None:
        raise UserErrorException("this space has no end; say how many trials there are to be with --max-total-runs")
    config = HyperDriveConfig(
        sampling,
        name,
        goal,
        total,
        _first(given["max_concurrent_runs"], told.get("max_concurrent_runs")),
        _first(given["max_duration"], told.get("max_duration_minutes"), MAX_DURATION_MINUTES),
        _policy(told.get("policy"), given),
        run_config=script_config,
    )
    run_options.choose_environment(script_config, common.workspace(), given["environment"], given["python"])
    return config, experiment, common.pairs(given["tags"], "tag")


def _first(*values: Any) -> Any:
    """Return the first that was given; 0 was, and is refused by name."""
    return next((value for value in values if value is not None), None)


def _with_file(given: dict[str, Any], told: dict[str, Any], what: str) -> dict[str, Any]:
    """Return the options with what the file says of the runs, where nothing was typed. Its paths start at the file."""
    folder = os.path.dirname(what)
    typed, *words = given["arguments"] or (None,)
    script = typed or told.get("script")
    if not script:
        raise UserErrorException(f"{what} names no script; give one behind it: turnout sweep start {what} train.py")
    found = {**given, "script": script, "arguments": tuple(words or told.get("arguments") or ())}
    if not given["source_directory"]:
        if told.get("source_directory"):
            found["source_directory"] = os.path.join(folder, told["source_directory"])
        elif not typed:
            found["source_directory"] = folder
    for name in ("target", "experiment"):
        found[name] = given[name] or told.get(name)
    if not given["environment"] and told.get("environment"):
        beside = os.path.join(folder, told["environment"])
        found["environment"] = beside if os.path.isfile(beside) else told["environment"]
    return found


def _sampling(space: dict[str, Any], told: dict[str, Any], given: dict[str, Any]) -> HyperParameterSampling:
    """Return the sampling: the file's, with the parameters and the way that were typed in place of its own."""
    kept: dict[str, Any] = (
        told["sampling"].to_json() if "sampling" in told else {"name": "RANDOM", "parameter_space": {}}
    )
    properties = dict(kept.get("properties") or {})
    seed = _first(given["seed"], told.get("seed"))
    if seed is not None:
        properties["seed"] = seed
    name = hdconfig.SAMPLINGS[given["sampling"]] if given["sampling"] else kept["name"]
    from turnout.sweeps import sampling

    own = {flag(name): name for name in kept["parameter_space"]}
    whole = {**kept["parameter_space"], **{own.get(flag(name), name): value for name, value in space.items()}}
    if not whole:
        raise UserErrorException(
            "the search space is empty: give it a parameter, such as --choice lr=0.1,0.01 or --uniform dropout=0,0.5"
        )
    return sampling.from_json({"name": name, "parameter_space": whole, "properties": properties})


def _primary_metric(what: str, told: dict[str, Any], given: dict[str, Any]) -> tuple[str, PrimaryMetricGoal]:
    if given["maximize"] and given["minimize"]:
        raise click.UsageError("--maximize and --minimize exclude each other")
    if given["maximize"]:
        return given["maximize"], PrimaryMetricGoal.MAXIMIZE
    if given["minimize"]:
        return given["minimize"], PrimaryMetricGoal.MINIMIZE
    if not told.get("primary_metric_name"):
        raise click.UsageError("say by which metric trials are compared: --maximize METRIC or --minimize METRIC")
    name, goal = str(told["primary_metric_name"]), told.get("primary_metric_goal")
    if goal is None:
        raise UserErrorException(
            f"{what} names no primary_metric_goal; give maximize or minimize there, or type --maximize {name}"
        )
    return name, PrimaryMetricGoal.from_str(goal)


def _policy(told: EarlyTerminationPolicy | None, given: dict[str, Any]) -> EarlyTerminationPolicy | None:
    settings = {name: given[name] for name in _POLICY_SETTINGS if given[name] is not None}
    if given["policy"]:
        return hdconfig.policy({"type": given["policy"], **settings})
    if not settings:
        return told
    if told is None:
        option = "--" + next(iter(settings)).replace("_", "-")
        raise click.UsageError(f"{option} belongs to a policy; name it with --policy")
    kept = told.to_json()
    properties = dict(kept.get("properties") or {})
    if _SLACKS & settings.keys():  # there is one of the two
        properties = {name: value for name, value in properties.items() if name not in _SLACKS}
    return hdconfig.policy({"type": kept["name"], **properties, **settings})
