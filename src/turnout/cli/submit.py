"""`turnout submit`: submit a script, and by default wait for it with its output on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from turnout.cli import application, common, errors, progress, run_options, streams
from turnout.runtime.record import SWEEP_RUN

if TYPE_CHECKING:
    from turnout.run import Run

NEVER_RAN = 125


@click.command("submit", context_settings=run_options.SETTINGS)
@run_options.options
@click.option("--dry-run", is_flag=True, help="Print what would be submitted, as JSON, and submit nothing.")
@click.option("--wait/--detach", default=True, help="Follow the run to its end (default), or return at once.")
@common.json_option
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(wait: bool, dry_run: bool, as_json: bool, secrets: dict[str, str | None], **given: Any) -> int:
    """Submit SCRIPT; what stands after it belongs to the script, untouched."""
    from turnout.experiment import Experiment

    config, experiment_name = run_options.configuration(given)
    workspace = common.workspace()
    run_options.choose_environment(config, workspace, given["environment"], given["python"])
    experiment = Experiment(workspace, experiment_name)
    tags = common.pairs(given["tags"], "tag")
    if dry_run:
        return _dry_run(experiment, config, tags, given["name"], secrets)
    from turnout import submission

    submitted: list[Run] = []
    try:
        submission.submit(experiment, config, tags, **run_options.of_submit(given, secrets, submitted.append))
    except KeyboardInterrupt:
        if submitted:
            return _detached(submitted[0], errors.INTERRUPTED)
        streams.say("\nnothing was submitted")
        return errors.INTERRUPTED
    (run,) = submitted
    if as_json and not wait:
        common.print_json({"id": run.id, "status": run.record.status()[0], "directory": run.layout.root})
        return 0
    if not as_json:
        streams.say(f"submitted {run.id}")
    return follow_to_end(run, as_json) if wait else 0


def follow_to_end(run: Run, as_json: bool) -> int:
    """Follow a run to its end, print how it went, and return the exit code that says so."""
    from turnout.history import follow

    output = application.Bar(run, streams.Output(sys.stderr if as_json else sys.stdout))
    try:
        state = follow.watch(run, output.following(), None if as_json else progress.Progress(output.clear))
    except KeyboardInterrupt:
        return _detached(run, errors.INTERRUPTED)
    except streams.OutputGone as gone:
        return _detached(run, gone.exit_code, f": the output can't be written any more ({gone.reason})")
    finally:
        output.clear()
    result = run.record.result()
    if as_json:
        common.print_json({"id": run.id, "status": state, "directory": run.layout.root, "result": result})
    else:
        from turnout.cli import text

        took = result.get("duration")
        reason = f": {result['reason']}" if result.get("reason") else ""
        streams.say(f"{state}{' after ' + text.duration(took) if took else ''}{reason}")
        if state != "Completed":
            streams.say(f"see: turnout show {run.id}, turnout logs {run.id}")
    return exit_code(state, result, run.type)


def _detached(run: Run, code: int, why: str = "") -> int:
    """Say that the command leaves the run to itself, and return what it ends with."""
    streams.say(
        f"\ndetached{why}; the run goes on. Follow it again: turnout wait {run.id}   End it: turnout cancel {run.id}"
    )
    return code


def exit_code(state: str, result: dict[str, Any], kind: str | None = None) -> int:
    """Return what the command ends with: the script's own code, 128 + n for signal n, 125 when it never ran.

    A sweep, whose script is Turnout's own, gives 0 when it is Completed, else 1.
    """
    if kind == SWEEP_RUN:
        return 0 if state == "Completed" else 1
    if result.get("signal"):
        return 128 + int(result["signal"])
    if result.get("exit_code") is not None:
        return int(result["exit_code"])
    return 0 if state == "Completed" else NEVER_RAN


def _dry_run(
    experiment: Any, config: Any, tags: dict[str, str], name: str | None, secrets: dict[str, str | None]
) -> int:
    from turnout import submission
    from turnout.targets.compute_target import scheduler_for

    with submission.recording(experiment.workspace.home, streams.say):
        plan = submission.prepare(experiment, config, tags, None, name, streams.say, secrets)
    scheduler = scheduler_for(plan.definition["target"], experiment.workspace.home)
    directory = experiment.workspace.layout.run(plan.definition["id"]).root
    request = scheduler.plan(plan.definition, directory)
    common.print_json({"run": plan.definition, "request": request, "notices": plan.notices, "failure": plan.failure})
    return 0 if not plan.failure else NEVER_RAN
