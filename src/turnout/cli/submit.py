"""`turnout submit`: submit a script, and by default wait for it with its output on the terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from turnout.cli import application, common, errors, progress, sizes, streams

if TYPE_CHECKING:
    from turnout.config.script_run_config import ScriptRunConfig
    from turnout.run import Run
    from turnout.workspace import Workspace

NEVER_RAN = 125
_SETTINGS = {"ignore_unknown_options": True, "allow_interspersed_args": False}


def _secrets(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str | None]:
    """Return names and values of the secrets; a value is taken out of this process's command line at once."""
    if any("=" in word for word in given):
        from turnout.cli import commandline

        trouble = commandline.hide_values(given, "--secret")
        if trouble:
            streams.say(trouble)
    words = [word.partition("=") for word in given]
    return {name: value if equals else None for name, equals, value in words}


@click.command("submit", context_settings=_SETTINGS)
@click.option("--target", metavar="NAME", help="The compute target (default: the configuration's, else local).")
@click.option("--experiment", metavar="NAME", help="The experiment (default: the source directory's name).")
@click.option(
    "--environment",
    metavar="SPEC",
    help="A registered or curated name, a requirements.txt, pyproject.toml, uv.lock or environment.yml, `current` (your own "
    "interpreter), or the path of an interpreter.",
)
@common.python_option
@click.option("--source-directory", metavar="DIR", help="What is packed; the script's working directory (default: .).")
@click.option("--name", metavar="TEXT", help="A name for people.")
@click.option("--tag", "tags", multiple=True, metavar="K=V", help="A tag; may be repeated.")
@click.option("--env", "variables", multiple=True, metavar="K=V", help="A variable of the script; may be repeated.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="K[=V]",
    is_eager=True,  # before anything that could take time or fail
    callback=_secrets,
    help="A variable of the script that the record doesn't hold, from your own variables unless V is given; may be repeated.",
)
@click.option("--framework", metavar="NAME", help="How it is launched: Python (default), or PySpark for spark-submit.")
@click.option("--conf", "settings", multiple=True, metavar="K=V", help="A setting of Spark's; may be repeated.")
@click.option("--config", "config_file", metavar="FILE", help="A .runconfig file to begin with.")
@click.option(
    "--max-run-duration", type=click.IntRange(min=1), metavar="SECONDS", help="End the script after this time."
)
@click.option("--cpus", type=click.IntRange(min=0), metavar="N", help="CPU slots that the run holds (default: 1).")
@click.option("--gpus", type=click.IntRange(min=0), metavar="N", help="GPUs that the run has for itself (default: 0).")
@click.option("--priority", type=int, metavar="N", help="Runs with a higher number start first (default: 0).")
@click.option(
    "--no-outputs", is_flag=True, help="Leave outputs on a remote target; `turnout download` fetches them later."
)
@click.option(
    "--max-output",
    type=sizes.Size(),
    metavar="SIZE",
    help="Leave larger outputs on a remote target, such as 500MB; `turnout download` fetches them later.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be submitted, as JSON, and submit nothing.")
@click.option("--wait/--detach", default=True, help="Follow the run to its end (default), or return at once.")
@common.json_option
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(wait: bool, dry_run: bool, as_json: bool, secrets: dict[str, str | None], **given: Any) -> int:
    """Submit SCRIPT; what stands after it belongs to the script, untouched."""
    from turnout.experiment import Experiment

    config, experiment_name = _configuration(given)
    workspace = common.workspace()
    _choose_environment(config, workspace, given["environment"], given["python"])
    experiment = Experiment(workspace, experiment_name)
    tags = common.pairs(given["tags"], "tag")
    if dry_run:
        return _dry_run(experiment, config, tags, given["name"], secrets)
    from turnout import submission

    submitted: list[Run] = []
    try:
        submission.submit(
            experiment,
            config,
            tags,
            display_name=given["name"],
            report=streams.say,
            on_submitted=submitted.append,
            secrets=secrets,
            progress=progress.Upload(),
            collect=0 if given["no_outputs"] else given["max_output"],
        )
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
    return exit_code(state, result)


def _detached(run: Run, code: int, why: str = "") -> int:
    """Say that the command leaves the run to itself, and return what it ends with."""
    streams.say(
        f"\ndetached{why}; the run goes on. Follow it again: turnout wait {run.id}   End it: turnout cancel {run.id}"
    )
    return code


def exit_code(state: str, result: dict[str, Any]) -> int:
    """Return what the command ends with: the script's own code, 128 + n for signal n, 125 when it never ran."""
    if result.get("signal"):
        return 128 + int(result["signal"])
    if result.get("exit_code") is not None:
        return int(result["exit_code"])
    return 0 if state == "Completed" else NEVER_RAN


def _configuration(given: dict[str, Any]) -> tuple[ScriptRunConfig, str]:
    """Return the configuration that the options describe, and the experiment's name."""
    from turnout.config.script_run_config import ScriptRunConfig

    source = given["source_directory"] or "."
    run_config = None
    if given["config_file"]:
        from turnout.config.run_configuration import RunConfiguration

        run_config = RunConfiguration.load(given["config_file"])
    config = ScriptRunConfig(
        source, script=_script(source, given), arguments=list(given["arguments"]), run_config=run_config
    )
    if given["target"]:
        config.run_config.target = given["target"]
    if given["framework"]:
        config.run_config.framework = given["framework"]
    if given["settings"]:
        chosen = common.pairs(given["settings"], "setting")
        config.run_config.spark.configuration = {**config.run_config.spark.configuration, **chosen}
    if given["max_run_duration"]:
        config.run_config.max_run_duration_seconds = given["max_run_duration"]
    _ask_for(config.run_config, given["cpus"], given["gpus"], given["priority"])
    values = {**(config.run_config.environment_variables or {}), **common.pairs(given["variables"], "variable")}
    config.run_config.environment_variables = values
    return config, given["experiment"] or _experiment_name(source)


def _ask_for(run_config: Any, cpus: int | None, gpus: int | None, priority: int | None) -> None:
    """Put what the run asks for into the configuration, over what that says."""
    from turnout.config.sections import ResourceConfiguration

    if cpus is not None or gpus is not None:
        asked = run_config.resource_configuration or ResourceConfiguration()
        asked.cpu = asked.cpu if cpus is None else cpus
        asked.gpu = asked.gpu if gpus is None else gpus
        run_config.resource_configuration = asked
    if priority is not None:
        run_config.priority = priority


def _script(source: str, given: dict[str, Any]) -> str:
    """Return the script as the configuration wants it: relative to the source directory.

    A person in a shell names a file from where they stand; it is also looked for in the source directory.
    """
    script: str = given["script"]
    if given["source_directory"] and os.path.exists(script):
        return os.path.relpath(os.path.abspath(script), os.path.abspath(source))
    return script


def _choose_environment(config: ScriptRunConfig, workspace: Workspace, spec: str | None, python: str | None) -> None:
    chosen: Any = config.run_config.environment
    if spec:
        from turnout.environments.specification import from_spec

        config.run_config.environment = from_spec(spec, workspace, python=python)
        return
    if chosen.name in (None, "default-environment"):
        streams.say(
            f"no --environment: an empty one with {f'Python {python}' if python else 'your Python version'} "
            "(default-environment); --environment current uses your own interpreter"
        )
    if python is not None:
        from turnout.environments.environment import EnvironmentReference

        if isinstance(chosen, EnvironmentReference):
            config.run_config.environment = chosen = chosen.get_environment(workspace)
        chosen.python.python_version = python


def _experiment_name(source: str) -> str:
    """Return an experiment's name from the source directory's, made of the characters that are allowed."""
    name = os.path.basename(os.path.abspath(source))
    kept = "".join(
        character if character.isascii() and (character.isalnum() or character in "-_") else "-" for character in name
    )
    return kept.lstrip("-_")[:255] or "default"


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
